//! A bundle from S3, a command in it, and its log back to S3.

use crate::{Checkout, Ran, Runner, Task};
use pipeline::errors::{ErrorName, Fault, Named};
use pipeline::manifest::{CommandLine, Limit};
use pipeline::wire::Bundle;
use replay::{Answer, Replay};
use std::collections::BTreeMap;
use store::Store;
use workspace::{Limits, bundle, hash};

fn variable(name: &str) -> Result<String, Fault> {
    match name {
        "COMMAND_PATH" => Ok("/usr/bin:/bin".into()),
        "no_proxy" => Ok("git.example.com".into()),
        other => Err(Fault::new(ErrorName::Misconfigured, other)),
    }
}

fn runner(replay: &Replay) -> Runner {
    Runner::new(Store::new(&replay.config(), "bucket"), variable).unwrap()
}

/// A bundle with one file in it, and its sum.
fn packed() -> (Vec<u8>, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hello.txt"), "hello").unwrap();
    let outside = tempfile::tempdir().unwrap();
    let archive = outside.path().join("source.tar.zst");
    bundle::pack(folder.path(), &archive, 1_000, Limits::SOURCE).unwrap();
    (
        std::fs::read(&archive).unwrap(),
        hash::sha256_file(&archive).unwrap(),
    )
}

async fn checkout(replay: &Replay, sha256: &str) -> Result<Checkout, Fault> {
    let source = Bundle {
        key: "sources/api.tar.zst".into(),
        sha256: sha256.into(),
        bytes: 1,
    };
    runner(replay).checkout(&source).await
}

#[tokio::test]
async fn a_bundle_is_unpacked_if_it_is_the_one_that_was_announced() {
    let (bytes, sum) = packed();
    let replay = Replay::new([(200, bytes.clone()), (200, bytes)]);
    let found = checkout(&replay, &sum).await.unwrap();
    assert_eq!(
        std::fs::read(found.tree().join("hello.txt")).unwrap(),
        b"hello"
    );
    assert_eq!(found.time, 1_000);
    let other = checkout(&replay, "0123").await.unwrap_err();
    assert_eq!(other.name(), ErrorName::Corrupt);
}

#[tokio::test]
async fn a_bundle_that_cannot_be_had_or_unpacked_has_a_name() {
    let missing = "<Error><Code>NoSuchKey</Code><Message>m</Message></Error>";
    let found = checkout(&Replay::new([(404, missing)]), "0").await;
    assert_eq!(found.unwrap_err().name(), ErrorName::ObjectMissing);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "no archive").unwrap();
    let sum = hash::sha256_file(file.path()).unwrap();
    let found = checkout(&Replay::new([(200, "no archive")]), &sum).await;
    assert_eq!(found.unwrap_err().name(), ErrorName::SourceRefused);
}

/// Runs a line in a checkout, with this answer to the log.
async fn ran(line: &str, log: Answer) -> (Result<Ran, Fault>, Replay) {
    let (bytes, sum) = packed();
    let replay = Replay::new([(200, bytes).into(), log]);
    let found = checkout(&replay, &sum).await.unwrap();
    let task = Task {
        line: &CommandLine::try_from(line.to_owned()).unwrap(),
        environment: BTreeMap::from([("TARGET_URL".to_owned(), "http://api".to_owned())]),
        limit: Limit::try_from("1m".to_owned()).unwrap(),
        log_key: "logs/stage-r7/api/build.log".into(),
    };
    (runner(&replay).run(&found, task).await, replay)
}

fn kept() -> Answer {
    (200, "").into()
}

#[tokio::test]
async fn a_command_runs_in_the_checkout_with_its_own_environment_alone() {
    let line =
        r#"sh -c 'test -f hello.txt && test "$TARGET_URL" = http://api && test -z "$AWS_REGION"'"#;
    let (ran, replay) = ran(line, kept()).await;
    assert_eq!(ran.unwrap().failure(), None);
    assert!(
        replay.requests()[1]
            .line
            .starts_with("PUT /logs/stage-r7/api/build.log")
    );
}

#[tokio::test]
async fn a_command_that_fails_says_so_with_its_last_lines_and_where_its_log_is() {
    let (ran, _) = ran("sh -c 'echo no disk; exit 3'", kept()).await;
    let said = ran.unwrap().failure().unwrap();
    assert!(
        said.contains("exited with code 3") && said.contains("saying: no disk"),
        "{said}"
    );
    assert!(
        said.ends_with("log: s3://bucket/logs/stage-r7/api/build.log"),
        "{said}"
    );
}

#[tokio::test]
async fn a_command_that_is_not_there_is_the_user_s_mistake_and_has_a_log_too() {
    let (ran, replay) = ran("no-such-program", kept()).await;
    let said = ran.unwrap().failure().unwrap();
    assert!(said.contains("no-such-program"), "{said}");
    assert!(
        replay.asked()[1].contains("no-such-program"),
        "{:?}",
        replay.asked()
    );
}

#[tokio::test]
async fn a_log_that_cannot_be_kept_is_an_error() {
    let busy = "<Error><Code>SlowDown</Code><Message>m</Message></Error>";
    let (ran, _) = ran("true", (503, busy).into()).await;
    assert_eq!(ran.unwrap_err().name(), ErrorName::Unavailable);
}
