use super::*;
use crate::input::ReleaseInput;
use expect_test::{Expect, expect};

const ID: &str = "6f87d04b-9b1c-4e0a-a2a5-000000000000";

fn detail() -> Value {
    json!({"event": "referenceUpdated", "repositoryName": "api", "referenceType": "branch", "referenceName": "main",
           "referenceFullName": "refs/heads/main", "commitId": "3f2a9c1b04de000000000000000000000000beef", "oldCommitId": "0".repeat(40)})
}

fn row(name: &str, address: &str, branch: &str) -> ComponentRow {
    ComponentRow {
        kind: Default::default(),
        credentials: None,
        component: Component::new(name).unwrap(),
        repository: RepositoryUrl::new(address).unwrap(),
        branches: [(branch.to_owned(), Target::new("stage").unwrap())].into(),
    }
}

const API: &str = "https://git.example.com/team/api.git";

/// What becomes of a changed event where `api` and `ui` follow `main`.
fn check(change: impl FnOnce(&mut Value), expected: Expect) {
    check_with(
        change,
        &[row("api", API, "main"), row("ui", API, "main")],
        expected,
    );
}

fn sent(detail: &Value) -> Sent<'_> {
    Sent {
        source: "cutover.git",
        region: "eu-central-1",
        detail,
    }
}

fn check_with(change: impl FnOnce(&mut Value), rows: &[ComponentRow], expected: Expect) {
    let mut detail = detail();
    change(&mut detail);
    check_sent(sent(&detail), rows, expected);
}

fn check_sent(sent: Sent<'_>, rows: &[ComponentRow], expected: Expect) {
    let planned = parse_push(sent).and_then(|event| match event {
        PushEvent::Pushed(push) => plan_starts(&push, ID, rows),
        PushEvent::Ignored(why) => Ok(PushPlan::Ignore(why)),
    });
    expected.assert_eq(&match planned {
        Ok(PushPlan::Start(starts)) => {
            for start in &starts {
                assert!(start.name.len() <= 80);
                ReleaseInput::parse(&start.input).expect("what a push starts is a valid input");
            }
            let names: Vec<&str> = starts.iter().map(|start| start.name.as_str()).collect();
            names.join(" ")
        }
        Ok(PushPlan::Ignore(why)) => format!("ignored: {why}"),
        Err(error) => format!("refused: {error}"),
    });
}

#[test]
fn each_component_of_the_repository_that_follows_the_branch_is_released() {
    check(
        |_| (),
        expect!["api-3f2a9c1b04de-stage-6f87d04b9b1c ui-3f2a9c1b04de-stage-6f87d04b9b1c"],
    );
}

#[test]
fn what_is_no_branch_that_moved_is_ignored() {
    check(
        |d| d["event"] = "referenceDeleted".into(),
        expect!["ignored: the branch was deleted"],
    );
    check(
        |d| d["referenceType"] = "tag".into(),
        expect!["ignored: not a branch"],
    );
    check(
        |d| d["referenceFullName"] = "refs/notes/main".into(),
        expect!["ignored: not a branch"],
    );
}

/// Each of these was `InputInvalid` once, and filled the queue of lost pushes.
#[test]
fn a_branch_that_nobody_follows_never_fails_whatever_is_in_its_event() {
    let long = "x".repeat(5000);
    for name in [
        "feature/#7-größe",
        "wip!",
        "a,b",
        "50%",
        "it's",
        "release/2026&q1",
        "--upload-pack=x",
        "日本",
        "a b",
        "",
        "@",
        "HEAD",
        "refs/heads/main",
        &long,
    ] {
        for commit in [json!("3f2a9c1"), json!("f".repeat(64)), json!("HEAD")] {
            let mut detail = detail();
            detail["referenceName"] = name.into();
            detail["referenceFullName"] = format!("refs/heads/{name}").into();
            detail["commitId"] = commit;
            detail["repositoryUrl"] = "git@git.example.com:api.git".into();
            let PushEvent::Pushed(push) = parse_push(sent(&detail)).unwrap() else {
                panic!("{name} is a branch")
            };
            let planned = plan_starts(&push, ID, &[row("api", API, "main")]).unwrap();
            let PushPlan::Ignore(why) = planned else {
                panic!("{name} starts something")
            };
            assert!(
                why.starts_with("no component follows branch") && why.len() < 300,
                "{why}"
            );
        }
    }
}

#[test]
fn a_followed_branch_may_have_any_name_that_git_takes() {
    for name in ["feature/#7-größe", "wip!", "it's", "50%"] {
        check_with(
            |d| {
                d["referenceName"] = name.into();
                d["referenceFullName"] = format!("refs/heads/{name}").into();
            },
            &[row("api", API, name)],
            expect!["api-3f2a9c1b04de-stage-6f87d04b9b1c"],
        );
    }
}

#[test]
fn of_a_followed_branch_the_commit_must_be_told_whole() {
    check(
        |d| d["commitId"] = "HEAD".into(),
        expect![
            "refused: detail.commitId: `HEAD` is not a full commit SHA (40 hexadecimal digits, lower case)"
        ],
    );
    check(
        |d| drop(d.as_object_mut().unwrap().remove("commitId")),
        expect!["refused: detail.commitId: missing"],
    );
    check(
        |d| d["commitId"] = "e".repeat(64).into(),
        expect![
            "refused: detail.commitId: has 64 digits: a repository in git's SHA-256 format cannot be released, only one in SHA-1"
        ],
    );
}

#[test]
fn an_event_that_is_no_push_is_refused_with_the_key() {
    check(
        |d| drop(d.as_object_mut().unwrap().remove("event")),
        expect!["refused: detail.event: missing"],
    );
    check(
        |d| d["repositoryUrl"] = "git@git.example.com:api.git".into(),
        expect![
            "refused: detail.repositoryUrl: repository `git@git.example.com:api.git` must begin with https://"
        ],
    );
}

#[test]
fn a_repository_is_known_by_its_whole_address() {
    let other = "https://git.example.com/other/api.git";
    let rows = [row("api", API, "main"), row("theirs", other, "main")];
    check_with(
        |d| d["repositoryUrl"] = "https://GIT.example.com/team/api/".into(),
        &rows,
        expect!["api-3f2a9c1b04de-stage-6f87d04b9b1c"],
    );
    check_with(
        |_| (),
        &rows,
        expect![
            "refused: detail.repositoryUrl: missing, and two repositories are called `api`: https://git.example.com/team/api.git of api and https://git.example.com/other/api.git of theirs; say which one was pushed to"
        ],
    );
    check_with(
        |d| d["repositoryUrl"] = other.into(),
        &rows[..1],
        expect![
            "ignored: no component follows branch main of https://git.example.com/other/api.git; another repository has the same name: api is of https://git.example.com/team/api.git"
        ],
    );
}

#[test]
fn an_event_of_codecommit_is_about_codecommits_own_repository() {
    let detail = detail();
    let of_codecommit = Sent {
        source: "aws.codecommit",
        ..sent(&detail)
    };
    let there = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/api";
    check_sent(
        of_codecommit,
        &[row("api", API, "main"), row("pay", there, "main")],
        expect!["pay-3f2a9c1b04de-stage-6f87d04b9b1c"],
    );
    let elsewhere = "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/api";
    check_sent(
        of_codecommit,
        &[row("api", API, "main"), row("pay", elsewhere, "main")],
        expect![
            "ignored: no component follows branch main of api in CodeCommit; another repository has the same name: api is of https://git.example.com/team/api.git, pay is of https://git-codecommit.us-east-1.amazonaws.com/v1/repos/api"
        ],
    );
}
