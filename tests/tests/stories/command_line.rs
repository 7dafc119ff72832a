//! The first ten minutes: what a person types beside `git push`, and what he is told.

use end_to_end::{Cloud, Component, Said, Service, WithoutPermission, unique, until};
use serde_json::Value;
use std::time::Duration;

const PUSHES: usize = 6;

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|why| panic!("{why}: {said:?}"))
}

/// A component whose checkout has it as `origin`, as after `git clone`.
async fn cloned(cloud: &Cloud, what: &str) -> Component {
    let component = Component::new(cloud, what, "stage").await;
    let url = component.url();
    component.git(&["remote", "add", "origin", &url]).await;
    component
}

#[tokio::test]
async fn watch_finds_the_release_of_each_push_whichever_moment_it_is_typed() {
    let cloud = Cloud::up().await;
    let component = cloned(&cloud, "watched").await;
    let mut last = String::new();
    for push in 0..PUSHES {
        last = component.commit(&Service::good(&push.to_string())).await;
        component.git(&["push", "--quiet", "origin", "main"]).await;
        let said = component
            .cutover(&["watch", "--commit", "--timeout", "1ms", "--json"])
            .await;
        let name = json(&said)["execution"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let expected = format!("{}-{}-stage-", component.name, &last[..12]);
        assert!(name.starts_with(&expected), "push {push}: {said:?}");
        assert_eq!(said.code, 4, "{said:?}");
    }

    let to_its_end = component.cutover(&["watch", "--commit"]).await;
    assert_eq!(to_its_end.code, 0, "{to_its_end:?}");
    assert!(
        to_its_end.out.contains("Released stage-r"),
        "{to_its_end:?}"
    );

    // Typed late, with a short SHA, from anywhere in the checkout, it tells how that ended.
    let late = [
        "watch",
        "--commit",
        &last[..9],
        "--component",
        &component.name,
        "--json",
    ];
    let late = json(&component.cutover(&late).await);
    assert_eq!(
        (&late["outcome"], &late["status"]),
        (&"live".into(), &"SUCCEEDED".into()),
        "{late}"
    );
    component.stands_alone(&last).await;
}

#[tokio::test]
async fn a_push_that_starts_nothing_is_said_and_one_that_never_was_has_an_end() {
    let cloud = Cloud::up().await;
    let component = cloned(&cloud, "unfollowed").await;
    component.commit(&Service::good("1")).await;

    let never = component
        .cutover(&["watch", "--commit", "--begin-within", "1s"])
        .await;
    assert_eq!(never.code, 4, "{never:?}");
    assert!(
        never.err.contains("Waiting for the release of"),
        "{never:?}"
    );
    assert!(never.err.contains("`git push` first"), "{never:?}");

    component
        .git(&["push", "--quiet", "origin", "main:topic"])
        .await;
    let topic = component.cutover(&["watch", "--commit"]).await;
    assert_eq!(topic.code, 1, "{topic:?}");
    let sentence = format!(
        "it was pushed to topic, and {} follows main.",
        component.name
    );
    assert!(topic.out.contains(&sentence), "{topic:?}");
    let by_hand = format!("Next: cutover release {}=", component.name);
    assert!(topic.out.contains(&by_hand), "{topic:?}");
}

#[tokio::test]
async fn a_release_that_was_stopped_does_not_run_in_status() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "stopped", "dev").await;
    let mut service = Service::good("1");
    // It is stopped before, also by a busy machine.
    service.unit_tests = "sleep 60".into();
    let sha = component.commit_and_push(&service).await;
    let execution = component.execution_of(&sha).await;
    let is_its = |one: &Value| one["execution"] == execution.name.as_str();
    let listed = async |key: &str| {
        let said = cloud
            .cutover(&["status", "--target", "dev", "--json"])
            .await;
        let said: Value = serde_json::from_str(&said.good("status")).expect("JSON");
        let all = said[0][key].as_array().cloned().unwrap_or_default();
        all.into_iter().find(is_its)
    };
    let running = until(Duration::from_secs(60), async || listed("running").await).await;
    assert!(running.is_some(), "it was never seen running");
    // Else the sweeper records in a moment how it ended.
    let look = "states:DescribeExecution";
    let unswept = WithoutPermission::on(&cloud, "sweep", look, &execution.arn).await;

    execution.stop().await;

    let stopped = until(Duration::from_secs(60), async || listed("unfinished").await).await;
    let stopped = stopped.expect("it is listed as what was not finished");
    assert_eq!(stopped["execution_is"], "stopped by hand");
    assert_eq!(listed("running").await, None);
    let person = cloud
        .cutover(&["status", "--target", "dev"])
        .await
        .good("status");
    let line = format!("{} {}", component.name, &sha[..12]);
    let line = person.lines().find(|text| text.contains(&line));
    assert!(
        line.is_some_and(|text| text.starts_with("stopped by hand: dev-r")),
        "{person}"
    );
    unswept.give_back().await;
    let swept = cloud.cutover(&["sweep", "--target", "dev"]).await;
    swept.good("sweep");
    assert_eq!(listed("unfinished").await, None);
}

