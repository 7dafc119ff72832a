//! Going back to what is not whole any more: an instance of it died after the cutover, when nobody replaced it.

use end_to_end::{Cloud, Component, Execution, Service, Traffic, until};
use serde_json::json;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(180);
/// The keeper's schedule, and a boot.
const KEPT: Duration = Duration::from_secs(150);

/// The instances of what is live are up, and so many.
async fn is_whole(component: &Component, count: usize) -> bool {
    let up = component.instances().await;
    let recorded = component.live().await.instances;
    recorded.len() == count && recorded.iter().all(|id| up.contains(id))
}

/// The release of a pushed commit, as soon as what was live before drains.
async fn drains(component: &Component, sha: &str) -> Execution {
    let release = component.execution_of(sha).await;
    let drains = until(LIMIT, async || {
        let states = release.states().await;
        states.iter().any(|state| state == "Drain").then_some(())
    });
    drains.await.expect("it drains");
    release
}

#[tokio::test]
async fn a_roll_back_launches_anew_what_lost_its_instance_while_it_drained() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "half-hand", "lab").await;
    let first = component.goes_live(&Service::good("1")).await;
    let before = component.live().await.instances;
    let second = component.commit_and_push(&Service::good("2")).await;
    drains(&component, &second).await;
    let traffic = Traffic::on(&component);
    component.kill(&before).await;

    let back = json!({"component": component.name, "version": "previous", "target": "lab"});
    let ended = component.by_hand(back).await;

    assert_eq!(ended.output()["outcome"], "live", "at the first try");
    let live = component.live().await;
    assert_eq!(live.commit, first);
    assert!(live.instances.iter().all(|id| !before.contains(id)));
    let seen = traffic.stop().await;
    assert!(seen.failures.is_empty(), "{:?}", seen.failures);
    component.stands_alone(&first).await;
}

#[tokio::test]
async fn what_is_stopped_while_it_drains_is_ended_with_the_drain() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "half-stop", "lab").await;
    component.goes_live(&Service::good("1")).await;
    let before = component.live().await.instances;
    let second = component.commit_and_push(&Service::good("2")).await;
    let release = drains(&component, &second).await;
    let stop = cloud.machines.stop_instances();
    let stop = stop.set_instance_ids(Some(before)).send().await;
    stop.expect("the instance is stopped");

    let ended = release.end(LIMIT).await;

    assert_eq!(ended.output()["outcome"], "live");
    component.stands_alone(&second).await;
}

#[tokio::test]
#[ignore = "make test-long: waits for a bake that fails"]
async fn users_are_sent_back_to_half_of_what_was_live_and_the_keeper_makes_it_whole() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "half-back", "stage").await;
    let mut service = Service::good("1");
    service.more_of_run = "instances = 2\n".into();
    let good = component.goes_live(&service).await;
    let before = component.live().await.instances;
    assert_eq!(before.len(), 2);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("shut");
    service.version = "2".into();
    service.shut_by = Some(file.clone());
    service.more_of_run = "instances = 2\nbake = \"1m\"\n".into();
    let bad = component.commit_and_push(&service).await;
    let release = component.execution_of(&bad).await;
    let is_live = until(LIMIT, async || {
        (component.live().await.commit == bad).then_some(())
    });
    is_live.await.expect("it goes live");
    component.kill(&before[..1]).await;
    std::fs::write(&file, "").expect("the file is written");

    let ended = release.end(LIMIT).await;
    assert_eq!(ended.error, "RolledBack", "{ended:#?}");
    let live = component.live().await;
    assert_eq!(live.commit, good);
    let whole = until(KEPT, async || is_whole(&component, 2).await.then_some(()));
    whole.await.expect("the keeper replaces the other one");
    component.stands_alone(&good).await;
    let traffic = Traffic::on(&component);
    traffic.stop().await.only(&good);
}
