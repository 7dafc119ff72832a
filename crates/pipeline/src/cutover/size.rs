//! How large a cutover becomes. It is one change of records, and Route 53 has a limit for one change; what is
//! too large for it would be refused only after everything has been built, booted and tested.

use super::{Candidate, CutoverPlan, CutoverRequest, commit};
use crate::bounds::TooLarge;
use crate::live::ReadSet;
use crate::names::{Fqdn, alias, cutover_of, hostname_of_release, last_cutover, peer_name};
use crate::records::{Batch, Record, ZoneView};
use crate::wire::{ComponentPeers, Release};
use std::collections::{BTreeMap, BTreeSet};

/// Refuses a release whose cutover is too large for one change, or whose roll-back would be.
///
/// # Errors
/// [`TooLarge`].
pub fn check_cutover(
    release: &Release,
    brought: &[ComponentPeers],
    read_set: &ReadSet,
    zone: &ZoneView,
) -> Result<(), TooLarge> {
    let batch = largest_batch(release, brought, read_set, zone);
    match batch.has_room_for(std::iter::empty()) {
        true => Ok(()),
        false => Err(TooLarge::cutover(brought.len(), &batch)),
    }
}

/// The cutover's batch as it becomes if all of its instances have the longest addresses. Where more are live
/// now than are brought, it has room for those: a roll-back moves the aliases back in one change too.
fn largest_batch(
    release: &Release,
    brought: &[ComponentPeers],
    read_set: &ReadSet,
    zone: &ZoneView,
) -> Batch {
    let domain = &release.domain;
    let candidates: Vec<Candidate> = brought.iter().map(|one| candidate(release, one)).collect();
    let mut published = Vec::new();
    let mut aliases: Vec<(&Candidate, Fqdn, Option<Fqdn>)> = Vec::new();
    for (candidate, one) in candidates.iter().zip(brought) {
        let alias = alias(&candidate.component, domain);
        let from = zone.points_to(&alias);
        let live = from.as_ref().and_then(|at| zone.get(at));
        let instances = live.map_or(0, |record| record.values.len());
        let instances = instances.max(usize::from(one.instances));
        published.extend(records(release, candidate, instances));
        aliases.push((candidate, alias, from));
    }
    let request = request(release, candidates.clone(), read_set);
    // Nothing may have gone live yet; something may until the cutover.
    let mark = cutover_of(release.ticket, domain);
    let mark = Record::cname(last_cutover(domain), &mark, request.alias_ttl);
    let there = zone.records().cloned();
    let zone = ZoneView::new([mark].into_iter().chain(there).chain(published));
    match commit(&request, &zone, aliases) {
        CutoverPlan::Commit { batch, .. } => batch,
        // It is refused for what is not published only, and all of it is.
        _ => Batch::default(),
    }
}

fn candidate(release: &Release, one: &ComponentPeers) -> Candidate {
    let (component, commit) = (&one.component, &one.commit);
    Candidate {
        component: component.clone(),
        commit: commit.clone(),
        hostname: hostname_of_release(component, commit, release.ticket, &release.domain),
        peers: BTreeSet::new(),
        replaces: BTreeSet::new(),
    }
}

/// What is there of a candidate before the cutover.
fn records(release: &Release, candidate: &Candidate, instances: usize) -> [Record; 2] {
    // Different ones, of the longest.
    let address = |n| format!("255.255.{}.{}", 100 + n / 100, 100 + n % 100);
    let addresses = (0..instances).map(address);
    let peers_name = peer_name(&candidate.component, release.ticket, &release.domain);
    let ttl = release.settings.hostname_ttl;
    [
        Record::addresses(candidate.hostname.clone(), addresses.collect(), ttl),
        Record::cname(peers_name, &candidate.hostname, ttl),
    ]
}

fn request(release: &Release, candidates: Vec<Candidate>, read_set: &ReadSet) -> CutoverRequest {
    CutoverRequest {
        ticket: release.ticket,
        domain: release.domain.clone(),
        alias_ttl: release.settings.alias_ttl,
        hostname_ttl: release.settings.hostname_ttl,
        candidates,
        read_set: read_set.clone(),
        test_dependents: release.settings.test_dependents,
        replaces: BTreeMap::new(),
    }
}

#[cfg(test)]
#[path = "size_tests.rs"]
mod tests;
