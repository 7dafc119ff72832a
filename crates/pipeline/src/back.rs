//! Roll back: what becomes of a release that went live and is not healthy.
//!
//! The previous instances run until the drain is over, so users can be sent back to them in one batch.
//! It is a cutover like any other, with a ticket of its own that is later than all others: so a late
//! try of the failed release finds itself superseded, and a release that is being tested finds that
//! what is live beside it has moved.

mod before;

use crate::errors::ErrorName;
use crate::health::Condition;
use crate::names::{Component, Fqdn, Ticket, alias};
use crate::reason::Reason;
use crate::records::ZoneView;
use crate::rows::{
    ActState, Actor, AliasRow, CandidateRow, CandidateState, FoundHealthy, HistoryRow,
};
use crate::version::Version;
use crate::wire::{HostedComponent, PlanOutcome, PlanReply, Planned, Release};
use before::{NoWay, before, kept};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The input of Roll back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BackRequest {
    /// The release that went live.
    pub release: Release,
    /// Where its components stand.
    pub components: Vec<HostedComponent>,
    /// What is wrong with it.
    pub unwell: String,
    /// Whose; empty where that is not known.
    #[serde(default)]
    pub failed: BTreeSet<Component>,
    /// The execution's ARN.
    pub execution_arn: String,
    /// When it began, RFC 3339; an earlier definition does not tell.
    #[serde(default)]
    pub began: String,
    /// When Roll back was entered, RFC 3339: the same at each try.
    #[serde(default)]
    pub entered: String,
}

impl BackRequest {
    /// By which a second try finds what the first has reserved.
    pub fn execution(&self) -> String {
        format!("{}-back", self.release.execution)
    }

    /// As the history tells it.
    pub fn told(&self, reply: &BackReply) -> HistoryRow {
        let label = self.release.label();
        let at = match self.entered.is_empty() {
            true => &self.began,
            false => &self.entered,
        };
        let state = match reply.outcome {
            BackOutcome::RolledBack => ActState::Done,
            BackOutcome::Stays if reply.error == ErrorName::Superseded.to_string() => {
                ActState::Moot
            }
            BackOutcome::Stays => ActState::Failed,
        };
        let own = self.components.iter().map(|one| one.component.clone());
        HistoryRow {
            components: match reply.components.is_empty() {
                true => own.collect(),
                false => reply.components.clone(),
            },
            release: Some(label.clone()),
            ..HistoryRow::begun(format!("back-{label}"), at, Actor::RollBack)
                .saying(&reply.cause, &self.unwell)
                .ended(state)
        }
    }
}

/// The reply of Roll back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BackReply {
    /// What became of it.
    pub outcome: BackOutcome,
    /// Of the roll-back, where the aliases moved.
    pub ticket: Option<Ticket>,
    /// Of which nothing is gone back to any more: what was live before ends after a drain.
    #[serde(default)]
    pub components: Vec<Component>,
    /// The name that the execution's error has.
    pub error: String,
    /// Sentences: what users meet, what happened, what to do.
    pub cause: String,
    /// Rows of the history that could not be put on the bus: the next sweep tries again.
    #[serde(default, skip_serializing_if = "crate::reason::is_zero")]
    pub unannounced: usize,
}

/// What became of a roll-back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackOutcome {
    /// The aliases lead to what was live before.
    RolledBack,
    /// They lead to the release still, or to a later one.
    Stays,
}

