//! Releases whose row says that they run: a row cannot know that its execution was stopped.

use super::{Context, now, since};
use crate::cloud::{Described, Row};
use crate::error::Failure;
use crate::text::{Screen, Style, duration};
use aws_sdk_sfn::types::ExecutionStatus;
use pipeline::closing::{Status, still_works};
use pipeline::names::Component;
use pipeline::rows::{AliasRow, ReleaseOutcome, ReleaseRow};
use serde_json::{Value, json};

/// Releases looked at: more than run at the same time on one target.
const LATEST: i32 = 25;

/// One of them.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// As it is recorded.
    pub row: Row,
    /// As Step Functions has it.
    pub how: How,
}

/// How an execution stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// It runs.
    Runs,
    /// Somebody stopped it, at that time.
    Stopped(i64),
    /// It reached its time limit.
    TimedOut(i64),
    /// It ended, and could not record how.
    NotRecorded(i64),
    /// Step Functions forgets an execution 90 days after its end.
    Forgotten,
}

impl How {
    /// `age`: seconds since its names were reserved, if that can be told.
    fn of(described: Option<Described>, age: Option<i64>) -> Self {
        let Some(described) = described else {
            return match still_works(Status::Unknown, age) {
                true => Self::Runs,
                false => Self::Forgotten,
            };
        };
        let ended = described.ended.unwrap_or_default();
        match described.status {
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => Self::Runs,
            ExecutionStatus::Aborted => Self::Stopped(ended),
            ExecutionStatus::TimedOut => Self::TimedOut(ended),
            _ => Self::NotRecorded(ended),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Runs => "running",
            Self::Stopped(_) => "stopped by hand",
            Self::TimedOut(_) => "timed out",
            Self::NotRecorded(_) => "ended, which is not recorded",
            Self::Forgotten => "ended more than 90 days ago, which is not recorded",
        }
    }

    fn at(&self) -> Option<i64> {
        match self {
            Self::Runs | Self::Forgotten => None,
            Self::Stopped(at) | Self::TimedOut(at) | Self::NotRecorded(at) => Some(*at),
        }
    }
}

impl Unfinished {
    /// Those of a target, the newest first.
    pub async fn of(context: &Context, pk: &str) -> Result<Vec<Self>, Failure> {
        let latest = context.cloud.last_rows_of(pk, "release#", LATEST).await?;
        let mut found = Vec::new();
        for row in latest {
            if row.value("outcome") != Some(ReleaseOutcome::Running) {
                continue;
            }
            let described = context.cloud.described(row.text("execution_arn")).await?;
            let how = How::of(described, age(&row, now()));
            found.push(Self { row, how });
        }
        Ok(found)
    }

    /// Whether a person should hear of it: what a later release of all its components has
    /// cleared away is over.
    pub fn matters(&self, aliases: &[AliasRow]) -> Result<bool, Failure> {
        let release: ReleaseRow = self.row.read()?;
        let is_cleared = |name: &Component| {
            aliases
                .iter()
                .any(|alias| alias.component == *name && alias.ticket > release.ticket)
        };
        let mut names = release.plan.components.iter().map(|one| &one.component);
        Ok(self.how == How::Runs || !names.all(is_cleared))
    }

    /// What it is, and what to do.
    pub fn shown(&self, now: i64, screen: Screen) -> Result<String, Failure> {
        let release: ReleaseRow = self.row.read()?;
        let plan = &release.plan;
        let label = plan.release.label();
        let what: Vec<String> = plan
            .components
            .iter()
            .map(|one| format!("{} {}", one.component, one.commit.short()))
            .collect();
        let what = format!("{}: {label} {}", self.how.word(), what.join(", "));
        Ok(match self.how.at() {
            None if self.how == How::Runs => format!(
                "{}\n  cutover watch {}",
                screen.colour.paint(
                    Style::Busy,
                    &format!("{what}, started {}", since(&release.started, now))
                ),
                release.execution
            ),
            at => {
                let at = at.map_or(String::new(), |at| format!(", {} ago", duration(now - at)));
                format!(
                    "{}\n  what it launched may still run: instances tagged cutover:release={label}; the next sweep, within 15 minutes, ends them (`cutover sweep` does it now)",
                    screen.colour.paint(Style::Bad, &format!("{what}{at}"))
                )
            }
        })
    }

    /// The row, and how it stands.
    pub fn as_json(&self) -> Value {
        let mut value = self.row.0.clone();
        value.insert("execution_is".into(), json!(self.how.word()));
        Value::Object(value)
    }
}

/// Seconds since a release's names were reserved.
fn age(row: &Row, now: i64) -> Option<i64> {
    let started: jiff::Timestamp = row.text("started").parse().ok()?;
    Some(now / 1000 - started.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(status: ExecutionStatus) -> How {
        let described = Described {
            status,
            ended: Some(5),
        };
        How::of(Some(described), Some(1))
    }

    #[test]
    fn only_what_step_functions_runs_is_running() {
        assert_eq!(described(ExecutionStatus::Running), How::Runs);
        assert_eq!(described(ExecutionStatus::Aborted), How::Stopped(5));
        assert_eq!(described(ExecutionStatus::TimedOut), How::TimedOut(5));
        assert_eq!(described(ExecutionStatus::Failed), How::NotRecorded(5));
    }

    #[test]
    fn what_step_functions_does_not_know_yet_is_not_long_over() {
        assert_eq!(How::of(None, Some(1)), How::Runs);
        assert_eq!(How::of(None, Some(90 * 24 * 3600)), How::Forgotten);
        let row = Row(json!({"started": "2026-07-29T18:57:00Z"})
            .as_object()
            .unwrap()
            .clone());
        assert_eq!(age(&row, 1_785_351_421_000), Some(1));
    }
}
