//! `target list` and `target show`, from the table; and what a provisioning or a teardown says last.

use super::status::never_provisioned;
use super::{Context, now, say, say_json, since};
use crate::cloud::Row;
use crate::error::{Exit, Failure};
use crate::text::{Screen, Style, table};
use pipeline::names::Target;
use pipeline::rows::{CandidateState, Key};
use serde_json::{Map, Value, json};

/// Prints all targets.
pub async fn list(context: &Context) -> Result<Exit, Failure> {
    let rows = context.cloud.rows_with_sk("environment", "target#").await?;
    if context.json {
        say_json(
            &rows
                .iter()
                .map(|row| Value::Object(row.0.clone()))
                .collect(),
        )?;
        return Ok(Exit::Good);
    }
    if rows.is_empty() {
        say("there is no target; `cutover target provision dev` makes one")?;
        return Ok(Exit::Good);
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row, now())).collect();
    say(&table(
        &[
            "target",
            "domain",
            "state",
            "protected",
            "recorded",
            "stack",
        ],
        &cells,
        context.screen,
    ))?;
    Ok(Exit::Good)
}

fn cells(row: &Row, now: i64) -> Vec<String> {
    let text = |key: &str| match row.text(key) {
        "" => "-".to_owned(),
        text => text.to_owned(),
    };
    vec![
        name(row).to_owned(),
        text("domain"),
        state(row),
        if is(row, "protected") { "yes" } else { "no" }.into(),
        since(row.text("recorded_at"), now),
        text("stack"),
    ]
}

fn name(row: &Row) -> &str {
    row.text("pk").trim_start_matches("target#")
}

fn state(row: &Row) -> String {
    match row.text("state") {
        "" => "ready".into(),
        "tearing down" => format!("tearing down, by {}", row.text("by")),
        other => other.to_owned(),
    }
}

fn is(row: &Row, key: &str) -> bool {
    row.0.get(key).and_then(Value::as_bool).unwrap_or_default()
}

/// Prints one target.
pub async fn show(context: &Context, target: &Target) -> Result<Exit, Failure> {
    let Some(row) = context.cloud.row(&Key::environment(target)).await? else {
        return Err(Failure::Usage(never_provisioned(target)));
    };
    let pk = Key::target(target);
    let live = context.cloud.rows_of(&pk, "alias#").await?;
    let candidates = context.cloud.rows_of(&pk, "candidate#").await?;
    let instances = instances(&candidates);
    let costs = costs(&row, instances.len());
    if context.json {
        let live: Vec<Value> = live.into_iter().map(|row| Value::Object(row.0)).collect();
        say_json(&json!({"target": row.0, "live": live, "instances": instances, "costs": costs}))?;
        return Ok(Exit::Good);
    }
    say(&shown(&row, &live, &costs, context.screen))?;
    Ok(Exit::Good)
}

/// Of candidates that are not gone.
fn instances(candidates: &[Row]) -> Vec<String> {
    let there = candidates
        .iter()
        .filter(|row| !row.value("state").is_some_and(CandidateState::is_gone));
    let ids = there
        .filter_map(|row| row.0.get("instances")?.as_array().cloned())
        .flatten();
    ids.filter_map(|one| one["id"].as_str().map(str::to_owned))
        .collect()
}

/// What AWS charges for by the hour or by the gigabyte.
fn costs(row: &Row, instances: usize) -> Vec<String> {
    let parameter = |key: &str| {
        row.0
            .get("parameters")
            .and_then(|all| all[key].as_str())
            .unwrap_or_default()
    };
    let kind = match (parameter("InstanceType"), parameter("Architecture")) {
        ("", "x86_64") => "t3.small",
        ("", _) => "t4g.small",
        (kind, _) => kind,
    };
    let mut costs = vec![
        format!(
            "{instances} instance(s) ({kind}, {} GiB each) with a public address each",
            parameter("VolumeSize")
        ),
        "1 hosted zone".to_owned(),
        "1 bucket, by what is in it".to_owned(),
    ];
    if parameter("Database") == "true" {
        let standby = if parameter("Protected") == "true" {
            ", with a standby"
        } else {
            ""
        };
        costs.push(format!(
            "1 database ({}, {} GiB{standby}) and its secret",
            parameter("DatabaseClass"),
            parameter("DatabaseStorage")
        ));
    }
    costs
}

