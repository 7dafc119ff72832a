//! What the table records of the target, of the four components.

use crate::world::{TARGET, World};
use serde_json::Value;
use std::collections::BTreeMap;

/// A release's row.
#[derive(Debug, Clone)]
pub struct Release {
    pub ticket: u64,
    pub execution: String,
    pub outcome: String,
    pub proven: bool,
    pub rollback: bool,
    /// Whether a release that went live and was not well gave way to it: nothing is tested then.
    pub by_itself: bool,
    /// What it was to bring: component to commit and hostname.
    pub brings: BTreeMap<String, (String, String)>,
}

/// A candidate's row.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub hostname: String,
    pub state: String,
    pub companion: bool,
    pub booted: bool,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By ticket.
    pub releases: BTreeMap<u64, Release>,
    pub candidates: Vec<Candidate>,
    /// How often each ticket was tested, as far as its suites passed or ended it.
    pub rounds: BTreeMap<u64, u64>,
}

impl Ledger {
    /// What it holds from this ticket on.
    pub async fn read(world: &World, first: u64) -> Self {
        let pk = format!("target#{TARGET}");
        let mut ledger = Self::default();
        for row in world.cloud.rows_of(&pk, "release#").await {
            let release = release(&row);
            if release.ticket >= first {
                ledger.releases.insert(release.ticket, release);
            }
        }
        let mut rows = world.cloud.rows_of(&pk, "candidate#").await;
        rows.extend(world.cloud.rows_of(&pk, "past#").await);
        let own = rows.iter().filter(|row| number(&row["ticket"]) >= first);
        ledger.candidates = own.map(candidate).collect();
        for row in world.cloud.rows_of(&pk, "set#").await {
            let (ticket, round) = (number(&row["ticket"]), number(&row["round"]));
            if ticket >= first {
                let most = ledger.rounds.entry(ticket).or_default();
                *most = round.max(*most);
            }
        }
        ledger
    }

    /// The release of an execution, if it got as far as having one.
    pub fn of(&self, execution: &str) -> Option<&Release> {
        self.releases
            .values()
            .find(|one| one.execution == execution)
    }

    /// Those whose cutover was done, in the order of their tickets.
    pub fn cut_over(&self) -> impl Iterator<Item = &Release> {
        let cut_over = |one: &&Release| matches!(one.outcome.as_str(), "live" | "rolled back");
        self.releases.values().filter(cut_over)
    }

    /// In the order of their tickets.
    pub fn live(&self) -> impl Iterator<Item = &Release> {
        self.releases.values().filter(|one| one.outcome == "live")
    }
}

fn release(row: &Value) -> Release {
    let plan = &row["plan"];
    let components = plan["components"].as_array().cloned().unwrap_or_default();
    Release {
        ticket: number(&row["ticket"]),
        execution: text(&row["execution"]),
        outcome: text(&row["outcome"]),
        proven: plan["release"]["proven"] == true,
        rollback: plan["release"]["rollback"] == true,
        by_itself: text(&row["execution"]).ends_with("-back"),
        brings: components
            .iter()
            .map(|one| {
                let at = (text(&one["commit"]), text(&one["hostname"]));
                (text(&one["component"]), at)
            })
            .collect(),
    }
}

fn candidate(row: &Value) -> Candidate {
    Candidate {
        hostname: text(&row["hostname"]),
        state: text(&row["state"]),
        companion: row["companion"] == true,
        booted: row["instances"]
            .as_array()
            .is_some_and(|all| !all.is_empty()),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number in the table")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
