//! What became of a release's tags. It is live whatever became of them.

use pipeline::wire::{TagReply, TagResult};
use serde_json::Value;

/// `Tagged release/stage/42: api, ui (already there: msa)`
pub fn tagged(output: &Value) -> Option<String> {
    let reply = reply(output)?;
    let names = |wanted: TagResult| {
        let names = reply.tags.iter().filter(|one| one.outcome == wanted);
        let names: Vec<&str> = names.map(|one| one.component.as_str()).collect();
        names.join(", ")
    };
    let (pushed, there) = (names(TagResult::Pushed), names(TagResult::AlreadyThere));
    match (pushed.as_str(), there.as_str()) {
        ("", "") => None,
        (pushed, "") => Some(format!("Tagged {}: {pushed}", reply.tag)),
        ("", there) => Some(format!("Tagged {} before: {there}", reply.tag)),
        (pushed, there) => Some(format!(
            "Tagged {}: {pushed} (already there: {there})",
            reply.tag
        )),
    }
}

/// What is not tagged and why, a sentence each.
pub fn not_tagged(output: &Value) -> Vec<String> {
    if let Some(why) = output.pointer("/tag/failed").and_then(Value::as_str) {
        return vec![why.to_owned()];
    }
    let Some(reply) = reply(output) else {
        return Vec::new();
    };
    let failed = reply
        .tags
        .iter()
        .filter(|one| one.outcome == TagResult::Failed);
    failed
        .map(|one| {
            format!(
                "{} did not get the tag {}: {}",
                one.component, reply.tag, one.reason
            )
        })
        .collect()
}

fn reply(output: &Value) -> Option<TagReply> {
    serde_json::from_value(output.get("tag")?.clone()).ok()
}
