//! Publish peers: a release's own names for its peers, before anything of it boots.

use super::{Answer, Ask, Attempts, ChangeOutcome, Driver, Next, Rows};
use crate::errors::{ErrorName, Fault};
use crate::names::{Component, Fqdn, alias, peer_name};
use crate::records::{Batch, Record, ZoneView};
use crate::rows::AliasRow;
use crate::suites::url;
use crate::verdict::peer_not_live;
use crate::wire::{ListeningComponent, PeersReply, Release, Together};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const WHILE: &str = "while the peers' names were published";

/// The names of one release's peers.
#[derive(Debug, Clone, Hash)]
pub struct PublishPeers {
    asked: Arc<Together<ListeningComponent>>,
    /// Where each peer listens.
    ports: BTreeMap<Component, u16>,
    attempts: Attempts,
    waits: Waits,
}

/// What it waits for.
#[derive(Debug, Clone, Default, Hash)]
enum Waits {
    #[default]
    ToBegin,
    /// What is recorded of the peers that the release does not bring.
    Aliases,
    /// Whether the project has a peer that is not live.
    Component(Component),
    Zone,
    /// Its own rows. They are read after the zone: who gives a release up takes its names away first.
    Rows(ZoneView),
    Changed(Batch),
}

type Step = Result<Next<PeersReply>, Fault>;

impl Driver for PublishPeers {
    type Reply = PeersReply;

    fn release(&self) -> &Release {
        &self.asked.release
    }

    fn next(&mut self, answer: Answer, _now: &str) -> Step {
        match (std::mem::take(&mut self.waits), answer) {
            (Waits::ToBegin, Answer::Begin) => Ok(self.begin()),
            (Waits::Aliases, Answer::Aliases(rows)) => Ok(self.listen(&rows)),
            (Waits::Component(peer), Answer::Components(found)) => {
                Err(self.not_live(&peer, found.contains(&peer)))
            }
            (Waits::Zone, Answer::Zone(zone)) => Ok(self.ask_own(zone)),
            (Waits::Rows(zone), Answer::Rows(rows)) => self.looked(&zone, &rows),
            (Waits::Changed(batch), Answer::Changed(outcome)) => self.changed(batch, outcome),
            (_, answer) => Err(answer.out_of_turn()),
        }
    }
}

impl PublishPeers {
    /// Of what a release boots.
    pub fn new(asked: Together<ListeningComponent>) -> Self {
        Self {
            asked: Arc::new(asked),
            ports: BTreeMap::new(),
            attempts: Attempts::default(),
            waits: Waits::ToBegin,
        }
    }

    fn ask(&mut self, ask: Ask, waits: Waits) -> Next<PeersReply> {
        self.waits = waits;
        Next::Ask(ask)
    }

    /// What runs already has the names of the release that launched it.
    fn peers(&self) -> BTreeSet<Component> {
        let boot = self.asked.components.iter().filter(|one| !one.warm);
        boot.flat_map(|one| one.peers.iter().cloned()).collect()
    }

    /// The one that the release brings; a companion of a live component is not what others talk to.
    fn candidate(&self, peer: &Component) -> Option<&ListeningComponent> {
        let mut all = self.asked.components.iter();
        all.find(|one| one.component == *peer && !one.companion)
    }

    fn begin(&mut self) -> Next<PeersReply> {
        let peers = self.peers();
        let own = |peer: &Component| Some((peer.clone(), self.candidate(peer)?.port));
        let ports: BTreeMap<Component, u16> = peers.iter().filter_map(own).collect();
        let others = peers.iter().filter(|peer| !ports.contains_key(*peer));
        let others: BTreeSet<Component> = others.cloned().collect();
        self.ports = ports;
        match (peers.is_empty(), others.is_empty()) {
            (true, _) => Next::Done(PeersReply::default()),
            (false, true) => self.look(),
            (false, false) => self.ask(Ask::Aliases(others), Waits::Aliases),
        }
    }

