//! What becomes of a row when its candidate is gone, and how it is found again.

use crate::Registry;
use pipeline::names::{Fqdn, Target, Ticket};
use pipeline::rows::{CandidateRow, CandidateState};
use replay::Replay;
use serde_json::{Value, json};

const NOTHING: &str = "{}";

fn target() -> Target {
    Target::new("stage").unwrap()
}

fn hostname() -> Fqdn {
    Fqdn::new("api-aaaaaaaaaaaa.stage.myproj.com").unwrap()
}

fn item(ticket: u64, state: &str) -> Value {
    json!({
        "pk": {"S": "target#stage"}, "sk": {"S": "candidate#api-aaaaaaaaaaaa"},
        "component": {"S": "api"}, "commit": {"S": "a".repeat(40)},
        "hostname": {"S": hostname().as_str()}, "ticket": {"N": ticket.to_string()},
        "release": {"S": format!("stage-r{ticket}")}, "state": {"S": state},
        "of a later version": {"S": "kept"},
    })
}

fn found(ticket: u64, state: &str) -> String {
    json!({"Item": item(ticket, state)}).to_string()
}

fn cancelled() -> (u16, String) {
    let why = "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]";
    let error = json!({"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message": why});
    (400, error.to_string())
}

/// Ticket 5's candidate is retired, and these are the answers; what came of it, and what was asked.
async fn retire(answers: Vec<(u16, String)>) -> (Option<bool>, Vec<String>) {
    let replay = Replay::new(answers);
    let registry = Registry::new(&replay.config(), "table");
    let state = CandidateState::Retired;
    let retired = registry
        .set_candidate(&target(), &hostname(), Ticket(5), state)
        .await;
    (retired.ok(), replay.asked())
}

fn ok(body: impl Into<String>) -> (u16, String) {
    (200, body.into())
}

#[tokio::test]
async fn a_row_moves_to_the_past_in_the_write_that_says_that_it_is_gone() {
    let (retired, asked) = retire(vec![ok(found(5, "leaving")), ok(NOTHING)]).await;
    assert_eq!(retired, Some(true));
    let asked: Value = serde_json::from_str(&asked[1]).unwrap();
    let [put, delete] = [
        &asked["TransactItems"][0]["Put"],
        &asked["TransactItems"][1]["Delete"],
    ];
    assert_eq!(put["Item"]["sk"]["S"], "past#api-aaaaaaaaaaaa");
    assert_eq!(put["Item"]["state"]["S"], "retired");
    assert_eq!(put["Item"]["of a later version"]["S"], "kept");
    assert_eq!(delete["Key"]["sk"]["S"], "candidate#api-aaaaaaaaaaaa");
    assert_eq!(
        delete["ConditionExpression"],
        "ticket = :ticket AND #state = :seen"
    );
    let values = &delete["ExpressionAttributeValues"];
    assert_eq!(
        (&values[":ticket"]["N"], &values[":seen"]["S"]),
        (&json!("5"), &json!("leaving"))
    );
}

#[tokio::test]
async fn a_row_of_a_later_release_is_left_alone() {
    let (retired, asked) = retire(vec![ok(found(6, "live"))]).await;
    assert_eq!((retired, asked.len()), (Some(false), 1));
}

#[tokio::test]
async fn what_is_gone_already_may_be_taken_away_again() {
    let again = |row: String| vec![ok(NOTHING), ok(NOTHING), ok(row)];
    assert_eq!(retire(again(found(5, "retired"))).await.0, Some(true));
    assert_eq!(
        retire(again(found(4, "retired"))).await.0,
        Some(false),
        "of an earlier one"
    );
    assert_eq!(
        retire(again(NOTHING.into())).await.0,
        Some(false),
        "nothing is recorded"
    );
}

#[tokio::test]
async fn a_row_that_changed_meanwhile_is_read_again_and_not_for_ever() {
    let once = vec![ok(found(5, "live")), cancelled(), ok(found(6, "healthy"))];
    assert_eq!(retire(once).await.0, Some(false), "taken over in between");
    let one = || [ok(found(5, "live")), cancelled()];
    let ever = [one(), one(), one()].into_iter().flatten().collect();
    let (retired, asked) = retire(ever).await;
    assert_eq!((retired, asked.len()), (None, 6));
}

#[tokio::test]
async fn a_hostname_is_found_where_it_stands_and_else_where_it_is_gone() {
    let rows = |items: &[Value]| json!({"Responses": {"table": items}}).to_string();
    let check = async |answers: Vec<(u16, String)>| {
        let replay = Replay::new(answers);
        let registry = Registry::new(&replay.config(), "table");
        let found = registry.candidates(&target(), [&hostname()]).await.unwrap();
        let state = found.get(&hostname()).map(|row| row.state);
        (state, replay.asked().len())
    };
    let stands = vec![ok(rows(&[item(5, "live")]))];
    assert_eq!(check(stands).await, (Some(CandidateState::Live), 1));
    let gone = vec![ok(rows(&[])), ok(rows(&[item(5, "retired")]))];
    assert_eq!(check(gone).await, (Some(CandidateState::Retired), 2));
}

#[tokio::test]
async fn rows_from_before_are_put_away_fifty_at_a_time_and_only_what_is_gone() {
    let row = |n: u64, state| -> CandidateRow {
        let at = format!("api-{n:012x}.stage.myproj.com");
        serde_json::from_value(json!({
            "component": "api", "commit": "a".repeat(40), "hostname": at, "ticket": n,
            "release": format!("stage-r{n}"), "state": state,
        }))
        .unwrap()
    };
    let mut rows: Vec<CandidateRow> = (0..60).map(|n| row(n, "retired")).collect();
    rows.push(row(60, "live"));
    let replay = Replay::new([ok(NOTHING), cancelled()]);
    let registry = Registry::new(&replay.config(), "table");
    let moved = registry.put_away(&target(), &rows, 55).await.unwrap();
    assert_eq!(
        moved, 50,
        "the second transaction met a name that is reserved again"
    );
    let asked: Vec<Value> = replay
        .asked()
        .iter()
        .map(|one| serde_json::from_str(one).unwrap())
        .collect();
    let writes = asked
        .iter()
        .map(|one| one["TransactItems"].as_array().unwrap().len());
    assert_eq!(writes.collect::<Vec<_>>(), [100, 10]);
    assert!(
        !replay.asked().concat().contains("api-00000000003c"),
        "the live one stays"
    );
}
