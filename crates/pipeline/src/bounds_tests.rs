use super::*;
use crate::cutover::AliasMove;
use crate::live::Read;
use crate::manifest::Manifest;
use crate::names::{Commit, Component, Domain, Project, RepositoryUrl, SecretName, Target, Ticket};
use crate::reason::MAX_REASON;
use crate::rows::{CandidateRow, CandidateState, ReleaseOutcome, ReleaseRow, SetRow};
use crate::version::Version;
use crate::wire::*;
use serde_json::{Value, json};

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
        alias_ttl: 60,
        hostname_ttl: 60,
        drain_seconds: 90,
        skip_slow_scans: false,
        size: size as u32,
        test_dependents: true,
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
            hostname,
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

/// A failed state's cause, of the worst text that Lambda can give.
fn cause() -> String {
    json!({"errorMessage": Reason::new(&"\"".repeat(1 << 20)), "errorType": "IntegrationTestsFailed"}).to_string()
}

/// All that one release passes on, as large as it is let through.
struct World {
    release: Release,
    prepared: Vec<Prepared>,
    companions: Vec<Prepared>,
    read_set: ReadSet,
    set: Set,
}

impl World {
    fn of(size: usize, shape: Shape, companion: Shape) -> Self {
        let release = release(size);
        let prepared: Vec<Prepared> = (0..size)
            .map(|n| built(prepared(&release, n, shape)))
            .collect();
        for one in &prepared {
            check_component(&release, one).unwrap();
        }
        let mut world = Self {
            release,
            prepared,
            companions: Vec::new(),
            read_set: ReadSet::new(),
            set: Set::new(),
        };
        for n in 0..400 {
            let mut next = built(self::prepared(&world.release, 100 + n, companion));
            next.planned.companion = true;
            let at = next.planned.hostname.clone();
            let (mut companions, mut read_set, mut set) = (
                world.companions.clone(),
                world.read_set.clone(),
                world.set.clone(),
            );
            read_set.insert(
                component(100 + n),
                Some(Read {
                    hostname: at,
                    ticket: Some(Ticket(99_999_999)),
                }),
            );
            set.insert(component(100 + n), commit(n));
            companions.push(next);
            if check_beside(&world.release, &companions, &read_set, &set).is_err() {
                break;
            }
            (world.companions, world.read_set, world.set) = (companions, read_set, set);
        }
        let brought = (0..size).map(|n| (component(n), commit(n)));
        world.set.extend(brought);
        world
    }

    fn all(&self) -> Vec<Prepared> {
        self.prepared
            .iter()
            .chain(&self.companions)
            .cloned()
            .collect()
    }

    fn deployed(&self) -> Vec<Deployed> {
        let deployed = |one: &Prepared| Deployed {
            component: one.planned.component.clone(),
            version: one.planned.version.clone(),
            commit: one.planned.commit.clone(),
            hostname: one.planned.hostname.clone(),
            companion: one.planned.companion,
            artifact_sha256: "a".repeat(64),
            instances: vec![
                Instance {
                    id: "i-0123456789abcdef0".into(),
                    address: "255.255.255.255".into()
                };
                one.manifest.run.instances.number().into()
            ],
            launch_template_version: "12345".into(),
            how: LaunchOutcome::AlreadyLaunched,
        };
        self.all().iter().map(deployed).collect()
    }

    fn peers(&self) -> PeersReply {
        let peers = self
            .all()
            .into_iter()
            .flat_map(|one| one.manifest.component.peers);
        PeersReply {
            change_id: Some("C".repeat(32)),
            urls: peers
                .map(|peer| {
                    (
                        peer.clone(),
                        url(
                            &peer_name(&peer, self.release.ticket, &self.release.domain),
                            8999,
                        ),
                    )
                })
                .collect(),
        }
    }