    /// Where a peer listens: its manifest in this release, else what is recorded of the live one.
    fn listen(&mut self, rows: &[AliasRow]) -> Next<PeersReply> {
        let live = rows.iter().map(|row| (row.component.clone(), row.port));
        self.ports.extend(live);
        let mut peers = self.peers().into_iter();
        let missing = peers.find(|peer| !self.ports.contains_key(peer));
        match missing {
            Some(peer) => {
                let ask = Ask::Components([peer.clone()].into());
                self.ask(ask, Waits::Component(peer))
            }
            None => self.look(),
        }
    }

    fn look(&mut self) -> Next<PeersReply> {
        self.ask(Ask::View, Waits::Zone)
    }

    /// What boots with these names.
    fn own(&self) -> impl Iterator<Item = &Fqdn> {
        let boot = self.asked.components.iter().filter(|one| !one.warm);
        boot.map(|one| &one.hostname)
    }

    fn ask_own(&mut self, zone: ZoneView) -> Next<PeersReply> {
        let names = self.own().cloned().collect();
        self.ask(Ask::Candidates(names), Waits::Rows(zone))
    }

    /// A peer name always has an instance that uses it, or will: a row stands before the record does.
    fn looked(&mut self, zone: &ZoneView, rows: &Rows) -> Step {
        let release = &self.asked.release;
        let stands = |at: &&Fqdn| {
            let row = rows.get(*at);
            row.is_some_and(|row| row.is_held_by(release.ticket))
        };
        let gone = self.own().find(|at| !stands(at)).cloned();
        match gone {
            None => self.plan(zone),
            Some(gone) => Err(Fault::new(
                ErrorName::CandidateGone,
                format!("{gone} is not reserved for {} any more", release.label()),
            )),
        }
    }

    fn plan(&mut self, zone: &ZoneView) -> Step {
        let mut batch = Batch::default();
        for peer in self.peers() {
            zone.publish(&mut batch, self.record(&peer, zone)?)
                .map_err(|why| Fault::new(ErrorName::CutoverRefused, why.to_string()))?;
        }
        let release = &self.asked.release;
        let mut comment = format!("peer names of {}", release.label());
        if batch.is_empty() {
            // An earlier try published them, and its change is to be waited for. One that changes nothing, made after
            // it, is INSYNC only after it.
            let peers = self.peers();
            let names = peers
                .iter()
                .map(|peer| peer_name(peer, release.ticket, &release.domain));
            batch = zone.assertion(names.collect::<Vec<_>>().iter());
            comment.push_str(", seen again");
        }
        let ask = Ask::Change(batch.clone(), comment);
        Ok(self.ask(ask, Waits::Changed(batch)))
    }

    fn record(&self, peer: &Component, zone: &ZoneView) -> Result<Record, Fault> {
        let release = &self.asked.release;
        let live = alias(peer, &release.domain);
        let to = match self.candidate(peer) {
            Some(candidate) => candidate.hostname.clone(),
            None if zone.points_to(&live).is_some() => live,
            None => return Err(self.not_live(peer, true)),
        };
        let name = peer_name(peer, release.ticket, &release.domain);
        Ok(Record::cname(name, &to, release.settings.alias_ttl))
    }

    fn changed(&mut self, batch: Batch, outcome: ChangeOutcome) -> Step {
        match outcome {
            ChangeOutcome::Applied(change_id) => Ok(self.done(Some(change_id))),
            ChangeOutcome::Refused(why) => {
                self.attempts.refused(batch, &why, WHILE)?;
                Ok(self.look())
            }
        }
    }

    fn done(&self, change_id: Option<String>) -> Next<PeersReply> {
        let release = &self.asked.release;
        let url = |(peer, port): (&Component, &u16)| {
            let name = peer_name(peer, release.ticket, &release.domain);
            (peer.clone(), url(&name, *port))
        };
        Next::Done(PeersReply {
            change_id,
            urls: self.ports.iter().map(url).collect(),
        })
    }

    fn not_live(&self, peer: &Component, known: bool) -> Fault {
        let talk = self.asked.components.iter();
        let talk = talk.filter(|one| one.peers.contains(peer));
        let who: Vec<&Component> = talk.map(|one| &one.component).collect();
        let why = peer_not_live(&who, peer, &self.asked.release.target, known);
        Fault::new(ErrorName::PeerNotLive, why)
    }
}

#[cfg(test)]
#[path = "publish_peers_tests.rs"]
mod tests;
