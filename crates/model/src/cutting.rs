//! Deploy (cutover).

use crate::act::{Act, How};
use crate::cast::{ALIAS_TTL, HOSTNAME_TTL, domain, label, peers};
use crate::release::{Brought, Stage, Why};
use crate::rules::Rule;
use crate::shared::{Printed, Shared};
use pipeline::cutover::{AliasMove, Candidate, CutoverPlan, CutoverRequest, plan_cutover};
use pipeline::live::{KnownHosts, ReadSet, live};
use pipeline::names::{Fqdn, alias, last_cutover};
use pipeline::proof::proof;
use pipeline::records::{Batch, Change, ZoneView};
use pipeline::rows::{AliasRow, CandidateState, Previous};
use pipeline::succession::{Replaced, Succession, succession};
use pipeline::version::Version;
use std::collections::BTreeSet;

impl Act<'_> {
    /// `Switch::cutover` up to the look at the zone: its own rows, the proofs.
    pub(crate) fn cut_look(&mut self) {
        let plan = self.run().plan.clone();
        let mine = |one: &Brought| {
            let row = self.state.world.row(&one.hostname);
            row.is_some_and(|row| row.ticket == self.ticket() && row.recipe.is_some())
        };
        match plan.components.iter().all(mine) {
            false if self.run().found_live => return self.drain(),
            false => return self.gives_up(),
            true => {}
        }
        if !self.rules.keep(Rule::ProofsAfterLook) {
            self.record_proofs();
        }
        let zone = self.state.world.zone.clone();
        self.goes(Stage::CutPlan(zone));
    }

    /// `Switch::switch`, from the rows of what is live to the plan.
    pub(crate) fn cut_plan(&mut self, zone: &ZoneView) {
        let live = live(zone, domain());
        let known = self.known(live.values());
        let request = self.request(&known);
        match plan_cutover(&request, zone, &known) {
            CutoverPlan::AlreadyDone => self.recording(moves_of(&request)),
            _ if self.run().found_live => self.drain(),
            CutoverPlan::AlreadyLive { .. } => self.take(Why::Discard),
            CutoverPlan::Commit { .. } if !self.are_well() => self.gives_up(),
            CutoverPlan::Commit { moves, batch } => {
                self.state.runs[self.who].unwell_then = !self.stayed_well();
                if self.rules.keep(Rule::ProofsAfterLook) {
                    self.record_proofs();
                }
                let batch = self.stripped(batch);
                self.goes(Stage::CutBatch(Shared::new(Printed((moves, batch)))));
            }
            CutoverPlan::PeersMoved { .. } => self.peers_moved(),
            CutoverPlan::Superseded { .. } | CutoverPlan::Refused { .. } => self.gives_up(),
        }
    }

    /// `Switch::are_well`.
    fn are_well(&self) -> bool {
        let world = &self.state.world;
        let is_well = |one: &Brought| match self.run().back {
            Some(_) => world.is_well(&one.hostname),
            None if !self.rules.keep(Rule::EndsCount) => world.is_well(&one.hostname),
            None => world.stayed_well(&one.hostname),
        };
        !self.rules.keep(Rule::HealthLook) || self.run().plan.components.iter().all(is_well)
    }

    /// What is true of them.
    fn stayed_well(&self) -> bool {
        let is_back = self.run().back.is_some();
        let world = &self.state.world;
        let mut all = self.run().plan.components.iter();
        all.all(|one| match is_back {
            true => world.is_well(&one.hostname),
            false => world.stayed_well(&one.hostname),
        })
    }

    /// It is not going to be live.
    fn gives_up(&mut self) {
        match self.run().back {
            Some(_) => self.stays(),
            None => self.take(Why::Discard),
        }
    }

    /// `Switch::record_proofs`, of what Plan companions found live.
    fn record_proofs(&mut self) {
        let run = self.run();
        if run.plan.proven {
            return;
        }
        let proof = |one: &Brought| proof(&run.beside.set, &one.component, peers(&one.component));
        let proofs: Vec<_> = self
            .all()
            .iter()
            .filter_map(|one| proof(one).ok())
            .collect();
        self.world().proofs.change(|all| all.extend(proofs));
    }

    /// `cutover::request`.
    fn request(&self, known: &KnownHosts) -> CutoverRequest {
        let read_set = self.rules.keep(Rule::ReadSet);
        let run = self.run();
        let candidate = |one: &Brought| Candidate {
            component: one.component.clone(),
            commit: one.commit.clone(),
            hostname: one.hostname.clone(),
            replaces: self.same_replaced(one),
            peers: if read_set {
                peers(&one.component).clone()
            } else {
                Default::default()
            },
        };
        CutoverRequest {
            ticket: self.ticket(),
            domain: domain().clone(),
            alias_ttl: ALIAS_TTL,
            hostname_ttl: HOSTNAME_TTL,
            candidates: run.plan.components.iter().map(candidate).collect(),
            read_set: if run.back.is_some() {
                self.read_now(known)
            } else if read_set {
                self.read_set(known)
            } else {
                Default::default()
            },
            test_dependents: read_set && self.tests_dependents(),
            replaces: self.replaces(),
        }
    }

    /// What it is to replace; without the rule, whatever is live.
    fn same_replaced(&self, one: &Brought) -> BTreeSet<Fqdn> {
        let live = || self.state.world.live().remove(&one.component);
        let all = match self.rules.keep(Rule::SameCommits) {
            true => one.replaces.clone(),
            false => live(),
        };
        all.into_iter().collect()
    }

    /// The read-set; without its tickets, whatever has the same hostname passes for what was there.
    fn read_set(&self, known: &KnownHosts) -> ReadSet {
        let mut all = self.run().beside.read_set.clone();
        if !self.rules.keep(Rule::ReadSetTickets) {
            for read in all.values_mut().flatten() {
                read.ticket = known.get(&read.hostname).map(|one| one.ticket);
            }
        }
        all
    }

    fn stripped(&self, mut batch: Batch) -> Batch {
        if !self.rules.keep(Rule::Mark) {
            let mark = last_cutover(domain());
            batch.0.retain(|change| {
                let (Change::Create(record) | Change::Delete(record)) = change;
                record.name != mark
            });
        }
        batch
    }

    /// `Cut over?`
    fn peers_moved(&mut self) {
        if self.run().back.is_some() {
            return self.goes(Stage::CutLook);
        }
        let run = &mut self.state.runs[self.who];
        if run.round < 3 && !run.plan.proven {
            run.round += 1;
            self.goes(Stage::Companions);
        } else {
            self.take(Why::Discard);
        }
    }

    /// `Dns::change`; where it is refused, it looks again.
    pub(crate) fn cut_batch(&mut self, commit: &(Vec<AliasMove>, Batch), how: How) {
        let (moves, batch) = commit;
        match how {
            How::LateAgain | How::LateGivenUp => self.send_late(batch, moves, false),
            _ => {
                let (rules, ticket) = (self.rules, self.ticket());
                self.excuse();
                if !self.world().apply(batch, rules) {
                    return self.goes(Stage::CutLook);
                }
                let (unwell, is_back) = (self.run().unwell_then, self.run().back.is_some());
                let replaces = self.replaces_any();
                crate::check::all_moved(self.world(), moves, replaces);
                for one in moves {
                    crate::check::sent(self.world(), one, unwell, is_back);
                    crate::check::moved(self.world(), one, ticket);
                }
            }
        }
        match how {
            How::Lost | How::LateAgain => self.goes(Stage::CutLook),
            How::GivenUp | How::LateGivenUp if self.run().back.is_some() => self.stays(),
            How::GivenUp | How::LateGivenUp => self.take(Why::Discard),
            How::Done | How::Fails => self.recording(moves.clone()),
        }
    }

    fn replaces_any(&self) -> bool {
        let components = &self.run().plan.components;
        components.iter().any(|one| one.replaces.is_some())
    }

    fn recording(&mut self, moves: Vec<AliasMove>) {
        self.goes(Stage::CutRecord(Shared::new(Printed(moves))));
    }

    /// `Switch::record`; after it only the wait for INSYNC is left to go wrong.
    pub(crate) fn cut_record(&mut self, moves: &[AliasMove], how: How) {
        self.record(moves);
        match how {
            How::Lost => self.goes(Stage::CutLook),
            How::GivenUp if self.run().back.is_some() => self.stays(),
            How::GivenUp if !self.run().found_live => self.take(Why::Discard),
            _ => self.drain(),
        }
    }

    /// The rows of what is live.
    pub(crate) fn record(&mut self, moves: &[AliasMove]) {
        for one in self.run().plan.clone().components.iter() {
            let from = moves.iter().find(|m| m.component == one.component);
            let row = self.alias_row(one, from);
            let ticket = self.ticket();
            self.world().record_alias(row);
            self.world()
                .set_candidate(&one.hostname, ticket, CandidateState::Live);
        }
    }

    /// `Switch::alias_row`.
    fn alias_row(&self, one: &Brought, moved: Option<&AliasMove>) -> AliasRow {
        let before = self.state.world.aliases.get(&one.component);
        let ticket = self.ticket();
        let again = before.filter(|row| row.hostname == one.hostname && row.ticket == ticket);
        let Succession {
            previous,
            brought_by,
            rolled_back,
        } = match again {
            Some(before) => Succession {
                previous: before.previous.clone(),
                brought_by: before.brought_by,
                rolled_back: before.rolled_back.clone(),
            },
            None => self.succession(one, moved, before),
        };
        AliasRow {
            component: one.component.clone(),
            commit: one.commit.clone(),
            hostname: one.hostname.clone(),
            instances: Vec::new(),
            version: Version::Head,
            release: label(ticket),
            ticket,
            execution: String::new(),
            since: String::new(),
            port: 8080,
            peers: Vec::new(),
            artifact_sha256: String::new(),
            launch_template_version: String::new(),
            previous,
            brought_by,
            rolled_back,
            change_id: None,
        }
    }

    /// `Switch::succession`.
    fn succession(
        &self,
        one: &Brought,
        moved: Option<&AliasMove>,
        before: Option<&AliasRow>,
    ) -> Succession {
        let from = moved.and_then(|one| one.from.as_ref());
        let replaced = Replaced {
            at: from.and_then(|from| self.state.world.row(from)),
            row: before,
            rollback: self.is_rollback(),
        };
        match self.rules.keep(Rule::PreviousDiffers) {
            true => succession(&one.commit, &replaced),
            false => Succession {
                previous: replaced.at.map(Previous::of),
                ..Succession::default()
            },
        }
    }
}

/// Where it is not known what an alias pointed to before (`Switch::again`).
fn moves_of(request: &CutoverRequest) -> Vec<AliasMove> {
    let moved = |one: &Candidate| AliasMove {
        component: one.component.clone(),
        alias: alias(&one.component, domain()),
        to: one.hostname.clone(),
        from: None,
    };
    request.candidates.iter().map(moved).collect()
}
