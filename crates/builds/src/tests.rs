//! What CodeBuild says, and what is made of it.

use crate::{Builds, LONGEST};
use pipeline::sweep::OpenBuild;
use replay::Replay;
use serde_json::{Value, json};

fn answer(body: Value) -> (u16, String) {
    (200, body.to_string())
}

fn refusal(code: &str) -> (u16, String) {
    (400, json!({"__type": code, "message": "m"}).to_string())
}

fn build(id: &str, status: &str, age: i64) -> Value {
    json!({
        "id": id, "buildStatus": status, "startTime": crate::now() - age,
        "logs": {"streamName": "another", "cloudWatchLogs": {"status": "ENABLED", "streamName": "stage-r42/api/build"}},
    })
}

fn builds(replay: &Replay, projects: &[&str]) -> Builds {
    let projects = projects.iter().map(|one| (*one).to_owned());
    Builds::new(&replay.config(), projects.collect())
}

#[tokio::test]
async fn those_that_run_are_found_on_all_pages_of_all_projects() {
    let replay = Replay::new([
        answer(json!({"ids": ["p:1", "p:2"], "nextToken": "more"})),
        answer(json!({"builds": [build("p:1", "IN_PROGRESS", 5), build("p:2", "SUCCEEDED", 9)]})),
        answer(json!({"ids": ["p:3"]})),
        answer(json!({"builds": [build("p:3", "IN_PROGRESS", 50)]})),
        answer(json!({"ids": []})),
    ]);
    let found = builds(&replay, &["p", "offline"]).open().await.unwrap();
    let of = |id: &str| OpenBuild {
        id: id.into(),
        of: "stage-r42/api/build".into(),
    };
    assert_eq!(found, [of("p:1"), of("p:3")]);
    assert!(replay.asked()[2].contains("more"));
}

#[tokio::test]
async fn what_began_longer_ago_than_any_may_run_ends_the_reading() {
    let replay = Replay::new([
        answer(json!({"ids": ["p:1"], "nextToken": "more"})),
        answer(json!({"builds": [build("p:1", "SUCCEEDED", LONGEST + 60)]})),
    ]);
    assert_eq!(builds(&replay, &["p"]).open().await.unwrap(), []);
}

#[tokio::test]
async fn many_pages_come_to_an_end() {
    let page = || {
        [
            answer(json!({"ids": ["p:1"], "nextToken": "more"})),
            answer(json!({"builds": [build("p:1", "SUCCEEDED", 5)]})),
        ]
    };
    let replay = Replay::new((0..5).flat_map(|_| page()));
    assert_eq!(builds(&replay, &["p"]).open().await.unwrap(), []);
    assert_eq!(replay.asked().len(), 10);
}

#[tokio::test]
async fn one_that_is_forgotten_is_stopped_and_a_refusal_is_told() {
    let gone = Replay::new([refusal("ResourceNotFoundException")]);
    builds(&gone, &[]).stop("p:1").await.unwrap();
    let denied = Replay::new([refusal("AccessDeniedException")]);
    let error = builds(&denied, &[]).stop("p:1").await.unwrap_err();
    assert!(error.is("AccessDeniedException"), "{error}");
}