impl BackReply {
    /// The aliases lead to the previous versions again.
    pub fn rolled_back(request: &BackRequest, plan: &PlanReply) -> Self {
        let release = &request.release;
        let back: Vec<String> = plan
            .components
            .iter()
            .filter_map(|one| {
                let alias = alias(&one.component, &release.domain);
                Some(format!("{alias} leads to {} again", one.hostname.as_ref()?))
            })
            .collect();
        let went_back: Vec<Component> = plan
            .components
            .iter()
            .map(|one| one.component.clone())
            .collect();
        let stay = match plan.stay.as_slice() {
            [] => String::new(),
            stay => format!(
                " {} had nothing to go back to and stays.",
                names(stay.iter())
            ),
        };
        let own = request.components.iter().map(|one| &one.component);
        let moved_on = own.filter(|one| !went_back.contains(one) && !plan.stay.contains(one));
        let moved_on = match names(moved_on) {
            none if none.is_empty() => none,
            some => format!(" A later release had moved {some} on, which is left as it is."),
        };
        Self {
            outcome: BackOutcome::RolledBack,
            ticket: Some(plan.release.ticket),
            components: went_back,
            error: ErrorName::RolledBack.into(),
            cause: cut(&format!(
                "{}, which ran all the time.{stay}{moved_on} Release {} had gone live and was taken back by Roll back as {}, because {}.{}",
                back.join(", "),
                release.label(),
                plan.release.label(),
                request.unwell,
                by_a_push(plan)
            )),
            unannounced: 0,
        }
    }

    /// A later release has moved them on, so users meet that one.
    pub fn moved_on(request: &BackRequest) -> Self {
        let release = &request.release;
        let own = request.components.iter().map(|one| &one.component);
        Self {
            outcome: BackOutcome::Stays,
            ticket: None,
            components: own.clone().cloned().collect(),
            error: ErrorName::Superseded.into(),
            cause: cut(&format!(
                "Users of {} are sent to another release. Release {} had gone live before, and was not healthy: {}.",
                match request.failed.is_empty() {
                    true => names(own.clone()),
                    false => names(request.failed.iter()),
                },
                release.label(),
                request.unwell
            )),
            unannounced: 0,
        }
    }

    /// They do not, and why; what was live before `kept` stands still.
    pub fn stays(request: &BackRequest, why: &str, kept: &BTreeSet<Component>) -> Self {
        let release = &request.release;
        Self {
            outcome: BackOutcome::Stays,
            ticket: None,
            components: Vec::new(),
            error: ErrorName::DiedAfterCutover.into(),
            cause: cut(&format!(
                "Users of {} are affected: release {} went live and is not healthy: {}. It was not taken back: {why}.{}",
                names(request.components.iter().map(|one| &one.component)),
                release.label(),
                request.unwell,
                not_ended(request, kept)
            )),
            unannounced: 0,
        }
    }
}

/// What was only launched again is at the same commit still: a push of it finds that live.
fn by_a_push(plan: &PlanReply) -> String {
    let other = plan.components.iter().filter(|one| one.replaces.is_none());
    let other = names(other.map(|one| &one.component));
    match plan.components.iter().all(|one| one.replaces.is_none()) {
        _ if other.is_empty() => String::new(),
        true => {
            " A push of these commits does not bring them again; a release by hand does.".into()
        }
        false => format!(
            " A push of the same commit of {other} does not bring it again; a release by hand does."
        ),
    }
}

/// Said only of what stands: where nothing was live before, or that has ended long ago, it would be no news, or untrue.
fn not_ended(request: &BackRequest, kept: &BTreeSet<Component>) -> String {
    let mut own = request.components.iter();
    match own.all(|one| kept.contains(&one.component)) {
        _ if kept.is_empty() => String::new(),
        true => " What was live before was not ended.".into(),
        false => format!(
            " Of {}, what was live before was not ended.",
            names(kept.iter())
        ),
    }
}

/// A cause is read by a person, and enters a state.
fn cut(cause: &str) -> String {
    Reason::new(cause).to_string()
}

fn names<'a>(all: impl Iterator<Item = &'a Component>) -> String {
    all.map(Component::as_str).collect::<Vec<_>>().join(", ")
}

/// What the decision needs to know.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Where the aliases point.
    pub zone: &'a ZoneView,
    /// What is recorded as live of the release's components.
    pub aliases: &'a [AliasRow],
    /// The rows of what was live before.
    pub rows: &'a BTreeMap<Fqdn, Arc<CandidateRow>>,
    /// How that is.
    pub conditions: &'a BTreeMap<Fqdn, Condition>,
}

