use super::*;
use pipeline::rows::Key;

type Row = serde_json::Map<String, Value>;

fn item(sk: &str) -> Value {
    json!({"pk": {"S": "target#stage"}, "sk": {"S": sk}})
}

/// A page of these rows, and whether another one follows.
fn page(rows: &[&str], more: bool) -> (u16, String) {
    let items: Vec<Value> = rows.iter().map(|sk| item(sk)).collect();
    let mut body = json!({"Items": items, "Count": rows.len(), "ScannedCount": rows.len()});
    if more {
        body["LastEvaluatedKey"] = item(rows.last().unwrap_or(&"filtered out"));
    }
    ok(body)
}

fn sort_keys(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row["sk"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_row_that_is_not_there_is_none() {
    let replay = Replay::new([ok(json!({}))]);
    let found: Option<Row> = registry(&replay)
        .get(&Key::environment(&target()))
        .await
        .unwrap();
    assert_eq!(found, None);
    assert_eq!(asked(&replay)[0]["ConsistentRead"], true);
}

#[tokio::test]
async fn pages_are_read_to_the_end_also_after_an_empty_one() {
    let replay = Replay::new([page(&["a"], true), page(&[], true), page(&["b"], false)]);
    let rows: Vec<Row> = registry(&replay).query("target#stage", "").await.unwrap();
    assert_eq!(sort_keys(&rows), ["a", "b"]);
    let asked = asked(&replay);
    assert_eq!(asked[1]["ExclusiveStartKey"], item("a"));
    assert_eq!(asked[2]["ExclusiveStartKey"], item("filtered out"));
}

#[tokio::test]
async fn the_newest_rows_are_as_many_as_asked_for_although_a_page_was_cut() {
    let replay = Replay::new([page(&["9", "8"], true), page(&["7", "6"], true)]);
    let rows: Vec<Row> = registry(&replay)
        .newest("target#stage", "", 3)
        .await
        .unwrap();
    assert_eq!(sort_keys(&rows), ["9", "8", "7"]);
    assert_eq!(asked(&replay)[0]["ScanIndexForward"], false);
}

#[tokio::test]
async fn all_pages_of_a_scan_are_read_and_sorted() {
    let other = json!({"Items": [{"pk": {"S": "target#dev"}, "sk": {"S": "environment"}}]});
    let replay = Replay::new([page(&["environment"], true), ok(other)]);
    let rows: Vec<Row> = registry(&replay)
        .with_sort_key("environment", "target#")
        .await
        .unwrap();
    let targets: Vec<&Value> = rows.iter().map(|row| &row["pk"]).collect();
    assert_eq!(targets, ["target#dev", "target#stage"]);
}

#[tokio::test]
async fn where_a_commit_is_says_the_index() {
    let replay = Replay::new([page(&["alias#api"], false)]);
    let rows: Vec<Row> = registry(&replay).of_commit(&commit()).await.unwrap();
    assert_eq!(sort_keys(&rows), ["alias#api"]);
    assert_eq!(asked(&replay)[0]["IndexName"], "by-commit");
}

#[tokio::test]
async fn a_list_that_does_not_end_is_an_error() {
    let replay = Replay::new((0..1000).map(|_| page(&["a"], true)));
    let rows = registry(&replay).query::<Row>("target#stage", "").await;
    assert!(
        matches!(rows, Err(RegistryError::Endless { .. })),
        "{rows:?}"
    );
}

fn keys(count: usize) -> Vec<Key> {
    let key = |n| Key {
        pk: "target#stage".into(),
        sk: format!("{n}"),
    };
    (0..count).map(key).collect()
}

fn unprocessed() -> (u16, String) {
    ok(json!({
        "Responses": {TABLE: [item("0")]},
        "UnprocessedKeys": {TABLE: {"Keys": [item("1")], "ConsistentRead": true}},
    }))
}

#[tokio::test]
async fn keys_that_were_left_unprocessed_are_asked_for_again() {
    let rest = ok(json!({"Responses": {TABLE: [item("1")]}, "UnprocessedKeys": {}}));
    let replay = Replay::new([unprocessed(), rest]);
    let rows: Vec<Row> = registry(&replay).get_many(&keys(2)).await.unwrap();
    assert_eq!(sort_keys(&rows), ["0", "1"]);
    assert_eq!(
        asked(&replay)[1]["RequestItems"][TABLE]["Keys"],
        json!([item("1")])
    );
}

#[tokio::test]
async fn keys_that_stay_unprocessed_are_left_to_the_state_machine_to_try_again() {
    let replay = Replay::new((0..5).map(|_| unprocessed()));
    let rows = registry(&replay).get_many::<Row>(&keys(2)).await;
    assert_eq!(kind(rows), CallKind::Unavailable);
}

#[tokio::test]
async fn a_call_asks_for_100_keys_at_the_most() {
    let none = || ok(json!({"Responses": {TABLE: []}}));
    let replay = Replay::new([none(), none()]);
    let rows: Vec<Row> = registry(&replay).get_many(&keys(101)).await.unwrap();
    assert_eq!(rows.len(), 0);
    let count = |one: &Value| one["RequestItems"][TABLE]["Keys"].as_array().unwrap().len();
    assert_eq!(
        asked(&replay).iter().map(count).collect::<Vec<_>>(),
        [100, 1]
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let replay = Replay::new([page(&["alias#api"], false)]);
    let rows = registry(&replay)
        .query::<pipeline::rows::AliasRow>("target#stage", "alias#")
        .await;
    let said = rows.unwrap_err().to_string();
    assert_eq!(said, "row target#stage / alias#api cannot be read");
}

#[tokio::test]
async fn throttling_is_told_from_a_missing_permission_and_a_missing_table() {
    for (code, expected) in [
        (
            "ProvisionedThroughputExceededException",
            CallKind::Unavailable,
        ),
        ("ThrottlingException", CallKind::Unavailable),
        ("AccessDeniedException", CallKind::Denied),
        ("ResourceNotFoundException", CallKind::Refused),
    ] {
        let replay = Replay::new([refusal(code)]);
        let row = registry(&replay)
            .get::<Row>(&Key::environment(&target()))
            .await;
        assert_eq!(kind(row), expected, "{code}");
    }
}
