//! Waits for a release to begin: a push takes its way over the bus and a function.

use super::watch::Watch;
use super::{Context, now, say, say_json};
use crate::cloud::{Execution, Row, Which};
use crate::error::{Exit, Failure};
use crate::folder;
use crate::release::of_commit::{Awaited, Look, Seen, component};
use crate::text::duration;
use pipeline::names::{Target, Ticket};
use pipeline::rows::{ComponentRow, Key, ReleaseOutcome, ReleaseRow};
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const LOCAL_POLL: Duration = Duration::from_millis(300);
/// ListExecutions' bucket refills at 5 a second in most regions, for all readers:
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>.
const POLL: Duration = Duration::from_secs(2);
/// How often somebody who waits is told that he waits.
const WORD: Duration = Duration::from_secs(15);
/// The newest executions, in which one that has just begun is. Who looks for an older one finds it
/// in the table.
const NEWEST: i32 = 200;

/// What becomes of waiting.
#[derive(Debug)]
pub enum Awaiting {
    /// This is it, running or ended.
    Found(Execution),
    /// None will begin: why, and what to do.
    Never(String, String),
}

/// The release of a commit.
pub async fn of_commit(context: &Context, text: &str, watch: &Watch) -> Result<Awaiting, Failure> {
    let awaited = awaited(context, text, watch).await?;
    let mut wait = Wait::new(context, watch.begin_within);
    loop {
        let seen = seen(context, &awaited).await?;
        match awaited.look(&seen) {
            Look::Follow(one) => return Ok(found(context, one, &seen)),
            Look::NobodyFollows => {
                let next = awaited.by_hand();
                return Ok(Awaiting::Never(awaited.nobody_follows(), next));
            }
            Look::Wait => {}
        }
        let what = format!(
            "{} {}: {}",
            awaited.component,
            awaited.commit.short(),
            awaited.why()
        );
        if wait.is_over(&format!("the release of {what}")).await {
            return match awaited.last_look(&seen) {
                Some(one) => Ok(found(context, one, &seen)),
                None => Err(none_began(&awaited, watch.begin_within)),
            };
        }
    }
}

/// Says so, and how that ends: the commit did not go live.
pub fn never(context: &Context, why: &str, next: &str) -> Result<Exit, Failure> {
    let exit = Exit::NotReleased;
    match context.json {
        true => say_json(
            &json!({"outcome": "not_released", "error": "NobodyFollows", "message": why, "exit_code": exit.code()}),
        )?,
        false => say(&format!("{why}\nNext: {next}"))?,
    }
    Ok(exit)
}

/// The newest release that runs, or the next that begins.
pub async fn next(context: &Context, within: Duration) -> Result<Execution, Failure> {
    let before = context.cloud.newest(1, Which::All).await?;
    let last = before.first().map(|one| one.execution.clone());
    let mut wait = Wait::new(context, within);
    loop {
        let running = context.cloud.newest(1, Which::Running).await?;
        let newest = context.cloud.newest(1, Which::All).await?;
        // One that has begun and ended between two looks is new all the same.
        let mut begun = newest
            .iter()
            .filter(|one| Some(&one.execution) != last.as_ref());
        // By its status it is listed a moment after it has begun.
        let unlisted = newest.iter().find(|one| one.ended.is_none());
        if let Some(one) = running.first().or(unlisted).or(begun.next()) {
            return Ok(one.execution.clone());
        }
        let what = match newest.first() {
            Some(one) => format!(
                "a release to begin; the last one, {}, ended {} ago",
                one.execution.name,
                duration(now() - one.ended.unwrap_or_default())
            ),
            None => "the first release to begin".into(),
        };
        if wait.is_over(&what).await {
            return Err(Failure::TimeIsOver(match last {
                Some(last) => format!(
                    "no release runs, and none has begun within {}\nThe last one: cutover watch {}",
                    humantime::format_duration(within),
                    last.name
                ),
                None => {
                    "no release has run yet; start one with `cutover release COMPONENT` or a push"
                        .into()
                }
            }));
        }
    }
}

async fn awaited(context: &Context, text: &str, watch: &Watch) -> Result<Awaited, Failure> {
    let here = Path::new(".");
    let commit = folder::commit_of(here, text)?;
    let rows = context.cloud.rows_with_sk("config", "component#").await?;
    let rows: Vec<ComponentRow> = rows.iter().map(Row::read).collect::<Result<_, _>>()?;
    let remotes: Vec<String> = folder::remotes(here)
        .into_iter()
        .map(|(_, address)| address)
        .collect();
    let row = component(&rows, watch.component.as_ref(), &remotes).map_err(Failure::Usage)?;
    Ok(Awaited {
        component: row.component.clone(),
        pushed: folder::pushed(here, &commit, &row.repository),
        commit,
        follows: row.branches.clone(),
        only: watch.target.clone(),
    })
}

