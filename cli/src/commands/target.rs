//! `target provision` and `target teardown`: one execution of the target machine, followed.

use super::patience::Tail;
use super::{Context, now, say, say_json, target_show};
use crate::cloud::Execution;
use crate::error::{Exit, Failure};
use crate::release::history::{End, Kind};
use crate::release::input::suffix;
use crate::text::{duration, wrap};
use clap::{Args, Subcommand};
use pipeline::names::Target;
use pipeline::target::TargetInput;
use serde_json::{Map, Value, json};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub enum TargetCommand {
    /// Create a target with everything it needs, or change it; the same again changes nothing
    #[command(after_help = PROVISION)]
    Provision(Provision),
    /// Remove a target and everything that releases made on it, and prove that nothing is left
    #[command(after_help = TEARDOWN)]
    Teardown(Teardown),
    /// All targets
    List,
    /// What a target consists of, what of it costs, and what is live there
    Show(Show),
}

const PROVISION: &str = "\
Parameters are those of infra/target.yaml; what is not given stays as it is. An update never moves an
alias: what is live stays live. A creation that fails leaves nothing, an update that fails changes
nothing.

Examples:
  cutover target provision dev
  cutover target provision dev --parameter AliasTtl=10 --parameter InstanceType=t4g.medium
  cutover target provision prod --parameter Database=true --parameter DatabaseClass=db.t4g.medium";

const TEARDOWN: &str = "\
Releases that run on the target are waited for; new ones are refused. Run again after a failure, it
goes on where it stopped. A protected target (prod, unless it was provisioned with Protected=false)
needs its name twice; its database leaves a last snapshot, whose name is printed.

Examples:
  cutover target teardown dev
  cutover target teardown prod --confirm prod";

#[derive(Debug, Args)]
pub struct Provision {
    /// Its name, e.g. dev
    pub target: Target,
    /// A parameter of infra/target.yaml; may be given several times
    #[arg(long = "parameter", value_name = "KEY=VALUE")]
    pub parameters: Vec<String>,
    /// Start it and return at once (exit code 0: it has started)
    #[arg(long)]
    pub no_watch: bool,
}

#[derive(Debug, Args)]
pub struct Teardown {
    /// Its name, e.g. dev
    pub target: Target,
    /// Its name once more, for a protected one
    #[arg(long, value_name = "TARGET")]
    pub confirm: Option<String>,
    /// Start it and return at once (exit code 0: it has started)
    #[arg(long)]
    pub no_watch: bool,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Its name, e.g. dev
    pub target: Target,
}

/// The local cloud answers in milliseconds.
const LOCAL_POLL: Duration = Duration::from_millis(500);
/// A stack takes minutes.
const POLL: Duration = Duration::from_secs(5);

/// Carries a command out.
pub async fn run(context: &Context, command: TargetCommand) -> Result<Exit, Failure> {
    match command {
        TargetCommand::Provision(provision) => {
            let name = provision.target.to_string();
            let input = input_of(&provision)?;
            begin(context, "provision", &name, input, provision.no_watch).await
        }
        TargetCommand::Teardown(teardown) => {
            let name = teardown.target.to_string();
            let input = input_of_teardown(&teardown)?;
            begin(context, "teardown", &name, input, teardown.no_watch).await
        }
        TargetCommand::List => target_show::list(context).await,
        TargetCommand::Show(show) => target_show::show(context, &show.target).await,
    }
}

fn input_of(provision: &Provision) -> Result<Value, Failure> {
    let mut parameters = Map::new();
    for text in &provision.parameters {
        let Some((key, value)) = text.split_once('=') else {
            return Err(Failure::Usage(format!(
                "--parameter `{text}`: write KEY=VALUE, e.g. AliasTtl=60"
            )));
        };
        if parameters.insert(key.into(), json!(value)).is_some() {
            return Err(Failure::Usage(format!(
                "--parameter `{key}` is given twice"
            )));
        }
    }
    checked(json!({"action": "provision", "target": provision.target, "parameters": parameters}))
}

fn input_of_teardown(teardown: &Teardown) -> Result<Value, Failure> {
    let mut input = json!({"action": "teardown", "target": teardown.target});
    if let Some(name) = &teardown.confirm {
        input["confirm"] = json!(name);
    }
    checked(input)
}

