//! From Plan companions to the suites.

use crate::act::{Act, How};
use crate::cast::{ALIAS_TTL, HOSTNAME_TTL, domain, instance, peers, recipe};
use crate::planning::is_proven;
use crate::release::{Beside, Brought, Stage, Why};
use crate::rules::Rule;
use crate::shared::Shared;
use pipeline::cutover::candidate_ttl;
use pipeline::live::{Brings, KnownHosts, dependents, read_set};
use pipeline::names::{Component, Fqdn, alias, hostname_of_release, peer_name};
use pipeline::proof::{Set, proof};
use pipeline::records::{Batch, Record};
use pipeline::rows::{CandidateRow, CandidateState};
use std::collections::{BTreeMap, BTreeSet};

impl Act<'_> {
    /// Plan companions (look and reservation of names that nobody else can want) and, since the
    /// names that it writes are nobody else's either, Publish peers.
    pub(crate) fn companions(&mut self, how: How) {
        let live = self.state.world.live();
        let known = self.known(live.values());
        let brings = self.brings();
        if !self.still_proven() {
            return self.take(Why::Discard);
        }
        let tests = self.tests_dependents() && !self.run().plan.proven;
        let beside = Beside {
            companions: if tests {
                self.beside(&brings, &live, &known)
            } else {
                Vec::new()
            },
            read_set: read_set(&brings, &live, &known, self.tests_dependents()),
            set: self.set(&live, &known),
        };
        let missing = |one: &&Brought| self.state.world.row(&one.hostname).is_none();
        let missing = beside.companions.iter().filter(missing);
        let rows: Vec<CandidateRow> = missing.map(|one| self.row(one, true)).collect();
        self.world().reserve(&rows, &[]);
        if how == How::Lost {
            return;
        }
        self.state.runs[self.who].beside = Shared::new(beside);
        match self.publish_peers() {
            true => self.goes(Stage::Deploy),
            false => self.take(Why::Discard),
        }
    }

    /// What it brings, and whom each talks to.
    pub(crate) fn brings(&self) -> Brings {
        let talks = |one: &Brought| (one.component.clone(), peers(&one.component).clone());
        self.run().plan.components.iter().map(talks).collect()
    }

    fn still_proven(&self) -> bool {
        let plan = &self.run().plan;
        let version = |one: &Brought| (one.component.clone(), one.commit.clone());
        let changed: Set = plan.components.iter().map(version).collect();
        !plan.proven
            || !self.rules.keep(Rule::ProvenTogether)
            || is_proven(&self.state.world, &changed)
    }

    fn beside(
        &self,
        brings: &Brings,
        live: &BTreeMap<Component, Fqdn>,
        known: &KnownHosts,
    ) -> Vec<Brought> {
        let companion = |component: Component| {
            let commit = known[&live[&component]].commit.clone();
            let hostname = hostname_of_release(&component, &commit, self.ticket(), domain());
            Brought {
                component,
                commit,
                hostname,
                replaces: None,
            }
        };
        dependents(brings, live, known)
            .into_iter()
            .map(companion)
            .collect()
    }

    /// All that would be live after the cutover.
    fn set(&self, live: &BTreeMap<Component, Fqdn>, known: &KnownHosts) -> Set {
        let beside = live
            .iter()
            .filter_map(|(component, at)| Some((component.clone(), known.get(at)?.commit.clone())));
        let brought = &self.run().plan.components;
        let brought = brought
            .iter()
            .map(|one| (one.component.clone(), one.commit.clone()));
        beside.chain(brought).collect()
    }

    /// Publish peers; `false` where a peer is not live.
    fn publish_peers(&mut self) -> bool {
        let all = self.all();
        let boot = all.iter().filter(|one| self.boots(one));
        let wanted: BTreeSet<&Component> = boot.flat_map(|one| peers(&one.component)).collect();
        let zone = self.state.world.zone.clone();
        let mut batch = Batch::default();
        for peer in wanted {
            let own = self
                .run()
                .plan
                .components
                .iter()
                .find(|one| one.component == *peer);
            let live = alias(peer, domain());
            let to = match own {
                Some(one) => one.hostname.clone(),
                None if zone.get(&live).is_some() => live,
                None => return false,
            };
            let name = peer_name(peer, self.ticket(), domain());
            let wanted = Record::cname(name, &to, ALIAS_TTL);
            zone.publish(&mut batch, wanted).expect("nobody else's");
        }
        let rules = self.rules;
        batch.is_empty() || self.world().apply(&batch, rules)
    }

    fn boots(&self, one: &Brought) -> bool {
        let row = self.own_row(&one.hostname);
        !self.rules.keep(Rule::NoNamesForWarm) || row.is_none_or(|row| row.launched_by.is_none())
    }

    /// Deploy (initial) of each candidate and companion.
    pub(crate) fn deploy(&mut self, how: How) {
        for one in self.all() {
            let Some(launched) = self.own_row(&one.hostname).map(CandidateRow::launched) else {
                return self.take(Why::Discard);
            };
            let up = self.state.world.is_up(launched, &one.hostname);
            if !up && launched != self.ticket() {
                return self.take(Why::Discard); // taken over too late
            }
            self.world().launch(launched, &one.hostname);
            if how == How::GivenUp {
                continue; // launched, and not recorded
            }
            let (ticket, at) = (self.ticket(), &one.hostname);
            let recipe = recipe(&one.component, &one.commit, at);
            self.world().set_candidate_healthy(at, ticket, recipe);
        }
        match how {
            How::GivenUp => self.take(Why::Discard),
            _ => self.goes(Stage::Publish),
        }
    }

    /// Publish hostnames. Nobody else writes these records, except that Terminate previous may be
    /// about to delete what a roll-back takes over: then the batch is planned anew, as here.
    pub(crate) fn publish(&mut self, how: How) {
        let mut batch = Batch::default();
        let zone = self.state.world.zone.clone();
        for one in self.all() {
            let row = self.own_row(&one.hostname);
            let Some(row) = row.filter(|row| row.state == CandidateState::Healthy) else {
                return self.take(Why::Discard);
            };
            let addresses = vec![instance(row.launched(), &one.hostname).address];
            let ttl = candidate_ttl(HOSTNAME_TTL);
            let wanted = Record::addresses(one.hostname, addresses, ttl);
            zone.publish(&mut batch, wanted).expect("nobody else's");
        }
        let rules = self.rules;
        if matches!(how, How::LateAgain | How::LateGivenUp) {
            self.send_late(&batch, &[], true);
        }
        if how == How::LateGivenUp {
            return self.take(Why::Discard);
        }
        self.world().apply(&batch, rules);
        self.goes(Stage::Test);
    }

    /// The suites run, against what is live now. (Of a proven set none do.)
    pub(crate) fn test(&mut self, how: How) {
        if how == How::Fails {
            return self.take(Why::Discard);
        }
        if !self.run().plan.proven {
            let live = self.state.world.live();
            let known = self.state.world.known(live.values());
            let now = self.set(&live, &known);
            let all = self.all();
            let ran = all.iter().filter_map(|one| {
                let mut set = now.clone();
                set.insert(one.component.clone(), one.commit.clone());
                proof(&set, &one.component, peers(&one.component)).ok()
            });
            let ran: Vec<_> = ran.collect();
            self.world().passed.change(|all| all.extend(ran));
        }
        self.goes(Stage::CutLook);
    }
}