/// The executions of the commit: by their names, and by what the table knows of older ones and of
/// those that were asked for by another name (HEAD, a tag).
async fn seen(context: &Context, awaited: &Awaited) -> Result<Vec<Seen>, Failure> {
    let listed = context.cloud.newest(NEWEST, Which::All).await?;
    let mut seen: Vec<Seen> = listed
        .into_iter()
        .filter_map(|one| {
            Some(Seen {
                target: awaited.target_of(&one.execution.name)?,
                started: one.started,
                running: one.ended.is_none(),
                name: one.execution.name,
                arn: one.execution.arn,
            })
        })
        .collect();
    for row in recorded(context, awaited).await? {
        if seen.iter().all(|one| one.arn != row.execution_arn) {
            let started = row.started.parse().map(jiff::Timestamp::as_millisecond);
            seen.push(Seen {
                name: row.execution,
                arn: row.execution_arn,
                target: row.plan.release.target,
                started: started.unwrap_or_default(),
                running: row.outcome == ReleaseOutcome::Running,
            });
        }
    }
    Ok(seen)
}

async fn recorded(context: &Context, awaited: &Awaited) -> Result<Vec<ReleaseRow>, Failure> {
    let rows = context.cloud.rows_of_commit(&awaited.commit).await?;
    let mut keys: Vec<Key> = Vec::new();
    for row in rows {
        let of_it = row.text("component") == awaited.component.as_str();
        let is_companion = row.0.get("companion").is_some();
        if let (true, false, Some(key)) = (of_it, is_companion, release_of(&row))
            && !keys.contains(&key)
        {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = context.cloud.rows_at(&keys).await?;
    rows.iter().map(Row::read).collect()
}

fn release_of(row: &Row) -> Option<Key> {
    let target = Target::new(row.text("pk").strip_prefix("target#")?).ok()?;
    let ticket = row.0.get("ticket")?.as_u64()?;
    Some(Key::release(&target, Ticket(ticket)))
}

fn found(context: &Context, one: &Seen, all: &[Seen]) -> Awaiting {
    let others = all
        .iter()
        .filter(|other| other.running && other.arn != one.arn);
    for other in others.filter(|_| !context.json) {
        eprintln!("Also running: cutover watch {}", other.name);
    }
    Awaiting::Found(Execution::from_arn(&one.arn))
}

fn none_began(awaited: &Awaited, within: Duration) -> Failure {
    let what = format!("{} {}", awaited.component, awaited.commit.short());
    let hint = match awaited.pushed.is_empty() {
        true => "git in this folder does not know that it was pushed: `git push` first",
        false => {
            "did the push's event arrive? what could not be started is in the queue of lost pushes"
        }
    };
    Failure::TimeIsOver(format!(
        "no release of {what} has begun within {}\n  {hint}",
        humantime::format_duration(within)
    ))
}

/// Waiting, with a word from time to time.
struct Wait {
    pause: Duration,
    begun: Instant,
    limit: Duration,
    spoken: Option<Instant>,
    quiet: bool,
}

impl Wait {
    fn new(context: &Context, limit: Duration) -> Self {
        Self {
            pause: if context.cloud.is_local() {
                LOCAL_POLL
            } else {
                POLL
            },
            begun: Instant::now(),
            limit,
            spoken: None,
            quiet: context.json,
        }
    }

    /// Waits until the next look, unless there is none any more. What is waited for is said also
    /// where one look took all the time.
    async fn is_over(&mut self, what: &str) -> bool {
        match self.spoken {
            None => self.say(&format!("Waiting for {what}.")),
            Some(at) if at.elapsed() >= WORD => {
                let waited = self.begun.elapsed().as_millis();
                let waited = duration(i64::try_from(waited).unwrap_or(i64::MAX));
                self.say(&format!("Still waiting, for {waited} now."));
            }
            Some(_) => {}
        }
        let left = self.limit.saturating_sub(self.begun.elapsed());
        sleep(self.pause.min(left)).await;
        left.is_zero()
    }

    fn say(&mut self, text: &str) {
        self.spoken = Some(Instant::now());
        if !self.quiet {
            eprintln!("{text}");
        }
    }
}
