//! What CodeBuild is asked, and what is taken from a container.

use super::{Preparer, collect, prepare};
use pipeline::errors::{ErrorName, Named};
use pipeline::wire::{CollectRequest, Collected, ContainerJob, SuiteOutcome};
use replay::{Answer, Replay};
use serde_json::json;
use std::path::Path;
use store::Store;
use workspace::{Limits, bundle, hash};

/// A source bundle with one file in it.
fn source(folder: &Path) -> std::path::PathBuf {
    let files = folder.join("files");
    std::fs::create_dir(&files).unwrap();
    std::fs::write(files.join("hello.txt"), "hello").unwrap();
    let archive = folder.join("source.tar.zst");
    bundle::pack(&files, &archive, 1_000, Limits::SOURCE).unwrap();
    archive
}

fn release() -> serde_json::Value {
    json!({
        "project": "myproj", "target": "stage", "ticket": 7, "execution": "e", "domain": "stage.myproj.com",
        "zone_id": "Z1", "launch_template_id": "lt-1", "subnet_ids": [], "alias_ttl": 60, "hostname_ttl": 60,
        "drain_seconds": 90, "skip_slow_scans": false, "size": 1,
    })
}

fn job(kind: &str, sha256: &str) -> ContainerJob {
    let commit = "a".repeat(40);
    let source = json!({"key": "sources/api.tar.zst", "sha256": sha256, "bytes": 1});
    let item = match kind {
        "suite" => json!({
            "component": "api", "suite": "smoke", "commit": commit, "source": source, "command": "true",
            "timeout": "10s", "environment": {}, "of": 1, "machine": {"kind": "codebuild"},
        }),
        _ => json!({
            "component": "api", "version": "HEAD", "commit": commit, "repository": "https://git.example.com/api.git",
            "hostname": "api-aaaaaaaaaaaa.stage.myproj.com", "source": source,
            "manifest": {
                "component": {"name": "api"},
                "build": {"unit_tests": "make test", "command": "make", "output": "dist", "timeout": "90s",
                    "machine": {"kind": "codebuild", "compute": "large", "image": "aws/codebuild/amazonlinux-aarch64-standard:3.0"}},
                "run": {"command": "./api", "port": 8080},
            },
        }),
    };
    serde_json::from_value(json!({"job": kind, "release": release(), "item": item, "round": 1}))
        .unwrap()
}

#[tokio::test]
async fn codebuild_is_asked_for_a_container_that_nobody_else_can_name() {
    let folder = tempfile::tempdir().unwrap();
    let archive = source(folder.path());
    let (bytes, sum) = (
        std::fs::read(&archive).unwrap(),
        hash::sha256_file(&archive).unwrap(),
    );
    let replay = Replay::new([(200, bytes), (200, vec![])]);
    let preparer = Preparer {
        store: Store::new(&replay.config(), "bucket"),
        bucket: "bucket".to_owned(),
        project: "myproj-commands".to_owned(),
        offline: None,
    };
    let handed = prepare(&preparer, &job("build", &sum)).await.unwrap();
    let name = &handed.name;
    assert!(
        name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit()),
        "{name}"
    );
    assert!(
        replay.requests()[1]
            .line
            .starts_with(&format!("PUT /inputs/{name}.zip"))
    );
    let mut asked = serde_json::to_value(&handed.build).unwrap();
    let spec = asked["BuildspecOverride"].take();
    assert!(
        spec.as_str().unwrap().contains("- sh command.sh\n"),
        "{spec}"
    );
    let expected = json!({
        "ProjectName": "myproj-commands", "SourceTypeOverride": "S3",
        "SourceLocationOverride": format!("bucket/inputs/{name}.zip"), "BuildspecOverride": null,
        "ArtifactsOverride": {
            "Type": "S3", "Location": "bucket", "Path": "outputs", "Name": name, "NamespaceType": "NONE",
            "Packaging": "NONE", "EncryptionDisabled": true,
        },
        "LogsConfigOverride": {"CloudWatchLogs": {
            "Status": "ENABLED", "GroupName": "/aws/codebuild/myproj-commands", "StreamName": "stage-r7/api/build",
        }},
        "ImageOverride": "aws/codebuild/amazonlinux-aarch64-standard:3.0",
        "EnvironmentTypeOverride": "ARM_CONTAINER", "ComputeTypeOverride": "BUILD_GENERAL1_LARGE",
        "TimeoutInMinutesOverride": 12, "QueuedTimeoutInMinutesOverride": 30, "IdempotencyToken": name,
    });
    assert_eq!(asked, expected);
}