#[tokio::test]
async fn a_component_is_added_only_if_its_repository_can_be_read() {
    let cloud = Cloud::up().await;
    let component = Component::unregistered(&cloud, "added", "stage").await;
    let nowhere = format!("{}/nothing-here.git", cloud.variable("CUTOVER_GIT"));
    let row = async |name: &str| cloud.row(&format!("component#{name}"), "config").await;
    let wrong = unique("t-wrong");

    let add = ["component", "add", &wrong, "--repository", &nowhere];
    let refused = cloud.cutover(&add).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("nothing was added"), "{refused:?}");
    assert_eq!(row(&wrong).await, None);

    let added = cloud.cutover(&[&add[..], &["--unchecked"]].concat()).await;
    added.good("component add --unchecked");
    assert!(row(&wrong).await.is_some());
    cloud
        .cutover(&["component", "remove", &wrong])
        .await
        .good("component remove");

    let sha = component.commit(&Service::good("1")).await;
    component.push(&sha).await;
    let url = component.url();
    let add = ["component", "add", &component.name, "--repository", &url];
    let branches = ["--branch", "main=stage", "--branch", "later=nowhere"];
    let said = cloud
        .cutover(&[&add[..], &branches].concat())
        .await
        .good("component add");
    for sentence in [
        "its repository has no branch later yet",
        "there is no target nowhere yet: cutover target provision nowhere",
        &format!(
            "cutover release {} --version main --target stage",
            component.name
        ),
        &sha[..12],
        "git push, then cutover watch --commit",
    ] {
        assert!(said.contains(sentence), "{sentence}: {said}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_wrong_input() {
    let cloud = Cloud::up().await;
    let nobody = unique("t-nobody");
    let released = cloud.cutover(&["release", &nobody, "--json"]).await;
    let error = json(&released);
    assert_eq!(
        (released.code, &error["error"]),
        (2, &"UnknownComponent".into()),
        "{released:?}"
    );
    assert_eq!(error["exit_code"], 2);
    assert_eq!(error["message"], error["cause"]);

    let component = Component::new(&cloud, "exists", "stage").await;
    let sha = component.goes_live(&Service::good("1")).await;
    let release = component.execution_of(&sha).await.name;
    let logs = cloud
        .cutover(&["logs", &release, "--component", &nobody])
        .await;
    assert_eq!(logs.code, 2, "{logs:?}");
    assert!(
        logs.err
            .contains(&format!("its components are {}", component.name)),
        "{logs:?}"
    );
    let watch = ["watch", "--commit", &sha, "--component", &nobody];
    let watch = cloud.cutover(&watch).await;
    assert_eq!(watch.code, 2, "{watch:?}");
    assert!(
        watch.err.contains("was never added; there are "),
        "{watch:?}"
    );
}
