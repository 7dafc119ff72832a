//! A bundle from S3, a command in it, and its log back to S3.

use crate::{Checkout, Ran, Runner, Task};
use pipeline::errors::{ErrorName, Fault, Named};
use pipeline::manifest::{CommandLine, Limit};
use pipeline::names::{Commit, Component};
use pipeline::wire::{Bundle, Vendored};
use replay::{Answer, Replay};
use std::collections::BTreeMap;
use store::Store;
use tempfile::TempDir;
use workspace::command::CommandError;
use workspace::{Limits, bundle, hash};

thread_local! {
    static SANDBOX: TempDir = tempfile::tempdir().unwrap();
}

fn variable(name: &str) -> Result<String, Fault> {
    match name {
        "COMMAND_PATH" => Ok("/usr/bin:/bin".into()),
        // Each test's own: what is in it goes.
        "COMMAND_FOLDER" => Ok(SANDBOX.with(|folder| folder.path().display().to_string())),
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
    (run(&runner(&replay), &found, line).await, replay)
}

async fn run(runner: &Runner, checkout: &Checkout, line: &str) -> Result<Ran, Fault> {
    run_with(runner, checkout, line, &[]).await
}

async fn run_with(
    runner: &Runner,
    checkout: &Checkout,
    line: &str,
    vendor: &[Vendored],
) -> Result<Ran, Fault> {
    let task = Task {
        line: &CommandLine::try_from(line.to_owned()).unwrap(),
        environment: BTreeMap::from([("TARGET_URL".to_owned(), "http://api".to_owned())]),
        limit: Limit::try_from("1m".to_owned()).unwrap(),
        log_key: "logs/stage-r7/api/build.log".into(),
        vendor,
        cache: &[],
    };
    runner.run(checkout, task).await
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

#[tokio::test]
async fn the_log_is_what_the_command_printed_whatever_it_puts_in_its_place() {
    // All names beside the checkout, and that of an earlier version.
    let line = "sh -c 'echo honest; cd ..; ls -A; for name in command.log $(ls -A); do rm -f $name; ln -sf /etc/passwd $name; done; true'";
    let (ran, replay) = ran(line, kept()).await;
    assert_eq!(ran.unwrap().failure(), None);
    let log = &replay.asked()[1];
    assert!(log.contains("honest\ntree\n"), "{log}");
    assert!(log.contains("[cutover: exited with code 0"), "{log}");
    assert!(!log.contains("root:"), "{log}");
}

#[tokio::test]
async fn what_a_command_planted_above_its_checkout_is_not_there_for_the_next() {
    let (bytes, sum) = packed();
    let answers = [
        (200, bytes.clone()),
        (200, vec![]),
        (200, bytes),
        (200, vec![]),
    ];
    let replay = Replay::new(answers);
    let first = checkout(&replay, &sum).await.unwrap();
    let plants = "sh -c 'cd ../..; mkdir .cargo no; echo evil > .cargo/config.toml; echo > no/file; chmod 0 no'";
    let ran = run(&runner(&replay), &first, plants).await.unwrap();
    assert_eq!(ran.failure(), None);
    drop(first);
    let next = checkout(&replay, &sum).await.unwrap();
    let looks = "sh -c 'cd ../..; ls -A | grep -v ^checkout- | grep -v ^command- ; test $? = 1'";
    let ran = run(&runner(&replay), &next, looks).await.unwrap();
    assert_eq!(ran.failure(), None);
}

#[tokio::test]
async fn a_folder_beside_the_files_is_not_what_a_command_has_put_there() {
    let (bytes, sum) = packed();
    let replay = Replay::new([(200, bytes), (200, vec![])]);
    let found = checkout(&replay, &sum).await.unwrap();
    let ran = run(&runner(&replay), &found, "ln -s /etc ../output").await;
    assert_eq!(ran.unwrap().failure(), None);
    let output = found.beside("output").unwrap();
    assert!(output.symlink_metadata().unwrap().is_dir(), "{output:?}");
    assert_eq!(output.read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn a_sandbox_that_cannot_be_emptied_runs_nothing_and_ends() {
    let replay = Replay::new([(200, "")]);
    let missing = |name: &str| match name {
        "COMMAND_FOLDER" => Ok("/no/such/folder".to_owned()),
        other => variable(other),
    };
    let runner = Runner::new(Store::new(&replay.config(), "bucket"), missing).unwrap();
    assert!(!runner.is_spoiled());
    let (_, sum) = packed();
    let source = Bundle {
        key: "k".into(),
        sha256: sum,
        bytes: 1,
    };
    let refused = runner.checkout(&source).await.unwrap_err();
    assert_eq!(refused.name(), ErrorName::SandboxUnclean);
    let expected = "nothing ran: the sandbox of this function is not clean, and ends: /no/such/folder cannot be emptied: No such file or directory (os error 2)";
    assert_eq!(refused.to_string(), expected);
    assert!(runner.is_spoiled());
    assert!(replay.requests().is_empty());
}

#[tokio::test]
async fn a_command_whose_processes_go_on_has_failed_and_is_the_last_in_its_sandbox() {
    let runner = runner(&Replay::new([(200, "")]));
    let said = runner.users_mistake(CommandError::StillRunning { count: 3 });
    let expected = "3 processes of the command are still running after being killed";
    assert_eq!(said.unwrap(), expected);
    assert!(runner.is_spoiled());
}

/// `gdal`, with this sum or not released yet.
fn pin(sha256: Option<&str>) -> Vendored {
    Vendored {
        library: Component::new("gdal").unwrap(),
        commit: Commit::new("a".repeat(40)).unwrap(),
        artifact: sha256.map(|sha256| Bundle {
            key: "artifacts/gdal.tar.zst".into(),
            sha256: sha256.into(),
            bytes: 1,
        }),
    }
}

async fn with_library(line: &str, pin: Vendored) -> Result<Ran, Fault> {
    let (bytes, sum) = packed();
    let answers = [(200, bytes.clone()), (200, bytes), (200, Vec::new())];
    let replay = Replay::new(answers);
    let found = checkout(&replay, &sum).await.unwrap();
    run_with(&runner(&replay), &found, line, &[pin]).await
}

#[tokio::test]
async fn a_command_finds_the_library_that_it_pins_beside_its_checkout() {
    let (_, sum) = packed();
    let line = r#"sh -c 'test "$(cat $VENDOR/gdal/hello.txt)" = hello && ! ls $VENDOR/*.zst && ls ../vendor-*'"#;
    let ran = with_library(line, pin(Some(&sum))).await.unwrap();
    assert_eq!(ran.failure(), None);
}

#[tokio::test]
async fn a_library_that_is_not_what_its_row_names_or_not_there_yet_ends_the_command_before_it_begins()
 {
    let line = "touch begun";
    let other = with_library(line, pin(Some("0123"))).await.unwrap_err();
    assert_eq!(other.name(), ErrorName::Corrupt);
    let early = with_library(line, pin(None)).await.unwrap_err();
    assert_eq!(early.name(), ErrorName::LibraryNotReleased);
    let text = "[vendor] gdal: gdal aaaaaaaaaaaa is not released yet";
    assert_eq!(early.to_string(), text);
}

#[tokio::test]
async fn what_a_command_prints_is_shipped_once_a_second_and_its_rest_at_the_end() {
    let (bytes, sum) = packed();
    let answers = std::iter::once((200, bytes).into());
    let replay = Replay::new(answers.chain((0..5).map(|_| kept())));
    let found = checkout(&replay, &sum).await.unwrap();
    let line = "sh -c 'echo one; sleep 1.5; echo two; sleep 1; echo three'";
    run(&runner(&replay), &found, line).await.unwrap();
    let asked = replay.requests();
    let parts: Vec<&replay::Asked> = asked
        .iter()
        .filter(|one| one.line.starts_with("PUT /running/stage-r7/api/build/"))
        .collect();
    let text: String = parts.iter().map(|part| part.body.as_str()).collect();
    assert!((2..=3).contains(&parts.len()), "{parts:?}");
    assert!(text.starts_with(&format!("$ {line}\none\n")), "{text}");
    assert!(text.contains("one\ntwo\nthree\n[cutover: exited"), "{text}");
}

#[tokio::test]
async fn an_output_that_cannot_be_shipped_is_in_its_log_all_the_same() {
    let (bytes, sum) = packed();
    let denied = "<Error><Code>AccessDenied</Code><Message>m</Message></Error>";
    let replay = Replay::new([(200, bytes).into(), (403, denied).into(), kept()]);
    let found = checkout(&replay, &sum).await.unwrap();
    let ran = run(&runner(&replay), &found, "sh -c 'echo one; sleep 2.5'").await;
    assert_eq!(ran.unwrap().failure(), None);
    let asked = replay.requests();
    assert_eq!(asked.len(), 3, "it is tried once: {asked:?}");
    assert!(asked[2].line.starts_with("PUT /logs/"), "{asked:?}");
}
