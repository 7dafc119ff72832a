//! A release whose candidates were taken away by a later one of the very same commits.
//!
//! Of two releases of one commit the later may be live first. Its Terminate previous ends what is still
//! being tested and has a lower ticket, so the earlier one fails without a fault of anybody. What it
//! was to bring is live.

use crate::errors::ErrorName;
use crate::names::{Component, alias};
use crate::records::ZoneView;
use crate::rows::CandidateRow;
use crate::version::Version;
use crate::wire::{AlreadyLive, DiscardRequest, Release, ReleasedComponent, SuiteOutcome};

/// What happens to a release whose candidates a later one has ended: it is no fault of theirs.
const OF_THE_SUPERSEDED: &[ErrorName] = &[
    ErrorName::CandidateGone,
    ErrorName::IntegrationTestsFailed,
    ErrorName::NotHealthy,
];

/// Whether a failure with this name may be one of those.
pub fn is_of_the_superseded(error: &str) -> bool {
    ErrorName::find(error).is_some_and(|name| OF_THE_SUPERSEDED.contains(&name))
}

/// What is live by another release of the same commits, if that is all that this one was to bring;
/// else nothing.
pub fn live_by_another(
    request: &DiscardRequest,
    zone: &ZoneView,
    rows: &[CandidateRow],
) -> Vec<AlreadyLive> {
    if !request.already_live.is_empty() {
        return request.already_live.clone(); // Deploy (cutover) saw it
    }
    if !may_be_ended_by_another(request) {
        return Vec::new();
    }
    let found = |one: &ReleasedComponent| live_later(&one.component, &request.release, zone, rows);
    let all: Option<Vec<AlreadyLive>> = request.components.iter().map(found).collect();
    all.unwrap_or_default()
}

fn may_be_ended_by_another(request: &DiscardRequest) -> bool {
    let mut errors = request.failures.iter().map(|one| &one.failed.error);
    let red = |one: &crate::wire::SuiteReply| one.outcome != SuiteOutcome::Passed;
    let failed = !request.failures.is_empty() || request.tests.iter().any(red);
    failed && errors.all(|error| is_of_the_superseded(error))
}

/// By a later ticket: what the release was to replace has an earlier one.
fn live_later(
    component: &Component,
    release: &Release,
    zone: &ZoneView,
    rows: &[CandidateRow],
) -> Option<AlreadyLive> {
    let is_own = |row: &&CandidateRow| {
        row.ticket == release.ticket && row.component == *component && !row.companion
    };
    let own = rows.iter().find(is_own)?;
    let alias = alias(component, &release.domain);
    let at = zone.points_to(&alias)?;
    let live = rows.iter().find(|row| row.hostname == at)?;
    let asked = own
        .recipe
        .as_ref()
        .map(|recipe| recipe.planned.version.clone());
    (live.ticket > release.ticket && live.commit == own.commit).then(|| AlreadyLive {
        component: component.clone(),
        version: asked.unwrap_or_else(|| Version::Commit(own.commit.clone())),
        commit: own.commit.clone(),
        alias,
        hostname: at,
    })
}

#[cfg(test)]
#[path = "another_tests.rs"]
mod tests;
