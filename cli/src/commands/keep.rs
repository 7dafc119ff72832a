//! `keep`: one execution of the keeper, followed; what it says is printed.

use super::sweep::{end_of, failed};
use super::{Context, now, say, say_json};
use crate::error::{Exit, Failure};
use crate::release::history::End;
use crate::release::input::suffix;
use crate::text::wrap;
use clap::Args;
use pipeline::keep::{Kept, Seen};
use pipeline::names::Target;
use serde_json::{Map, Value, json};

const HELP: &str = "\
It comes by itself when EC2 says that an instance stops or ends, and looks every minute. A replacement is of the very
same launch template version. It leaves what a running release has brought to that release.

Examples:
  cutover keep --status               how everything is, and what the keeper did
  cutover keep --target stage";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Keep {
    /// Only this one [default: all]
    #[arg(long)]
    pub target: Option<Target>,
    /// Say how everything is and what was done, and do nothing
    #[arg(long)]
    pub status: bool,
}

/// Carries the command out.
pub async fn run(context: &Context, wanted: Keep) -> Result<Exit, Failure> {
    let input = input_of(&wanted);
    let where_ = wanted.target.as_ref().map_or("all", |one| one.as_str());
    let name = format!("keep-{where_}-{}", suffix(now()));
    let execution = context.cloud.start("keep", &name, &input).await?;
    match end_of(context, &execution).await? {
        End::Succeeded { output } if context.json => say_json(&output)?,
        End::Succeeded { output } => say(&told(&output, wanted.status, context))?,
        end => return failed(context, &execution, end),
    }
    Ok(Exit::Good)
}

fn input_of(wanted: &Keep) -> Value {
    let mut input = Map::new();
    if let Some(target) = &wanted.target {
        input.insert("target".into(), json!(target));
    }
    if wanted.status {
        input.insert("status".into(), json!(true));
    }
    Value::Object(input)
}

fn told(output: &Value, status: bool, context: &Context) -> String {
    let lines = |value: &Value| -> Vec<String> {
        serde_json::from_value(value.clone()).unwrap_or_default()
    };
    let done = lines(&output["done"]).into_iter();
    let mut text: Vec<String> = done.map(|line| format!("done: {line}")).collect();
    let targets: Vec<Kept> = serde_json::from_value(output["targets"].clone()).unwrap_or_default();
    text.extend(targets.iter().flat_map(|kept| of_target(kept, status)));
    match targets.is_empty() {
        true => "There is no target.".into(),
        false => {
            let lines = text.iter().map(|line| wrap(line, "", context.screen.width));
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

fn of_target(kept: &Kept, status: bool) -> Vec<String> {
    let target = &kept.target;
    let mut lines: Vec<String> = kept
        .components
        .iter()
        .map(|one| of_component(kept, one))
        .collect();
    if lines.is_empty() {
        lines.push(match status {
            true => format!("{target}: nothing is live"),
            false => format!("{target}: all that should run does"),
        });
    }
    lines.extend(
        kept.plan
            .iter()
            .filter(|_| status)
            .map(|line| format!("{target}: to do: {line}")),
    );
    lines.extend(
        kept.history
            .iter()
            .map(|one| format!("{target}: {}: {}", one.at, one.what)),
    );
    lines
}

fn of_component(kept: &Kept, seen: &Seen) -> String {
    let Seen {
        component,
        hostname,
        wanted,
        serving,
        unwell,
    } = seen;
    let unwell = match unwell.is_empty() {
        true => String::new(),
        false => format!("; {}", unwell.join(", ")),
    };
    format!(
        "{}: {component}: {serving} of {wanted} serve at {hostname}{unwell}",
        kept.target
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;
    use crate::commands::Command;
    use clap::Parser;

    fn typed(line: &str) -> String {
        let parsed = Arguments::try_parse_from(line.split(' ')).unwrap();
        let Command::Keep(wanted) = parsed.command else {
            panic!("{line}");
        };
        input_of(&wanted).to_string()
    }

    #[test]
    fn what_is_typed_becomes_the_machine_s_input() {
        assert_eq!(typed("cutover keep"), "{}");
        let line = "cutover keep --target dev --status";
        assert_eq!(typed(line), r#"{"status":true,"target":"dev"}"#);
    }

    #[test]
    fn a_status_says_of_each_component_what_serves_and_what_does_not_and_why() {
        let mut kept = Kept::of(Target::new("dev").unwrap());
        assert_eq!(of_target(&kept, true), ["dev: nothing is live"]);
        kept.components.push(
            serde_json::from_value(json!({
                "component": "api", "hostname": "api-aaaaaaaaaaaa.dev.myproj.com", "wanted": 3, "serving": 2,
                "unwell": ["i-1 answers 500"]
            }))
            .unwrap(),
        );
        assert_eq!(
            of_target(&kept, true),
            ["dev: api: 2 of 3 serve at api-aaaaaaaaaaaa.dev.myproj.com; i-1 answers 500"]
        );
    }
}
