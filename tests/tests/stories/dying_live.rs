//! What dies right after it went live: users are back at what was live before, which still runs.

use end_to_end::{Cloud, Component, Ended, Execution, Heard, Service, Traffic, until};
use serde_json::json;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(180);

/// How long users may meet a dead instance here: a drain of 3 s, the look at its end, INSYNC and the
/// alias's TTL of 2 s, on a busy machine.
const BOUND: Duration = Duration::from_secs(20);

fn failed(ended: &Ended, error: &str, reasons: &[&str]) {
    let how = (ended.status.as_str(), ended.error.as_str());
    assert_eq!(how, ("FAILED", error), "{ended:#?}");
    for part in reasons {
        let said = ended.cause.contains(part);
        assert!(said, "the cause does not say `{part}`: {}", ended.cause);
    }
}

/// Waits until the alias is recorded to lead to the commit; answers its instance.
async fn live_at(component: &Component, sha: &str) -> String {
    let live = until(LIMIT, async || {
        let live = component.live().await;
        (live.commit == sha).then(|| live.instances[0].clone())
    });
    live.await.expect("it goes live")
}

fn leads_back(component: &Component, sha: &str) -> String {
    let alias = component.alias();
    format!("{alias} leads to {}-{}", component.name, &sha[..12])
}

#[tokio::test]
async fn a_candidate_that_is_terminated_right_after_the_batch_gives_way_to_the_previous() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "fell", "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);

    let bad = component.commit_and_push(&Service::good("2")).await;
    let running = component.execution_of(&bad).await;
    let instance = live_at(&component, &bad).await;
    component.terminate(&instance).await;
    let back = async || (component.alias_row().await["rolled_back"] == *bad).then_some(());
    until(LIMIT, back).await.expect("it goes back");
    // While what was rolled back still has its row, the keeper does not start it again.
    let keep = cloud.cutover(&["keep", "--target", "stage"]).await;
    let ended = running.end(LIMIT).await;
    assert!(keep.code <= 1, "{keep:?}");
    assert_eq!(component.instances_ever().await.len(), 2);

    let reasons = [
        leads_back(&component, &good),
        format!("instance {instance} is "),
    ];
    failed(
        &ended,
        "RolledBack",
        &reasons.each_ref().map(String::as_str),
    );
    let seen = traffic.stop().await;
    let times: Vec<Duration> = seen.failed().map(|(at, _)| at).collect();
    if let (Some(first), Some(last)) = (times.first(), times.last()) {
        assert!(
            *last - *first < BOUND,
            "{first:?} to {last:?}: {}",
            times.len()
        );
    }
    component.stands_alone(&good).await;
    let row = component.alias_row().await;
    assert_eq!(
        (&row["rolled_back"], &row["previous"]["commit"]),
        (&json!(bad), &json!(bad))
    );
    let traffic = Traffic::on(&component);
    traffic.stop().await.only(&good);
}

#[tokio::test]
async fn a_service_that_is_not_healthy_any_more_gives_way_and_no_request_is_lost() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "ailing", "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let heard = Heard::of(&component).await;
    let traffic = Traffic::on(&component);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sick");
    let mut service = Service::good("2");
    service.sick_by = Some(file.clone());
    let bad = component.commit_and_push(&service).await;
    let running = component.execution_of(&bad).await;
    let instance = live_at(&component, &bad).await;
    std::fs::write(&file, "").expect("the file is written");
    let ended = running.end(LIMIT).await;

    let reasons = [
        leads_back(&component, &good),
        format!("instance {instance} answers 503"),
    ];
    failed(
        &ended,
        "RolledBack",
        &reasons.each_ref().map(String::as_str),
    );
    component.stands_alone(&good).await;
    traffic.stop().await.without_failure();
    let acts = component.acts_of("roll-back by itself").await;
    let [told] = acts.as_slice() else {
        panic!("it is told once: {acts:#?}");
    };
    assert_eq!(
        (&told["state"], &told["components"]),
        (&json!("done"), &json!([component.name]))
    );
    let what = told["what"].to_string();
    assert!(what.contains(&leads_back(&component, &good)), "{told:#}");
    assert!(told["why"].to_string().contains(&instance), "{told:#}");
    let heard = heard.stop().await;
    let [event] = heard.as_slice() else {
        panic!("it is announced: {heard:#?}");
    };
    for key in ["by", "what", "why", "release", "components"] {
        assert_eq!(event[key], told[key], "{event:#}");
    }
}

