//! `watch`: a release as it happens.

use super::awaiting::{self, Awaiting};
use super::follow::Beside;
use super::start::{Limit, parse_duration};
use super::{Context, now, say, say_json};
use crate::cloud::Execution;
use crate::error::{Exit, Failure};
use crate::release::cells::Line;
use crate::release::ending::{ending, ending_json, warnings};
use crate::release::frame::frame;
use crate::release::model::Model;
use crate::text::{Screen, duration};
use clap::Args;
use pipeline::names::{Component, Target};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const HELP: &str = "\
Where no release runs it waits for one to begin, --begin-within at most: a push needs a few seconds to
become a release. With --commit it is the release of that commit and no other, also if it has ended;
the component is the one whose repository the current folder has as a remote, or the only one.

Examples:
  cutover watch --commit              after `git push`: the release of HEAD
  cutover watch --commit 3f2a9c1 --component api
  cutover watch                       the newest one that runs, or the next to begin
  cutover watch stage-r42
  cutover watch --logs                and what its commands print
  cutover watch api-HEAD-stage-mzx1 | tee release.log";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Watch {
    /// A release (stage-r42), an execution's name or its ARN [default: the newest one that runs]
    pub release: Option<String>,
    /// The release of this commit: a full SHA, or what git in this folder knows [default: HEAD]
    #[arg(long, value_name = "COMMIT", num_args = 0..=1, default_missing_value = "HEAD", conflicts_with = "release")]
    pub commit: Option<String>,
    /// Whose commit it is [default: the component of this folder's repository]
    #[arg(long, requires = "commit")]
    pub component: Option<Component>,
    /// Only a release to this target
    #[arg(long, requires = "commit")]
    pub target: Option<Target>,
    /// How long a release may take to begin (exit code 4 if none does)
    #[arg(long, default_value = "2m", value_name = "DURATION", value_parser = parse_duration)]
    pub begin_within: Duration,
    /// What its commands print too, line by line, instead of the table
    #[arg(long)]
    pub logs: bool,
    #[command(flatten)]
    pub limit: Limit,
}

/// How often the table's times change.
const REDRAW: Duration = Duration::from_millis(200);
/// The local cloud answers in milliseconds and a release takes seconds.
const LOCAL_POLL: Duration = Duration::from_millis(500);
/// GetExecutionHistory's bucket refills at 20 a second in the large regions, for all readers:
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>.
const POLL: Duration = Duration::from_secs(2);
/// While nothing happens, e.g. during a long test.
const SLOWEST_POLL: Duration = Duration::from_secs(10);
/// Polls that may fail one after the other before the network is said to be gone.
const TOLERATED: u32 = 5;

/// Finds the release and follows it.
pub async fn run(context: &Context, watch: Watch) -> Result<Exit, Failure> {
    if watch.logs && context.json {
        return Err(Failure::Usage(
            "--logs prints lines, and --json one value: leave one of them out".into(),
        ));
    }
    let execution = match (&watch.release, &watch.commit) {
        (Some(text), _) => {
            let execution = context.find(text).await?;
            return follow(context, &execution, watch.how(Seen::Named)).await;
        }
        (None, Some(text)) => match awaiting::of_commit(context, text, &watch).await? {
            Awaiting::Found(execution) => execution,
            Awaiting::Never(why, next) => return awaiting::never(context, &why, &next),
        },
        (None, None) => awaiting::next(context, watch.begin_within).await?,
    };
    follow(context, &execution, watch.how(Seen::Known)).await
}

impl Watch {
    fn how(&self, seen: Seen) -> How {
        How {
            seen,
            timeout: self.limit.timeout,
            logs: self.logs,
        }
    }
}

/// How a release is followed.
#[derive(Debug, Clone, Copy)]
pub struct How {
    pub seen: Seen,
    /// For so long at the most.
    pub timeout: Duration,
    /// With what its commands print.
    pub logs: bool,
}

/// Where an execution is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The service has answered with it, as one that it started or listed; its history may follow a
    /// moment later: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>.
    Known,
    /// Somebody typed it.
    Named,
}

/// Shows a release until it ends, or until the time is over.
pub async fn follow(context: &Context, execution: &Execution, how: How) -> Result<Exit, Failure> {
    let mut view = View::new(context, execution, how);
    let exit = tokio::select! {
        exit = until_it_ends(context, execution, how, &mut view) => exit?,
        _ = tokio::signal::ctrl_c() => {
            eprintln!("\nThe release goes on.\nNext: cutover watch {}", execution.name);
            Exit::TimeIsOver
        }
    };
    Ok(exit)
}

