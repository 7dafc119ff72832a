//! Instances that are recorded in the place of others.

use super::{cancelled, ok, registry};
use pipeline::keep::NewInstances;
use pipeline::names::Target;
use pipeline::rows::CandidateRow;
use pipeline::wire::Instance;
use replay::Replay;
use serde_json::{Value, json};
use std::sync::Arc;

fn instance(id: &str) -> Instance {
    Instance {
        id: id.into(),
        address: "10.0.0.1".into(),
    }
}

fn new() -> NewInstances {
    let row: CandidateRow = serde_json::from_value(json!({
        "component": "api", "commit": "a".repeat(40), "hostname": "api-aaaaaaaaaaaa.stage.myproj.com",
        "ticket": 5, "release": "stage-r5", "state": "live", "instances": [instance("i-1")],
    }))
    .unwrap();
    NewInstances {
        row: Arc::new(row),
        instances: vec![instance("i-2")],
    }
}

async fn record(answers: Vec<(u16, String)>) -> (bool, Vec<Value>) {
    let replay = Replay::new(answers);
    let target = Target::new("stage").unwrap();
    let recorded = registry(&replay).record_instances(&target, &new()).await;
    let asked = replay.asked();
    let asked = asked.iter().map(|text| serde_json::from_str(text).unwrap());
    (recorded.unwrap(), asked.collect())
}

/// Each row that was written, and on which condition.
fn written(asked: &Value) -> Vec<(&str, &str)> {
    let writes = asked["TransactItems"].as_array().unwrap().iter();
    let updates = writes.map(|one| &one["Update"]);
    updates
        .map(|one| {
            let sk = one["Key"]["sk"]["S"].as_str().unwrap();
            (sk, one["ConditionExpression"].as_str().unwrap())
        })
        .collect()
}

const CANDIDATE: (&str, &str) = (
    "candidate#api-aaaaaaaaaaaa",
    "ticket = :ticket AND #state = :state AND instances = :old",
);

#[tokio::test]
async fn both_rows_name_other_instances_or_none_does_and_the_alias_whatever_it_named_before() {
    let (recorded, asked) = record(vec![ok(json!({}))]).await;
    assert!(recorded);
    let alias = ("alias#api", "ticket = :ticket AND hostname = :hostname");
    assert_eq!(written(&asked[0]), [CANDIDATE, alias]);
    assert_eq!(asked.len(), 1);
}

#[tokio::test]
async fn what_is_not_recorded_as_live_yet_is_let_alone() {
    let alias = cancelled(&["None", "ConditionalCheckFailed"]);
    let (recorded, asked) = record(vec![alias, ok(json!({}))]).await;
    assert!(recorded);
    assert_eq!(written(&asked[1]), [CANDIDATE]);
}

#[tokio::test]
async fn a_row_that_is_another_by_now_stays() {
    let both = cancelled(&["ConditionalCheckFailed", "None"]);
    let alone = cancelled(&["ConditionalCheckFailed"]);
    let (recorded, _) = record(vec![both, alone]).await;
    assert!(!recorded);
}