fn shown(row: &Row, live: &[Row], costs: &[String], screen: Screen) -> String {
    let protected = if is(row, "protected") {
        ", protected"
    } else {
        ""
    };
    let title = format!(
        "{}  {}  {}{protected}",
        name(row),
        row.text("domain"),
        state(row)
    );
    let mut parts = vec![screen.colour.paint(Style::Strong, &title)];
    parts.push(pairs(row.0.get("outputs").and_then(Value::as_object)));
    parts.extend(warnings(row.0.get("warnings"), screen));
    parts.push(format!("costs\n  {}", costs.join("\n  ")));
    if live.is_empty() {
        parts.push("nothing is live".into());
    } else {
        let lines = live.iter().map(|one| {
            let commit: String = one.text("commit").chars().take(12).collect();
            format!(
                "  {} {commit} by {}, {}",
                one.text("component"),
                one.text("release"),
                since(one.text("since"), now())
            )
        });
        parts.push(format!("live\n{}", lines.collect::<Vec<_>>().join("\n")));
    }
    parts.join("\n")
}

fn pairs(map: Option<&Map<String, Value>>) -> String {
    let line = |(key, value): (&String, &Value)| {
        format!("  {key:<20} {}", value.as_str().unwrap_or_default())
    };
    map.map(|map| map.iter().map(line).collect::<Vec<_>>().join("\n"))
        .unwrap_or_default()
}

/// What should be mended, each with what to do.
fn warnings(all: Option<&Value>, screen: Screen) -> Vec<String> {
    let all = all.and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str)
        .map(|one| screen.colour.paint(Style::Bad, &format!("warning: {one}")))
        .collect()
}

/// The last words of a provisioning or a teardown.
pub fn outcome(output: &Value, screen: Screen) -> String {
    let target = output["target"].as_str().unwrap_or_default();
    match output["outcome"].as_str() {
        Some("torn_down") => torn_down(target, output, screen),
        Some(outcome) => {
            let said = match outcome {
                "unchanged" => format!("{target} is as it should be; nothing was changed"),
                other => format!("{target} is {other}"),
            };
            let mut parts = vec![screen.colour.paint(Style::Good, &said)];
            parts.push(pairs(output["outputs"].as_object()));
            parts.extend(warnings(output.get("warnings"), screen));
            parts.push(format!("Next: cutover release COMPONENT --target {target}"));
            parts.join("\n")
        }
        None => output.to_string(),
    }
}

fn torn_down(target: &str, output: &Value, screen: Screen) -> String {
    let removed = &output["removed"];
    let count = |key: &str| removed[key].as_array().map_or(0, Vec::len);
    let number = |key: &str| removed[key].as_u64().unwrap_or_default();
    let mut lines = vec![
        screen
            .colour
            .paint(Style::Good, &format!("{target} is torn down")),
        format!(
            "  removed: {} resources of the stack, {} instances, {} records, {} objects, {} rows",
            count("resources"),
            count("instances"),
            count("records"),
            number("objects"),
            number("rows")
        ),
    ];
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.filter_map(|one| one.as_str().map(str::to_owned))
            .collect()
    };
    lines.extend(
        texts(&removed["resources"])
            .iter()
            .map(|one| format!("    {one}")),
    );
    lines.extend(
        texts(&output["kept"])
            .iter()
            .map(|one| format!("  kept: {one}")),
    );
    lines.extend(
        texts(&output["proven"])
            .iter()
            .map(|one| format!("  proven {one}")),
    );
    lines.join("\n")
}
