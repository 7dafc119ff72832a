//! How a release ended, for a person and for a script.

use super::history::End;
use super::model::Model;
use super::stages::{folder, leaves_a_log};
use crate::text::{Screen, Style, duration, safe, wrap};
use pipeline::cutover::AliasMove;
use pipeline::wire::{SuiteOutcome, SuiteRef, SuiteReply, TerminateReply};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What is printed last.
pub fn ending(model: &Model, execution: &str, screen: Screen) -> String {
    let Some((_, end)) = &model.ended else {
        return String::new();
    };
    match end {
        End::Succeeded { output } if text(output, "outcome") == "already_live" => {
            already_live(output, screen)
        }
        End::Succeeded { output } => live(model, execution, output, screen),
        End::Failed { error, cause } => not_released(model, execution, error, cause, screen),
        End::TimedOut => {
            let cause = "The release reached its time limit. Its candidates may still run: see `cutover status`.";
            not_released(model, execution, "timed out", cause, screen)
        }
        End::Aborted { cause } => {
            let cause =
                format!("Somebody stopped the execution. {cause} Its candidates may still run.");
            not_released(model, execution, "stopped", &cause, screen)
        }
    }
}

/// The same for `--json`.
pub fn ending_json(model: &Model, execution: &str, arn: &str) -> Value {
    let Some((at, end)) = &model.ended else {
        return Value::Null;
    };
    let mut value = json!({
        "execution": execution,
        "execution_arn": arn,
        "release": model.label,
        "target": model.target,
        "status": end.status(),
        "seconds": model.elapsed(*at) as f64 / 1000.0,
    });
    let fields = match end {
        End::Succeeded { output } => {
            json!({"outcome": output.get("outcome").cloned().unwrap_or("live".into()), "output": output})
        }
        End::Failed { error, cause } => {
            json!({"outcome": "not_released", "error": error, "cause": cause})
        }
        End::TimedOut => json!({"outcome": "not_released", "error": "States.Timeout"}),
        End::Aborted { cause } => {
            json!({"outcome": "not_released", "error": "Aborted", "cause": cause})
        }
    };
    if let (Value::Object(value), Value::Object(fields)) = (&mut value, fields) {
        value.extend(fields);
    }
    value
}

fn live(model: &Model, execution: &str, output: &Value, screen: Screen) -> String {
    let release = model.label.as_deref().unwrap_or(execution);
    let took = model.ended.as_ref().map_or(0, |(at, _)| model.elapsed(*at));
    let title = format!("Released {release} in {}.", duration(took));
    let mut lines = vec![screen.colour.paint(Style::Good, &title)];
    lines.extend(moved(output));
    lines.extend(already(output));
    lines.extend(tests(output));
    lines.extend(terminated(output));
    for remark in ["/cutover/note", "/terminated/left_behind"] {
        let remark = output.pointer(remark).and_then(Value::as_str);
        lines.extend(remark.map(|remark| wrap(&format!("Note: {remark}"), "  ", screen.width)));
    }
    let target = model.target.as_deref().unwrap_or("stage");
    lines.push(next(&format!("cutover status --target {target}"), screen));
    lines.join("\n")
}

/// Where each alias points now and pointed before.
fn moved(output: &Value) -> Vec<String> {
    let moves: Vec<AliasMove> = output
        .get("cutover")
        .map(|cutover| list(cutover, "moves"))
        .unwrap_or_default();
    let before =
        |component: &str| match moves.iter().find(|one| one.component.as_str() == component) {
            Some(AliasMove {
                from: Some(from), ..
            }) => format!(" (before: {})", first_label(from.as_str())),
            Some(AliasMove { from: None, .. }) => " (nothing before)".into(),
            None => String::new(),
        };
    let components = output
        .get("components")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    components
        .filter(|one| !text(one, "alias").is_empty() && !text(one, "hostname").is_empty())
        .map(|one| {
            let before = before(text(one, "component"));
            format!(
                "  {} is now {}{before}",
                text(one, "alias"),
                first_label(text(one, "hostname"))
            )
        })
        .collect()
}

