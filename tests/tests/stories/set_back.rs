//! What is live already and asked for again, while a newer version is on its way.

use end_to_end::{Cloud, Component, Ended, Execution, Service, Traffic, until};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(180);

/// A pushed version whose suite runs until there is the file `go`.
async fn under_test(component: &Component, folder: &Path) -> (String, Execution) {
    let mut service = Service::good("2");
    let line = format!(
        "sh -c 'touch {0}/runs; while [ ! -e {0}/go ]; do sleep 0.1; done'",
        folder.display()
    );
    service.add_suite("held", line);
    let sha = component.commit_and_push(&service).await;
    let running = component.execution_of(&sha).await;
    let runs = until(LIMIT, async || folder.join("runs").exists().then_some(())).await;
    assert!(runs.is_some(), "the suite runs");
    (sha, running)
}

/// The release that a forced push starts of a commit that was pushed before.
async fn set_back(cloud: &Cloud, component: &Component, sha: &str) -> Execution {
    let prefix = component.name_of(sha);
    let of_it = |name: &str| name.starts_with(&prefix);
    let before = Execution::named(cloud, of_it).await.len();
    let to = format!("{sha}:refs/heads/main");
    let push = ["push", "--quiet", "--force", &component.url(), &to];
    component.git(&push).await;
    let another = async || {
        let mut all = Execution::named(cloud, of_it).await;
        (all.len() > before).then(|| all.remove(0)) // the newest is first
    };
    until(LIMIT, another).await.expect("the push is released")
}

/// It ends without having moved anything, and says by whom it was overtaken.
async fn gives_way(component: &Component, running: Execution, to: &Ended, live: &str) {
    let (_, by) = to.release().rsplit_once('-').expect("dev-r42");
    let ended = running.end(LIMIT).await;
    assert_eq!(ended.error, "Superseded", "{ended:#?}");
    let still = format!("{} still points at", component.alias());
    let by = format!("release {by} is later than");
    for part in [still.as_str(), &by, "was live already"] {
        assert!(ended.cause.contains(part), "not `{part}`: {}", ended.cause);
    }
    component.stands_alone(live).await;
}

#[tokio::test]
async fn a_branch_that_is_set_back_to_what_is_live_holds_back_what_was_pushed_before() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "set-back", "dev").await;
    let good = component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);
    let folder = tempfile::tempdir().expect("a folder");
    let (_, running) = under_test(&component, folder.path()).await;

    let back = set_back(&cloud, &component, &good).await.end(LIMIT).await;
    assert_eq!(back.output()["outcome"], "already_live", "{back:#?}");
    std::fs::write(folder.path().join("go"), "").expect("the file is written");

    gives_way(&component, running, &back, &good).await;
    let next = component.goes_live(&Service::good("3")).await;
    component.stands_alone(&next).await;
    traffic.stop().await.without_failure();
}

#[tokio::test]
async fn an_umbrella_release_holds_its_part_that_is_live_already() {
    let cloud = Cloud::up().await;
    let one = Component::new(&cloud, "set-back-one", "dev").await;
    let other = Component::new(&cloud, "set-back-two", "dev").await;
    let good = one.goes_live(&Service::good("1")).await;
    other.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&one);
    let folder = tempfile::tempdir().expect("a folder");
    let (_, running) = under_test(&one, folder.path()).await;

    let new = other.commit(&Service::good("2")).await;
    other.push_to(&new, "topic").await;
    let versions = json!({&one.name: good, &other.name: new});
    let both = json!({"versions": versions, "target": "dev"});
    let both = Execution::start(&cloud, &both).await.end(LIMIT).await;
    assert_eq!(both.output()["outcome"], "live", "{both:#?}");
    std::fs::write(folder.path().join("go"), "").expect("the file is written");

    gives_way(&one, running, &both, &good).await;
    other.stands_alone(&new).await;
    traffic.stop().await.without_failure();
}
