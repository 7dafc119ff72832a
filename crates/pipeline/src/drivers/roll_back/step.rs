//! What Roll back asks of its cutover.

use super::super::Rows;
use super::super::cutover::known;
use super::super::request::Job;
use crate::errors::Fault;
use crate::health::Tolerates;
use crate::live::{live_hostnames, read_set};
use crate::names::Component;
use crate::records::ZoneView;
use crate::wire::{CutoverStep, HostedComponent, PlanReply, Tested};
use std::collections::BTreeSet;

/// The cutover, in place of what `failed` and nothing else; `now` is the zone with what is recorded of it.
pub(super) fn job(
    plan: &PlanReply,
    own: Rows,
    now: (&ZoneView, &Rows),
    failed: &[HostedComponent],
) -> Result<Job, Fault> {
    let asked = step(plan, &own, now.0, now.1);
    let mut job = Job::new(asked, own, Tolerates::AnyEndOfHalf)?;
    let failed = failed.iter();
    let failed = failed.map(|one| (one.component.clone(), one.hostname.clone()));
    job.request.replaces = failed.collect();
    // What failed may be of the same commit, where it was only launched again: it does not count as live already.
    for one in &mut job.request.candidates {
        let failed = job.request.replaces.get(&one.component);
        one.replaces.extend(failed.cloned());
    }
    Ok(job)
}

/// Of which components what it goes back to is recorded as standing.
pub(super) fn standing(plan: &PlanReply, rows: &Rows) -> BTreeSet<Component> {
    let mut standing = BTreeSet::new();
    for one in &plan.components {
        let row = one.hostname.as_ref().and_then(|at| rows.get(at));
        if row.is_some_and(|row| !row.state.is_leaving()) {
            standing.insert(one.component.clone());
        }
    }
    standing
}

/// What is asked of it; its read-set is of now.
fn step(plan: &PlanReply, own: &Rows, zone: &ZoneView, rows: &Rows) -> CutoverStep {
    let release = plan.release.clone();
    let components = plan.components.iter().filter_map(HostedComponent::planned);
    let brings = plan.components.iter().filter_map(|one| {
        let row = own.get(one.hostname.as_ref()?)?;
        Some((one.component.clone(), row.peers()))
    });
    let live = live_hostnames(zone, &release.domain);
    let test_dependents = release.settings.test_dependents;
    CutoverStep {
        components: components.collect(),
        companions: Vec::new(),
        read_set: read_set(&brings.collect(), &live, &known(rows), test_dependents),
        tested: Tested::default(),
        release,
    }
}
