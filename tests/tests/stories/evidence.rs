//! A command can answer for its function: Lambda's Runtime API asks nobody who he is. What goes on is
//! decided by what the function itself wrote to the bucket, not by such an answer.

use end_to_end::{Cloud, Component, Execution, Service, until};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(180);

/// A release whose suite runs until there is the file `go`, and what its suite was asked.
async fn held(component: &Component, folder: &Path) -> (Execution, Value) {
    let mut service = Service::good("2");
    let line = format!(
        "sh -c 'touch {0}/runs; while [ ! -e {0}/go ]; do sleep 0.1; done'",
        folder.display()
    );
    service.suites.clear();
    service.add_suite("held", line);
    let sha = component.commit_and_push(&service).await;
    let running = component.execution_of(&sha).await;
    let runs = until(LIMIT, async || folder.join("runs").exists().then_some(())).await;
    assert!(runs.is_some(), "the suite runs");
    let asked = running.input_of("Run suite").await;
    (running, asked)
}

fn refused(answer: &Value, reasons: &[&str]) {
    assert_eq!(answer["errorType"], "EvidenceRefused", "{answer}");
    let said = answer["errorMessage"].as_str().unwrap_or_default();
    for reason in reasons {
        assert!(said.contains(reason), "`{reason}` is not in: {said}");
    }
}

#[tokio::test]
async fn suites_that_are_only_said_to_have_passed_move_no_alias() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "said", "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (running, suite) = held(&component, folder.path()).await;
    let candidate = running.input_of("Deploy (initial)").await;

    // What the state machine asks of Deploy (cutover) when every suite is said to have passed.
    let step = json!({
        "release": suite["release"], "read_set": {}, "tested": {"set": {}, "skipped": [], "round": 1},
        "components": [{"component": component.name, "hostname": candidate["item"]["hostname"]}],
    });
    let answer = cloud.call("cutover", &step).await;
    refused(
        &answer,
        &[
            "suite-held-1.json) is not there",
            "its answer is not believed",
        ],
    );
    assert_eq!(component.live().await.commit, good, "no alias moved");

    std::fs::write(folder.path().join("go"), "").expect("the file is written");
    assert_eq!(running.end(LIMIT).await.output()["outcome"], "live");
}

#[tokio::test]
async fn a_build_that_is_only_said_to_have_run_publishes_nothing() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "built", "dev").await;
    let (sha, ended) = component.release(&Service::good("1")).await;
    assert_eq!(ended.output()["outcome"], "live");
    let execution = component.execution_of(&sha).await;
    let run = execution.input_of("Push artifacts").await;
    // Push artifacts is given what the parallel stages were given; see `job` in the state machine.
    let first = execution.input_of("Unit tests").await;
    assert!(run.is_array(), "what Unit tests and Build answered: {run}");
    let step = |change: fn(&mut Value)| {
        let mut step = json!({"release": first["release"], "item": first["item"]});
        change(&mut step);
        step
    };

    let of_another = step(|step| step["release"]["execution"] = "another".into());
    let answer = cloud.call("push-artifacts", &of_another).await;
    refused(&answer, &["unit-tests.json) is of another run"]);
    let other_source = step(|step| step["item"]["source"]["sha256"] = "0".repeat(64).into());
    let answer = cloud.call("push-artifacts", &other_source).await;
    refused(&answer, &["unit-tests.json) is of another run"]);
    let never = step(|step| step["release"]["ticket"] = 999_999.into());
    let answer = cloud.call("push-artifacts", &never).await;
    refused(&answer, &["unit-tests.json) is not there"]);

    // The very same step as it was is believed again: an act may run twice.
    let again = cloud.call("push-artifacts", &step(|_| {})).await;
    assert_eq!(again["artifact"]["built_by"], ended.release(), "{again}");
}
