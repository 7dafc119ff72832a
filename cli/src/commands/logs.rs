//! `logs`: what the commands, suites, instances and functions of a release said.

use super::start::parse_duration;
use super::{Context, follow, function_logs, label, live_logs, now, say, say_json};
use crate::cloud::{Execution, Log, Which};
use crate::error::{Exit, Failure};
use crate::release::kept::{Kept, together};
use crate::release::model::Model;
use crate::release::stages::{folder, folders, leaves_a_log};
use crate::text::{Style, duration, safe, size, table};
use clap::Args;
use pipeline::names::Component;
use pipeline::names::Target;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

const HELP: &str = "\
Stages are named as their functions: unit-tests, build, deploy-initial (the instances' own logs),
integration-tests (all suites), suite-<name> (one).

With --live it is the log of the instances that are live, from their first line, also after they
have ended. It is kept for 90 days and arrives a few seconds late.

Examples:
  cutover logs                                      of the newest release
  cutover logs stage-r42 --component api --stage unit-tests
  cutover logs stage-r42 --stage suite-smoke
  cutover logs stage-r42 --component api --stage build --follow    while it runs
  cutover logs api-HEAD-stage-mzx1 --function       what the functions themselves said
  cutover logs --live api --target prod --follow
  cutover logs --live api --since 10m";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Logs {
    /// A release (stage-r42), an execution's name or its ARN [default: the newest release]
    pub release: Option<String>,
    /// Only of this component
    #[arg(long)]
    pub component: Option<Component>,
    /// Only of this stage
    #[arg(long)]
    pub stage: Option<String>,
    /// The functions' own logs instead
    #[arg(long)]
    pub function: bool,
    /// Names and sizes only
    #[arg(long)]
    pub list: bool,
    /// What the service itself says: the log of the instances that are live
    #[arg(long, value_name = "COMPONENT", conflicts_with_all = ["release", "component", "stage", "function", "list"])]
    pub live: Option<Component>,
    /// Where it is live [default: stage]
    #[arg(long, requires = "live")]
    pub target: Option<Target>,
    /// What commands print, while they run; with --live what the service says from now on, also of the
    /// version that is live next
    #[arg(long, conflicts_with_all = ["function", "list"])]
    pub follow: bool,
    /// Only what arrived within this time, e.g. 10m
    #[arg(long, value_name = "DURATION", requires = "live", value_parser = parse_duration)]
    pub since: Option<Duration>,
}

/// What is looked at.
pub struct Wanted {
    pub execution: Execution,
    pub model: Model,
    pub label: Option<String>,
}

/// Prints them.
pub async fn run(context: &Context, logs: Logs) -> Result<Exit, Failure> {
    if let Some(component) = &logs.live {
        return live_logs::run(context, component, &logs).await;
    }
    if logs.follow {
        return follow::run(context, &logs).await;
    }
    let wanted = find(context, logs.release.as_deref()).await?;
    if logs.function {
        let (stage, started) = (logs.stage.as_deref(), wanted.model.started);
        return function_logs::print(context, stage, &wanted.execution, started).await;
    }
    let Some(release) = &wanted.label else {
        let name = &wanted.execution.name;
        return Err(Failure::Usage(format!(
            "{name} has not been planned, so no command has run\nNext: cutover logs {name} --stage plan-release --function"
        )));
    };
    let bucket = context.cloud.bucket().await?;
    let prefix = format!("logs/{release}/");
    let mut found = together(context.cloud.logs(&bucket, &prefix, None).await?);
    if let Some(component) = &logs.component {
        is_of_the_release(component, release, &wanted.model, &found)?;
        found.retain(|log| log.component == component.as_str());
    }
    if let Some(stage) = &logs.stage {
        leaves_one(stage, release, &found)?;
        found.retain(|log| belongs(&log.name, stage));
    }
    sort(&mut found, &wanted.model);
    if found.is_empty() && !context.json {
        say(&nothing_yet(&wanted, &prefix))?;
    }
    match (context.json, logs.list) {
        (true, list) => say_json(&as_json(context, &bucket, &found, list).await?)?,
        (false, true) => say(&listed(context, &found))?,
        (false, false) => print(context, &bucket, &found).await?,
    }
    Ok(Exit::Good)
}

/// A log is there when its command has ended.
fn nothing_yet(
    Wanted {
        execution, model, ..
    }: &Wanted,
    prefix: &str,
) -> String {
    let next = match model.ended {
        Some(_) => "--function",
        None => "--follow",
    };
    let name = &execution.name;
    format!("No logs under {prefix} yet.\nNext: cutover logs {name} {next}")
}

pub async fn find(context: &Context, text: Option<&str>) -> Result<Wanted, Failure> {
    let execution = match text {
        Some(text) => context.find(text).await?,
        None => match context
            .cloud
            .newest(1, Which::All)
            .await?
            .into_iter()
            .next()
        {
            Some(newest) => newest.execution,
            None => {
                let why =
                    "no release has run yet; start one with `cutover release COMPONENT` or a push";
                return Err(Failure::Usage(why.into()));
            }
        },
    };
    let mut model = Model::default();
    for event in context.cloud.events_after(&execution, 0).await? {
        model.apply(&event);
    }
    let named = text.filter(|text| label(text).is_some()).map(str::to_owned);
    Ok(Wanted {
        label: named.or_else(|| model.label.clone()),
        execution,
        model,
    })
}

