use super::*;
use expect_test::{Expect, expect};
use pipeline::event::{PushEvent, PushPlan, Sent, parse_push, plan_starts};
use pipeline::input::ReleaseInput;
use pipeline::names::RepositoryUrl;
use serde_json::json;

const PUSHED: i64 = 1_000_000_000;

fn target(name: &str) -> Target {
    Target::new(name).unwrap()
}

fn row(name: &str) -> ComponentRow {
    ComponentRow {
        component: Component::new(name).unwrap(),
        kind: Default::default(),
        repository: RepositoryUrl::new(format!("https://git.example.com/team/{name}.git")).unwrap(),
        branches: [("main", "stage"), ("production", "prod")]
            .map(|(branch, to)| (branch.to_owned(), target(to)))
            .into(),
        credentials: None,
    }
}

fn awaited(pushed: &[&str]) -> Awaited {
    let row = row("api");
    let pushed = pushed.iter().map(|branch| PushedBranch {
        branch: branch.to_string(),
        at: Some(PUSHED),
    });
    Awaited {
        component: row.component,
        commit: Commit::new("3f2a9c1b04de000000000000000000000000beef").unwrap(),
        follows: row.branches,
        pushed: pushed.collect(),
        only: None,
    }
}

fn seen(to: &str, after_the_push: i64, running: bool) -> Seen {
    Seen {
        name: format!("{to} {after_the_push}"),
        arn: String::new(),
        target: target(to),
        started: PUSHED + after_the_push,
        running,
    }
}

fn check(awaited: &Awaited, seen: &[Seen], expected: Expect) {
    let look = match awaited.look(seen) {
        Look::Follow(one) => format!("follow {}", one.name),
        Look::Wait => "wait".into(),
        Look::NobodyFollows => awaited.nobody_follows(),
    };
    expected.assert_eq(&look);
}

#[test]
fn a_push_is_waited_for_until_its_release_begins_and_found_when_it_has_ended() {
    let pushed = awaited(&["main"]);
    check(&pushed, &[], expect!["wait"]);
    check(
        &pushed,
        &[seen("stage", 900, true)],
        expect!["follow stage 900"],
    );
    check(
        &pushed,
        &[seen("stage", 900, false)],
        expect!["follow stage 900"],
    );
}

#[test]
fn a_release_of_before_the_push_or_to_elsewhere_is_not_the_one_that_is_waited_for() {
    let hour = 3_600_000;
    check(
        &awaited(&["production"]),
        &[seen("stage", 900, false)],
        expect!["wait"],
    );
    check(
        &awaited(&["main"]),
        &[seen("stage", -hour, false)],
        expect!["wait"],
    );
    assert_eq!(
        awaited(&["main"]).last_look(&[seen("stage", -hour, false)]),
        Some(&seen("stage", -hour, false))
    );
    // The clocks differ.
    check(
        &awaited(&["main"]),
        &[seen("stage", -5_000, false)],
        expect!["follow stage -5000"],
    );
}

#[test]
fn of_two_branches_whichever_runs_is_followed_and_both_have_to_begin() {
    let both = awaited(&["main", "production"]);
    check(
        &both,
        &[seen("stage", 900, true)],
        expect!["follow stage 900"],
    );
    check(&both, &[seen("stage", 900, false)], expect!["wait"]);
    check(
        &both,
        &[seen("stage", 900, false), seen("prod", 950, false)],
        expect!["follow prod 950"],
    );
}

#[test]
fn a_push_of_a_branch_that_nobody_follows_is_said_at_once() {
    check(
        &awaited(&["topic"]),
        &[],
        expect![
            "No release of api 3f2a9c1b04de will begin: it was pushed to topic, and api follows main, production."
        ],
    );
    let nobody = Awaited {
        follows: BTreeMap::new(),
        ..awaited(&["main"])
    };
    check(
        &nobody,
        &[],
        expect![
            "No release of api 3f2a9c1b04de will begin: it was pushed to main, and api follows no branch."
        ],
    );
    // Somebody released it by hand.
    check(
        &awaited(&["topic"]),
        &[seen("dev", 1, false)],
        expect!["follow dev 1"],
    );
}