async fn until_it_ends(
    context: &Context,
    execution: &Execution,
    how: How,
    view: &mut View<'_>,
) -> Result<Exit, Failure> {
    let mut pace = Pace::new(context.cloud.is_local(), how.seen);
    let deadline = Instant::now() + how.timeout;
    let mut model = Model::default();
    let mut known = 0;
    loop {
        match context.cloud.events_after(execution, known).await {
            Ok(events) => {
                pace.saw(!events.is_empty());
                known = events.last().map_or(known, |event| event.id);
                let lines: Vec<Line> = events.iter().flat_map(|event| model.apply(event)).collect();
                view.lines(&lines)?;
            }
            Err(failure) => pace.failed(failure)?,
        }
        let has_ended = model.ended.is_some();
        view.outputs(context, &model, has_ended).await?;
        if let Some((_, end)) = &model.ended {
            view.end(&model)?;
            return Ok(end.exit());
        }
        let next = Instant::now() + pace.wait;
        if next >= deadline {
            return view.give_up(&model);
        }
        while Instant::now() < next {
            view.draw(&model)?;
            view.outputs(context, &model, false).await?;
            sleep(REDRAW.min(next - Instant::now())).await;
        }
    }
}

/// How often the history is asked for.
struct Pace {
    shortest: Duration,
    longest: Duration,
    wait: Duration,
    failures: u32,
    exists: bool,
}

impl Pace {
    fn new(local: bool, seen: Seen) -> Self {
        let (shortest, longest) = if local {
            (LOCAL_POLL, LOCAL_POLL)
        } else {
            (POLL, SLOWEST_POLL)
        };
        Self {
            shortest,
            longest,
            wait: shortest,
            failures: 0,
            exists: seen == Seen::Known,
        }
    }

    fn saw(&mut self, something: bool) {
        (self.failures, self.exists) = (0, true);
        self.wait = if something {
            self.shortest
        } else {
            (self.wait * 5 / 4).min(self.longest)
        };
    }

    /// A network that fails once is no reason to lose sight of a release of an hour.
    fn failed(&mut self, failure: Failure) -> Result<(), Failure> {
        self.failures += 1;
        if !self.exists || self.failures > TOLERATED {
            return Err(failure);
        }
        self.wait = (self.wait * 2).min(SLOWEST_POLL);
        Ok(())
    }
}

/// What is on the screen.
struct View<'a> {
    execution: &'a Execution,
    json: bool,
    screen: Screen,
    drawn: usize,
    beside: Option<Beside>,
}

impl<'a> View<'a> {
    fn new(context: &Context, execution: &'a Execution, how: How) -> Self {
        Self {
            execution,
            json: context.json,
            screen: context.screen,
            drawn: 0,
            beside: how.logs.then(Beside::new),
        }
    }

    fn is_table(&self) -> bool {
        self.screen.width.is_some() && !self.json && self.beside.is_none()
    }

    async fn outputs(
        &mut self,
        context: &Context,
        model: &Model,
        at_once: bool,
    ) -> Result<(), Failure> {
        match &mut self.beside {
            Some(beside) => beside.show(context, model, at_once).await,
            None => Ok(()),
        }
    }

    fn lines(&self, lines: &[Line]) -> Result<(), Failure> {
        if self.is_table() || self.json {
            return Ok(());
        }
        lines.iter().try_for_each(|line| {
            say(&format!(
                "{:>7} {} {}",
                duration(line.at),
                line.subject,
                line.text
            ))
        })
    }

    /// Writes the new table over the old one at once, so that nothing flickers.
    fn draw(&mut self, model: &Model) -> Result<(), Failure> {
        if !self.is_table() {
            return Ok(());
        }
        // The window may have been resized since.
        self.screen = super::screen();
        let lines = frame(model, &self.execution.name, now(), self.screen);
        let mut text = String::new();
        if self.drawn > 1 {
            text += &format!("\x1b[{}F", self.drawn - 1);
        } else if self.drawn == 1 {
            text.push('\r');
        }
        text += &lines
            .iter()
            .map(|line| format!("{line}\x1b[K"))
            .collect::<Vec<_>>()
            .join("\n");
        text += "\x1b[J";
        self.drawn = lines.len();
        write(&text)
    }

    fn end(&mut self, model: &Model) -> Result<(), Failure> {
        if self.json {
            say_json(&ending_json(
                model,
                &self.execution.name,
                &self.execution.arn,
            ))?;
        } else {
            self.draw(model)?;
            let newline = if self.is_table() { "\n" } else { "" };
            let ending = ending(model, &self.execution.name, self.screen);
            say(&format!("{newline}{ending}"))?;
        }
        for warning in warnings(model) {
            eprintln!("cutover: {warning}");
        }
        Ok(())
    }

    fn give_up(&self, model: &Model) -> Result<Exit, Failure> {
        if self.json {
            say_json(
                &json!({"execution": self.execution.name, "execution_arn": self.execution.arn, "release": model.label, "status": "RUNNING",
                    "error": "TimeIsOver", "message": "The time to look is over; the release goes on.", "exit_code": Exit::TimeIsOver.code()}),
            )?;
        } else {
            let newline = if self.is_table() { "\n" } else { "" };
            say(&format!(
                "{newline}The time to look is over; the release goes on.\nNext: cutover watch {}",
                self.execution.name
            ))?;
        }
        Ok(Exit::TimeIsOver)
    }
}

fn write(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