/// Nothing is found of what is misspelt, and that is no answer.
fn is_of_the_release(
    component: &Component,
    release: &str,
    model: &Model,
    logs: &[Kept],
) -> Result<(), Failure> {
    let rows = model.rows.iter().map(|row| row.component.as_str());
    let known: BTreeSet<&str> = rows
        .chain(logs.iter().map(|log| log.component.as_str()))
        .collect();
    match known.contains(component.as_str()) || known.is_empty() {
        true => Ok(()),
        false => Err(Failure::Usage(format!(
            "component `{component}` is not in {release}; its components are {}",
            Vec::from_iter(known).join(", ")
        ))),
    }
}

/// The same of a stage: a release that has not come so far has no log of it yet.
fn leaves_one(stage: &str, release: &str, logs: &[Kept]) -> Result<(), Failure> {
    if leaves_a_log(stage) || logs.iter().any(|log| belongs(&log.name, stage)) {
        return Ok(());
    }
    let names: BTreeSet<&str> = logs.iter().map(|log| log.name.as_str()).collect();
    let next = match folders().contains(&stage) {
        true => format!(
            "this stage runs no command; its function's own log: cutover logs {release} --stage {stage} --function"
        ),
        false if names.is_empty() => "it has no logs yet".into(),
        false => format!("its logs are {}", Vec::from_iter(names).join(", ")),
    };
    Err(Failure::Usage(format!(
        "{release} has no log `{stage}`; {next}"
    )))
}

/// Whether a log is one of a stage: by the stage's folder, or by a suite's own name.
fn belongs(name: &str, stage: &str) -> bool {
    match stage {
        "integration-tests" => name == stage || name.starts_with("suite-"),
        "deploy-initial" => name == stage || name.starts_with("instance-"),
        _ => name == stage || name.strip_prefix("suite-") == Some(stage),
    }
}

/// Those of failed stages last, where a person looks first; each group by time.
fn sort(logs: &mut [Kept], model: &Model) {
    let failed = |log: &Kept| {
        model.failed.iter().any(|failed| {
            failed
                .component
                .as_deref()
                .is_none_or(|name| name == log.component)
                && folder(&failed.stage).is_some_and(|stage| belongs(&log.name, stage))
        })
    };
    logs.sort_by_key(|log| (failed(log), log.at(), log.key().to_owned()));
}

fn listed(context: &Context, logs: &[Kept]) -> String {
    let now = now();
    let row = |log: &Kept| {
        let age = format!("{} ago", duration(now - log.at()));
        vec![
            log.component.clone(),
            log.name.clone(),
            size(log.bytes()),
            age,
            log.key().to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = logs.iter().map(row).collect();
    table(
        &["component", "stage", "size", "written", "key"],
        &rows,
        context.screen,
    )
}

async fn print(context: &Context, bucket: &str, logs: &[Kept]) -> Result<(), Failure> {
    for log in logs {
        let title = format!(
            "==> {} {} ({}, {}) <==",
            log.component,
            log.name,
            size(log.bytes()),
            log.key()
        );
        say(&context.screen.colour.paint(Style::Strong, &title))?;
        write(context, bucket, &log.pieces).await?;
    }
    Ok(())
}

/// Writes objects one after the other, as they arrive, and ends the last line.
pub async fn write(context: &Context, bucket: &str, pieces: &[Log]) -> Result<(), Failure> {
    let mut last = b'\n';
    for piece in pieces {
        let mut body = context.cloud.log(bucket, &piece.key).await?;
        let mut out = std::io::stdout().lock();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| interrupted(&piece.key, &error.to_string()))?;
            last = chunk.last().copied().unwrap_or(last);
            match context.screen.width {
                // A terminal must not be steered by what a test prints; a file gets it as it is.
                Some(_) => out.write_all(safe(&String::from_utf8_lossy(&chunk)).as_bytes())?,
                None => out.write_all(&chunk)?,
            }
        }
        out.flush()?;
    }
    match last {
        b'\n' => Ok(()),
        _ => say(""),
    }
}

async fn as_json(
    context: &Context,
    bucket: &str,
    logs: &[Kept],
    names_only: bool,
) -> Result<Value, Failure> {
    let mut list = Vec::new();
    for log in logs {
        let mut one = json!({
            "component": log.component, "stage": log.name, "key": log.key(),
            "bytes": log.bytes(), "written": jiff::Timestamp::from_millisecond(log.at()).map(|time| time.to_string()).unwrap_or_default(),
        });
        if !names_only {
            one["text"] = text_of(context, bucket, &log.pieces).await?.into();
        }
        list.push(one);
    }
    Ok(list.into())
}

/// All of it, in memory.
pub async fn text_of(context: &Context, bucket: &str, pieces: &[Log]) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    for piece in pieces {
        let body = context.cloud.log(bucket, &piece.key).await?;
        let all = body.collect().await;
        let all = all.map_err(|error| interrupted(&piece.key, &error.to_string()))?;
        bytes.extend_from_slice(&all.into_bytes());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn interrupted(key: &str, why: &str) -> Failure {
    Failure::Cloud {
        what: format!("{key} arrived only in part: {why}"),
        next: "try again".into(),
    }
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