#[test]
fn where_git_knows_nothing_of_a_push_what_there_is_of_the_commit_counts() {
    check(&awaited(&[]), &[], expect!["wait"]);
    check(
        &awaited(&[]),
        &[seen("stage", 5, true), seen("prod", 9, false)],
        expect!["follow stage 5"],
    );
    let only = Awaited {
        only: Some(target("prod")),
        ..awaited(&[])
    };
    check(&only, &[seen("stage", 5, true)], expect!["wait"]);
    check(&only, &[seen("prod", 5, false)], expect!["follow prod 5"]);
}

#[test]
fn what_is_waited_for_has_the_name_that_a_push_gives_it() {
    let awaited = awaited(&["main"]);
    let detail = json!({"event": "referenceUpdated", "repositoryName": "api", "referenceType": "branch",
        "referenceName": "main", "commitId": awaited.commit});
    let sent = Sent {
        source: "cutover.git",
        region: "eu-central-1",
        detail: &detail,
    };
    let Ok(PushEvent::Pushed(push)) = parse_push(sent) else {
        panic!("a push")
    };
    let planned = plan_starts(&push, "6a7e8feb-b491-4cf7-a9f1-bf3703467718", &[row("api")]);
    let Ok(PushPlan::Start(starts)) = planned else {
        panic!("it starts a release")
    };
    let start = &starts[0];
    assert_eq!(
        awaited.target_of(&start.name),
        Some(target("stage")),
        "{}",
        start.name
    );
    let input = json!({"component": "api", "version": awaited.commit, "target": "eu-prod"});
    let input = ReleaseInput::parse(&input).unwrap();
    let by_hand = super::super::input::execution_name(&input, "mzx1");
    assert_eq!(
        awaited.target_of(&by_hand),
        Some(target("eu-prod")),
        "{by_hand}"
    );
    assert_eq!(awaited.target_of("api-HEAD-stage-mzx1"), None);
    assert_eq!(awaited.target_of("api-v2-3f2a9c1b04de-stage-x"), None);
}

fn which(named: Option<&str>, remotes: &[&str], rows: &[ComponentRow], expected: Expect) {
    let named = named.map(|name| Component::new(name).unwrap());
    let remotes: Vec<String> = remotes.iter().map(|one| one.to_string()).collect();
    let found = component(rows, named.as_ref(), &remotes);
    expected.assert_eq(&found.map_or_else(|why| why, |row| row.component.to_string()));
}

#[test]
fn the_component_is_the_one_of_the_folders_repository_or_the_only_one() {
    let rows = [row("api"), row("ui")];
    which(
        None,
        &["git@git.example.com:team/ui.git"],
        &rows,
        expect!["ui"],
    );
    which(
        None,
        &["https://git.example.com/fork/ui.git"],
        &rows[..1],
        expect!["api"],
    );
    which(
        None,
        &["https://git.example.com/fork/ui.git"],
        &rows,
        expect![
            "no remote of this folder is the repository of a component; say which with --component: api, ui"
        ],
    );
    which(
        Some("nope"),
        &[],
        &rows,
        expect!["component `nope` was never added; there are api, ui"],
    );
    which(
        None,
        &[],
        &[],
        expect!["there are no components; add one with `cutover component add`"],
    );
}

#[test]
fn one_repository_has_many_addresses() {
    for same in [
        "https://git.example.com/team/api",
        "https://me@Git.Example.com:443/team/api.git/",
        "git@git.example.com:team/api.git",
        "ssh://git@git.example.com:2222/team/api.git",
    ] {
        assert!(
            is_same(same, "https://git.example.com/team/api.git"),
            "{same}"
        );
    }
    for other in [
        "https://git.example.com/fork/api.git",
        "https://example.com/team/api.git",
        "https://git.example.com:8443/team/api.git",
        "../api",
        "/srv/api.git",
        "",
    ] {
        assert!(
            !is_same(other, "https://git.example.com/team/api.git"),
            "{other}"
        );
    }
}
