//! `history`: what happened on a target, whoever did it. Releases are told by their own rows; what was done by itself
//! has rows of the history.

use super::start::parse_duration;
use super::status::environments;
use super::{Context, now, say, say_json, since};
use crate::error::{Exit, Failure};
use crate::text::{Screen, Style, wrap};
use clap::Args;
use pipeline::names::{Component, Target, release_label};
use pipeline::rows::{ActState, HistoryRow, Key, ReleaseOutcome, ReleaseRow};
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

const HELP: &str = "\
The newest first: releases and roll-backs, and what the project did by itself: the keeper replaced an instance, the
sweeper took away what an ended execution had left, a release was taken back, what a cancelled one left went.

Examples:
  cutover history                     the last twenty of all targets
  cutover history --target prod --component api --since 7d
  cutover history --json --limit 100";

/// Rows of each kind that are looked through where not all of them are wanted.
const LOOKED_THROUGH: u16 = 1000;

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct History {
    /// Only this one [default: all]
    #[arg(long)]
    pub target: Option<Target>,
    /// Only what it was about
    #[arg(long)]
    pub component: Option<Component>,
    /// Only what happened within this time, e.g. 7d
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub since: Option<Duration>,
    /// How many, the newest first
    #[arg(long, default_value = "20", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Entry {
    at: String,
    target: String,
    /// `release`, `roll-back`, or who acted by itself.
    by: String,
    /// How it ended.
    state: String,
    what: String,
    why: String,
    components: Vec<Component>,
    release: Option<String>,
    instances: Vec<String>,
}

/// Reads and prints them.
pub async fn run(context: &Context, wanted: History) -> Result<Exit, Failure> {
    let read = match wanted.component {
        Some(_) => LOOKED_THROUGH,
        None => wanted.limit,
    };
    let mut entries = Vec::new();
    for row in environments(context, wanted.target.as_ref()).await? {
        let target = Target::new(row.text("pk").trim_start_matches("target#"))?;
        let pk = Key::target(&target);
        let acts = context.cloud.last_rows_of(&pk, "history#", read.into());
        let releases = context.cloud.last_rows_of(&pk, "release#", read.into());
        let (acts, releases) = (acts.await?, releases.await?);
        let acts: Result<Vec<HistoryRow>, _> = acts.iter().map(|row| row.read()).collect();
        let releases: Result<Vec<ReleaseRow>, _> = releases.iter().map(|row| row.read()).collect();
        entries.extend(merged(&target, acts?, releases?));
    }
    let entries = chosen(entries, &wanted, now());
    if context.json {
        let all: Result<Vec<_>, _> = entries.iter().map(serde_json::to_value).collect();
        say_json(&all.unwrap_or_default().into())?;
        return Ok(Exit::Good);
    }
    if entries.is_empty() {
        say("nothing happened")?;
    }
    for (i, entry) in entries.iter().enumerate() {
        let space = if i == 0 { "" } else { "\n" };
        say(&format!("{space}{}", shown(entry, now(), context.screen)))?;
    }
    Ok(Exit::Good)
}

/// A roll-back by itself has both: then its act says why, and its row is left out.
fn merged(target: &Target, acts: Vec<HistoryRow>, releases: Vec<ReleaseRow>) -> Vec<Entry> {
    let told: BTreeSet<String> = acts.iter().map(|row| row.act.clone()).collect();
    let taken_back = |row: &ReleaseRow| {
        let execution = row.execution.strip_suffix("-back")?;
        let of_it = |one: &&ReleaseRow| one.execution == execution && one.ticket < row.ticket;
        releases
            .iter()
            .find(of_it)
            .map(|one| release_label(target, one.ticket))
    };
    let is_told = |row: &&ReleaseRow| {
        let label = taken_back(row).filter(|_| is_by_itself(row));
        label.is_some_and(|label| told.contains(&format!("back-{label}")))
    };
    let of_releases = releases.iter().filter(|row| !is_told(row));
    let of_releases = of_releases.map(|row| {
        let label = release_label(target, row.ticket);
        let is_its = |act: &String| {
            act.ends_with(&format!("-undo-{label}")) || *act == format!("back-{label}")
        };
        of_release(label.clone(), target, row, told.iter().any(is_its))
    });
    let of_acts = acts.into_iter().map(|row| Entry {
        at: row.at,
        target: target.to_string(),
        by: row.by.as_str().into(),
        state: state(row.state).into(),
        what: row.what,
        why: row.why,
        components: row.components,
        release: row.release,
        instances: row.instances,
    });
    of_acts.chain(of_releases).collect()
}