/// What the machine would refuse is refused before it is started.
fn checked(input: Value) -> Result<Value, Failure> {
    TargetInput::parse(&input).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(input)
}

async fn begin(
    context: &Context,
    action: &str,
    target: &str,
    input: Value,
    no_watch: bool,
) -> Result<Exit, Failure> {
    let name = format!("{action}-{target}-{}", suffix(now()));
    let execution = context.cloud.start("target", &name, &input).await?;
    if !no_watch {
        return follow(context, &execution).await;
    }
    if context.json {
        say_json(
            &json!({"execution": execution.name, "execution_arn": execution.arn, "input": input}),
        )?;
    } else {
        say(&format!("Started {}", execution.name))?;
    }
    Ok(Exit::Good)
}

/// Each state as it is entered for the first time, then how it ended.
async fn follow(context: &Context, execution: &Execution) -> Result<Exit, Failure> {
    let pause = if context.cloud.is_local() {
        LOCAL_POLL
    } else {
        POLL
    };
    let (mut tail, mut begun) = (Tail::of(context, execution), None);
    let mut entered: Vec<String> = Vec::new();
    loop {
        for event in tail.after(pause).await? {
            let begun = *begun.get_or_insert(event.at);
            match event.kind {
                Kind::Entered { state, .. } if !entered.contains(&state) => {
                    step(context, event.at - begun, &state)?;
                    entered.push(state);
                }
                Kind::Ended(end) => return ended(context, execution, end),
                _ => {}
            }
        }
    }
}

/// Choices and ends are no work that somebody waits for.
fn step(context: &Context, at: i64, state: &str) -> Result<(), Failure> {
    if context.json || state.ends_with('?') {
        return Ok(());
    }
    say(&format!("{:>7} {state}", duration(at)))
}

fn ended(context: &Context, execution: &Execution, end: End) -> Result<Exit, Failure> {
    let (error, cause) = match end {
        End::Succeeded { output } => {
            match context.json {
                true => say_json(&output)?,
                false => say(&target_show::outcome(&output, context.screen))?,
            }
            return Ok(Exit::Good);
        }
        End::Failed { error, cause } => (error, cause),
        End::TimedOut => (
            "TimedOut".into(),
            "the machine's time is over; run the same again".into(),
        ),
        End::Aborted { cause } => (
            "Aborted".into(),
            format!("it was stopped by hand; run the same again. {cause}"),
        ),
    };
    if context.json {
        say_json(&json!({"execution": execution.name, "error": error, "cause": cause}))?;
    } else {
        say(&format!(
            "{error}\n{}",
            wrap(&cause, "  ", context.screen.width)
        ))?;
    }
    Ok(Exit::NotReleased)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;
    use clap::Parser;

    fn typed(line: &str) -> String {
        let typed = line.split(' ');
        let parsed = Arguments::try_parse_from(typed).unwrap();
        let crate::commands::Command::Target(command) = parsed.command else {
            panic!("{line}");
        };
        let input = match command {
            TargetCommand::Provision(provision) => input_of(&provision),
            TargetCommand::Teardown(teardown) => input_of_teardown(&teardown),
            _ => panic!("{line}"),
        };
        match input {
            Ok(input) => input.to_string(),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn what_is_typed_becomes_the_machine_s_input() {
        assert_eq!(
            typed("cutover target provision dev --parameter AliasTtl=5"),
            r#"{"action":"provision","parameters":{"AliasTtl":"5"},"target":"dev"}"#
        );
        assert_eq!(
            typed("cutover target teardown prod --confirm prod"),
            r#"{"action":"teardown","confirm":"prod","target":"prod"}"#
        );
    }

    #[test]
    fn what_the_machine_would_refuse_is_refused_before_it_is_started() {
        let said = typed("cutover target teardown prod --confirm dev");
        assert!(said.starts_with("confirm: is `dev`"), "{said}");
        let said = typed("cutover target provision dev --parameter AliasTtl");
        assert!(said.contains("write KEY=VALUE"), "{said}");
        let said = typed("cutover target provision dev --parameter Nonsense=1");
        assert!(said.contains("unknown `Nonsense`"), "{said}");
    }
}
