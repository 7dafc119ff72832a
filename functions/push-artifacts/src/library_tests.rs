use super::*;
use crate::Store;
use pipeline::errors::Named as _;
use pipeline::manifest::Manifest;
use pipeline::names::Component;
use registry::Registry;
use replay::{Answer, Replay};
use serde_json::{Value, json};

const COMMIT: &str = "3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b";

fn artifact(library: &str) -> Value {
    json!({"key": format!("artifacts/{library}"), "sha256": "a", "bytes": 1, "source_sha256": "b",
        "built_by": "stage-r7", "built_at": "2026-03-01T12:00:00Z", "toolchain": "t"})
}

/// One that was built before, so its suites are not looked at.
fn library(name: &str) -> Value {
    let manifest = format!(
        "[component]\nname = '{name}'\nkind = 'library'\n[build]\nunit_tests = 'true'\ncommand = 'true'\noutput = 'dist'\n"
    );
    let manifest = Manifest::parse(&manifest, &Component::new(name).unwrap()).unwrap();
    json!({
        "component": name, "version": "HEAD", "commit": COMMIT, "repository": "https://git.example.com/a.git",
        "source": {"key": "s", "sha256": "b", "bytes": 1}, "manifest": manifest, "artifact": artifact(name),
    })
}

fn request(alone: bool) -> RecordLibraries {
    serde_json::from_value(json!({
        "release": {
            "project": "myproj", "target": "stage", "ticket": 42, "execution": "x", "domain": "stage.myproj.com",
            "zone_id": "Z1", "launch_template_id": "lt-1", "subnet_ids": ["subnet-1"], "alias_ttl": 5,
            "hostname_ttl": 5, "drain_seconds": 10, "test_dependents": false, "skip_slow_scans": false, "size": 2,
        },
        "libraries": [library("gdal"), library("proj")], "alone": alone,
    }))
    .unwrap()
}

/// An artifact in the bucket.
fn stored() -> Answer {
    Answer::from((200, String::new()))
        .header("content-length", "1")
        .header("x-amz-meta-sha256", "a")
        .header("x-amz-meta-source-sha256", "b")
        .header("x-amz-meta-built-by", "stage-r7")
        .header("x-amz-meta-built-at", "2026-03-01T12:00:00Z")
        .header("x-amz-meta-toolchain", "t")
}

/// Two libraries, recorded by a table that answers so; and how often it was asked.
async fn record(
    alone: bool,
    answers: Vec<(u16, String)>,
) -> (Result<Vec<ReleasedLibrary>, Fault>, usize) {
    let answers = answers.into_iter().map(Answer::from);
    let replay = Replay::new([stored(), stored()].into_iter().chain(answers));
    let publisher = Publisher {
        store: Store::new(&replay.config(), "bucket"),
        registry: Registry::new(&replay.config(), "table"),
    };
    let recorded = publisher.record(request(alone)).await;
    (recorded, replay.requests().len() - 2)
}

fn cancelled(reason: &str) -> (u16, String) {
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{reason}, None, None]"
    );
    let name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    (400, json!({"__type": name, "Message": message}).to_string())
}

#[tokio::test]
async fn all_libraries_and_the_end_of_their_release_are_one_call() {
    for alone in [true, false] {
        let (recorded, calls) = record(alone, vec![(200, "{}".into())]).await;
        let recorded = recorded.unwrap();
        let names: Vec<&str> = recorded.iter().map(|one| one.component.as_str()).collect();
        assert_eq!((names.as_slice(), calls), (["gdal", "proj"].as_slice(), 1));
    }
}

/// Discard candidates has said by then that they are not released.
#[tokio::test]
async fn one_that_comes_after_the_end_of_its_release_records_nothing_and_says_so() {
    let (recorded, calls) = record(true, vec![cancelled("ConditionalCheckFailed")]).await;
    let fault = recorded.unwrap_err();
    assert_eq!((fault.name(), calls), (ErrorName::CandidateGone, 1));
    assert_eq!(
        fault.to_string(),
        "nothing changed for users: release stage-r42 has ended, so none of its libraries was recorded"
    );
}

#[tokio::test]
async fn two_releases_that_record_one_library_at_once_are_tried_again() {
    let (recorded, _) = record(false, vec![cancelled("TransactionConflict")]).await;
    assert_eq!(recorded.unwrap_err().name(), ErrorName::Unavailable);
}