    fn results(&self, suites: &[SuiteRun], outcome: SuiteOutcome) -> Vec<SuiteReply> {
        let said = reason(&"\"".repeat(1 << 20), suites.len() as u32);
        let passed = outcome == SuiteOutcome::Passed;
        let result = |one: &SuiteRun| SuiteReply {
            component: one.component.clone(),
            companion: true,
            suite: one.suite.clone(),
            outcome,
            reason: if passed {
                Reason::default()
            } else {
                said.clone()
            },
            remark: if passed {
                said.clone()
            } else {
                Reason::default()
            },
            command_seconds: 779.999,
            tests: 10_000_000,
            failures: 10_000_000,
            log: format!(
                "s3://{}/{}",
                "b".repeat(63),
                self.release
                    .log_key(&one.component, &format!("suite-{}", one.suite))
            ),
        };
        suites.iter().map(result).collect()
    }

    /// Every state, by name, as `release.asl.json` makes it.
    fn states(&self) -> Vec<(&'static str, Value)> {
        let (release, all, peers) = (&self.release, self.all(), self.peers());
        let deployed = self.deployed();
        let (suites, skipped) = plan_suites(&all, &peers.urls, false);
        let red = self.results(&suites, SuiteOutcome::TimedOut);
        let green = self.results(&suites, SuiteOutcome::Passed);
        let failure = |one: &Prepared| {
            json!({"component": one.planned.component, "failed":
            {"stage": "Deploy (initial) of a companion, as it is live", "error": "IntegrationTestsFailed", "cause": cause()}})
        };
        let failures: Vec<Value> = all.iter().map(failure).collect();
        let stands = |of: bool| -> Vec<Value> {
            let those = deployed.iter().filter(|one| one.companion == of);
            those
                .map(|one| json!({"component": one.component, "hostname": one.hostname}))
                .collect()
        };
        let tested = json!({"set": self.set, "skipped": skipped, "round": 3});
        let released: Vec<Value> = self
            .prepared
            .iter()
            .map(|one| json!({"component": one.planned.component}))
            .collect();
        let discard = |failures: &[Value], tests: &[SuiteReply]| json!({"release": release, "components": released, "failures": failures, "tests": tests, "tested": tested});
        vec![
            (
                "Plan release",
                json!(PlanReply {
                    outcome: PlanOutcome::Release,
                    release: release.clone(),
                    components: self
                        .prepared
                        .iter()
                        .map(|one| one.planned.clone())
                        .collect(),
                    already_live: vec![],
                    stay: vec![]
                }),
            ),
            ("Prepare workspaces", json!(self.prepared)),
            (
                "Plan companions",
                json!({"companions": self.companions, "read_set": self.read_set, "set": self.set}),
            ),
            ("Component pipelines' items", json!(all)),
            ("Component pipelines, all failed", json!(failures)),
            ("Component pipelines", json!(deployed)),
            (
                "Publish hostnames' arguments",
                json!({"release": release, "components": deployed, "peers": peers}),
            ),
            (
                "Publish hostnames",
                json!({"published": {"suites": suites, "skipped": skipped}, "skipped": skipped}),
            ),
            ("Integration tests, all failed", json!(red)),
            (
                "Deploy (cutover)'s arguments",
                json!({"release": release, "components": stands(false), "companions": stands(true), "read_set": self.read_set, "tested": tested, "tests": green}),
            ),
            (
                "Discard candidates' arguments, pipelines failed",
                discard(&failures, &[]),
            ),
            (
                "Discard candidates' arguments, suites failed",
                discard(&[], &red),
            ),
            ("the output", self.output(&deployed, &green)),
        ]
    }

