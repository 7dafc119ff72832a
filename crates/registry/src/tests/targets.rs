use super::*;
use crate::{Opened, Polled};
use pipeline::wire::Release;
use std::time::Duration;

#[tokio::test]
async fn a_target_that_is_being_torn_down_stays_closed() {
    let replay = Replay::new([condition_failed()]);
    let opened = registry(&replay)
        .open_target(&target(), &json!({}))
        .await
        .unwrap();
    assert_eq!(opened, Opened::Closing);
    let asked = asked(&replay).remove(0);
    assert_eq!(
        asked["ConditionExpression"],
        "attribute_not_exists(#state) OR #state <> :closed"
    );
    assert_eq!(
        asked["ExpressionAttributeValues"][":closed"],
        json!({"S": "tearing down"})
    );
}

#[tokio::test]
async fn a_target_whose_row_cannot_be_read_is_listed_with_that_beside_the_others() {
    let item = |name: &str| json!({"pk": {"S": name}, "sk": {"S": "environment"}});
    let mut broken = item("target#dev");
    broken["state"] = json!({"N": "1"});
    let replay = Replay::new([ok(json!({"Items": [broken, item("target#stage")]}))]);
    let listed = registry(&replay).targets().await.unwrap();
    let told: Vec<(&str, bool)> = listed
        .iter()
        .map(|(name, row)| (name.as_str(), row.is_ok()))
        .collect();
    assert_eq!(told, [("dev", false), ("stage", true)]);
}

#[tokio::test]
async fn opening_a_target_says_what_it_was_made_of() {
    let before = json!({"Attributes": {"template": {"S": "t"}, "parameters": {"M": {}}}});
    let replay = Replay::new([ok(before), ok(json!({}))]);
    let registry = registry(&replay);
    let Opened::Now(Some(before)) = registry.open_target(&target(), &json!({})).await.unwrap()
    else {
        panic!("it was there");
    };
    assert_eq!(before.template, "t");
    let new = registry.open_target(&target(), &json!({})).await.unwrap();
    assert_eq!(new, Opened::Now(None));
}

#[tokio::test]
async fn closing_marks_a_target_whether_it_is_there_or_not() {
    let replay = Replay::new([ok(json!({}))]);
    registry(&replay)
        .close_target(&target(), "teardown-1")
        .await
        .unwrap();
    let asked = asked(&replay).remove(0);
    assert_eq!(asked.get("ConditionExpression"), None);
    assert_eq!(
        asked["ExpressionAttributeValues"][":by"],
        json!({"S": "teardown-1"})
    );
}

#[tokio::test]
async fn the_newest_executions_are_found_although_a_page_was_cut() {
    let begun = |name: &str| json!({"execution": {"S": name}, "execution_arn": {"S": "arn"}, "started": {"S": "t"}});
    let first =
        json!({"Items": [begun("b")], "LastEvaluatedKey": {"pk": {"S": "p"}, "sk": {"S": "s"}}});
    let replay = Replay::new([ok(first), ok(json!({"Items": [begun("a")]}))]);
    let found = registry(&replay).newest_begun(&target(), 25).await.unwrap();
    let names: Vec<&str> = found.iter().map(|one| one.execution.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
}

#[tokio::test]
async fn an_execution_is_on_the_target_that_has_its_row() {
    let row =
        json!({"pk": {"S": "target#stage"}, "sk": {"S": "execution#push-1"}, "ticket": {"N": "7"}});
    let replay = Replay::new([ok(json!({"Responses": {TABLE: [row]}}))]);
    let names = ["push-1".to_owned(), "push-2".to_owned()];
    let found = registry(&replay)
        .executions_on(&target(), &names)
        .await
        .unwrap();
    assert_eq!(found, ["push-1"]);
}

#[tokio::test]
async fn all_pages_of_a_target_s_keys_are_read() {
    let key = |sk: &str| json!({"sk": {"S": sk}});
    let first =
        json!({"Items": [key("a")], "LastEvaluatedKey": {"pk": {"S": "p"}, "sk": {"S": "a"}}});
    let replay = Replay::new([ok(first), ok(json!({"Items": [key("b")]}))]);
    let found = registry(&replay).keys_of_target(&target()).await.unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "b"]);
}

