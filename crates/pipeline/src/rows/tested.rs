//! What was tested together, and what each component passed beside.

use crate::names::{Component, SuiteName, Ticket};
use crate::proof::{Proof, Set};
use crate::wire::{Release, SuiteOutcome, SuiteRef, SuiteReply, Tested};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What became of a tested set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetResult {
    /// Every suite passed, or there was none.
    Passed,
    /// At least one suite did not pass.
    Failed,
}

/// `target#<t>` / `set#<ticket>#<round>`: what was tested together, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetRow {
    /// Everything live beside the release, and the release itself.
    pub set: Set,
    /// What the release was to bring.
    pub released: Vec<Component>,
    /// Live components that depend on it, tested beside it.
    pub dependents: Vec<Component>,
    /// Whether every suite passed.
    pub result: SetResult,
    /// How each suite ended.
    pub suites: Vec<SuiteReply>,
    /// Left out because the release said so.
    pub skipped: Vec<SuiteRef>,
    /// `stage-r42`
    pub release: String,
    /// 42
    pub ticket: Ticket,
    /// Which time the release was tested, from 1.
    pub round: u32,
    /// RFC 3339.
    pub at: String,
}

impl SetRow {
    /// What a release tested, and how it ended.
    pub fn of(
        release: &Release,
        tested: &Tested,
        released: Vec<Component>,
        tests: &[SuiteReply],
        at: String,
    ) -> Self {
        let red = |one: &SuiteReply| one.outcome != SuiteOutcome::Passed;
        let dependents: BTreeSet<Component> = tests
            .iter()
            .filter(|one| one.companion)
            .map(|one| one.component.clone())
            .collect();
        Self {
            set: tested.set.clone(),
            released,
            dependents: dependents.into_iter().collect(),
            result: match tests.iter().any(red) {
                true => SetResult::Failed,
                false => SetResult::Passed,
            },
            suites: tests.to_vec(),
            skipped: tested.skipped.clone(),
            release: release.label(),
            ticket: release.ticket,
            round: tested.round,
            at,
        }
    }
}

/// `target#<t>` / `proof#...`: one component's suites passed against exactly these peers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRow {
    /// What against what.
    #[serde(flatten)]
    pub proof: Proof,
    /// Suites that were left out.
    #[serde(default)]
    pub skipped: Vec<SuiteName>,
    /// How many ran: a component without any is proven to start and to be healthy, and to nothing
    /// more. Absent in rows from before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suites: Option<u32>,
    /// `stage-r42`
    pub release: String,
    /// RFC 3339.
    pub at: String,
}

impl ProofRow {
    /// Whether this one left out fewer suites.
    pub fn says_more_than(&self, other: &Self) -> bool {
        self.skipped.len() < other.skipped.len()
    }

    /// Whether the component has none, so that nothing of it was tested. Where it was not recorded it is
    /// taken for tested.
    pub fn has_no_suites(&self) -> bool {
        self.suites == Some(0) && self.skipped.is_empty()
    }
}