#[tokio::test]
#[ignore = "make test-long: its kind is in make test already"]
async fn where_the_previous_is_not_well_either_nothing_moves_and_the_next_release_ends_both() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "pair-back", "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let before = component.live().await;
    let bad = component.commit_and_push(&Service::good("2")).await;
    let running = component.execution_of(&bad).await;
    let instance = live_at(&component, &bad).await;
    component.terminate(&before.instances[0]).await;
    component.terminate(&instance).await;
    let ended = running.end(LIMIT).await;

    let reasons = [
        format!("Users of {} are affected", component.name),
        format!("{}-{}", component.name, &good[..12]),
        "is not healthy either".to_owned(),
    ];
    failed(
        &ended,
        "DiedAfterCutover",
        &reasons.each_ref().map(String::as_str),
    );
    assert_eq!(component.live().await.commit, bad, "the alias stays");

    // The next one takes both away: two hostnames of one component.
    let fixed = component.goes_live(&Service::good("3")).await;
    component.stands_alone(&fixed).await;
}

#[tokio::test]
#[ignore = "make test-long: many releases"]
async fn all_components_of_a_release_go_back_together() {
    let cloud = Cloud::up().await;
    let parts = [
        Component::unregistered(&cloud, "pair-a", "stage").await,
        Component::unregistered(&cloud, "pair-b", "stage").await,
    ];
    for part in &parts {
        part.follow("releases", "stage").await;
    }
    let commits = async |version: &str| {
        let mut shas = Vec::new();
        for part in &parts {
            shas.push(part.commit_and_push(&Service::good(version)).await);
        }
        shas
    };
    let input = |shas: &[String]| {
        let versions = json!({&parts[0].name: shas[0], &parts[1].name: shas[1]});
        json!({"versions": versions, "target": "stage"})
    };
    let good = commits("1").await;
    assert_eq!(
        parts[0].by_hand(input(&good)).await.output()["outcome"],
        "live"
    );
    let traffic = Traffic::on(&parts[0]);

    let bad = commits("2").await;
    let running = Execution::start(&cloud, &input(&bad)).await;
    let instance = live_at(&parts[1], &bad[1]).await;
    parts[1].terminate(&instance).await;
    let ended = running.end(LIMIT).await;

    let reasons = [
        leads_back(&parts[0], &good[0]),
        leads_back(&parts[1], &good[1]),
    ];
    failed(
        &ended,
        "RolledBack",
        &reasons.each_ref().map(String::as_str),
    );
    for (part, sha) in parts.iter().zip(&good) {
        part.stands_alone(sha).await;
    }
    traffic.stop().await.without_failure();
}

/// Its instances are well, at their own addresses; only who asks by the alias's name is refused. And not at
/// once: the drain is over by then, and what was live before is kept since the release bakes for longer.
#[tokio::test]
async fn a_version_that_fails_its_users_while_it_bakes_is_rolled_back_and_no_push_brings_it_again()
{
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "shut", "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("shut");
    let mut service = Service::good("2");
    service.shut_by = Some(file.clone());
    service.more_of_run = "bake = \"12s\"\n".into();
    let bad = component.commit_and_push(&service).await;
    let running = component.execution_of(&bad).await;
    live_at(&component, &bad).await;
    // Longer than the drain of 3 s, and shorter than the bake.
    tokio::time::sleep(Duration::from_secs(5)).await;
    std::fs::write(&file, "").expect("the file is written");
    let ended = running.end(LIMIT).await;

    let asked = format!("{}:{}/healthz", component.alias(), component.port);
    let reasons = [
        leads_back(&component, &good),
        asked,
        " answers 503: ".into(),
        " answers in a row since 20".into(),
        "a release by hand does".into(),
    ];
    failed(
        &ended,
        "RolledBack",
        &reasons.each_ref().map(String::as_str),
    );
    component.stands_alone(&good).await;
    let seen = traffic.stop().await;
    let refused = |said: &String| said.contains("503 Service Unavailable");
    assert!(seen.failures.iter().all(refused), "{:?}", seen.failures);
    let traffic = Traffic::on(&component);
    traffic.stop().await.only(&good);

    let again =
        json!({"component": component.name, "version": bad, "target": "stage", "branch": "main"});
    let again = component.by_hand(again).await;
    failed(&again, "Superseded", &["was rolled back by stage-r"]);
    assert_eq!(component.live().await.commit, good);
}
