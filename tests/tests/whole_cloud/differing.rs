//! In what a release differs from what it should be.

use end_to_end::Ended;
use serde_json::Value;

/// In what it differs from a release that fails like that and in no other way.
pub fn fails(ended: &Ended, error: &str, said: &str) -> Option<String> {
    let as_it_should =
        ended.error == error && ended.cause.contains(said) && !ended.cause.contains("AccessDenied");
    (!as_it_should).then(|| shown(Some(ended.clone())))
}

/// Live, and with nothing to remark.
pub fn went_live(ended: &Ended) -> bool {
    ended.status == "SUCCEEDED"
        && ended.output()["outcome"] == "live"
        && remarks(ended.output()).is_empty()
}

fn remarks(output: &Value) -> Vec<&str> {
    let places = [
        "/cutover/note",
        "/cutover/not_recorded",
        "/cutover/not_watched",
        "/watched/too_few",
        "/terminated/left_behind",
    ];
    let said = places
        .iter()
        .map(|place| output.pointer(place).and_then(Value::as_str));
    said.flatten().collect()
}

pub fn shown(ended: Option<Ended>) -> String {
    match ended {
        None => "no release starts".into(),
        Some(ended) if ended.status == "SUCCEEDED" => remarks(ended.output()).join("; "),
        Some(ended) => format!("{}: {}", ended.error, ended.cause),
    }
}
