//! Pushes as events: one release each, whoever tells of them, however often.

use end_to_end::{
    Cloud, Component, Ended, Execution, Service, lost_push, push_event, tell_of_push,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const LIMIT: Duration = Duration::from_secs(180);

/// Three tries of a function, with 1 and 2 seconds between them.
const LOST: Duration = Duration::from_secs(60);

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

/// Its repository is CodeCommit's own, which is nowhere near this cloud: that the release begins is
/// all there is to see.
#[tokio::test]
async fn a_push_to_codecommit_starts_a_release_as_well() {
    let cloud = Cloud::up().await;
    let component = Component::unregistered(&cloud, "commit", "dev").await;
    let name = &component.name;
    let there = format!("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/{name}");
    record(&cloud, name, &there).await;
    let id = new_id('b');
    let event = push_event(
        &id,
        "aws.codecommit",
        "CodeCommit Repository State Change",
        name,
        "main",
        &"b".repeat(40),
    );

    let reply = deliver(&cloud, &event).await;

    assert_eq!(reply["outcome"], "started", "{reply}");
    let executions = Execution::named(&cloud, |one| one.starts_with(&format!("{name}-"))).await;
    assert_eq!(executions.len(), 1, "{executions:?}");
    executions[0].stop().await;
}

/// What `component add` records, of an address that is not looked at.
async fn record(cloud: &Cloud, name: &str, address: &str) {
    let item = |pk: String, sk: String| {
        json!({"pk": {"S": pk}, "sk": {"S": sk}, "component": {"S": name}, "repository": {"S": address},
               "branches": {"M": {"main": {"S": "dev"}}}})
        .to_string()
    };
    let table = cloud.variable("CUTOVER_PROJECT").to_owned() + "-cutover";
    for item in [
        item(format!("component#{name}"), "config".into()),
        item(format!("repository#{name}"), format!("component#{name}")),
    ] {
        let put = [
            "dynamodb",
            "put-item",
            "--table-name",
            &table,
            "--item",
            &item,
        ];
        cloud.aws(&put).await.good("put-item");
    }
}

/// Two repositories of one name: a push to the one is none to the other.
#[tokio::test]
async fn a_push_to_another_repository_of_the_same_name_starts_nothing() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "same", "dev").await;
    component.follow("main", "dev").await;
    let mut event = push_event(
        &new_id('e'),
        "cutover.git",
        "Repository State Change",
        &component.name,
        "main",
        &"e".repeat(40),
    );
    event["detail"]["repositoryUrl"] =
        format!("https://git.example.com/theirs/{}.git", component.name).into();

    let reply = deliver(&cloud, &event).await;

    assert_eq!(reply["outcome"], "ignored", "{reply}");
    let why = reply["reason"].as_str().unwrap_or_default();
    assert!(
        why.contains("another repository has the same name"),
        "{why}"
    );
}

#[tokio::test]
async fn a_push_of_a_branch_that_nobody_follows_never_fails() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "odd", "dev").await;
    component.follow("main", "dev").await;
    for name in [
        "feature/#7-größe",
        "wip!",
        "a,b",
        "50%",
        "it's",
        "release/2026&q1",
    ] {
        let mut event = push_event(
            &new_id('f'),
            "cutover.git",
            "Repository State Change",
            &component.name,
            name,
            &"f".repeat(40),
        );
        event["detail"]["repositoryUrl"] = component.url().into();
        let reply = deliver(&cloud, &event).await;
        assert_eq!(reply["outcome"], "ignored", "{name}: {reply}");
    }
}

/// Lambda tries an event of EventBridge again, twice, and then keeps it in the queue.
#[tokio::test]
async fn a_push_that_start_release_refuses_is_tried_again_and_kept() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "lost", "dev").await;
    component.follow("main", "dev").await;
    let mark = "not-a-commit";
    let sent = Instant::now();
    tell_of_push(&component, mark).await;

    let kept = lost_push(&cloud, &component.name, LOST).await;
    let kept = kept.expect("the queue keeps it");

    // 1 and 2 seconds between the tries here; 1 and 2 minutes on AWS.
    assert!(
        sent.elapsed() >= Duration::from_secs(3),
        "{:?}",
        sent.elapsed()
    );
    assert_eq!(
        kept["requestContext"]["condition"], "RetriesExhausted",
        "{kept}"
    );
    assert_eq!(kept["requestPayload"]["detail"]["commitId"], mark);
    let said = kept["responsePayload"]["errorMessage"]
        .as_str()
        .unwrap_or_default();
    assert!(
        said.starts_with("detail.commitId: `not-a-commit`"),
        "{kept}"
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
