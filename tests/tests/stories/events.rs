//! Pushes as events: one release each, whoever tells of them, however often.

use end_to_end::{Cloud, Component, Ended, Execution, Service, push_event};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const LIMIT: Duration = Duration::from_secs(180);

/// An event's id that no other run has; its first 12 letters and digits tell it.
fn new_id(mark: char) -> String {
    let time = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock")
        .as_nanos() as u64;
    format!(
        "{mark}{:07x}-{:04x}-4000-8000-000000000000",
        (time >> 16) & 0xfff_ffff,
        time & 0xffff
    )
}

/// Hands an event to the function as EventBridge does, and answers its reply.
async fn deliver(cloud: &Cloud, event: &Value) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let (sent, reply) = (
        folder.path().join("event.json"),
        folder.path().join("reply.json"),
    );
    std::fs::write(&sent, event.to_string()).expect("a file");
    let name = format!("{}-start-release", cloud.variable("CUTOVER_PROJECT"));
    let payload = format!("fileb://{}", sent.display());
    let said = cloud
        .aws(&[
            "lambda",
            "invoke",
            "--function-name",
            &name,
            "--payload",
            &payload,
            &reply.display().to_string(),
        ])
        .await;
    said.good("lambda invoke");
    serde_json::from_str(&std::fs::read_to_string(&reply).expect("a reply")).expect("JSON")
}

async fn the_one_execution(cloud: &Cloud, id: &str) -> Ended {
    let mark: String = id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(12)
        .collect();
    let started = Execution::named(cloud, |name| name.ends_with(&mark)).await;
    assert_eq!(started.len(), 1, "executions of event {id}: {started:?}");
    started[0].end(LIMIT).await
}

#[tokio::test]
async fn an_event_that_is_delivered_twice_starts_one_release() {
    let cloud = Cloud::up().await;
    let component = Component::unregistered(&cloud, "twice", "dev").await;
    let sha = component.commit(&Service::good("1")).await;
    component.push(&sha).await;
    component.follow("main", "dev").await;
    let id = new_id('a');
    let event = push_event(
        &id,
        "cutover.git",
        "Repository State Change",
        &component.name,
        "main",
        &sha,
    );

    let (one, two) = tokio::join!(deliver(&cloud, &event), deliver(&cloud, &event));
    let three = deliver(&cloud, &event).await;

    assert_eq!(one["outcome"], "started", "{one}");
    assert_eq!(
        (&two, &three),
        (&one, &one),
        "each delivery is answered alike"
    );
    assert_eq!(
        the_one_execution(&cloud, &id).await.output()["outcome"],
        "live"
    );
    component.stands_alone(&sha).await;
}

#[tokio::test]
async fn a_push_to_codecommit_starts_a_release_as_well() {
    let cloud = Cloud::up().await;
    let component = Component::unregistered(&cloud, "commit", "dev").await;
    let sha = component.commit(&Service::good("1")).await;
    component.push(&sha).await;
    component.follow("main", "dev").await;
    let id = new_id('b');
    let event = push_event(
        &id,
        "aws.codecommit",
        "CodeCommit Repository State Change",
        &component.name,
        "main",
        &sha,
    );

    let reply = deliver(&cloud, &event).await;

    assert_eq!(reply["outcome"], "started", "{reply}");
    assert_eq!(
        the_one_execution(&cloud, &id).await.output()["components"][0]["commit"],
        sha
    );
}

#[tokio::test]
async fn a_push_to_a_branch_that_nobody_follows_starts_nothing() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "topic", "dev").await;
    let sha = component.commit(&Service::good("1")).await;
    let event = push_event(
        &new_id('c'),
        "cutover.git",
        "Repository State Change",
        &component.name,
        "topic",
        &sha,
    );

    let reply = deliver(&cloud, &event).await;

    assert_eq!(reply["outcome"], "ignored", "{reply}");
    let executions = Execution::named(&cloud, |name| {
        name.starts_with(&format!("{}-", component.name))
    })
    .await;
    assert!(executions.is_empty(), "{executions:?}");
}

#[tokio::test]
async fn an_event_that_is_no_push_is_refused_by_name() {
    let cloud = Cloud::up().await;
    let mut event = push_event(
        &new_id('d'),
        "cutover.git",
        "Repository State Change",
        "api",
        "main",
        "HEAD",
    );
    let reply = deliver(&cloud, &event).await;
    assert_eq!(reply["errorType"], "InputInvalid", "{reply}");
    event["detail"] = json!({});
    let reply = deliver(&cloud, &event).await;
    assert_eq!(reply["errorMessage"], "detail.event: missing", "{reply}");
}
