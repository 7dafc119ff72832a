//! What DynamoDB says, and what it is asked: one recorded exchange per outcome.

mod history;
mod keeping;
mod libraries;
mod reading;
mod recording;
mod reserving;
mod targets;

use crate::{Registry, RegistryError};
use aws::CallKind;
use pipeline::names::{Commit, Target};
use replay::Replay;
use serde_json::{Value, json};

const TABLE: &str = "myproj-cutover";
const COMMIT: &str = "3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b";

fn registry(replay: &Replay) -> Registry {
    Registry::new(&replay.config(), TABLE)
}

fn ok(body: Value) -> (u16, String) {
    (200, body.to_string())
}

/// A value as DynamoDB sends it.
fn attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({"NULL": true}),
        Value::Bool(known) => json!({"BOOL": known}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::String(text) => json!({"S": text}),
        Value::Array(all) => json!({"L": all.iter().map(attribute).collect::<Vec<_>>()}),
        Value::Object(_) => json!({"M": item_of(value)}),
    }
}

/// A row as DynamoDB sends it.
fn item_of(row: &Value) -> Value {
    let fields = row.as_object().unwrap().iter();
    fields
        .map(|(key, value)| (key.clone(), attribute(value)))
        .collect()
}

/// As DynamoDB says no: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>.
fn refusal(code: &str) -> (u16, String) {
    let body =
        json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "m"});
    (400, body.to_string())
}

fn condition_failed() -> (u16, String) {
    refusal("ConditionalCheckFailedException")
}

/// As a transaction is cancelled: a reason for each of its rows.
fn cancelled(reasons: &[&str]) -> (u16, String) {
    let listed: Vec<Value> = reasons.iter().map(|one| json!({"Code": one})).collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": listed,
        "Message": format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            reasons.join(", ")
        ),
    });
    (400, body.to_string())
}

fn target() -> Target {
    Target::new("stage").unwrap()
}

fn commit() -> Commit {
    Commit::new(COMMIT).unwrap()
}

/// The requests so far.
fn asked(replay: &Replay) -> Vec<Value> {
    let bodies = replay.asked();
    let read = |body: &String| serde_json::from_str(body).unwrap();
    bodies.iter().map(read).collect()
}

/// How a call failed.
fn kind<T: std::fmt::Debug>(sent: Result<T, RegistryError>) -> CallKind {
    match sent.unwrap_err() {
        RegistryError::Call(error) => error.kind,
        other => panic!("{other}"),
    }
}
