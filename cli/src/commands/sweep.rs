//! `sweep`: one execution of the sweep machine, followed; what it says is printed.

use super::patience::Tail;
use super::{Context, now, say, say_json};
use crate::cloud::Execution;
use crate::error::{Exit, Failure};
use crate::release::history::{End, Kind};
use crate::release::input::suffix;
use crate::text::wrap;
use clap::Args;
use pipeline::names::Target;
use pipeline::sweep::Swept;
use serde_json::{Map, Value, json};
use std::time::Duration;

const HELP: &str = "\
It comes by itself when an execution is stopped or fails, and every 15 minutes. It never touches what an
alias leads to or what a running release needs, and names what no release accounts for.

Examples:
  cutover sweep --dry-run             what there is to do, everywhere
  cutover sweep --target stage";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Sweep {
    /// Only this one [default: all]
    #[arg(long)]
    pub target: Option<Target>,
    /// Say what there is to do, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Between two looks: a sweep takes seconds, and where something drains a minute or two.
const POLL: Duration = Duration::from_secs(1);

/// Carries the command out.
pub async fn run(context: &Context, wanted: Sweep) -> Result<Exit, Failure> {
    let input = input_of(&wanted);
    let where_ = wanted.target.as_ref().map_or("all", |one| one.as_str());
    let name = format!("sweep-{where_}-{}", suffix(now()));
    let execution = context.cloud.start("sweep", &name, &input).await?;
    match end_of(context, &execution).await? {
        End::Succeeded { output } if context.json => say_json(&output)?,
        End::Succeeded { output } => say(&told(&output, wanted.dry_run, context))?,
        end => return failed(context, &execution, end),
    }
    Ok(Exit::Good)
}

fn input_of(wanted: &Sweep) -> Value {
    let mut input = Map::new();
    if let Some(target) = &wanted.target {
        input.insert("target".into(), json!(target));
    }
    if wanted.dry_run {
        input.insert("dry_run".into(), json!(true));
    }
    Value::Object(input)
}

/// Waits for the end of a short execution.
pub(super) async fn end_of(context: &Context, execution: &Execution) -> Result<End, Failure> {
    let mut tail = Tail::of(context, execution);
    loop {
        for event in tail.after(POLL).await? {
            if let Kind::Ended(end) = event.kind {
                return Ok(end);
            }
        }
    }
}

/// Says how it failed.
pub(super) fn failed(context: &Context, execution: &Execution, end: End) -> Result<Exit, Failure> {
    let status = end.status();
    let (error, cause) = match end {
        End::Failed { error, cause } => (error, cause),
        End::Aborted { cause } => (status.into(), format!("it was stopped by hand. {cause}")),
        _ => (status.into(), "run the same again".into()),
    };
    match context.json {
        true => say_json(&json!({"execution": execution.name, "error": error, "cause": cause}))?,
        false => {
            let cause = wrap(&cause, "  ", context.screen.width);
            say(&format!("{error}\n{cause}"))?;
        }
    }
    Ok(Exit::NotReleased)
}

/// What was done, and what the last look at each target has found.
fn told(output: &Value, dry_run: bool, context: &Context) -> String {
    let lines = |value: &Value| -> Vec<String> {
        serde_json::from_value(value.clone()).unwrap_or_default()
    };
    let mut text: Vec<String> = Vec::new();
    for line in lines(&output["done"]) {
        text.push(wrap(&format!("done: {line}"), "", context.screen.width));
    }
    let targets: Vec<Swept> = serde_json::from_value(output["targets"].clone()).unwrap_or_default();
    for swept in &targets {
        text.extend(
            of_target(swept, dry_run)
                .iter()
                .map(|line| wrap(line, "", context.screen.width)),
        );
    }
    match targets.is_empty() {
        true => "There is no target.".into(),
        false => text.join("\n"),
    }
}

fn of_target(swept: &Swept, dry_run: bool) -> Vec<String> {
    let target = &swept.target;
    let verb = if dry_run { "would do" } else { "stays" };
    let plan = swept
        .plan
        .iter()
        .map(|line| format!("{target}: {verb}: {line}"));
    let named = swept.unaccounted.iter();
    let named = named.map(|line| format!("{target}: left alone: {line}"));
    let mut lines: Vec<String> = plan.chain(named).collect();
    if swept.left > 0 {
        lines.push(format!(
            "{target}: and {} more releases, after these",
            swept.left
        ));
    }
    if lines.is_empty() {
        lines.push(format!("{target}: nothing is left"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;
    use crate::commands::Command;
    use clap::Parser;
    use pipeline::sweep::SweepPlan;

    fn typed(line: &str) -> String {
        let parsed = Arguments::try_parse_from(line.split(' ')).unwrap();
        let Command::Sweep(wanted) = parsed.command else {
            panic!("{line}");
        };
        input_of(&wanted).to_string()
    }

    #[test]
    fn what_is_typed_becomes_the_machine_s_input() {
        assert_eq!(typed("cutover sweep"), "{}");
        let line = "cutover sweep --target dev --dry-run";
        assert_eq!(typed(line), r#"{"dry_run":true,"target":"dev"}"#);
    }

    #[test]
    fn a_target_without_anything_says_so_and_what_is_left_alone_is_named() {
        let target = pipeline::names::Target::new("dev").unwrap();
        let mut plan = SweepPlan::default();
        let clean = of_target(&Swept::of(&target, &plan), true);
        assert_eq!(clean, ["dev: nothing is left"]);
        plan.named.push("i-1: an instance".into());
        plan.left = 2;
        let lines = of_target(&Swept::of(&target, &plan), true);
        assert_eq!(
            lines,
            [
                "dev: left alone: i-1: an instance",
                "dev: and 2 more releases, after these"
            ]
        );
    }
}
