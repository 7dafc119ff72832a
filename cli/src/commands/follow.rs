//! `logs --follow` of a release: what its commands print, as they print it.

use super::logs::{Logs, find};
use super::outputs::{Outputs, Said, Which};
use super::patience::{Patience, TOLERATED};
use super::{Context, say};
use crate::cloud::Execution;
use crate::error::{Exit, Failure};
use crate::release::model::Model;
use crate::text::safe;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const LOCAL_POLL: Duration = Duration::from_millis(500);
/// A function ships once a second. FilterLogEvents may be asked 5 times a second for a whole account:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>.
const POLL: Duration = Duration::from_secs(1);
/// Clocks that differ.
const EARLIER: i64 = 60_000;

/// Until the command that was asked for has ended, or the release.
pub async fn run(context: &Context, logs: &Logs) -> Result<Exit, Failure> {
    if context.json {
        return Err(Failure::Usage(
            "--follow has no end, and --json prints one value: leave one of them out".into(),
        ));
    }
    let component = logs.component.as_ref().map(ToString::to_string);
    let which = Which::typed(component, logs.stage.as_deref())?;
    let wanted = find(context, logs.release.as_deref()).await?;
    let mut follower = Follower::new(wanted.execution, wanted.model, which);
    let mut patience = Patience::default();
    loop {
        if patience.take(follower.step(context).await)? == Some(true) {
            return follower.end();
        }
        tokio::select! {
            () = sleep(pause(context)) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Good),
        }
    }
}

fn pause(context: &Context) -> Duration {
    match context.cloud.is_local() {
        true => LOCAL_POLL,
        false => POLL,
    }
}

struct Follower {
    execution: Execution,
    model: Model,
    known: i64,
    which: Which,
    outputs: Option<Outputs>,
}

impl Follower {
    fn new(execution: Execution, model: Model, which: Which) -> Self {
        Self {
            execution,
            model,
            known: 0,
            which,
            outputs: None,
        }
    }

    /// Shows what is new; whether nothing more will come.
    async fn step(&mut self, context: &Context) -> Result<bool, Failure> {
        // Asked first: what comes before its end is there when it has ended.
        let has_ended = self.has_ended(context).await?;
        if self.outputs.is_none() {
            self.outputs = begin(context, &self.model, self.which.clone()).await?;
        }
        let Some(outputs) = &mut self.outputs else {
            return Ok(has_ended);
        };
        for said in outputs.more(context).await? {
            say(&line(&said, self.which.is_one()))?;
        }
        Ok(has_ended || outputs.has_ended())
    }

    fn end(self) -> Result<Exit, Failure> {
        if self.outputs.is_none_or(|outputs| outputs.is_empty()) {
            let name = &self.execution.name;
            eprintln!(
                "The release has ended, and no such command has printed anything.\nNext: cutover logs {name} --list"
            );
        }
        Ok(Exit::Good)
    }

    async fn has_ended(&mut self, context: &Context) -> Result<bool, Failure> {
        let events = context
            .cloud
            .events_after(&self.execution, self.known)
            .await?;
        if self.known == 0 {
            self.model = Model::default();
        }
        for event in &events {
            self.model.apply(event);
            self.known = event.id;
        }
        Ok(self.model.ended.is_some())
    }
}

/// What commands print, between the lines of `watch`.
pub struct Beside {
    outputs: Option<Outputs>,
    next: Instant,
    failures: u32,
}

impl Beside {
    /// From now on.
    pub fn new() -> Self {
        Self {
            outputs: None,
            next: Instant::now(),
            failures: 0,
        }
    }

    /// Shows what is new, if it is time to look; `at_once` at the end.
    pub async fn show(
        &mut self,
        context: &Context,
        model: &Model,
        at_once: bool,
    ) -> Result<(), Failure> {
        let is_over = self.failures > TOLERATED;
        if is_over || (Instant::now() < self.next && !at_once) {
            return Ok(());
        }
        self.next = Instant::now() + pause(context);
        match self.more(context, model).await {
            Ok(()) => self.failures = 0,
            Err(failure @ Failure::Cloud { .. }) => {
                self.failures += 1;
                if self.failures > TOLERATED {
                    eprintln!("cutover: what commands print is not shown any more: {failure}");
                }
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    async fn more(&mut self, context: &Context, model: &Model) -> Result<(), Failure> {
        if self.outputs.is_none() {
            self.outputs = begin(context, model, Which::default()).await?;
        }
        let Some(outputs) = &mut self.outputs else {
            return Ok(());
        };
        let lines = outputs.more(context).await?;
        lines.iter().try_for_each(|said| say(&line(said, false)))
    }
}

/// Once the release is planned, so that it has a name.
async fn begin(context: &Context, model: &Model, which: Which) -> Result<Option<Outputs>, Failure> {
    let Some(label) = &model.label else {
        return Ok(None);
    };
    let bucket = context.cloud.bucket().await?;
    let since = model.started.unwrap_or(EARLIER) - EARLIER;
    Ok(Some(Outputs::new(bucket, label.clone(), which, since)))
}

/// Of several commands each line says whose it is.
fn line(said: &Said, is_one: bool) -> String {
    let text = safe(&said.line);
    match is_one {
        true => text,
        false => format!("{} {} | {text}", said.component, said.stage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_commands_each_line_says_whose_it_is() {
        let said = Said {
            component: "api".into(),
            stage: "build".into(),
            line: "made\x1b[2J".into(),
        };
        assert_eq!(line(&said, true), "made?[2J");
        assert_eq!(line(&said, false), "api build | made?[2J");
    }
}