    fn output(&self, deployed: &[Deployed], green: &[SuiteReply]) -> Value {
        let domain = &self.release.domain;
        let (besides, released): (Vec<_>, Vec<_>) = deployed.iter().partition(|one| one.companion);
        let entry = |one: &Deployed| {
            let ids: Vec<&str> = one.instances.iter().map(|i| i.id.as_str()).collect();
            json!({"component": one.component, "version": one.version, "commit": one.commit, "hostname": one.hostname,
                "alias": alias(&one.component, domain), "artifact_sha256": one.artifact_sha256, "instances": ids, "how": one.how})
        };
        let moves: Vec<AliasMove> = released
            .iter()
            .map(|one| AliasMove {
                component: one.component.clone(),
                alias: alias(&one.component, domain),
                to: one.hostname.clone(),
                from: Some(one.hostname.clone()),
            })
            .collect();
        let ids: Vec<String> = deployed
            .iter()
            .flat_map(|one| &one.instances)
            .map(|i| i.id.clone())
            .collect();
        let terminated = TerminateReply {
            retired: released.iter().map(|one| one.hostname.clone()).collect(),
            instances: ids,
            kept: released.iter().map(|one| one.hostname.clone()).collect(),
            companions: besides.iter().map(|one| one.hostname.clone()).collect(),
            not_listed: 0,
            spared: released.iter().map(|one| one.hostname.clone()).collect(),
            unwell: Some(Reason::new(&"\"".repeat(1 << 20)).to_string()),
            old_versions: crate::wire::OldVersions {
                deleted: 200,
                failure: Some("x".repeat(500)),
            },
        };
        let tags: Vec<TagOutcome> = released
            .iter()
            .map(|one| TagOutcome {
                component: one.component.clone(),
                outcome: TagResult::AlreadyThere,
                reason: tag_reason(&"\"".repeat(1 << 20), released.len()),
            })
            .collect();
        json!({"outcome": "live", "target": self.release.target, "ticket": self.release.ticket, "release": self.release.label(),
            "components": released.iter().map(|one| entry(one)).collect::<Vec<_>>(), "already_live": [], "stay": [],
            "companions": besides.iter().map(|one| json!({"component": one.component, "commit": one.commit, "hostname": one.hostname})).collect::<Vec<_>>(),
            "proven_before": false, "suites": green, "skipped": [], "cutover": {"outcome": "live", "change_id": "C", "moves": moves},
            "terminated": terminated.within_bounds(), "rounds": 3, "tag": {"tag": "release/x/1", "tags": tags}})
    }

    fn rows(&self) -> Vec<(&'static str, Value)> {
        let (suites, skipped) = plan_suites(&self.all(), &self.peers().urls, false);
        let tested = Tested {
            set: self.set.clone(),
            skipped,
            round: 3,
        };
        let red = self.results(&suites, SuiteOutcome::Failed);
        let released: Vec<Component> = self
            .prepared
            .iter()
            .map(|one| one.planned.component.clone())
            .collect();
        let one = &self.prepared[0];
        let plan = PlanReply {
            outcome: PlanOutcome::Release,
            release: self.release.clone(),
            components: self
                .prepared
                .iter()
                .map(|one| one.planned.clone())
                .collect(),
            already_live: vec![],
            stay: vec![],
        };
        vec![
            (
                "set",
                json!(SetRow::of(
                    &self.release,
                    &tested,
                    released,
                    &red,
                    "2026-01-01T00:00:00Z".into()
                )),
            ),
            (
                "release",
                json!(ReleaseRow {
                    ticket: Ticket(1),
                    execution: "e".repeat(80),
                    execution_arn: "a".repeat(200),
                    started: String::new(),
                    plan,
                    outcome: ReleaseOutcome::NotReleased,
                    cause: Some("\"".repeat(crate::verdict::MAX_CAUSE)),
                    ended: None,
                    change_id: None
                }),
            ),
            (
                "candidate",
                json!(CandidateRow {
                    component: component(0),
                    commit: commit(0),
                    hostname: one.planned.hostname.clone(),
                    ticket: Ticket(1),
                    release: self.release.label(),
                    state: CandidateState::Live,
                    instances: self.deployed()[0].instances.clone(),
                    launch_template_version: "1".into(),
                    launched_by: None,
                    companion: false,
                    recipe: Some(one.clone()),
                    found_healthy: None,
                }),
            ),
        ]
    }
}

fn built(component: Prepared) -> Prepared {
    Prepared {
        artifact: Some(largest_artifact(&component)),
        ..component
    }
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
