//! Deploy (cutover): one batch moves every alias of a release, or none.

use crate::names::{Commit, Component, Domain, Fqdn, Ticket, alias, peer_name};
use crate::records::{Batch, Record, ZoneView};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was live beside the release when its suites ran: peer to hostname (`None`: nothing).
pub type ReadSet = BTreeMap<Component, Option<Fqdn>>;

/// A candidate that is to go live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Whose.
    pub component: Component,
    /// What it runs.
    pub commit: Commit,
    /// Where it stands.
    pub hostname: Fqdn,
}

/// What a cutover is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// The TTL of a candidate's A record, one second below that of a live one.
///
/// Going live changes the record, so that whoever would still discard the candidate finds that it
/// is no longer the record that he looked at, and his batch is refused. Without that, a first
/// deployment (no alias yet to assert) could be discarded the moment it went live.
pub fn candidate_ttl(hostname_ttl: u32) -> u32 {
    hostname_ttl.saturating_sub(1).max(1)
}

/// Which release put a hostname up, read from the candidates' rows.
pub type Tickets = BTreeMap<Fqdn, Ticket>;

/// One alias's move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Versions beside this release changed since its suites ran; test against these.
    PeersMoved {
        /// Who moved.
        moved: Vec<Component>,
        /// What is live beside the release now.
        read_set: ReadSet,
    },
    /// Cannot go live; nothing was changed.
    Refused {
        /// A sentence.
        reason: String,
    },
}

/// Decides, from what the zone holds now and which release put each hostname up.
pub fn plan_cutover(request: &CutoverRequest, zone: &ZoneView, tickets: &Tickets) -> CutoverPlan {
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
    if let Some(stop) = aliases
        .iter()
        .find_map(|(candidate, alias, now)| blocked(request, candidate, alias, now, tickets))
    {
        return stop;
    }
    let now_beside = observe_peers(request, zone);
    let moved: Vec<Component> = now_beside
        .iter()
        .filter(|(peer, now)| request.read_set.get(*peer) != Some(*now))
        .map(|(peer, _)| peer.clone())
        .collect();
    if !moved.is_empty() {
        return CutoverPlan::PeersMoved {
            moved,
            read_set: now_beside,
        };
    }
    commit(request, zone, aliases)
}

/// What is live now beside the release, for the peers that its read-set names.
pub fn observe_peers(request: &CutoverRequest, zone: &ZoneView) -> ReadSet {
    request
        .read_set
        .keys()
        .map(|peer| (peer.clone(), zone.points_to(&alias(peer, &request.domain))))
        .collect()
}

fn blocked(
    request: &CutoverRequest,
    candidate: &Candidate,
    alias: &Fqdn,
    now: &Option<Fqdn>,
    tickets: &Tickets,
) -> Option<CutoverPlan> {
    let live = now.as_ref()?;
    match tickets.get(live) {
        Some(ticket) if *ticket > request.ticket => Some(CutoverPlan::Superseded {
            component: candidate.component.clone(),
            by: *ticket,
        }),
        Some(_) => None,
        None => Some(CutoverPlan::Refused {
            reason: format!(
                "{alias} points to {live}, which no release of this project recorded; point it to a recorded hostname or remove it, then release again"
            ),
        }),
    }
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
        if let Some(old) = zone.get(&peers_name).cloned() {
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
    CutoverPlan::Commit { moves, batch }
}

#[cfg(test)]
#[path = "cutover_tests.rs"]
mod tests;
