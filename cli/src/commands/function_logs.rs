//! `logs --function`: what the stages' functions wrote of a release.

use super::{Context, say, say_json};
use crate::cloud::Execution;
use crate::error::{Exit, Failure};
use crate::release::stages::folders;
use crate::text::{duration, safe};
use serde_json::{Value, json};

/// Prints what the functions wrote of an execution, or only that of one stage.
pub async fn print(
    context: &Context,
    stage: Option<&str>,
    execution: &Execution,
    started: Option<i64>,
) -> Result<Exit, Failure> {
    // Functions begin after the execution; a minute for clocks that differ.
    let since = started.unwrap_or(60_000) - 60_000;
    let mut list = Vec::new();
    for stage in stages(stage)? {
        let lines = context
            .cloud
            .function_log(stage, &execution.name, since)
            .await?;
        let lines = lines.into_iter();
        list.extend(lines.map(|line| (line.at, stage, line.text)));
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
    let started = started.unwrap_or_default();
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
            execution.name
        ))?;
    }
    Ok(Exit::Good)
}

fn stages(asked: Option<&str>) -> Result<Vec<&str>, Failure> {
    let stages: Vec<&str> = match asked {
        Some(stage) if stage.starts_with("suite-") => vec!["integration-tests"],
        Some(stage) => vec![stage],
        None => folders(),
    };
    match stages.iter().find(|stage| !folders().contains(stage)) {
        None => Ok(stages),
        Some(unknown) => Err(Failure::Usage(format!(
            "no stage is called `{unknown}`; the stages are {}",
            folders().join(", ")
        ))),
    }
}