const GOOD: &str = "ended exited\nstatus 0\nhundredths 130\nmade none\n";

async fn collected(
    kind: &str,
    failed: &str,
    answers: Vec<Answer>,
) -> (Result<Collected, pipeline::errors::Fault>, Replay) {
    let replay = Replay::new(answers);
    let store = Store::new(&replay.config(), "bucket");
    let request = CollectRequest {
        step: job(kind, "0"),
        name: "n".to_owned(),
        time: 1_000,
        failed: failed.to_owned(),
    };
    (collect(&store, request).await, replay)
}

fn missing() -> Answer {
    (
        404,
        "<Error><Code>NoSuchKey</Code><Message>m</Message></Error>",
    )
        .into()
}

fn kept() -> Answer {
    (200, "").into()
}

#[tokio::test]
async fn what_passed_has_its_log_and_evidence() {
    let answers = vec![(200, GOOD).into(), (200, "printed").into(), kept(), kept()];
    let (reply, replay) = collected("unit_tests", "", answers).await;
    let Collected::UnitTests(reply) = reply.unwrap() else {
        panic!()
    };
    assert_eq!(reply.command_seconds, 1.3);
    let lines: Vec<String> = replay.requests().into_iter().map(|one| one.line).collect();
    assert!(lines[0].starts_with("GET /outputs/n/outcome"), "{lines:?}");
    assert!(
        lines[3].starts_with("PUT /evidence/stage-r7/api/unit-tests.json"),
        "{lines:?}"
    );
    let log = &replay.asked()[2];
    assert!(
        log.contains("$ make test\nprinted\n[cutover: exited with code 0, 1.3 s]\n"),
        "{log}"
    );
}

#[tokio::test]
async fn a_container_that_left_nothing_of_ours_did_not_pass() {
    let timed_out = r#"States.TaskFailed: {"Build":{"BuildStatus":"TIMED_OUT"}}"#;
    let cases: [(Answer, &str, &str); 4] = [
        (
            (200, GOOD).into(),
            timed_out,
            "its container ended without saying how its command did (CodeBuild says TIMED_OUT: there was no place for it for half an hour, or ",
        ),
        (
            missing(),
            timed_out,
            "its container ended without saying how its command did (CodeBuild says TIMED_OUT: there was no place for it for half an hour, or ",
        ),
        (
            missing(),
            "",
            "its container ended without saying how its command did, so it did not pass",
        ),
        (
            (200, "ended well").into(),
            "",
            "its container ended without saying",
        ),
    ];
    for (outcome, failed, expected) in cases {
        let answers = vec![outcome, missing(), kept()];
        let (reply, _) = collected("unit_tests", failed, answers).await;
        let fault = reply.unwrap_err();
        assert_eq!(fault.name(), ErrorName::UnitTestsFailed);
        assert!(fault.to_string().contains(expected), "{fault}");
    }
}

#[tokio::test]
async fn a_container_that_never_began_is_no_fault_of_the_command() {
    let refused = "CodeBuild.AccountLimitExceededException: Cannot have more than 0 builds in queue for the account";
    let (reply, _) = collected("build", refused, vec![missing()]).await;
    let fault = reply.unwrap_err();
    assert_eq!(fault.name(), ErrorName::CallRefused);
    assert!(
        fault
            .to_string()
            .contains("no container ran the command to its end: ")
            && fault.to_string().contains(refused),
        "{fault}"
    );
}

#[tokio::test]
async fn an_archive_that_is_none_fails_its_suite() {
    let packed = GOOD.replace("none", "packed");
    let answers = vec![
        (200, packed).into(),
        (200, "").into(),
        kept(),
        (200, "x".repeat(2000)).into(),
        kept(),
    ];
    let (reply, _) = collected("suite", "", answers).await;
    let Collected::Suite(reply) = reply.unwrap() else {
        panic!()
    };
    assert_eq!(reply.outcome, SuiteOutcome::Failed);
    assert!(
        reply
            .reason
            .as_str()
            .contains("what `true` left cannot be taken: "),
        "{:?}",
        reply.reason
    );
}