fn already_live(output: &Value, screen: Screen) -> String {
    let target = text(output, "target");
    let title = format!(
        "Already live on {}: nothing was launched.",
        if target.is_empty() {
            "its target"
        } else {
            target
        }
    );
    let mut lines = vec![screen.colour.paint(Style::Good, &title)];
    lines.extend(already(output));
    lines.join("\n")
}

fn already(output: &Value) -> Vec<String> {
    list::<pipeline::wire::AlreadyLive>(output, "already_live")
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

/// Nothing where the output does not tell: silence is better than "no suites" without knowing.
fn tests(output: &Value) -> Option<String> {
    output.get("suites")?;
    let suites: Vec<SuiteReply> = list(output, "suites");
    let skipped: Vec<SuiteRef> = list(output, "skipped");
    if suites.is_empty() && skipped.is_empty() {
        return Some("  Tests: the components have no suites.".into());
    }
    let passed = suites
        .iter()
        .filter(|suite| suite.outcome == SuiteOutcome::Passed)
        .count();
    let cases: u64 = suites.iter().map(|suite| suite.tests).sum();
    let cases = if cases == 0 {
        String::new()
    } else {
        format!(" ({cases} test cases)")
    };
    let failed = suites.len() - passed;
    let mut line = format!(
        "  Tests: {passed} passed{cases}, {failed} failed, {} skipped",
        skipped.len()
    );
    if !skipped.is_empty() {
        let names = skipped
            .iter()
            .map(|suite| format!("{}/{}", suite.component, suite.suite));
        line += &format!(": {}", names.collect::<Vec<_>>().join(", "));
    }
    Some(line)
}

fn terminated(output: &Value) -> Option<String> {
    let reply: TerminateReply = serde_json::from_value(output.get("terminated")?.clone()).ok()?;
    let names: Vec<&str> = reply
        .retired
        .iter()
        .map(|name| first_label(name.as_str()))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "  Ended after the drain: {} ({})",
            names.join(", "),
            plural(reply.instances.len(), "instance")
        )
    })
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn not_released(
    model: &Model,
    execution: &str,
    error: &str,
    cause: &str,
    screen: Screen,
) -> String {
    let mut lines = vec![
        screen
            .colour
            .paint(Style::Bad, &safe(&format!("Not released: {error}"))),
    ];
    if !cause.is_empty() {
        lines.push(wrap(cause, "  ", screen.width));
    }
    for command in where_to_look(model, execution) {
        lines.push(next(&command, screen));
    }
    lines.join("\n")
}

/// The commands that print the failed stages' logs; more than three would hide the cause.
fn where_to_look(model: &Model, execution: &str) -> Vec<String> {
    let release = model.label.as_deref().unwrap_or(execution);
    let commands = model.failed.iter().filter_map(|failed| {
        let stage = folder(&failed.stage)?;
        let component = failed
            .component
            .as_ref()
            .map(|name| format!(" --component {name}"))
            .unwrap_or_default();
        Some(match leaves_a_log(stage) {
            true => format!("cutover logs {release}{component} --stage {stage}"),
            false => format!("cutover logs {execution} --stage {stage} --function"),
        })
    });
    let mut commands: Vec<String> = commands.take(3).collect();
    if commands.is_empty() {
        commands.push(match model.label {
            Some(_) => format!("cutover logs {release}"),
            None => format!("cutover logs {execution} --stage plan-release --function"),
        });
    }
    commands
}

fn next(command: &str, screen: Screen) -> String {
    format!("{} {command}", screen.colour.paint(Style::Quiet, "Next:"))
}

fn first_label(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn text<'a>(output: &'a Value, key: &str) -> &'a str {
    output.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The elements that can be read: a newer state machine may add to its output.
fn list<T: DeserializeOwned>(output: &Value, key: &str) -> Vec<T> {
    let items = output
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    items
        .filter_map(|item| serde_json::from_value(item.clone()).ok())
        .collect()
}
