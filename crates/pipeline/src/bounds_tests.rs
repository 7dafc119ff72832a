use super::*;
use crate::cutover::AliasMove;
use crate::live::LiveVersion;
use crate::manifest::Manifest;
use crate::names::{Commit, Component, Domain, Project, RepositoryUrl, SecretName, Target, Ticket};
use crate::reason::MAX_REASON;
use crate::rows::{CandidateRow, CandidateState, ReleaseOutcome, ReleaseRow, SetRow};
use crate::version::Version;
use crate::wire::*;
use serde_json::{Value, json};

#[path = "bounds_tests/world.rs"]
mod world;
use world::*;

/// DynamoDB's limit of a row:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>.
const ROW: usize = 400 << 10;

fn component(n: usize) -> Component {
    Component::new(format!("{}{n:03}", "c".repeat(27))).unwrap()
}

fn commit(n: usize) -> Commit {
    Commit::new(format!("{n:040x}")).unwrap()
}

fn release(size: usize) -> Release {
    Release {
        project: Project::new("p".repeat(20)).unwrap(),
        target: Target::new("t".repeat(16)).unwrap(),
        ticket: Ticket(99_999_999),
        execution: "e".repeat(80),
        domain: Domain::new(format!("{}.a-domain-of-many-letters.com", "t".repeat(16))).unwrap(),
        zone_id: "Z".repeat(32),
        launch_template_id: "lt-0123456789abcdef0".into(),
        launch_template_version: "9999".into(),
        subnet_ids: vec!["subnet-0123456789abcdef0".into(); 2],
        settings: crate::settings::TargetSettings {
            alias_ttl: 60,
            hostname_ttl: 60,
            drain_margin: 30,
            test_dependents: true,
        },
        drain_seconds: 90,
        skip_slow_scans: false,
        size: size as u32,
        tag: true,
        rollback: false,
        proven: false,
    }
}

/// How a component is made large.
#[derive(Clone, Copy)]
struct Shape {
    suites: usize,
    command: usize,
    instances: usize,
    peers: usize,
}

fn prepared(release: &Release, n: usize, shape: Shape) -> Prepared {
    let name = component(n);
    let peers: Vec<String> = (0..shape.peers)
        .map(|p| format!("{:?}", component(900 + (n + p) % 98).as_str()))
        .collect();
    let command = "x".repeat(shape.command);
    let suites: String = (0..shape.suites)
        .map(|s| {
            format!(
                "[[suite]]\nname = \"{}{s:03}\"\ncommand = \"{command}\"\n",
                "s".repeat(20)
            )
        })
        .collect();
    let text = format!(
        "[component]\nname = \"{name}\"\npeers = [{}]\n[build]\nunit_tests = \"{command}\"\ncommand = \"{command}\"\noutput = \"dist\"\n[run]\ncommand = \"{command}\"\nport = 8080\ninstances = {}\n{suites}",
        peers.join(", "),
        shape.instances
    );
    let hostname = hostname_of_release(&name, &commit(n), release.ticket, &release.domain);
    Prepared {
        planned: Planned {
            component: name.clone(),
            version: Version::new("v1.4.0-rc.1").unwrap(),
            commit: commit(n),
            repository: RepositoryUrl::new(format!("https://git.example.com/team/{name}.git"))
                .unwrap(),
            replaces: None, // of the few that are launched again
            hostname: Some(hostname),
            credentials: Some(
                SecretName::new(format!("cutover/{}/{name}", release.project)).unwrap(),
            ),
            companion: false,
            warm: false,
            repeats: Some("12345".into()),
        },
        source: Bundle {
            key: source_key(&name, &commit(n)),
            sha256: "a".repeat(64),
            bytes: 2 << 30,
        },
        manifest: Manifest::parse(&text, &name).unwrap(),
        artifact: None,
        vendor: Vec::new(),
        cache: None,
        warnings: vec![],
    }
}

/// The largest of this kind that is let through, found by growing one measure.
fn largest(release: &Release, grow: impl Fn(usize) -> Shape) -> Option<Shape> {
    (0..=200)
        .map(grow)
        .take_while(|shape| check_component(release, &prepared(release, 7, *shape)).is_ok())
        .last()
}

