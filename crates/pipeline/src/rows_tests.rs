//! Rows that tables hold already are read, and written as they were.

use super::*;
use serde_json::{Value, json};

/// Rows were written in these words before they were enums.
fn check<T: Serialize + for<'a> Deserialize<'a>>(words: &[&str]) {
    for word in words {
        let known: T = serde_json::from_value(json!(word)).unwrap();
        assert_eq!(serde_json::to_value(known).unwrap(), json!(word));
    }
    let other: Result<T, _> = serde_json::from_value(json!("something else"));
    assert!(other.is_err(), "a word that nobody wrote is not guessed at");
}

#[test]
fn outcomes_and_results_keep_their_words() {
    check::<ReleaseOutcome>(&[
        "running",
        "live",
        "already live",
        "not released",
        "rolled back",
    ]);
    check::<SetResult>(&["passed", "failed"]);
    check::<crate::wire::LaunchOutcome>(&["launched", "already launched"]);
    check::<crate::target_wire::TargetAction>(&["provision", "teardown"]);
    check::<crate::target_wire::ProvisionOutcome>(&["provisioned", "updated", "unchanged"]);
}

fn release_of_before() -> Value {
    json!({
        "ticket": 7, "execution": "push-1", "execution_arn": "arn:aws:states:x", "started": "2026-03-01T12:00:00Z",
        "outcome": "not released", "cause": "no suite passed", "ended": "2026-03-01T12:01:00Z",
        "plan": {
            "outcome": "release", "components": [], "already_live": [],
            "release": {
                "project": "myproj", "target": "stage", "ticket": 7, "execution": "push-1",
                "domain": "stage.myproj.com", "zone_id": "Z1", "launch_template_id": "lt-1", "launch_template_version": "1",
                "subnet_ids": ["subnet-1"], "alias_ttl": 5, "hostname_ttl": 5, "drain_seconds": 10,
                "skip_slow_scans": false, "size": 1, "test_dependents": false, "tag": false,
                "rollback": false, "proven": false,
            },
        },
    })
}

#[test]
fn a_release_row_of_before_is_read_and_written_as_it_was() {
    let row: ReleaseRow = serde_json::from_value(release_of_before()).unwrap();
    assert_eq!(row.outcome, ReleaseOutcome::NotReleased);
    assert_eq!(serde_json::to_value(row).unwrap(), release_of_before());
}

#[test]
fn a_set_row_of_before_is_read_and_written_as_it_was() {
    let before = json!({
        "set": {"api": "3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b"}, "released": ["api"], "dependents": [],
        "result": "failed", "suites": [], "skipped": [], "release": "stage-r7", "ticket": 7, "round": 1,
        "at": "2026-03-01T12:00:00Z",
    });
    let row: SetRow = serde_json::from_value(before.clone()).unwrap();
    assert_eq!(row.result, SetResult::Failed);
    assert_eq!(serde_json::to_value(row).unwrap(), before);
}
