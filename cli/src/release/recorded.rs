//! Histories in the form that `aws stepfunctions get-execution-history` prints.

use super::history::{End, Event, Kind};
use super::model::Model;
use crate::release::cells::Line;
use serde_json::Value;

/// Linked by `previousEventId`, two components at once, the second with an artifact already.
pub const AWS_LIVE: &str = include_str!("recorded/aws-live.json");
/// The same, while it runs.
pub const AWS_RUNNING: &str = include_str!("recorded/aws-running.json");
/// Recorded on the local cloud's emulator: not linked, two components at once.
pub const LOCAL_LIVE: &str = include_str!("recorded/local-live.json");
/// Not linked; unit tests fail while Build goes on.
pub const LOCAL_UNIT_TESTS_FAILED: &str = include_str!("recorded/local-unit-tests-failed.json");
/// Not linked; one suite fails, one cannot run, a dependent's passes.
pub const LOCAL_SUITES_FAILED: &str = include_str!("recorded/local-suites-failed.json");

/// Not linked; a peer moves once, then a later release is first.
pub const LOCAL_SUPERSEDED: &str = include_str!("recorded/local-superseded.json");
/// Not linked; a stage of the whole release fails.
pub const LOCAL_PEER_NOT_LIVE: &str = include_str!("recorded/local-peer-not-live.json");

/// Linked by `previousEventId`: four components, a companion of what was asked for and is live
/// already, a second round because it moved, tags of which one fails.
pub const AWS_UMBRELLA: &str = include_str!("recorded/aws-umbrella.json");
/// Not linked; the last release of two components is taken back, and one of it stays.
pub const LOCAL_ROLLED_BACK: &str = include_str!("recorded/local-rolled-back.json");
/// Not linked; the companion of a live dependent does not become healthy.
pub const LOCAL_COMPANION_FAILED: &str = include_str!("recorded/local-companion-failed.json");

/// When all but the recorded one begin.
pub const STARTED: i64 = 1_785_351_420_000;

/// Everything that a history says.
pub fn replay(recorded: &str) -> (Model, Vec<Line>) {
    apply(&events(recorded))
}

/// What was known when this component's Deploy (initial) had begun so many times.
pub fn replay_until_deploy(recorded: &str, component: &str, times: usize) -> (Model, Vec<Line>) {
    let events = events(recorded);
    let begins = |event: &Event| matches!(&event.kind, Kind::Entered { state, input } if state == "Deploy (initial)" && input["item"]["component"] == component);
    let seen = events.iter().enumerate().filter(|(_, event)| begins(event));
    let (last, _) = seen.take(times).last().unwrap();
    apply(&events[..=last])
}

/// The same as on the local cloud, whose events do not say what led to them.
pub fn replay_without_links(recorded: &str) -> (Model, Vec<Line>) {
    let mut events = events(recorded);
    events.iter_mut().for_each(|event| event.previous = 0);
    apply(&events)
}

fn apply(events: &[Event]) -> (Model, Vec<Line>) {
    let mut model = Model::default();
    let lines = events.iter().flat_map(|event| model.apply(event)).collect();
    (model, lines)
}

fn events(recorded: &str) -> Vec<Event> {
    let value: Value = serde_json::from_str(recorded).unwrap();
    value["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(event)
        .collect()
}

fn event(value: &Value) -> Event {
    Event {
        id: value["id"].as_i64().unwrap(),
        previous: value["previousEventId"].as_i64().unwrap_or_default(),
        at: (value["timestamp"].as_f64().unwrap() * 1000.0).round() as i64,
        kind: kind(value),
    }
}

fn kind(value: &Value) -> Kind {
    let text = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let json = |pointer: &str| serde_json::from_str(&text(pointer)).unwrap();
    match value["type"].as_str().unwrap() {
        "ExecutionStarted" => Kind::Started {
            input: json("/executionStartedEventDetails/input"),
        },
        "ExecutionSucceeded" => Kind::Ended(End::Succeeded {
            output: json("/executionSucceededEventDetails/output"),
        }),
        "ExecutionFailed" => Kind::Ended(End::Failed {
            error: text("/executionFailedEventDetails/error"),
            cause: text("/executionFailedEventDetails/cause"),
        }),
        "TaskFailed" => Kind::AttemptFailed {
            error: text("/taskFailedEventDetails/error"),
        },
        "TaskSucceeded" => Kind::AttemptSucceeded,
        kind if kind.ends_with("StateEntered") => Kind::Entered {
            state: text("/stateEnteredEventDetails/name"),
            input: json("/stateEnteredEventDetails/input"),
        },
        kind if kind.ends_with("StateExited") => Kind::Exited {
            state: text("/stateExitedEventDetails/name"),
            output: json("/stateExitedEventDetails/output"),
        },
        _ => Kind::Other,
    }
}
