use super::*;
use pipeline::rows::ArtifactRow;
use pipeline::wire::{Release, Tagged};

fn release() -> Release {
    serde_json::from_value(json!({
        "project": "myproj", "target": "stage", "ticket": 7, "execution": "x", "domain": "stage.myproj.com",
        "zone_id": "Z1", "launch_template_id": "lt-1", "subnet_ids": ["subnet-1"], "alias_ttl": 5, "hostname_ttl": 5,
        "drain_seconds": 10, "test_dependents": false, "skip_slow_scans": false, "size": 2,
    }))
    .unwrap()
}

fn artifact(component: &str, kind: &str) -> Value {
    json!({"component": component, "commit": COMMIT, "kind": kind, "key": "k", "sha256": "a", "bytes": 1,
        "source_sha256": "b", "built_by": "stage-r7", "built_at": "2026-03-01T12:00:00Z", "toolchain": "t"})
}

fn library(component: &str) -> ArtifactRow {
    serde_json::from_value(artifact(component, "library")).unwrap()
}

/// Two libraries, recorded so.
async fn record(replay: &Replay, alone: bool) -> Result<bool, RegistryError> {
    let both = [library("gdal"), library("proj")];
    let registry = registry(replay);
    registry.record_libraries(&release(), &both, alone).await
}

fn written(asked: &Value) -> Vec<String> {
    let writes = asked["TransactItems"].as_array().unwrap().iter();
    let puts = writes.filter_map(|one| one["Put"]["Item"]["pk"]["S"].as_str());
    puts.map(str::to_owned).collect()
}

#[tokio::test]
async fn libraries_are_recorded_in_one_transaction_with_the_end_of_their_release() {
    let replay = Replay::new([ok(json!({}))]);
    assert!(record(&replay, true).await.unwrap());
    let [asked] = asked(&replay).try_into().unwrap();
    assert_eq!(written(&asked), ["component#gdal", "component#proj"]);
    let update = &asked["TransactItems"][0]["Update"];
    assert_eq!(update["Key"]["sk"], json!({"S": "release#00000007"}));
    assert_eq!(
        update["ConditionExpression"],
        "outcome IN (:running, :libraries)"
    );
    let values = &update["ExpressionAttributeValues"];
    assert_eq!(values[":libraries"], json!({"S": "libraries released"}));
    assert_eq!(values[":running"], json!({"S": "running"}));
}

#[tokio::test]
async fn a_release_that_goes_on_is_only_looked_at() {
    let replay = Replay::new([ok(json!({}))]);
    assert!(record(&replay, false).await.unwrap());
    let [asked] = asked(&replay).try_into().unwrap();
    assert_eq!(written(&asked), ["component#gdal", "component#proj"]);
    let check = &asked["TransactItems"][0]["ConditionCheck"];
    assert_eq!(check["Key"]["sk"], json!({"S": "release#00000007"}));
    assert_eq!(
        check["ConditionExpression"],
        "outcome IN (:running, :libraries)"
    );
}

#[tokio::test]
async fn a_release_that_has_ended_records_no_library() {
    let replay = Replay::new([
        cancelled(&["ConditionalCheckFailed", "None", "None"]),
        cancelled(&["None", "TransactionConflict", "None"]),
        refusal("AccessDeniedException"),
    ]);
    assert!(!record(&replay, true).await.unwrap());
    let at_once = record(&replay, true).await;
    assert_eq!(kind(at_once), CallKind::Unavailable, "it is tried again");
    assert_eq!(kind(record(&replay, true).await), CallKind::Denied);
}

#[tokio::test]
async fn what_is_released_is_what_has_a_row_of_a_library() {
    let rows = [artifact("gdal", "library"), artifact("api", "service")];
    let rows: Vec<Value> = rows.iter().map(item_of).collect();
    let replay = Replay::new([ok(json!({"Responses": {TABLE: rows}}))]);
    let tagged = |name: &str| Tagged {
        component: pipeline::names::Component::new(name).unwrap(),
        commit: commit(),
    };
    let asked_for = [tagged("gdal"), tagged("proj"), tagged("api")];
    let found = registry(&replay).released_libraries(&asked_for).await;
    assert_eq!(found.unwrap(), [tagged("gdal")]);
    let keys = asked(&replay)[0]["RequestItems"][TABLE]["Keys"].clone();
    let one = json!({"pk": {"S": "component#proj"}, "sk": {"S": format!("artifact#{COMMIT}")}});
    assert_eq!(keys[1], one);
}
