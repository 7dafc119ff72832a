//! What a run that ended early has left, and the component's next release takes.
//!
//! An execution that was stopped, or a stage that was killed for good, takes nothing away any more. Its
//! candidates have lower tickets, by which the next release finds them. Its companions are instances of
//! other components, so they are found by the release that they were booted for. And a record that it was
//! publishing may come when all that is gone: then a record is there and its row is not.

use crate::names::{
    Component, Domain, Fqdn, Target, Ticket, alias, is_hostname, peer_name_of, release_label,
};
use crate::records::{Record, RecordType, ZoneView};
use crate::retire::{Leaving, points_at};
use crate::rows::{CandidateRow, CandidateState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Names of each kind that one run takes; the rest is for the next one. A batch has 1,000 records at most,
/// and the run's own come first.
const MOST: usize = 20;

/// A companion that is of no use to its release any more; `None`: it may be tested at this moment.
///
/// An example: release 7 of `api` booted a companion of `ui`, and was stopped. Release 8 of `api` is live
/// now, so release 7 can not go live any more, and the companion goes with its candidate. A release of
/// `ui` leaves it alone: release 7 might still be tested.
pub fn ends_left_companion<'a>(
    row: &CandidateRow,
    all: impl Iterator<Item = &'a CandidateRow>,
    ticket: Ticket,
    components: &[Component],
) -> Option<Leaving> {
    if !row.companion || row.state.is_gone() {
        return None;
    }
    // Somebody has begun to take it away. Nothing brings it back.
    let is_begun = row.state == CandidateState::Leaving;
    let is_left = is_begun || is_done_with(row.ticket, all, ticket, components);
    is_left.then(|| Leaving::of(row, CandidateState::Discarded))
}

/// Hostnames with a record of which nothing stands, to be asked for among what is gone: only what a release
/// once made is taken away. `standing` was read after the zone, and a hostname's row is there before its
/// record.
pub fn unclaimed(
    zone: &ZoneView,
    domain: &Domain,
    standing: &BTreeMap<Fqdn, Arc<CandidateRow>>,
) -> BTreeSet<Fqdn> {
    let stands = |at: &Fqdn| standing.get(at).is_some_and(|row| !row.state.is_gone());
    let records = zone.records().filter(|one| one.kind == RecordType::A);
    let names = records.map(|record| &record.name);
    let names = names.filter(|at| is_hostname(at, domain) && !stands(at) && !points_at(zone, at));
    names.take(MOST).cloned().collect()
}

/// Those of them that were a release's and are gone: their records came late.
pub fn came_late(
    unclaimed: &BTreeSet<Fqdn>,
    rows: &BTreeMap<Fqdn, Arc<CandidateRow>>,
) -> Vec<Leaving> {
    let rows = unclaimed.iter().filter_map(|at| rows.get(at));
    let gone = rows.filter(|row| row.state.is_gone());
    gone.map(|row| Leaving::of(row, row.state)).collect()
}

/// Names for peers of releases up to this one of which no instance stands that could use them.
pub fn late_peer_names(
    zone: &ZoneView,
    domain: &Domain,
    standing: &BTreeMap<Fqdn, Ticket>,
    up_to: Ticket,
) -> Vec<Record> {
    let launched: BTreeSet<Ticket> = standing.values().copied().collect();
    let is_late = |record: &&Record| {
        let of = peer_name_of(&record.name, domain).zip(record.points_to());
        of.is_some_and(|((peer, ticket), to)| {
            let is_peers = to == alias(&peer, domain) || is_hostname(&to, domain);
            is_peers && ticket <= up_to && !launched.contains(&ticket)
        })
    };
    zone.records().filter(is_late).take(MOST).cloned().collect()
}

/// Whether a release has been live or cannot go live: none of its candidates stands, a roll-back has
/// taken one over, or this release has replaced one.
fn is_done_with<'a>(
    of: Ticket,
    all: impl Iterator<Item = &'a CandidateRow>,
    ticket: Ticket,
    components: &[Component],
) -> bool {
    let stands = |row: &&CandidateRow| !row.companion && !row.state.is_leaving();
    let mut stand = all
        .filter(stands)
        .filter(|row| row.launched() == of || row.ticket == of);
    let is_over = |row: &CandidateRow| {
        let is_replaced = of < ticket && components.contains(&row.component);
        is_replaced || row.ticket != of
    };
    match stand.next() {
        None => true,
        Some(first) => is_over(first) || stand.any(is_over),
    }
}

/// Whether this is a candidate that was never live, of a release that cannot go live any more because this
/// one has taken it away. If its execution was stopped, nobody else records how it ended.
pub fn was_superseded(row: &CandidateRow, zone: &ZoneView, hostname_ttl: u32) -> bool {
    let is_candidate = !row.companion && row.launched_by.is_none();
    let is_young = [CandidateState::Planned, CandidateState::Healthy].contains(&row.state);
    let was_live = zone
        .get(&row.hostname)
        .is_some_and(|record| record.ttl == hostname_ttl);
    is_candidate && is_young && !was_live
}

/// The row of instances that a roll-back took over, as it was before; `None` where that is not known, or
/// the roll-back may have been live with them.
///
/// An example: release 8 is live and drains, and a roll-back with ticket 9 takes over what release 7
/// launched. Then the roll-back is given up. With ticket 7 again the instances end after the drain of
/// release 8, and another roll-back may take them over. But if a release after 9 is live by now, users may
/// have been sent to them by 9 a moment ago: they stay until that later release, or the next, ends them.
pub fn given_back(
    row: &CandidateRow,
    live: Option<Ticket>,
    target: &Target,
) -> Option<CandidateRow> {
    let to = row.taken_from?;
    let launched = row.launched();
    live.filter(|live| *live < row.ticket)?;
    Some(CandidateRow {
        ticket: to,
        release: release_label(target, to),
        state: CandidateState::Live,
        launched_by: (launched != to).then_some(launched),
        taken_from: None,
        ..row.clone()
    })
}

#[cfg(test)]
#[path = "leftover_tests.rs"]
mod tests;
