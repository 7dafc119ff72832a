//! `logs`: what the commands, suites, instances and functions of a release said.

use super::{Context, label, now, say, say_json};
use crate::args::Logs;
use crate::cloud::{Execution, Log};
use crate::error::{Exit, Failure};
use crate::release::model::Model;
use crate::release::stages::{FOLDERS, folder};
use crate::text::{Style, duration, safe, size, table};
use serde_json::{Value, json};
use std::io::Write;

/// What is looked at.
struct Wanted {
    execution: Execution,
    model: Model,
    label: Option<String>,
}

/// Prints them.
pub async fn run(context: &Context, logs: Logs) -> Result<Exit, Failure> {
    let wanted = find(context, logs.release.as_deref()).await?;
    if logs.function {
        return functions(context, &logs, &wanted).await;
    }
    let Some(release) = &wanted.label else {
        let next = format!(
            "cutover logs {} --stage plan-release --function",
            wanted.execution.name
        );
        return Err(Failure::Usage(format!(
            "{} has not been planned, so no command has run\nNext: {next}",
            wanted.execution.name
        )));
    };
    let bucket = context.cloud.bucket().await?;
    let prefix = match &logs.component {
        Some(component) => format!("logs/{release}/{component}/"),
        None => format!("logs/{release}/"),
    };
    let mut found = context.cloud.logs(&bucket, &prefix).await?;
    found.retain(|log| {
        logs.stage
            .as_deref()
            .is_none_or(|stage| belongs(&log.key, stage))
    });
    sort(&mut found, &wanted.model);
    if found.is_empty() && !context.json {
        say(&format!(
            "No logs under {prefix} yet.\nNext: cutover logs {} --function",
            wanted.execution.name
        ))?;
    }
    match (context.json, logs.list) {
        (true, list) => say_json(&as_json(context, &bucket, &found, list).await?)?,
        (false, true) => say(&listed(context, &found))?,
        (false, false) => print(context, &bucket, &found).await?,
    }
    Ok(Exit::Good)
}

