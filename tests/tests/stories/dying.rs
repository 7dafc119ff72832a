//! What goes live is well at that moment: a candidate that ends before does not, and users never notice.

use end_to_end::{Cloud, Component, Ended, Execution, Service, Start, Traffic, until};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(180);

/// A good version is live and stays so; the next one is this and fails like that.
async fn check(what: &str, start: Start, stage: &str, reasons: &[&str]) {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, what, "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);
    let mut service = Service::good("2");
    service.start = start;
    service.suites.clear(); // one that asks the service may meet it while it is down
    service.add_suite("lucky", "true");
    let (_, ended) = component.release(&service).await;
    failed(&ended, "NotHealthy", stage, reasons);
    component.stands_alone(&good).await;
    traffic.stop().await.only(&good);
}

fn failed(ended: &Ended, error: &str, stage: &str, reasons: &[&str]) {
    let how = (ended.status.as_str(), ended.error.as_str());
    assert_eq!(how, ("FAILED", error), "{ended:#?}");
    for part in reasons.iter().chain([&stage]) {
        let said = ended.cause.contains(part);
        assert!(said, "the cause does not say `{part}`: {}", ended.cause);
    }
}

#[tokio::test]
async fn a_component_that_ends_every_four_seconds_does_not_go_live() {
    let reasons = [
        "did not stay healthy",
        "has seen its component end ",
        " since it was healthy, the last time with exit code 3",
    ];
    check("soon", Start::EndingSoon, "Deploy (cutover)", &reasons).await;
}

#[tokio::test]
async fn a_component_that_prints_much_at_each_crash_is_noticed_as_soon_as_a_silent_one() {
    let reasons = [
        "the component ended 3 times",
        "the last time with exit code 9 after ",
    ];
    check("loud", Start::CrashingLoudly, "Deploy (initial)", &reasons).await;
}

#[tokio::test]
async fn a_candidate_that_is_terminated_while_its_last_suite_runs_does_not_go_live() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "gone", "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let before = component.instances().await;
    let traffic = Traffic::on(&component);

    let folder = tempfile::tempdir().expect("a folder");
    let running = begin_held(&component, folder.path()).await;
    let candidate = new_instance(&component, &before).await;
    component.terminate(&candidate).await;
    std::fs::write(folder.path().join("go"), "").expect("the file is written");
    let ended = running.end(LIMIT).await;

    let reason = format!("did not stay healthy: instance {candidate} is ");
    failed(&ended, "CandidateGone", "Deploy (cutover)", &[&reason]);
    component.stands_alone(&good).await;
    traffic.stop().await.only(&good);
}

/// A release whose last suite runs until there is the file `go`; it runs when this returns.
async fn begin_held(component: &Component, folder: &Path) -> Execution {
    let mut service = Service::good(&folder.to_string_lossy());
    let line = format!(
        "sh -c 'touch {0}/runs; while [ ! -e {0}/go ]; do sleep 0.1; done'",
        folder.display()
    );
    service.suites.clear(); // another one would meet the candidate after its end
    service.add_suite("held", line);
    let sha = component.commit_and_push(&service).await;
    let running = component.execution_of(&sha).await;
    let runs = until(LIMIT, async || folder.join("runs").exists().then_some(())).await;
    assert!(runs.is_some(), "the suite runs");
    running
}

async fn new_instance(component: &Component, before: &[String]) -> String {
    let now = component.instances().await;
    let new = now.into_iter().find(|id| !before.contains(id));
    new.expect("the candidate has an instance")
}
