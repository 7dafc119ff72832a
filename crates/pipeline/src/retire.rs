//! Terminate previous, Discard candidates: taking a hostname and its instances away.
//!
//! An instance that an alias points to is never touched. The look at DNS and the removal are one
//! batch: it asserts the alias as observed and deletes the hostname exactly as observed, and a
//! cutover changes both, so one of the two always loses. Instances are ended only after their
//! hostname is gone; after that no cutover can bring them back, since its batch names the record.

use crate::leftover::late_peer_names;
use crate::names::{Component, Domain, Fqdn, Ticket, alias, last_cutover};
use crate::records::{Batch, Record, RecordType, ZoneView};
use crate::rows::{CandidateRow, CandidateState};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A hostname that is to go.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leaving {
    /// Whose.
    pub component: Component,
    /// Which.
    pub hostname: Fqdn,
    /// The release that it belongs to.
    pub ticket: Ticket,
    /// The release that launched its instances: an earlier one, where a roll-back took them over.
    pub launched: Ticket,
    /// What its row says afterwards.
    pub becomes: CandidateState,
}

impl Leaving {
    /// What a row says of a hostname that is to go.
    pub fn of(row: &CandidateRow, becomes: CandidateState) -> Self {
        Self {
            component: row.component.clone(),
            hostname: row.hostname.clone(),
            ticket: row.ticket,
            launched: row.launched(),
            becomes,
        }
    }
}

/// What becomes of a hostname when a release of these components is live and has drained; `None`: it
/// is left alone.
///
/// Everything of theirs with a lower ticket is retired: the previous one, what an earlier run did not
/// get to, what was live and never recorded, and what is still being tested and can not go live any
/// more. Never the release's own: where a later one has moved the alias on, some resolver may still
/// remember it, and that one ends it after its drain. The companions of the release are discarded.
pub fn ends_after(row: &CandidateRow, ticket: Ticket, components: &[Component]) -> Option<Leaving> {
    if row.state.is_gone() {
        return None;
    }
    if row.companion {
        return (row.ticket == ticket).then(|| Leaving::of(row, CandidateState::Discarded));
    }
    let earlier = row.ticket < ticket && components.contains(&row.component);
    earlier.then(|| Leaving::of(row, CandidateState::Retired))
}

/// A companion of a release that was taken back: the release that took it back ends it.
pub fn is_companion_of(row: &CandidateRow, ticket: Ticket) -> Option<Leaving> {
    let is_its_own = row.companion && row.ticket == ticket && !row.state.is_gone();
    is_its_own.then(|| Leaving::of(row, CandidateState::Discarded))
}

/// Whether a release that is given up ends this hostname of its own (or, where an alias points to
/// it, finds that it is live after all).
///
/// What some resolver may still remember as live is not for it to end: instances that it took over,
/// and what was live, which its record's TTL tells, until a later release moved the alias on. That one
/// ends it after its drain, or the component's next one does.
pub fn is_discarded(row: &CandidateRow, zone: &ZoneView, hostname_ttl: u32) -> bool {
    let was_live = zone
        .get(&row.hostname)
        .is_some_and(|record| record.ttl == hostname_ttl);
    points_at(zone, &row.hostname) || !(was_live || row.launched_by.is_some())
}

/// Gives the records of hostnames that a release gives back the TTL of a live one.
///
/// The cutover's batch of that release may still be under way. It changes a candidate's record, with a
/// candidate's TTL, so it does not fit any more and is refused as a whole. Without this it would move the
/// alias after the release had ended, and nobody would record it.
pub fn unfit<'a>(
    given_back: impl Iterator<Item = &'a Fqdn>,
    zone: &ZoneView,
    hostname_ttl: u32,
) -> Batch {
    let mut batch = Batch::default();
    let records = given_back.filter_map(|hostname| zone.get(hostname));
    for record in records.filter(|one| one.kind == RecordType::A && one.ttl != hostname_ttl) {
        let live = Record {
            ttl: hostname_ttl,
            ..record.clone()
        };
        batch.swap(record.clone(), live);
    }
    batch
}

/// Gives the mark another TTL, so that no batch fits that was planned before.
///
/// [`Confirm`](crate::drivers::Confirm) does it for what is live already. And a roll-back by itself takes over
/// what has a live one's TTL already, so [`unfit`] changes nothing. If its execution is stopped while its batch
/// is under way, that would move the aliases back after what it took over was given back. Releases that run
/// look once more. The next cutover gives the mark its usual TTL and its own value, so no mark comes twice.
pub fn other_mark(zone: &ZoneView, domain: &Domain) -> Batch {
    let (mut batch, name) = (Batch::default(), last_cutover(domain));
    let is_ours = zone.in_the_way(&name, RecordType::Cname).is_none();
    if let Some(mark) = zone.get(&name).filter(|_| is_ours).cloned() {
        let other = Record {
            ttl: mark.ttl + 1,
            ..mark.clone()
        };
        batch.swap(mark, other);
    }
    batch
}

