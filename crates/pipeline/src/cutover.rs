//! Deploy (cutover): one batch moves every alias of a release, or none.

mod size;

use crate::live::{Brings, KnownHosts, ReadSet, live_hostnames, read_set};
use crate::names::{
    Commit, Component, Domain, Fqdn, Ticket, alias, cutover_of, last_cutover, peer_name,
};
use crate::records::{Batch, Record, RecordType, ZoneView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use size::check_cutover;

/// A candidate that is to go live.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Candidate {
    /// Whose.
    pub component: Component,
    /// What it runs.
    pub commit: Commit,
    /// Where it stands.
    pub hostname: Fqdn,
    /// Whom it talks to.
    pub peers: BTreeSet<Component>,
    /// Hostnames of the same commit that it is to replace: what is not well, or was to be launched
    /// again.
    pub replaces: BTreeSet<Fqdn>,
}

/// What a cutover is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CutoverRequest {
    /// The release's ticket.
    pub ticket: Ticket,
    /// The target's domain.
    pub domain: Domain,
    /// TTL of an alias, seconds.
    pub alias_ttl: u32,
    /// TTL of the A record behind an alias, seconds.
    pub hostname_ttl: u32,
    /// Who is to go live.
    pub candidates: Vec<Candidate>,
    /// What the suites passed against.
    pub read_set: ReadSet,
    /// Whether live components that depend on the release had to pass too.
    pub test_dependents: bool,
    /// Where these aliases must lead still: a roll-back replaces what is not well and nothing else.
    pub replaces: BTreeMap<Component, Fqdn>,
}

impl CutoverRequest {
    fn brings(&self) -> Brings {
        let brings = |one: &Candidate| (one.component.clone(), one.peers.clone());
        self.candidates.iter().map(brings).collect()
    }
}

/// The TTL of a candidate's A record, one second below that of a live one.
///
/// Going live changes the record, so that whoever would still discard the candidate finds that it
/// is no longer the record that he looked at, and his batch is refused. Without that, a first
/// deployment (no alias yet to assert) could be discarded the moment it went live.
pub fn candidate_ttl(hostname_ttl: u32) -> u32 {
    hostname_ttl.saturating_sub(1).max(1)
}

/// One alias's move.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AliasMove {
    /// Whose.
    pub component: Component,
    /// Which alias.
    pub alias: Fqdn,
    /// Where it points after the batch.
    pub to: Fqdn,
    /// Where it pointed before (`None`: a first deployment).
    pub from: Option<Fqdn>,
}

/// What the cutover will do, complete: applying it needs no further choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CutoverPlan {
    /// The aliases already point to this release: an earlier try did it and its answer was lost.
    AlreadyDone,
    /// Another release of the very same commits is live: nothing is to be moved.
    AlreadyLive {
        /// Where each is.
        at: Vec<(Component, Fqdn)>,
    },
    /// One batch, applied only if everything is still where it was observed.
    Commit {
        /// What moves.
        moves: Vec<AliasMove>,
        /// All of it.
        batch: Batch,
    },
    /// A later release owns an alias of this one.
    Superseded {
        /// Whose alias.
        component: Component,
        /// The later release.
        by: Ticket,
    },
    /// A later release has found live already what it asked for, where this one would go.
    Confirmed {
        /// Whose alias.
        component: Component,
        /// The later release.
        by: Ticket,
    },
    /// Versions beside this release changed since its suites ran; test against what is live now.
    PeersMoved {
        /// Who moved, came or went.
        moved: Vec<Component>,
    },
    /// Cannot go live; nothing was changed.
    Refused {
        /// A sentence.
        reason: String,
    },
}

/// Decides, from what the zone holds now and what is recorded of the hostnames that are live.
pub fn plan_cutover(request: &CutoverRequest, zone: &ZoneView, known: &KnownHosts) -> CutoverPlan {
    let aliases: Vec<(&Candidate, Fqdn, Option<Fqdn>)> = request
        .candidates
        .iter()
        .map(|candidate| {
            let alias = alias(&candidate.component, &request.domain);
            let now = zone.points_to(&alias);
            (candidate, alias, now)
        })
        .collect();
    // The batch moves all or none, and a hostname belongs to one release: one is enough to know.
    if aliases
        .iter()
        .any(|(candidate, _, now)| now.as_ref() == Some(&candidate.hostname))
    {
        return CutoverPlan::AlreadyDone;
    }
    if let Some(at) = already_live(&aliases, known) {
        return CutoverPlan::AlreadyLive { at };
    }
    if let Some(stop) = aliases
        .iter()
        .find_map(|(candidate, alias, now)| blocked(request, zone, candidate, alias, now, known))
    {
        return stop;
    }
    let mark = last_cutover(&request.domain);
    if let Some(in_the_way) = zone.in_the_way(&mark, RecordType::Cname) {
        let reason = in_the_way.to_string();
        return CutoverPlan::Refused { reason };
    }
    let moved = moved(request, zone, known);
    if !moved.is_empty() {
        return CutoverPlan::PeersMoved { moved };
    }
    commit(request, zone, aliases)
}