/// Its row has the execution of the release that it took back.
fn is_by_itself(row: &ReleaseRow) -> bool {
    let own = format!(":{}", row.execution);
    row.plan.release.rollback && !row.execution_arn.ends_with(&own)
}

fn state(state: ActState) -> &'static str {
    match state {
        ActState::Begun => "begun, and not known to have ended",
        ActState::Done => "done",
        ActState::Moot => "nothing to do any more",
        ActState::Failed => "failed",
    }
}

/// Why is not said again where an act tells it.
fn of_release(label: String, target: &Target, row: &ReleaseRow, is_told: bool) -> Entry {
    let planned = row.plan.components.iter().chain(&row.plan.libraries);
    let named = planned
        .clone()
        .map(|one| format!("{} {}", one.component, one.commit.short()));
    let named = named.collect::<Vec<_>>().join(", ");
    let cause = match (&row.cause, is_told) {
        (_, true) => format!("It was to bring {named}."),
        (cause, false) => cause.clone().unwrap_or_default(),
    };
    let (state, what) = match row.outcome {
        ReleaseOutcome::Running => (
            "runs",
            format!("Nothing has changed for users yet. {named}"),
        ),
        ReleaseOutcome::Live => ("live", format!("From then on users were sent to {named}.")),
        ReleaseOutcome::AlreadyLive => ("already live", cause),
        ReleaseOutcome::NotReleased => ("not released", cause),
        ReleaseOutcome::LibrariesReleased => ("libraries released", format!("{named}.")),
        ReleaseOutcome::RolledBack => ("rolled back", cause),
    };
    Entry {
        at: row.ended.clone().unwrap_or_else(|| row.started.clone()),
        target: target.to_string(),
        by: match (row.plan.release.rollback, is_by_itself(row)) {
            (_, true) => "roll-back by itself".into(),
            (true, false) => "roll-back".into(),
            (false, false) => "release".into(),
        },
        state: state.into(),
        what,
        why: String::new(),
        components: planned.map(|one| one.component.clone()).collect(),
        release: Some(label),
        instances: Vec::new(),
    }
}

/// As many as are wanted, the newest first.
fn chosen(mut entries: Vec<Entry>, wanted: &History, now: i64) -> Vec<Entry> {
    let at = |entry: &Entry| {
        let time = entry.at.parse::<jiff::Timestamp>();
        time.map_or(0, |time| time.as_millisecond())
    };
    let oldest = wanted.since.map(|since| {
        let since = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        now.saturating_sub(since)
    });
    entries.retain(|entry| {
        let is_its = |component: &Component| entry.components.contains(component);
        wanted.component.as_ref().is_none_or(is_its)
            && oldest.is_none_or(|oldest| at(entry) >= oldest)
    });
    entries.sort_by_key(|entry| std::cmp::Reverse(at(entry)));
    entries.truncate(wanted.limit.into());
    entries
}

fn shown(entry: &Entry, now: i64, screen: Screen) -> String {
    let style = match entry.state.as_str() {
        "done" | "live" | "libraries released" => Style::Good,
        "failed" | "not released" | "rolled back" => Style::Bad,
        "runs" => Style::Busy,
        _ => Style::Quiet,
    };
    let about = match &entry.release {
        Some(release) => release.clone(),
        None => entry.target.clone(),
    };
    let mut lines = vec![format!(
        "{}  {}  {}  {}",
        since(&entry.at, now),
        screen.colour.paint(Style::Strong, &about),
        entry.by,
        screen.colour.paint(style, &entry.state)
    )];
    let mut line = |what: &str, text: &str| {
        if !text.is_empty() {
            lines.push(wrap(&format!("{what}{text}"), "  ", screen.width));
        }
    };
    line("", &entry.what);
    line("because ", &entry.why);
    line("instances: ", &entry.instances.join(", "));
    lines.join("\n")
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
