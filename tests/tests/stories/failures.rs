//! Whatever fails before the cutover: users notice nothing, the cause says what to do, and
//! nothing is left.

use end_to_end::{Cloud, Component, Service, Start, Traffic, no_process_is_left_of};

/// How a release has to fail.
struct Failure {
    error: &'static str,
    stage: &'static str,
    /// What the cause must say besides.
    reasons: &'static [&'static str],
    /// What the log that the cause names must hold; `None` where there is nothing to log.
    log: Option<&'static str>,
}

/// A good version is live; the next one is this; it has to fail like that.
async fn check(what: &str, change: impl FnOnce(&mut Service, &str), expected: Failure) {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, what, "stage").await;
    let good = component.goes_live(&Service::good("good")).await;
    let traffic = Traffic::on(&component);

    let mut service = Service::good("bad");
    change(&mut service, &component.name);
    let (_, ended) = component.release(&service).await;

    assert_eq!(
        (ended.status.as_str(), ended.error.as_str()),
        ("FAILED", expected.error),
        "{ended:#?}"
    );
    let still = format!(
        "{} still points at {}-{}",
        component.alias(),
        component.name,
        &good[..12]
    );
    let names = [component.name.as_str(), expected.stage, &still];
    for part in names.iter().chain(expected.reasons) {
        assert!(
            ended.cause.contains(part),
            "the cause does not say `{part}`: {}",
            ended.cause
        );
    }
    if let Some(said) = expected.log {
        let log = log_of(&cloud, &ended.cause).await;
        assert!(log.contains(said), "the log does not say `{said}`:\n{log}");
    }
    component.stands_alone(&good).await;
    no_process_is_left_of(&format!("mark-{}", component.name)).await;
    traffic.stop().await.only(&good);
}

/// The text behind the first `s3://` of a cause.
async fn log_of(cloud: &Cloud, cause: &str) -> String {
    let start = cause
        .find("s3://")
        .unwrap_or_else(|| panic!("the cause does not say where the log is: {cause}"));
    let url = cause[start..]
        .split([' ', ',', ';'])
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');
    cloud
        .at(url)
        .await
        .unwrap_or_else(|| panic!("there is no {url}, which the cause names: {cause}"))
}

#[tokio::test]
async fn unit_tests_that_fail_end_the_release() {
    let change = |service: &mut Service, _: &str| {
        service.unit_tests = "sh -c 'echo 1 of 7 wrong; exit 3'".into()
    };
    let reasons = &["unit tests of", "exited with code 3", "1 of 7 wrong"];
    check(
        "units",
        change,
        Failure {
            error: "UnitTestsFailed",
            stage: "Unit tests",
            reasons,
            log: Some("1 of 7 wrong"),
        },
    )
    .await;
}

#[tokio::test]
async fn a_build_that_fails_ends_the_release() {
    let change = |service: &mut Service, _: &str| {
        service.build = "sh -c 'echo no rule for you >&2; exit 2'".into()
    };
    let reasons = &["build of", "exited with code 2", "no rule for you"];
    check(
        "build",
        change,
        Failure {
            error: "BuildFailed",
            stage: "Build",
            reasons,
            log: Some("no rule for you"),
        },
    )
    .await;
}

#[tokio::test]
async fn a_build_that_leaves_no_output_ends_the_release() {
    let change = |service: &mut Service, _: &str| service.build = "sh -c 'echo did nothing'".into();
    let reasons = &["build of", "output", "dist"];
    check(
        "empty",
        change,
        Failure {
            error: "BuildFailed",
            stage: "Build",
            reasons,
            log: Some("did nothing"),
        },
    )
    .await;
}

#[tokio::test]
async fn a_command_that_does_not_exist_ends_the_release() {
    let change = |service: &mut Service, _: &str| service.build = "no-such-tool --all".into();
    let reasons = &["build of", "no-such-tool"];
    check(
        "tool",
        change,
        Failure {
            error: "BuildFailed",
            stage: "Build",
            reasons,
            log: Some("no-such-tool"),
        },
    )
    .await;
}

#[tokio::test]
async fn a_manifest_with_an_unknown_key_is_refused_with_its_line() {
    let change = |service: &mut Service, _: &str| {
        service.more_manifest = "\n[[suite]]\nname = \"two\"\ncomand = \"true\"\n".into()
    };
    let reasons = &["cutover.toml", "line 23", "unknown field `comand`"];
    check(
        "key",
        change,
        Failure {
            error: "ManifestInvalid",
            stage: "Prepare workspace",
            reasons,
            log: None,
        },
    )
    .await;
}