async fn find(context: &Context, text: Option<&str>) -> Result<Wanted, Failure> {
    let execution = match text {
        Some(text) => context.find(text).await?,
        None => context.cloud.newest(false).await?.ok_or_else(|| {
            Failure::Usage(
                "no release has run yet; start one with `cutover release COMPONENT` or a push"
                    .into(),
            )
        })?,
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

/// Whether a log is one of a stage: by the stage's folder, or by a suite's own name.
fn belongs(key: &str, stage: &str) -> bool {
    let name = name_of(key);
    match stage {
        "integration-tests" => name == stage || name.starts_with("suite-"),
        "deploy-initial" => name == stage || name.starts_with("instance-"),
        _ => name == stage || name.strip_prefix("suite-") == Some(stage),
    }
}

/// `unit-tests` of `logs/stage-r42/api/unit-tests.log`
fn name_of(key: &str) -> &str {
    let file = key.rsplit('/').next().unwrap_or(key);
    file.strip_suffix(".log").unwrap_or(file)
}

fn component_of(key: &str) -> &str {
    key.split('/').nth(2).unwrap_or_default()
}

/// Those of failed stages last, where a person looks first; each group by time.
fn sort(logs: &mut [Log], model: &Model) {
    let failed = |log: &Log| {
        model.failed.iter().any(|failed| {
            failed
                .component
                .as_deref()
                .is_none_or(|name| name == component_of(&log.key))
                && folder(&failed.stage).is_some_and(|stage| belongs(&log.key, stage))
        })
    };
    logs.sort_by_key(|log| (failed(log), log.at, log.key.clone()));
}

fn listed(context: &Context, logs: &[Log]) -> String {
    let now = now();
    let row = |log: &Log| {
        let age = format!("{} ago", duration(now - log.at));
        vec![
            component_of(&log.key).to_owned(),
            name_of(&log.key).to_owned(),
            size(log.bytes),
            age,
            log.key.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = logs.iter().map(row).collect();
    table(
        &["component", "stage", "size", "written", "key"],
        &rows,
        context.screen,
    )
}

async fn print(context: &Context, bucket: &str, logs: &[Log]) -> Result<(), Failure> {
    for log in logs {
        let title = format!(
            "==> {} {} ({}, {}) <==",
            component_of(&log.key),
            name_of(&log.key),
            size(log.bytes),
            log.key
        );
        say(&context.screen.colour.paint(Style::Strong, &title))?;
        let mut body = context.cloud.log(bucket, &log.key).await?;
        let mut out = std::io::stdout().lock();
        let mut last = b'\n';
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| interrupted(&log.key, &error.to_string()))?;
            last = chunk.last().copied().unwrap_or(last);
            match context.screen.width {
                // A terminal must not be steered by what a test prints; a file gets it as it is.
                Some(_) => out.write_all(safe(&String::from_utf8_lossy(&chunk)).as_bytes())?,
                None => out.write_all(&chunk)?,
            }
        }
        if last != b'\n' {
            out.write_all(b"\n")?;
        }
        out.flush()?;
    }
    Ok(())
}

async fn as_json(
    context: &Context,
    bucket: &str,
    logs: &[Log],
    names_only: bool,
) -> Result<Value, Failure> {
    let mut list = Vec::new();
    for log in logs {
        let mut one = json!({
            "component": component_of(&log.key), "stage": name_of(&log.key), "key": log.key,
            "bytes": log.bytes, "written": jiff::Timestamp::from_millisecond(log.at).map(|time| time.to_string()).unwrap_or_default(),
        });
        if !names_only {
            let body = context.cloud.log(bucket, &log.key).await?;
            let bytes = body
                .collect()
                .await
                .map_err(|error| interrupted(&log.key, &error.to_string()))?
                .into_bytes();
            one["text"] = String::from_utf8_lossy(&bytes).into();
        }
        list.push(one);
    }
    Ok(list.into())
}

fn interrupted(key: &str, why: &str) -> Failure {
    Failure::Cloud {
        what: format!("{key} arrived only in part: {why}"),
        next: "try again".into(),
    }
}

async fn functions(context: &Context, logs: &Logs, wanted: &Wanted) -> Result<Exit, Failure> {
    let stages: Vec<&str> = match &logs.stage {
        Some(stage) if stage.starts_with("suite-") => vec!["integration-tests"],
        Some(stage) => vec![stage],
        None => FOLDERS.to_vec(),
    };
    if let Some(unknown) = stages.iter().find(|stage| !FOLDERS.contains(stage)) {
        return Err(Failure::Usage(format!(
            "no stage is called `{unknown}`; the stages are {}",
            FOLDERS.join(", ")
        )));
    }
    // Functions begin after the execution; a minute for clocks that differ.
    let since = wanted.model.started.unwrap_or(60_000) - 60_000;
    let mut list = Vec::new();
    for stage in stages {
        for line in context
            .cloud
            .function_log(stage, &wanted.execution.name, since)
            .await?
        {
            list.push((line.at, stage, line.text));
        }
    }
    list.sort_by_key(|(at, _, _)| *at);
    if context.json {
        let value: Vec<Value> = list
            .iter()
            .map(|(at, stage, text)| json!({"at": at, "stage": stage, "text": text}))
            .collect();
        say_json(&value.into())?;
        return Ok(Exit::Good);
    }
    let started = wanted.model.started.unwrap_or_default();
    for (at, stage, text) in &list {
        say(&format!(
            "{:>7} {stage} {}",
            duration(at - started),
            safe(text.trim_end())
        ))?;
    }
    if list.is_empty() {
        say(&format!(
            "The functions wrote nothing about {}.",
            wanted.execution.name
        ))?;
    }
    Ok(Exit::Good)
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
