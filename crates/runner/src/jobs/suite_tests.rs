use super::*;
use pipeline::bounds::reason_bytes;
use pipeline::names::{Commit, Component, SuiteName};
use std::time::Duration;
use workspace::command::{Ending, Outcome};

fn suite(of: u32) -> SuiteRun {
    serde_json::from_value(serde_json::json!({
        "component": Component::new("api").unwrap(), "suite": SuiteName::new("smoke").unwrap(),
        "commit": Commit::new("a".repeat(40)).unwrap(), "source": {"key": "k", "sha256": "s", "bytes": 1},
        "command": "true", "timeout": "10s", "environment": {}, "of": of,
    }))
    .unwrap()
}

fn ran(code: i32) -> Ran {
    let outcome = Outcome {
        ending: Ending::Exited { code },
        duration: Duration::ZERO,
        user_time: Duration::ZERO,
        system_time: Duration::ZERO,
        tail: String::new(),
        output_bytes: 0,
        hint: None,
    };
    Ran {
        outcome: Ok(outcome),
        log: "s3://bucket/logs/stage-r4/api/suite-smoke.log".into(),
        line: "make it".into(),
    }
}

fn check(code: i32, reports: &Reports, expected: (SuiteOutcome, &str, &str)) {
    let reply = reply(suite(1), &ran(code), reports, 0);
    let found = (reply.outcome, reply.reason.as_str(), reply.remark.as_str());
    assert_eq!(found, expected);
}

#[test]
fn the_exit_code_decides_where_the_report_folder_was_removed() {
    let removed = Reports {
        removed: true,
        ..Reports::default()
    };
    let said = "the suite removed its report folder, so its exit code alone decided";
    check(0, &removed, (SuiteOutcome::Passed, "", said));
    let reason = format!(
        "did not pass: {said}; `make it` exited with code 3 after 0.0 s; log: s3://bucket/logs/stage-r4/api/suite-smoke.log"
    );
    check(3, &removed, (SuiteOutcome::Failed, &reason, ""));
}

#[test]
fn the_reason_begins_with_the_first_failing_test() {
    let red = Reports {
        tests: 2,
        failures: 1,
        first_failures: vec!["Queue.drains: 1 left".into()],
        ..Reports::default()
    };
    let reason = "did not pass: Queue.drains: 1 left; its reports are not all green; log: s3://bucket/logs/stage-r4/api/suite-smoke.log";
    check(0, &red, (SuiteOutcome::Failed, reason, ""));
}

#[test]
fn what_is_no_report_is_said_of_a_suite_that_passed() {
    let other = Reports {
        others: vec!["coverage.xml (it is <coverage>)".into()],
        ..Reports::default()
    };
    check(
        0,
        &other,
        (
            SuiteOutcome::Passed,
            "",
            "no JUnit report: coverage.xml (it is <coverage>)",
        ),
    );
}

/// `<AAAA...>` of 1 MiB gave a state of 3 MiB once, which ends an execution without any clean-up.
#[test]
fn a_reason_of_3_megabytes_does_not_reach_a_state() {
    let huge = Reports {
        malformed: vec!["A".repeat(1 << 20); 3],
        ..Reports::default()
    };
    for of in [0, 1, 200] {
        let reply = reply(suite(of), &ran(1), &huge, 0);
        let text = serde_json::to_string(&reply).unwrap();
        assert!(
            text.len() < 400 + reason_bytes(of).min(1200),
            "{}",
            text.len()
        );
        assert!(
            reply.reason.as_str().ends_with("suite-smoke.log"),
            "{:?}",
            reply.reason
        );
    }
}
