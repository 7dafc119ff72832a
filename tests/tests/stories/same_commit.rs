//! The same commit twice: released by two at once, launched again on purpose or because it is dead.

use end_to_end::{Cloud, Component, Ended, Execution, Service, Traffic, until};
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(180);

fn outcome(ended: &Ended) -> &str {
    ended.output()["outcome"].as_str().unwrap_or_default()
}

/// Puts a commit where no branch that is followed leads to it.
async fn offered(component: &Component, version: &str) -> String {
    let sha = component.commit(&Service::good(version)).await;
    component.push_to(&sha, "topic").await;
    sha
}

fn input(component: &Component, version: &str) -> Value {
    json!({"component": component.name, "version": version, "target": component.target})
}

#[tokio::test]
async fn of_two_releases_of_one_commit_at_once_the_second_ends_as_already_live() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "sametime", "dev").await;
    let first = component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);
    let sha = offered(&component, "2").await;

    // A push and a release by hand, before either is live.
    component.push(&sha).await;
    let pushed = component.execution_of(&sha).await;
    let by_hand = Execution::start(&cloud, &input(&component, &sha)).await;
    let (one, two) = tokio::join!(pushed.end(LIMIT), by_hand.end(LIMIT));

    let mut outcomes = [outcome(&one), outcome(&two)];
    outcomes.sort();
    assert_eq!(outcomes, ["already_live", "live"], "{one:#?} {two:#?}");
    let late = [&one, &two]
        .into_iter()
        .find(|one| outcome(one) == "already_live");
    let late = late.expect("one of them").output();
    assert_eq!(late["already_live"][0]["commit"], sha, "{late}");
    let live = component.live().await;
    assert_eq!((&live.commit, &live.previous), (&sha, &Some(first.clone())));
    component.stands_alone(&sha).await;

    let back = component.by_hand(input(&component, "previous")).await;
    assert_eq!(outcome(&back), "live", "{back:#?}");
    component.stands_alone(&first).await;
    traffic.stop().await.without_failure();
}

#[tokio::test]
#[ignore = "make test-long: many releases"]
async fn an_umbrella_release_beside_one_of_the_same_commit_moves_all_it_brings() {
    let cloud = Cloud::up().await;
    let one = Component::new(&cloud, "umbr", "dev").await;
    let other = Component::new(&cloud, "next-to", "dev").await;
    let (first, was) = (
        one.goes_live(&Service::good("1")).await,
        other.goes_live(&Service::good("1")).await,
    );
    let (sha, new) = (offered(&one, "2").await, offered(&other, "2").await);

    let alone = Execution::start(&cloud, &input(&one, &sha)).await;
    let versions = json!({&one.name: sha, &other.name: new});
    let both = Execution::start(&cloud, &json!({"versions": versions, "target": "dev"})).await;
    let (alone, both) = tokio::join!(alone.end(LIMIT), both.end(LIMIT));

    assert_eq!(outcome(&both), "live", "{both:#?}");
    assert!(
        ["live", "already_live"].contains(&outcome(&alone)),
        "{alone:#?}"
    );
    let (live, beside) = (one.live().await, other.live().await);
    assert_eq!((live.commit, live.previous), (sha.clone(), Some(first)));
    assert_eq!((beside.commit, beside.previous), (new.clone(), Some(was)));
    one.stands_alone(&sha).await;
    other.stands_alone(&new).await;
}

#[tokio::test]
async fn a_dead_live_instance_is_helped_by_the_same_input() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "dead", "dev").await;
    let folder = tempfile::tempdir().expect("a folder");
    let may_serve = folder.path().join("may-serve");
    std::fs::write(&may_serve, "").expect("the file is written");
    let mut service = Service::good("1");
    service.held_by = Some(may_serve.clone());
    let sha = component.goes_live(&service).await;
    let dead = component.live().await.instances;
    // So that the keeper does not replace it before the release has looked.
    std::fs::remove_file(&may_serve).expect("the file goes");
    let mut end = vec!["ec2", "terminate-instances", "--instance-ids"];
    end.extend(dead.iter().map(String::as_str));
    cloud.aws(&end).await.good("terminate-instances");

    let running = Execution::start(&cloud, &input(&component, &sha)).await;
    let planned = async || {
        let states = running.states().await;
        states
            .iter()
            .any(|one| one == "Deploy (initial)")
            .then_some(())
    };
    until(LIMIT, planned).await.expect("it launches another");
    std::fs::write(&may_serve, "").expect("the file is written");
    let ended = running.end(LIMIT).await;

    assert_eq!(outcome(&ended), "live", "{ended:#?}");
    let hostname = ended.output()["components"][0]["hostname"].as_str();
    let again = format!("{}-{}-r", component.name, &sha[..12]);
    assert!(
        hostname.is_some_and(|name| name.starts_with(&again)),
        "{hostname:?}"
    );
    let live = component.live().await;
    assert_eq!((&live.commit, &live.previous), (&sha, &None));
    component.stands_alone(&sha).await;
    let repeated = component.by_hand(input(&component, &sha)).await;
    assert_eq!(
        outcome(&repeated),
        "already_live",
        "it is well now: {repeated:#?}"
    );
}

#[tokio::test]
async fn a_restart_changes_the_instances_and_not_what_a_roll_back_goes_back_to() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "restart", "dev").await;
    let first = component.goes_live(&Service::good("1")).await;
    let sha = component.goes_live(&Service::good("2")).await;
    let before = component.live().await;
    let traffic = Traffic::on(&component);

    let restart = ["restart", &component.name, "--target", "dev"];
    cloud.cutover(&restart).await.good("cutover restart");

    let live = component.live().await;
    assert_eq!((&live.commit, &live.previous), (&sha, &Some(first.clone())));
    assert_ne!(live.instances, before.instances);
    component.stands_alone(&sha).await;
    let back = ["rollback", &component.name, "--target", "dev"];
    cloud.cutover(&back).await.good("cutover rollback");
    component.stands_alone(&first).await;
    traffic.stop().await.without_failure();
}

#[tokio::test]
async fn a_roll_back_that_would_change_nothing_fails_and_says_what_there_is() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "noway", "dev").await;
    let sha = component.goes_live(&Service::good("1")).await;

    let back = ["rollback", &component.name, "--target", "dev"];
    let said = cloud.cutover(&back).await;

    assert_eq!(said.code, 1, "{said:#?}");
    let text = format!("{}{}", said.out, said.err);
    for part in ["NothingToRollBack", "was the first of", &sha[..12]] {
        assert!(text.contains(part), "{part}: {text}");
    }
    component.stands_alone(&sha).await;
}
