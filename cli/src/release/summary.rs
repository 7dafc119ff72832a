//! What a release that is live did, in lines: from its output, as far as that is understood.

use pipeline::cutover::AliasMove;
use pipeline::names::Component;
use pipeline::wire::{
    AlreadyBuilt, AlreadyLive, ReleasedLibrary, SuiteOutcome, SuiteRef, SuiteReply, TerminateReply,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Where each alias points now and pointed before.
pub fn moved(output: &Value) -> Vec<String> {
    let moves: Vec<AliasMove> = output
        .get("cutover")
        .map(|cutover| list(cutover, "moves"))
        .unwrap_or_default();
    items(output, "components")
        .filter(|one| !text(one, "alias").is_empty() && !text(one, "hostname").is_empty())
        .map(|one| {
            let before = before(&moves, text(one, "component"));
            format!(
                "  {} is now {}{before}",
                text(one, "alias"),
                first_label(text(one, "hostname"))
            )
        })
        .collect()
}

fn before(moves: &[AliasMove], component: &str) -> String {
    match moves.iter().find(|one| one.component.as_str() == component) {
        Some(AliasMove {
            from: Some(from), ..
        }) => format!(" (before: {})", first_label(from.as_str())),
        Some(AliasMove { from: None, .. }) => " (nothing before)".into(),
        None => String::new(),
    }
}

/// What others can pin now, or could before.
pub fn libraries(output: &Value) -> Vec<String> {
    let now = list::<ReleasedLibrary>(output, "libraries").into_iter();
    let now = now.map(|one| (one.component, one.commit, "can be pinned"));
    let before = list::<AlreadyBuilt>(output, "already_built").into_iter();
    let before = before.map(|one| (one.component, one.commit, "was released already"));
    now.chain(before)
        .map(|(library, commit, what)| {
            format!("  {library} {what}: {library} = {{ commit = \"{commit}\" }}")
        })
        .collect()
}

/// What was asked for and needed nothing.
pub fn already(output: &Value) -> Vec<String> {
    list::<AlreadyLive>(output, "already_live")
        .into_iter()
        .map(|live| {
            format!(
                "  {} was already {} (asked for {})",
                live.alias,
                first_label(live.hostname.as_str()),
                live.version
            )
        })
        .collect()
}

/// What a roll-back leaves as it is.
pub fn stays(output: &Value) -> Option<String> {
    let names: Vec<String> = list::<Component>(output, "stay")
        .iter()
        .map(Component::to_string)
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "Stays, since nothing was live before it: {}",
            names.join(", ")
        )
    })
}

/// How it was tested, and beside whom.
pub fn tests(output: &Value) -> Vec<String> {
    if output.get("proven_before") == Some(&Value::Bool(true)) {
        return vec!["Not tested again: all suites passed here before with these versions".into()];
    }
    let mut lines: Vec<String> = suites(output).into_iter().collect();
    let beside: Vec<String> = items(output, "companions").map(companion).collect();
    if !beside.is_empty() {
        lines.push(format!("Tested beside it: {}", beside.join(", ")));
    }
    let rounds = output.get("rounds").and_then(Value::as_u64).unwrap_or(1);
    if rounds > 1 {
        lines.push(format!(
            "Tested {rounds} times: what it talks to, or what talks to it, moved meanwhile"
        ));
    }
    lines
}

fn companion(one: &Value) -> String {
    let commit: String = text(one, "commit").chars().take(12).collect();
    format!("{} {commit}", text(one, "component"))
        .trim_end()
        .to_owned()
}

/// Nothing where the output does not tell: silence is better than "no suites" without knowing.
fn suites(output: &Value) -> Option<String> {
    output.get("suites")?;
    let suites: Vec<SuiteReply> = list(output, "suites");
    let skipped: Vec<SuiteRef> = list(output, "skipped");
    if suites.is_empty() && skipped.is_empty() {
        return Some("Tests: the components have no suites.".into());
    }
    let passed = suites
        .iter()
        .filter(|suite| suite.outcome == SuiteOutcome::Passed)
        .count();
    let cases: u64 = suites.iter().map(|suite| suite.tests).sum();
    let cases = match cases {
        0 => String::new(),
        cases => format!(" ({cases} test cases)"),
    };
    let failed = suites.len() - passed;
    let names: Vec<String> = skipped.iter().map(named).collect();
    let colon = if names.is_empty() { "" } else { ": " };
    Some(format!(
        "Tests: {passed} passed{cases}, {failed} failed, {} skipped{colon}{}",
        skipped.len(),
        names.join(", ")
    ))
}

/// `api/zap`
pub fn named(suite: &SuiteRef) -> String {
    format!("{}/{}", suite.component, suite.suite)
}

/// Whose builds began with what an earlier one had left.
pub fn caches(output: &Value) -> Option<String> {
    let had = items(output, "caches");
    let had = had.map(|one| format!("{} (of {})", text(one, "component"), text(one, "of")));
    let had: Vec<String> = had.collect();
    (!had.is_empty()).then(|| format!("Built with a cache: {}", had.join(", ")))
}

/// What was ended when nobody used it any more.
pub fn terminated(output: &Value) -> Option<String> {
    let reply: TerminateReply = serde_json::from_value(output.get("terminated")?.clone()).ok()?;
    let of_companions = match reply.companions.len() {
        0 => String::new(),
        count => format!(" and {}", plural(count, "companion")),
    };
    let names: Vec<&str> = reply
        .retired
        .iter()
        .map(|name| first_label(name.as_str()))
        .collect();
    let what = match names.is_empty() {
        true => of_companions.trim_start_matches(" and ").to_owned(),
        false => names.join(", ") + &of_companions,
    };
    (!what.is_empty()).then(|| {
        format!(
            "Ended after the drain: {what} ({})",
            plural(reply.instances.len(), "instance")
        )
    })
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

pub fn first_label(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

pub fn text<'a>(output: &'a Value, key: &str) -> &'a str {
    output.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(output: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    let items = output.get(key).and_then(Value::as_array);
    items.into_iter().flatten()
}

/// The elements that can be read: a newer state machine may add to its output.
fn list<T: DeserializeOwned>(output: &Value, key: &str) -> Vec<T> {
    items(output, key)
        .filter_map(|item| serde_json::from_value(item.clone()).ok())
        .collect()
}
