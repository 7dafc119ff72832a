//! Reads states' inputs and outputs leniently: what is shown must survive a newer state machine.

use super::stages::{CUTOVER, INTEGRATION_TESTS, UNIT_TESTS_AND_BUILD, column, is_below_the_table};
use serde_json::Value;

/// The subject of what concerns all components.
pub const RELEASE: &str = "release";

/// How a log calls a state; `None` for those that only route.
pub fn spoken(
    state: &str,
    component: Option<&str>,
    suite: Option<&str>,
) -> Option<(String, String)> {
    match state {
        "Run suite" => Some((
            component.unwrap_or(RELEASE).to_owned(),
            format!("suite {}", suite.unwrap_or("?")),
        )),
        _ if is_below_the_table(state) => Some((RELEASE.to_owned(), state.to_owned())),
        _ => column(state).map(|_| {
            let subject = component.unwrap_or(RELEASE);
            (subject.to_owned(), state.to_owned())
        }),
    }
}

/// Whether a state is inside a Map over components or suites: others' inputs may name a component
/// too, e.g. that of the only one that is released.
pub fn is_of_one_component(state: &str) -> bool {
    matches!(
        state,
        "Workspace failed"
            | "Artifact exists?"
            | UNIT_TESTS_AND_BUILD
            | "Pipeline failed"
            | "Run suite"
            | "Suite error"
    ) || column(state).is_some_and(|column| column < INTEGRATION_TESTS)
}

/// Whether the output of a state that ended says that it did not succeed. A `Catch` without an
/// output of its own leaves the error.
pub fn says_failed(state: &str, output: &Value) -> bool {
    match (state, text(output, "/outcome")) {
        ("Run suite", Some(outcome)) => outcome != "passed",
        (CUTOVER, Some("superseded")) => true,
        ("Terminate previous", _) => text(output, "/terminated/left_behind").is_some(),
        ("Tag release" | "Tag what is live", _) => text(output, "/tag/failed").is_some(),
        _ => output.get("failed").is_some() || text(output, "/Error").is_some(),
    }
}

/// Whether a cutover found that what its suites saw is no longer what is live.
pub fn is_to_test_again(output: &Value) -> bool {
    text(output, "/outcome") == Some("peers_moved")
}

/// Whether a cutover moved the aliases.
pub fn is_live(output: &Value) -> bool {
    text(output, "/outcome") == Some("live")
}

/// Whether an input or output is of a live component that is tested beside the release.
pub fn is_companion(value: &Value) -> bool {
    let item = value.get("item").unwrap_or(value);
    item.get("companion").and_then(Value::as_bool) == Some(true)
}

/// The state that a failure names; a companion's has a remark behind it.
pub fn stage_named(failed: &str) -> &str {
    failed.split(" of a companion").next().unwrap_or(failed)
}

/// The component that an input or output belongs to. After a parallel state it is a list of what
/// the branches replied.
pub fn component_of(value: &Value) -> Option<&str> {
    let first = value.as_array().and_then(|replies| replies.first());
    text_of_item(first.unwrap_or(value), "component")
}

/// A text of the item, which a Map's iteration has under `item`.
pub fn text_of_item<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    let item = value.get("item").and_then(|item| item.get(key));
    item.or_else(|| value.get(key)).and_then(Value::as_str)
}

/// A text anywhere.
pub fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}