/// Who is not what the suites ran against: a peer, a dependent, a peer of one; or a component that
/// depends on the release since.
fn moved(request: &CutoverRequest, zone: &ZoneView, known: &KnownHosts) -> Vec<Component> {
    let now = read_set(
        &request.brings(),
        &live_hostnames(zone, &request.domain),
        known,
        request.test_dependents,
    );
    let then = &request.read_set;
    let changed = now
        .keys()
        .chain(then.keys())
        .filter(|who| now.get(*who) != then.get(*who));
    changed
        .cloned()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// Of two releases of the same commits at once, the second finds them live, whichever ticket is
/// higher. Where one of several components is not live at its commit, all of them move: what goes
/// live together is what was tested together, and a release's aliases move all or none.
fn already_live(
    aliases: &[(&Candidate, Fqdn, Option<Fqdn>)],
    known: &KnownHosts,
) -> Option<Vec<(Component, Fqdn)>> {
    let same = |(candidate, _, now): &(&Candidate, Fqdn, Option<Fqdn>)| {
        let at = now
            .as_ref()
            .filter(|at| !candidate.replaces.contains(*at))?;
        let same = known.get(at)?.commit == candidate.commit;
        same.then(|| (candidate.component.clone(), at.clone()))
    };
    aliases.iter().map(same).collect()
}

fn blocked(
    request: &CutoverRequest,
    zone: &ZoneView,
    candidate: &Candidate,
    alias: &Fqdn,
    now: &Option<Fqdn>,
    known: &KnownHosts,
) -> Option<CutoverPlan> {
    if let Some(reason) = obstacle(zone, alias, known) {
        return Some(CutoverPlan::Refused { reason });
    }
    let own = zone.in_the_way(&candidate.hostname, RecordType::A);
    if let Some(in_the_way) = own {
        let reason = in_the_way.to_string();
        return Some(CutoverPlan::Refused { reason });
    }
    let at = now.as_ref()?;
    let live = known.get(at)?;
    let replaces = request.replaces.get(&candidate.component);
    let is_another = replaces.is_some_and(|replaced| replaced != at);
    let component = candidate.component.clone();
    if live.ticket > request.ticket || is_another {
        let by = live.ticket;
        return Some(CutoverPlan::Superseded { component, by });
    }
    // What a roll-back by itself replaces is not well, whoever has asked for it.
    let later = live.confirmed_by.filter(|by| *by > request.ticket);
    let by = later.filter(|_| replaces.is_none())?;
    Some(CutoverPlan::Confirmed { component, by })
}

/// Why an alias cannot be moved, whatever is released: something is there that no release made.
pub fn obstacle(zone: &ZoneView, alias: &Fqdn, known: &KnownHosts) -> Option<String> {
    if let Some(in_the_way) = zone.in_the_way(alias, RecordType::Cname) {
        return Some(in_the_way.to_string());
    }
    let record = zone.get(alias)?;
    let live = record.points_to();
    if live.as_ref().is_some_and(|live| known.contains_key(live)) {
        return None;
    }
    let live = live.map_or_else(|| record.values.join(", "), |live| live.to_string());
    Some(format!(
        "{alias} points to {live}, which no release of this project recorded; point it to a recorded hostname or remove it, then release again"
    ))
}

fn commit(
    request: &CutoverRequest,
    zone: &ZoneView,
    aliases: Vec<(&Candidate, Fqdn, Option<Fqdn>)>,
) -> CutoverPlan {
    let mut batch = Batch::default();
    let mut moves = Vec::new();
    for (candidate, alias, from) in aliases {
        let Some(own) = zone.get(&candidate.hostname).cloned() else {
            return CutoverPlan::Refused {
                reason: format!(
                    "{} is not published any more; its candidate was discarded",
                    candidate.hostname
                ),
            };
        };
        let live = Record {
            ttl: request.hostname_ttl,
            ..own.clone()
        };
        batch.swap(own, live);
        let new = Record::cname(alias.clone(), &candidate.hostname, request.alias_ttl);
        match zone.get(&alias).cloned() {
            Some(old) => batch.swap(old, new),
            None => batch.create(new),
        }
        // Its peers' name for it: until now the candidate, from now on whatever is live.
        let peers_name = peer_name(&candidate.component, request.ticket, &request.domain);
        let leads_here = |old: &&Record| old.points_to().as_ref() == Some(&candidate.hostname);
        if let Some(old) = zone.get(&peers_name).filter(leads_here).cloned() {
            batch.swap(old, Record::cname(peers_name, &alias, request.alias_ttl));
        }
        moves.push(AliasMove {
            component: candidate.component.clone(),
            alias,
            to: candidate.hostname.clone(),
            from,
        });
    }
    for peer in request.read_set.keys() {
        if let Some(record) = zone.get(&alias(peer, &request.domain)).cloned() {
            batch.assert(record);
        }
    }
    mark(request, zone, &mut batch);
    CutoverPlan::Commit { moves, batch }
}

/// Every cutover of a target changes one record, from what was observed to its own ticket. So no
/// other cutover can come between the look and the batch: not even one of a component that was not
/// there to be asserted, and that depends on this release.
fn mark(request: &CutoverRequest, zone: &ZoneView, batch: &mut Batch) {
    let name = last_cutover(&request.domain);
    let own = Record::cname(
        name.clone(),
        &cutover_of(request.ticket, &request.domain),
        request.alias_ttl,
    );
    match zone.get(&name).cloned() {
        Some(before) => batch.swap(before, own),
        None => batch.create(own),
    }
}

#[cfg(test)]
#[path = "cutover_tests.rs"]
mod tests;
