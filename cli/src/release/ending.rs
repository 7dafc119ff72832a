//! How a release ended, for a person and for a script.

use super::history::End;
use super::model::Model;
use super::stages::{folder, leaves_a_log};
use super::summary::{already, caches, libraries, moved, stays, terminated, tests, text};
use super::tags::{not_tagged, tagged};
use crate::error::Exit;
use crate::text::{Screen, Style, duration, safe, wrap};
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
        End::TimedOut => not_released(model, execution, "timed out", TIMED_OUT, screen),
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
        "seconds_until_moved": model.moved.map(|after| after as f64 / 1000.0),
    });
    let fields = match end {
        End::Succeeded { output } => {
            json!({"outcome": output.get("outcome").cloned().unwrap_or("live".into()), "output": output})
        }
        End::Failed { error, cause } => {
            json!({"outcome": outcome(error).0, "error": error, "cause": cause})
        }
        End::TimedOut => {
            json!({"outcome": "not_released", "error": "States.Timeout", "cause": TIMED_OUT})
        }
        End::Aborted { cause } => {
            json!({"outcome": "not_released", "error": "Aborted", "cause": cause})
        }
    };
    let fields = as_error(fields, end.exit());
    if let (Value::Object(value), Value::Object(fields)) = (&mut value, fields) {
        value.extend(fields);
    }
    value
}

/// What every error of this program has, beside what a release has.
fn as_error(mut fields: Value, exit: Exit) -> Value {
    if exit != Exit::Good {
        fields["message"] = fields["cause"].clone();
        fields["exit_code"] = exit.code().into();
    }
    fields
}

const TIMED_OUT: &str =
    "The release reached its time limit. Its candidates may still run: see `cutover status`.";

/// What a person has to know although the release is live: its tags are not all there.
pub fn warnings(model: &Model) -> Vec<String> {
    match &model.ended {
        Some((_, End::Succeeded { output })) => not_tagged(output)
            .iter()
            .map(|why| format!("warning: {}", safe(why)))
            .collect(),
        _ => Vec::new(),
    }
}

fn live(model: &Model, execution: &str, output: &Value, screen: Screen) -> String {
    let mut lines = vec![screen.colour.paint(Style::Good, &title(model, execution))];
    lines.extend(moved(output));
    lines.extend(libraries(output));
    lines.extend(already(output));
    let more = stays(output).into_iter().chain(tests(output));
    let more = more.chain(caches(output));
    let more = more.chain(terminated(output)).chain(tagged(output));
    lines.extend(more.map(|line| wrap(&line, "  ", screen.width)));
    let remarks = [
        "/cutover/note",
        "/cutover/not_recorded",
        "/cutover/not_watched",
        "/watched/too_few",
        "/terminated/left_behind",
    ];
    for remark in remarks {
        let remark = output.pointer(remark).and_then(Value::as_str);
        lines.extend(remark.map(|remark| wrap(&format!("Note: {remark}"), "  ", screen.width)));
    }
    let target = model.target.as_deref().unwrap_or("stage");
    let look = match text(output, "outcome") {
        "libraries_released" => "cutover component list".to_owned(),
        _ => format!("cutover status --target {target}"),
    };
    lines.push(next(&look, screen));
    lines.join("\n")
}

/// `Released stage-r42 in 2m52s; the alias moved after 1m20s.`
fn title(model: &Model, execution: &str) -> String {
    let release = model.label.as_deref().unwrap_or(execution);
    let took = model.ended.as_ref().map_or(0, |(at, _)| model.elapsed(*at));
    let what = match model.plan.rollback {
        true => "Rolled back as",
        false => "Released",
    };
    let aliases = match model.plan.brings.len() {
        1 => "the alias",
        _ => "the aliases",
    };
    let moved = model
        .moved
        .map(|after| format!("; {aliases} moved after {}", duration(after)));
    format!(
        "{what} {release} in {}{}.",
        duration(took),
        moved.unwrap_or_default()
    )
}

fn already_live(output: &Value, screen: Screen) -> String {
    let target = match text(output, "target") {
        "" => "its target",
        target => target,
    };
    // It had begun when another release of the same commits went live.
    let began = output.get("discarded").is_some();
    let only_libraries = output.get("already_live") == Some(&json!([]));
    if only_libraries && !began {
        let title = "Already released: nothing was built.";
        let mut lines = vec![screen.colour.paint(Style::Good, title)];
        lines.extend(libraries(output));
        lines.extend(tags(output, screen));
        return lines.join("\n");
    }
    let what = match began {
        true => {
            "another release of the same commits went live first; nothing moved, and the candidates were discarded"
        }
        false => "nothing was launched",
    };
    let title = format!("Already live on {target}: {what}.");
    let mut lines = vec![screen.colour.paint(Style::Good, &title)];
    lines.extend(libraries(output));
    lines.extend(already(output));
    lines.extend(tags(output, screen));
    lines.join("\n")
}

fn tags(output: &Value, screen: Screen) -> Option<String> {
    tagged(output).map(|line| wrap(&line, "  ", screen.width))
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
            .paint(Style::Bad, &safe(&format!("{}: {error}", outcome(error).1))),
    ];
    if !cause.is_empty() {
        lines.push(wrap(cause, "  ", screen.width));
    }
    for command in where_to_look(model, execution) {
        lines.push(next(&command, screen));
    }
    lines.join("\n")
}

/// What became of a release that failed, for a script and for a person.
fn outcome(error: &str) -> (&'static str, &'static str) {
    match error {
        "RolledBack" => ("rolled_back", "Went live and was taken back"),
        "DiedAfterCutover" => ("died_after_cutover", "Live, but not healthy"),
        _ => ("not_released", "Not released"),
    }
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
