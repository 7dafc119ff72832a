//! Taking the last release of a target back, all components of it in one step. The target is this
//! story's own: what its last release was must not depend on other stories.

use end_to_end::{Cloud, Component, Ended, Execution, Family, Place, Service, Traffic, Vpcs};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(240);

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Waits until all four aliases are recorded at these commits.
async fn live(family: &Family, versions: &Value) {
    let all = end_to_end::until(LIMIT, async || {
        for component in family.all() {
            let live = family
                .api
                .cloud
                .live(component.target, &component.name)
                .await?;
            if live.commit != text(&versions[&component.name]) {
                return None;
            }
        }
        Some(())
    });
    assert!(all.await.is_some(), "not all went live: {versions}");
}

async fn instances(family: &Family) -> Vec<String> {
    let mut all = Vec::new();
    for component in family.all() {
        all.extend(component.live().await.instances);
    }
    all
}

/// Takes the last release back, and says how long it took until the aliases had moved.
async fn roll_back(family: &Family, to: &Value, how: &str) -> Ended {
    let began = Instant::now();
    let input = json!({"target": family.api.target, "version": "previous"});
    let execution = Execution::start(&family.api.cloud, &input).await;
    live(family, to).await;
    println!(
        "a release of four rolled back ({how}): {:.1} s from the command to the last alias moved",
        began.elapsed().as_secs_f64()
    );
    let ended = execution.end(LIMIT).await;
    let output = ended.output();
    assert_eq!(output["outcome"], "live");
    assert_eq!(output["components"].as_array().map(Vec::len), Some(4));
    assert_eq!(
        (&output["proven_before"], &output["suites"]),
        (&json!(true), &json!([])),
        "what was live is not tested again"
    );
    ended
}

#[tokio::test]
async fn the_last_release_is_taken_back_as_one_warm_or_launched_again() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "roll");
    let long = place.provision(&[("DrainMargin", "20")]).await;
    assert_eq!(long.output()["outcome"], "provisioned");
    let family = Family::new(&cloud, "roll", place.name).await;
    let first = family.commit_all("1").await;
    assert_eq!(family.release(&first).await.output()["outcome"], "live");
    let before = instances(&family).await;
    let traffic = Traffic::on(&family.api);

    // While the first set drains, its instances still run.
    let second = family.commit_all("2").await;
    let input = json!({"versions": second, "target": place.name});
    let release = Execution::start(&cloud, &input).await;
    live(&family, &second).await;
    roll_back(&family, &first, "warm").await;
    assert_eq!(release.end(LIMIT).await.output()["outcome"], "live");
    assert_eq!(instances(&family).await, before, "taken over, not launched");
    stand_alone(&family, &first).await;

    // A release that has ended has ended its previous instances too. It need not take long.
    place.provision(&[]).await.output();
    let third = family.commit_all("3").await;
    assert_eq!(family.release(&third).await.output()["outcome"], "live");
    roll_back(&family, &first, "launched again").await;
    stand_alone(&family, &first).await;
    for id in &before {
        assert!(!instances(&family).await.contains(id), "{id} was ended");
    }
    traffic.stop().await.without_failure();

    a_push_does_not_bring_it_again(&family.api, text(&third[&family.api.name])).await;
    place.teardown().await.output();
    place.left_nothing().await;
}

async fn stand_alone(family: &Family, versions: &Value) {
    for component in family.all() {
        component
            .stands_alone(text(&versions[&component.name]))
            .await;
    }
}

async fn a_push_does_not_bring_it_again(component: &Component, sha: &str) {
    let input = json!({"component": component.name, "version": sha, "target": component.target, "branch": "main"});
    let ended = component.by_hand(input).await;
    assert_eq!(ended.error, "Superseded", "{ended:#?}");
    assert!(ended.cause.contains("was rolled back"), "{}", ended.cause);
    let next = component.commit_and_push(&Service::good("4")).await;
    let input = json!({"component": component.name, "version": next, "target": component.target, "branch": "main"});
    assert_eq!(component.by_hand(input).await.output()["outcome"], "live");
}