/// What takes over again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Back {
    /// As it was seen.
    pub row: CandidateRow,
    /// Where the same commit has failed: it was only launched again.
    pub again: Option<Fqdn>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackPlan {
    /// These take over again, all in one batch.
    GoBack {
        /// What was live before.
        back: Vec<Back>,
        /// What the release brought for the first time.
        stay: Vec<Component>,
    },
    /// What was live before stands, and is not well at this look: it may be in the middle of a restart.
    NotWell {
        /// A clause.
        why: String,
        /// Of which what was live before stands.
        kept: BTreeSet<Component>,
    },
    /// A later release has what failed by now.
    MovedOn,
    /// The aliases are left where they are.
    Stay {
        /// A clause.
        why: String,
        /// Of which what was live before stands.
        kept: BTreeSet<Component>,
    },
}

/// Decides. Only to what is up and healthy itself, or half of it (the keeper replaces the rest); all of the release that users are still sent to, or
/// nothing. What a later release has moved on is that one's, and may be what mended it.
pub fn plan_back(
    release: &Release,
    components: &[HostedComponent],
    failed: &BTreeSet<Component>,
    seen: &Seen<'_>,
) -> BackPlan {
    // A row is written after its batch: one that is later than the look at the zone is right.
    let is_later = |row: &AliasRow, one: &HostedComponent| {
        row.component == one.component
            && row.ticket > release.ticket
            && row.hostname != one.hostname
    };
    let leads_there = |one: &&HostedComponent| {
        let alias = alias(&one.component, &release.domain);
        let leads = seen.zone.points_to(&alias).as_ref() == Some(&one.hostname);
        leads && !seen.aliases.iter().any(|row| is_later(row, one))
    };
    let own: Vec<&HostedComponent> = components.iter().filter(leads_there).collect();
    let has_failed = |one: &&HostedComponent| failed.is_empty() || failed.contains(&one.component);
    if !own.iter().any(has_failed) {
        return BackPlan::MovedOn;
    }
    let kept = kept(&own, seen);
    let (mut back, mut stay, mut not_well) = (Vec::new(), Vec::new(), None);
    for one in own {
        match before(&release.domain, one, seen) {
            Ok(Some(one)) => back.push(one),
            Ok(None) => stay.push(one.component.clone()),
            Err(NoWay::NotWell(why)) => not_well = not_well.or(Some(why)),
            Err(NoWay::Gone(why)) => return BackPlan::Stay { why, kept },
        }
    }
    if let Some(why) = not_well {
        return BackPlan::NotWell { why, kept };
    }
    match back.is_empty() {
        true => BackPlan::Stay {
            why: "nothing was live before".into(),
            kept,
        },
        false => BackPlan::GoBack { back, stay },
    }
}

/// The row as it is when the roll-back has it.
pub fn taken_over(seen: &CandidateRow, release: &Release, now: &str) -> CandidateRow {
    CandidateRow {
        ticket: release.ticket,
        release: release.label(),
        state: CandidateState::Healthy,
        launched_by: Some(seen.launched()),
        taken_from: Some(seen.ticket),
        found_healthy: Some(FoundHealthy {
            at: now.to_owned(),
            ends: seen
                .found_healthy
                .as_ref()
                .map(|found| found.ends.clone())
                .unwrap_or_default(),
        }),
        ..seen.clone()
    }
}

/// The plan of the roll-back, as a release like any other.
pub fn plan_of(release: Release, back: &[Back], stay: Vec<Component>) -> PlanReply {
    let components = back.iter().filter_map(|Back { row, again }| {
        Some(Planned {
            version: Version::Previous,
            hostname: Some(row.hostname.clone()),
            companion: false,
            warm: true,
            repeats: Some(row.launch_template_version.clone()),
            replaces: again.clone(),
            ..row.recipe.as_ref()?.planned.clone()
        })
    });
    let components: Vec<Planned> = components.collect();
    PlanReply {
        outcome: PlanOutcome::Release,
        release: Release {
            size: components.len() as u32,
            rollback: true,
            proven: true,
            ..release
        },
        components,
        libraries: Vec::new(),
        already_live: Vec::new(),
        already_built: Vec::new(),
        stay,
    }
}

#[cfg(test)]
#[path = "back_tests.rs"]
mod tests;