/// Whether a deploy that failed ends what its release launched under the name, of which this is the
/// row.
///
/// As long as the name is the release's, Discard does. Once it was given up, nobody looks for
/// instances that came after that. What a later release took over is that one's.
pub fn ends_late_launch(row: Option<&CandidateRow>, ticket: Ticket) -> bool {
    row.is_none_or(|row| {
        let is_taken_over = row.ticket != ticket && row.launched() == ticket;
        !row.is_held_by(ticket) && !is_taken_over
    })
}

/// What will be taken away, complete.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RetirePlan {
    /// Applied before any instance is ended; empty where no record is left.
    pub batch: Batch,
    /// Whose instances end after the batch.
    pub retire: Vec<Leaving>,
    /// Who stays, because an alias points there.
    pub keep: Vec<Leaving>,
}

/// Who takes away, and where.
#[derive(Debug, Clone, Copy)]
pub struct Taker<'a> {
    /// The release.
    pub ticket: Ticket,
    /// The target's.
    pub domain: &'a Domain,
}

/// Decides what may go. `standing` tells, of every hostname that still has instances, the release
/// that launched them: its peer names go with the last of them, or later where they came late.
pub fn plan_retire(
    leaving: &[Leaving],
    Taker { ticket, domain }: Taker<'_>,
    zone: &ZoneView,
    standing: &BTreeMap<Fqdn, Ticket>,
) -> RetirePlan {
    let mut plan = RetirePlan::default();
    for one in leaving {
        if points_at(zone, &one.hostname) {
            plan.keep.push(one.clone());
            continue;
        }
        // A CNAME there is not a hostname's record.
        let record = zone.get(&one.hostname);
        if let Some(record) = record
            .filter(|record| record.kind == RecordType::A)
            .cloned()
        {
            let live = zone.get(&alias(&one.component, domain));
            // Asserted, it is in the batch twice. What does not fit stands, and the next sweep goes on.
            if !plan
                .batch
                .has_room_for(live.into_iter().chain(live).chain([&record]))
            {
                continue;
            }
            if let Some(live) = live.cloned() {
                plan.batch.assert(live);
            }
            plan.batch.delete(record);
        }
        plan.retire.push(one.clone());
    }
    let mut names: BTreeSet<Record> = late_peer_names(zone, domain, standing, ticket)
        .into_iter()
        .collect();
    for ticket in orphaned(&plan, standing) {
        let own = zone.records().filter(|record| {
            is_peer_name_of(&record.name, ticket, domain) && is_within(record, domain)
        });
        names.extend(own.cloned());
    }
    // What does not fit has come late for the second look, and for whoever comes next.
    for name in names {
        if plan.batch.has_room_for([&name].into_iter()) {
            plan.batch.delete(name);
        }
    }
    plan
}

/// Whether an alias (or anything else but a peer name of a release) points to the hostname.
pub(crate) fn points_at(zone: &ZoneView, hostname: &Fqdn) -> bool {
    zone.records().any(|record| {
        record.points_to().as_ref() == Some(hostname) && !is_any_peer_name(&record.name)
    }) || zone
        .all_foreign()
        .any(|one| one.leads_to.contains(hostname))
}

/// Whether it is a CNAME to a name of the target, as every peer name is.
fn is_within(record: &Record, domain: &Domain) -> bool {
    let to = record.points_to();
    to.is_some_and(|to| to.as_str().ends_with(&format!(".{domain}")))
}

/// Releases none of whose hostnames stays.
fn orphaned(plan: &RetirePlan, standing: &BTreeMap<Fqdn, Ticket>) -> BTreeSet<Ticket> {
    let mut tickets: BTreeSet<Ticket> = plan.retire.iter().map(|one| one.launched).collect();
    tickets.retain(|ticket| {
        let others = standing
            .iter()
            .filter(|(_, t)| *t == ticket)
            .map(|(name, _)| name);
        let stays = |name: &Fqdn| !plan.retire.iter().any(|one| one.hostname == *name);
        !others.into_iter().any(stays) && !plan.keep.iter().any(|one| one.launched == *ticket)
    });
    tickets
}

fn is_peer_name_of(name: &Fqdn, ticket: Ticket, domain: &Domain) -> bool {
    name.as_str()
        .strip_suffix(domain.as_str())
        .is_some_and(|label| label.ends_with(&format!("-{ticket}.")))
}

fn is_any_peer_name(name: &Fqdn) -> bool {
    let label = name.as_str().split('.').next().unwrap_or_default();
    let last = label.rsplit('-').next().unwrap_or_default();
    last != label
        && last
            .strip_prefix('r')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
#[path = "retire_tests.rs"]
mod tests;