fn left() -> (u16, String) {
    let key = json!({"pk": {"S": "target#stage"}, "sk": {"S": "b"}});
    ok(json!({"UnprocessedItems": {TABLE: [{"DeleteRequest": {"Key": key}}]}}))
}

#[tokio::test]
async fn rows_that_were_left_unprocessed_are_deleted_again() {
    let replay = Replay::new([left(), ok(json!({"UnprocessedItems": {}}))]);
    let keys = ["a".to_owned(), "b".to_owned()];
    registry(&replay)
        .delete_of_target(&target(), &keys)
        .await
        .unwrap();
    let again = &asked(&replay)[1]["RequestItems"][TABLE];
    assert_eq!(again.as_array().unwrap().len(), 1);
    assert_eq!(again[0]["DeleteRequest"]["Key"]["sk"], json!({"S": "b"}));
}

#[tokio::test]
async fn rows_that_stay_unprocessed_are_left_to_the_state_machine_to_try_again() {
    let replay = Replay::new((0..8).map(|_| left()));
    let sent = registry(&replay)
        .delete_of_target(&target(), &["b".to_owned()])
        .await;
    assert_eq!(kind(sent), CallKind::Unavailable);
}

#[tokio::test]
async fn a_call_deletes_25_rows_at_the_most() {
    let done = || ok(json!({"UnprocessedItems": {}}));
    let replay = Replay::new([done(), done()]);
    let keys: Vec<String> = (0..26).map(|n| n.to_string()).collect();
    registry(&replay)
        .delete_of_target(&target(), &keys)
        .await
        .unwrap();
    let count = |one: &Value| one["RequestItems"][TABLE].as_array().unwrap().len();
    assert_eq!(
        asked(&replay).iter().map(count).collect::<Vec<_>>(),
        [25, 1]
    );
}

fn release() -> Release {
    serde_json::from_value(json!({
        "project": "myproj", "target": "stage", "ticket": 7, "execution": "push-1", "domain": "stage.myproj.com",
        "zone_id": "Z1", "launch_template_id": "lt-1", "subnet_ids": ["subnet-1"], "alias_ttl": 5, "hostname_ttl": 5,
        "drain_seconds": 10, "test_dependents": false, "skip_slow_scans": false, "size": 1,
    }))
    .unwrap()
}

#[tokio::test]
async fn of_two_that_want_to_ask_route_53_one_has_the_turn() {
    let replay = Replay::new([ok(json!({})), condition_failed()]);
    let registry = registry(&replay);
    let turn = async || {
        registry
            .take_turn(&release(), Duration::from_secs(2))
            .await
            .unwrap()
    };
    assert_eq!((turn().await, turn().await), (true, false));
    let asked = asked(&replay).remove(0);
    assert_eq!(
        asked["ConditionExpression"],
        "attribute_not_exists(asked_at_ms) OR asked_at_ms <= :before"
    );
    let value = |name: &str| {
        asked["ExpressionAttributeValues"][name]["N"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    assert_eq!(value(":now") - value(":before"), 2000);
}

#[tokio::test]
async fn what_one_saw_in_sync_the_others_read() {
    let row = json!({"Item": {"in_sync": {"S": "C1"}, "looks": {"N": "3"}}});
    let replay = Replay::new([ok(row.clone()), ok(row), ok(json!({}))]);
    let registry = registry(&replay);
    let polled = async |change| registry.polled(&release(), change).await.unwrap();
    assert_eq!(polled("C1").await, Polled::InSync);
    assert_eq!(polled("C2").await, Polled::NotYet(3));
    assert_eq!(polled("C1").await, Polled::NotYet(0));
}
