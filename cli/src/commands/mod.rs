//! One module for each command: its words, and what it does. The list is here.

mod added;
mod awaiting;
mod cancel;
mod check;
mod component;
mod component_show;
mod follow;
mod function_logs;
mod history;
mod keep;
mod live;
mod live_logs;
mod logs;
mod outputs;
mod patience;
mod proven;
mod start;
mod status;
mod sweep;
mod target;
mod target_show;
mod unfinished;
mod up;
mod vendor;
mod watch;

use crate::args::{Arguments, Common};
use crate::cloud::{Cloud, Execution};
use crate::error::{Exit, Failure};
use crate::text::{Colour, Screen, duration};
use clap::Subcommand;
use pipeline::names::{Target, Ticket};
use pipeline::rows::Key;
use serde_json::Value;
use std::io::{IsTerminal, Write};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Release one or several components, all of them in one step
    Release(start::Release),
    /// Release to prod without the slow suites
    Hotfix(start::Hotfix),
    /// Bring back what was live before, all of it in one step
    Rollback(start::Rollback),
    /// Launch what is live again, beside it, and move to it
    Restart(start::Restart),
    /// Follow a release: a live table on a terminal, lines elsewhere
    Watch(watch::Watch),
    /// What a push of a folder would do, and what of it would be refused; asks nobody
    Check(check::Check),
    /// What is live on each target, since when, whether it is up and whether it is proven
    Status(status::Status),
    /// Which sets were tested together, and how that ended
    Proven(proven::Proven),
    /// Logs of a release, or of what is live: commands' output, suites, instances
    Logs(logs::Logs),
    /// What happened, the newest first: releases, and what was repaired, swept and taken back by itself
    History(history::History),
    /// End a release at once, wherever it is, and take away what it has left
    Cancel(cancel::Cancel),
    /// Take away what ended executions have left, now rather than at the next sweep
    Sweep(sweep::Sweep),
    /// Replace instances that are gone or ill, now rather than at the keeper's next look
    Keep(keep::Keep),
    /// Which components there are and where they come from
    #[command(subcommand)]
    Component(component::ComponentCommand),
    /// Which libraries a folder's cutover.toml pins, what is newer, and what to write
    Vendor(vendor::Vendor),
    /// Provision a target, tear it down, see what it is
    #[command(subcommand)]
    Target(target::TargetCommand),
}

/// What every command has.
pub struct Context {
    cloud: Cloud,
    json: bool,
    screen: Screen,
}

/// Carries a command out.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    // What can be found wrong without AWS is found before AWS is asked.
    let prepared = match &arguments.command {
        Command::Release(release) => Some(start::prepare(&release.into())?),
        Command::Hotfix(hotfix) => Some(start::prepare(&hotfix.into())?),
        Command::Rollback(rollback) => Some(start::prepare(&rollback.into())?),
        Command::Restart(restart) => Some(start::prepare(&restart.into())?),
        _ => None,
    };
    if let Command::Check(wanted) = &arguments.command {
        return check::run(wanted, arguments.common.json, screen());
    }
    let context = Context::new(arguments.common).await?;
    match (arguments.command, prepared) {
        (Command::Release(release), Some(request)) => {
            start::run(&context, request, &release.following).await
        }
        (Command::Hotfix(hotfix), Some(request)) => {
            start::run(&context, request, &hotfix.following).await
        }
        (Command::Restart(restart), Some(request)) => {
            start::run(&context, request, &restart.following).await
        }
        (Command::Rollback(rollback), Some(request)) => {
            start::run(&context, request, &rollback.following).await
        }
        (Command::Watch(watch), _) => watch::run(&context, watch).await,
        (Command::Status(status), _) => status::run(&context, status).await,
        (Command::Proven(proven), _) => proven::run(&context, proven).await,
        (Command::Logs(logs), _) => logs::run(&context, logs).await,
        (Command::Component(command), _) => component::run(&context, command).await,
        (Command::Target(command), _) => target::run(&context, command).await,
        (Command::History(wanted), _) => history::run(&context, wanted).await,
        (Command::Cancel(wanted), _) => cancel::run(&context, wanted).await,
        (Command::Sweep(wanted), _) => sweep::run(&context, wanted).await,
        (Command::Keep(wanted), _) => keep::run(&context, wanted).await,
        (Command::Vendor(wanted), _) => vendor::run(&context, &wanted).await,
        (Command::Check(_), _) => unreachable!("answered above"),
        (
            Command::Release(_) | Command::Hotfix(_) | Command::Rollback(_) | Command::Restart(_),
            None,
        ) => unreachable!("prepared above"),
    }
}

impl Context {
    async fn new(common: Common) -> Result<Self, Failure> {
        let project = common.project.ok_or_else(|| {
            Failure::Usage("whose components? give --project or set CUTOVER_PROJECT (for the local cloud: `. .local/env`)".into())
        })?;
        let machine = common.state_machine.filter(|arn| !arn.is_empty());
        Ok(Self {
            cloud: Cloud::connect(project, machine).await?,
            json: common.json,
            screen: screen(),
        })
    }

    /// An execution by its name, its ARN, or its release's label.
    async fn find(&self, text: &str) -> Result<Execution, Failure> {
        if text.starts_with("arn:") {
            return Ok(Execution::from_arn(text));
        }
        let Some((target, ticket)) = label(text) else {
            return self.cloud.named(text).await;
        };
        match self.cloud.row(&Key::release(&target, ticket)).await? {
            Some(row) => Ok(Execution::from_arn(row.text("execution_arn"))),
            None => Err(Failure::Usage(format!(
                "there is no release {text}; `cutover status` shows what is live by which release"
            ))),
        }
    }
}

/// `stage-r42`, unless it is an execution's name.
fn label(text: &str) -> Option<(Target, Ticket)> {
    let (target, number) = text.rsplit_once("-r")?;
    Some((Target::new(target).ok()?, Ticket(number.parse().ok()?)))
}

/// What standard output shows. Terminals that cannot move their cursor get lines, like a file.
fn screen() -> Screen {
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    if dumb || !std::io::stdout().is_terminal() {
        return Screen {
            width: None,
            height: None,
            colour: Colour::Plain,
        };
    }
    // https://no-color.org: present and not empty.
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = if no_colour {
        Colour::Plain
    } else {
        Colour::Ansi
    };
    let (width, height) = match terminal_size::terminal_size_of(std::io::stdout()) {
        Some((width, height)) => (width.0.into(), height.0.into()),
        None => (80, 24),
    };
    Screen {
        width: Some(width),
        height: Some(height),
        colour,
    }
}

/// Prints, and says when nobody reads: a closed pipe is the reader's choice, no crash.
fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

fn say_json(value: &Value) -> Result<(), Failure> {
    say(&format!("{value:#}"))
}

/// Milliseconds since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// `2026-07-29 18:57 UTC (3m12s ago)`
fn since(text: &str, now: i64) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => {
            format!(
                "{} ({} ago)",
                time.strftime("%Y-%m-%d %H:%M UTC"),
                duration(now - time.as_millisecond())
            )
        }
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_told_from_an_execution_by_its_form() {
        assert_eq!(
            label("stage-r42").map(|(t, n)| (t.to_string(), n.0)),
            Some(("stage".into(), 42))
        );
        assert_eq!(
            label("eu-prod-r7").map(|(t, n)| (t.to_string(), n.0)),
            Some(("eu-prod".into(), 7))
        );
        assert_eq!(label("api-HEAD-stage-mzx1"), None);
        assert_eq!(label("api-rework"), None);
    }
}