#[tokio::test]
async fn a_commit_without_a_manifest_is_refused() {
    let change = |service: &mut Service, _: &str| service.has_manifest = false;
    let reasons = &["has no cutover.toml"];
    check(
        "nofile",
        change,
        Failure {
            error: "ManifestInvalid",
            stage: "Prepare workspace",
            reasons,
            log: None,
        },
    )
    .await;
}

#[tokio::test]
async fn a_service_that_never_becomes_healthy_does_not_go_live() {
    let change = |service: &mut Service, _: &str| service.start = Start::Unhealthy;
    let reasons = &["not healthy within 8 s", "answers 503"];
    check(
        "sick",
        change,
        Failure {
            error: "NotHealthy",
            stage: "Deploy (initial)",
            reasons,
            log: Some("serving"),
        },
    )
    .await;
}

#[tokio::test]
async fn a_service_that_crashes_at_boot_does_not_go_live() {
    let change = |service: &mut Service, _: &str| service.start = Start::Crashing;
    let reasons = &["boom: this version cannot start"];
    check(
        "crash",
        change,
        Failure {
            error: "NotHealthy",
            stage: "Deploy (initial)",
            reasons,
            log: Some("boom"),
        },
    )
    .await;
}

/// Beside the live version, which has the same port of all its addresses.
async fn nobody_listens(what: &str, server: &str, log: &'static str) {
    let change = |service: &mut Service, _: &str| {
        service.start = Start::Unhealthy;
        service.files.push(("server.py", server.into()));
    };
    let reasons = &["has nothing that listens on its address"];
    check(
        what,
        change,
        Failure {
            error: "NotHealthy",
            stage: "Deploy (initial)",
            reasons,
            log: Some(log),
        },
    )
    .await;
}

#[tokio::test]
async fn a_service_that_listens_on_loopback_only_does_not_go_live() {
    let server = "import http.server, os\nprint('listens', flush=True)\n\
        http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), http.server.SimpleHTTPRequestHandler).serve_forever()\n";
    nobody_listens("local", server, "listens").await;
}

#[tokio::test]
async fn a_service_that_does_not_listen_does_not_go_live_with_the_page_of_another() {
    let server = "import time\nprint('sleeps', flush=True)\ntime.sleep(1000)\n";
    nobody_listens("asleep", server, "sleeps").await;
}

const JUNIT: &str = r#"import os, sys
report = '<testsuite name="s" tests="2" failures="1"><testcase name="adds"/><testcase name="subtracts"><failure message="5 is not 4"/></testcase></testsuite>'
open(os.path.join(os.environ["REPORT_DIR"], "s.xml"), "w").write(report)
print("one of two is red")
sys.exit(1)
"#;

#[tokio::test]
async fn a_suite_that_fails_keeps_the_release_from_going_live() {
    let change = |service: &mut Service, _: &str| {
        service.files.push(("red.py", JUNIT.into()));
        service.add_suite("red", "python3 red.py");
    };
    let reasons = &[
        "suite red did not pass",
        "subtracts",
        "5 is not 4",
        "exited with code 1",
    ];
    check(
        "red",
        change,
        Failure {
            error: "IntegrationTestsFailed",
            stage: "Integration tests",
            reasons,
            log: Some("one of two is red"),
        },
    )
    .await;
}

#[tokio::test]
async fn a_suite_that_hangs_is_ended_at_its_limit_with_all_its_processes() {
    let change = |service: &mut Service, name: &str| {
        service.files.push((
            "hang.py",
            "import time\nprint('waiting', flush=True)\ntime.sleep(600)\n".into(),
        ));
        // One in the command's process group, one that leaves it.
        let line = format!(
            "sh -c 'setsid python3 hang.py mark-{name} & exec python3 hang.py mark-{name}'"
        );
        service.add_suite("hanging", line);
    };
    let reasons = &["suite hanging did not pass", "time limit of 3 s"];
    check(
        "hang",
        change,
        Failure {
            error: "IntegrationTestsFailed",
            stage: "Integration tests",
            reasons,
            log: Some("waiting"),
        },
    )
    .await;
}