fn shapes(release: &Release) -> Vec<Shape> {
    let least = Shape {
        suites: 1,
        command: 20,
        instances: 1,
        peers: 0,
    };
    let kinds: [&dyn Fn(usize) -> Shape; 5] = [
        &|n| Shape { suites: n, ..least },
        &|n| Shape {
            command: 20 + n * 9,
            ..least
        },
        &|n| Shape {
            instances: (1 + n).min(20),
            ..least
        },
        &|n| Shape {
            peers: n.min(20),
            ..least
        },
        &|n| Shape {
            suites: n,
            command: 200,
            instances: 2,
            peers: 2,
        },
    ];
    kinds
        .iter()
        .filter_map(|grow| largest(release, grow))
        .collect()
}

#[test]
fn every_state_of_the_largest_release_that_is_let_through_fits() {
    let mut most: BTreeMap<&str, usize> = BTreeMap::new();
    for size in [1, 2, 7, 40, 98] {
        let shapes = shapes(&release(size));
        assert_eq!(shapes.len(), 5, "a release of {size} is let through");
        for shape in &shapes {
            for companion in shapes.iter().take(2) {
                let world = World::of(size, *shape, *companion);
                for (name, value) in world.states() {
                    let size_of = most.entry(name).or_default();
                    *size_of = (*size_of).max(value.to_string().len());
                }
                for (name, row) in world.rows() {
                    assert!(
                        row.to_string().len() <= ROW,
                        "row {name}: {}",
                        row.to_string().len()
                    );
                }
            }
        }
    }
    let over: Vec<_> = most.iter().filter(|(_, size)| **size > STATE).collect();
    assert!(over.is_empty(), "{over:?} of {most:#?}");
}

/// What the examples are like, and what is usual: it must not be refused.
#[test]
fn a_usual_component_is_let_through_in_a_release_of_any_size() {
    let usual = |suites| Shape {
        suites,
        command: 30,
        instances: 1,
        peers: 3,
    };
    for (size, suites) in [(1, 80), (10, 12), (32, 4), (98, 1)] {
        let release = release(size);
        let checked = check_component(&release, &prepared(&release, 1, usual(suites)));
        assert_eq!(checked, Ok(()), "{suites} suites each of {size}");
    }
}

#[test]
fn what_takes_too_much_is_named_with_what_to_do() {
    let check = |size: usize, shape: Shape, expected: &str| {
        let release = release(size);
        let error = check_component(&release, &prepared(&release, 1, shape)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    let usual = Shape {
        suites: 1,
        command: 30,
        instances: 1,
        peers: 1,
    };
    check(
        10,
        Shape {
            suites: 60,
            ..usual
        },
        "in a release of 10 components: have fewer suites, or shorter commands, or release fewer components together",
    );
    check(
        98,
        Shape {
            command: 1900,
            ..usual
        },
        "its manifest takes",
    );
    check(
        98,
        Shape {
            instances: 20,
            ..usual
        },
        "have fewer instances, or release fewer components together",
    );
    check(
        1,
        Shape {
            suites: 200,
            command: 1500,
            ..usual
        },
        "have shorter commands (a script), or fewer suites",
    );
}

#[test]
fn too_many_companions_are_refused() {
    let release = release(1);
    let shape = Shape {
        suites: 2,
        command: 30,
        instances: 1,
        peers: 1,
    };
    let companions: Vec<Prepared> = (0..150).map(|n| prepared(&release, n, shape)).collect();
    let error = check_beside(&release, &companions, &ReadSet::new(), &Set::new()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("150 live components depend on this release"),
        "{error}"
    );
    check_beside(&release, &companions[..60], &ReadSet::new(), &Set::new()).unwrap();
}

#[test]
fn the_more_suites_there_are_the_less_each_can_say() {
    assert!(reason_bytes(1) >= MAX_REASON);
    assert_eq!(reason("no", 200).as_str(), "no");
    assert!(reason(&"x".repeat(3 << 20), 200).as_str().len() <= reason_bytes(200) + 10);
    assert_eq!(reason_bytes(100_000), LEAST_REASON);
}
