//! `release`, `hotfix`, `rollback` and `restart`: one execution of the state machine.

use super::{Context, now, say, say_json, watch};
use crate::error::{Exit, Failure};
use crate::release::input::{Wanted, execution_name, input, suffix};
use clap::Args;
use pipeline::names::{Component, Target};
use serde_json::{Value, json};
use std::time::Duration;

const OF_RELEASE: &str = "\
A VERSION is a tag, a branch, a commit (or its beginning), HEAD, live:<target> (what is live there)
or previous (what was live before). Several components go live together or not at all. Live
components that talk to a released one are tested beside it.

With --tag, each component's repository gets an annotated tag such as release/stage/42 at the commit
that is live, once it is. A tag that cannot be pushed is a warning on standard error; the exit code
stays 0, because the release is live.

Examples:
  cutover release api
  cutover release api --version v1.4.0 --target prod
  cutover release api=v1.4.0 ui=main msa       msa: HEAD
  cutover release api ui --version v2 --no-watch
  cutover release api=live:stage ui=live:stage --target prod --tag

What is live at the commit already, and well, is left as it is; --force launches it again.";

#[derive(Debug, Args)]
#[command(after_help = OF_RELEASE)]
pub struct Release {
    /// What to release
    #[arg(required = true, value_name = "COMPONENT[=VERSION]")]
    pub components: Vec<String>,
    /// Where to
    #[arg(long, default_value = "stage", value_name = "TARGET")]
    pub target: String,
    /// Of components that are named without one [default: HEAD]
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// Leave out suites that are marked slow; they are listed as skipped
    #[arg(long)]
    pub skip_slow_scans: bool,
    /// Tag every commit in its repository when it is live
    #[arg(long)]
    pub tag: bool,
    /// Launch again what is live at this commit already
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub following: Following,
}

const OF_HOTFIX: &str = "\
The same as `cutover release COMPONENT=VERSION --target prod --skip-slow-scans`. Fast suites still
have to pass; the slow ones are listed as skipped.

Example:
  cutover hotfix api v1.4.1";

#[derive(Debug, Args)]
#[command(after_help = OF_HOTFIX)]
pub struct Hotfix {
    /// What to release
    pub component: String,
    /// A tag, a branch or a commit
    pub version: String,
    /// Where to
    #[arg(long, default_value = "prod", value_name = "TARGET")]
    pub target: String,
    #[command(flatten)]
    pub following: Following,
}

const OF_ROLLBACK: &str = "\
Without a COMPONENT it takes the target's last release back, all that it moved, in one step: users
see the set that was live before. Running it again undoes the roll-back. With COMPONENTs it brings
back what was live before each of them.

A set that passed its suites on this target before is not tested again. What a release deployed for
the first time has nothing to go back to and stays. A push of what was rolled back does not bring it
again; a release by hand does.

Examples:
  cutover rollback                             what was live on stage before its last release
  cutover rollback --target prod
  cutover rollback api --target prod           only api";

#[derive(Debug, Args)]
#[command(after_help = OF_ROLLBACK)]
pub struct Rollback {
    /// Only these [default: all that the target's last release moved]
    #[arg(value_name = "COMPONENT")]
    pub components: Vec<Component>,
    /// Where
    #[arg(long, default_value = "stage", value_name = "TARGET")]
    pub target: Target,
    #[command(flatten)]
    pub following: Following,
}

const OF_RESTART: &str = "\
Launches new instances of the very commit that is live, runs their suites, moves the alias to them
and ends the old ones: a release like any other, for users without interruption where the old ones
still answer. What was live before stays what `cutover rollback` goes back to. `cutover release` of
the live commit does the same by itself where what is live is not up or not healthy.

Examples:
  cutover restart api
  cutover restart api ui --target prod         both in one step";

#[derive(Debug, Args)]
#[command(after_help = OF_RESTART)]
pub struct Restart {
    /// What to launch again
    #[arg(required = true, value_name = "COMPONENT")]
    pub components: Vec<Component>,
    /// Where
    #[arg(long, default_value = "stage", value_name = "TARGET")]
    pub target: Target,
    #[command(flatten)]
    pub following: Following,
}

#[derive(Debug, Args)]
pub struct Following {
    /// Start it and return at once (exit code 0: it has started)
    #[arg(long)]
    pub no_watch: bool,
    #[command(flatten)]
    pub limit: Limit,
}

#[derive(Debug, Args)]
pub struct Limit {
    /// Stop looking after this long (exit code 4); the release itself goes on
    #[arg(long, default_value = "24h", value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Duration,
}

/// Years are no time to look, and their sum with the clock's would be none that it knows.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// `90s`, `4h`
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match duration > LONGEST {
        true => Err("30 days at most".into()),
        false => Ok(duration),
    }
}

/// A release that can be started.
pub struct Request {
    name: String,
    input: Value,
}

impl From<&Release> for Wanted {
    fn from(release: &Release) -> Self {
        Self {
            components: release.components.clone(),
            version: release.version.clone(),
            target: release.target.clone(),
            skip_slow_scans: release.skip_slow_scans,
            tag: release.tag,
            force: release.force,
        }
    }
}

impl From<&Hotfix> for Wanted {
    fn from(hotfix: &Hotfix) -> Self {
        Self {
            components: vec![hotfix.component.clone()],
            version: Some(hotfix.version.clone()),
            target: hotfix.target.clone(),
            skip_slow_scans: true,
            ..Self::default()
        }
    }
}

impl From<&Rollback> for Wanted {
    fn from(rollback: &Rollback) -> Self {
        let names = rollback.components.iter().map(ToString::to_string);
        Self::rollback(names.collect(), rollback.target.to_string())
    }
}

impl From<&Restart> for Wanted {
    fn from(restart: &Restart) -> Self {
        let names = restart.components.iter().map(ToString::to_string);
        Self::restart(names.collect(), restart.target.to_string())
    }
}

/// Checks what was typed.
pub fn prepare(wanted: &Wanted) -> Result<Request, Failure> {
    let (input, parsed) = input(wanted)?;
    Ok(Request {
        name: execution_name(&parsed, &suffix(now())),
        input,
    })
}

/// Starts it and follows it.
pub async fn run(
    context: &Context,
    request: Request,
    following: &Following,
) -> Result<Exit, Failure> {
    let execution = context
        .cloud
        .start("release", &request.name, &request.input)
        .await?;
    if !following.no_watch {
        return watch::follow(
            context,
            &execution,
            watch::How {
                seen: watch::Seen::Known,
                timeout: following.limit.timeout,
                logs: false,
            },
        )
        .await;
    }
    if context.json {
        say_json(
            &json!({"execution": execution.name, "execution_arn": execution.arn, "input": request.input}),
        )?;
    } else {
        say(&format!(
            "Started {}\nNext: cutover watch {}",
            execution.name, execution.name
        ))?;
    }
    Ok(Exit::Good)
}
