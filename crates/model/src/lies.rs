//! What a release is shown, and what becomes of what it does, where a rule is left out.
//!
//! Drivers are not changed for that: without a rule the world lies about what the rule looks at, or
//! what the rule does is not done. So what is checked is what runs.

use crate::act::Act;
use crate::cast::{domain, peers};
use crate::release::{Brought, Stage};
use crate::rules::{Rule, Rules};
use pipeline::drivers::Mark;
use pipeline::live::LiveVersion;
use pipeline::names::{Ticket, alias_of, last_cutover, peer_name_of};
use pipeline::proof::{Proof, proof_of};
use pipeline::records::{Batch, Change, Record, RecordType, ZoneView};
use pipeline::rows::{AliasRow, CandidateRow, CandidateState, Previous};
use std::sync::Arc;

impl Act<'_> {
    /// A row of a candidate.
    pub(crate) fn row_shown(&self, row: &Arc<CandidateRow>) -> Arc<CandidateRow> {
        match self.run().stage {
            Stage::Cut(_) if self.rules != Rules::WHOLE => Arc::new(self.row_in_a_cutover(row)),
            // It took this over and does not look again.
            Stage::Back(_) if !self.rules.keep(Rule::StillOwn) && self.has_taken(row) => {
                Arc::new(CandidateRow {
                    ticket: self.ticket(),
                    ..CandidateRow::clone(row)
                })
            }
            Stage::Companions if self.rules != Rules::WHOLE && row.ticket != self.ticket() => {
                Arc::new(self.other_row_shown(CandidateRow::clone(row)))
            }
            _ => row.clone(),
        }
    }

    fn has_taken(&self, row: &CandidateRow) -> bool {
        let own = self.run().back.is_some();
        let mut taken = self.run().plan.components.iter();
        own && taken.any(|one| one.hostname == row.hostname)
    }

    fn row_in_a_cutover(&self, row: &CandidateRow) -> CandidateRow {
        let mut row = row.clone();
        if !self.rules.keep(Rule::ReadSet)
            && let Some(recipe) = &mut row.recipe
        {
            recipe.manifest.component.peers.clear();
        }
        match row.ticket == self.ticket() {
            true => self.own_row_shown(row),
            false => self.other_row_shown(row),
        }
    }

    /// Without the rule, whatever is live at the same commit is to be replaced.
    fn own_row_shown(&self, mut row: CandidateRow) -> CandidateRow {
        if !self.rules.keep(Rule::SameCommits)
            && let Some(recipe) = &mut row.recipe
        {
            recipe.planned.replaces = self.state.world.live().remove(&row.component);
        }
        row
    }

    /// Without tickets nobody is later than anybody; without those of the read-set, whatever has the
    /// same hostname passes for what was there.
    fn other_row_shown(&self, mut row: CandidateRow) -> CandidateRow {
        if !self.rules.keep(Rule::Tickets) {
            row.ticket = Ticket(0);
        }
        let read = self.run().beside.read_set.get(&row.component);
        match read.and_then(Option::as_ref) {
            Some(LiveVersion { hostname, ticket })
                if !self.rules.keep(Rule::ReadSetTickets) && *hostname == row.hostname =>
            {
                row.ticket = ticket.unwrap_or(row.ticket);
            }
            _ => {}
        }
        row
    }

    /// Whether all of these have passed; without the rule nobody asks again.
    pub(crate) fn have_passed(&self, proofs: &[Proof]) -> bool {
        let world = &self.state.world;
        !self.rules.keep(Rule::ProvenTogether)
            || proofs.iter().all(|one| world.proofs.contains(one))
    }

    /// A row among all of them. Without the rule a release ends what was live, its own too, and leaves
    /// what never was.
    pub(crate) fn row_listed(&self, row: &Arc<CandidateRow>) -> Option<Arc<CandidateRow>> {
        let is_terminate = matches!(self.run().stage, Stage::Terminate(_));
        let is_others = row.companion && row.ticket != self.ticket();
        if is_terminate && is_others && !self.rules.keep(Rule::LeftCompanions) {
            return None;
        }
        if self.rules.keep(Rule::TakeDoomed) || !is_terminate || row.companion {
            return Some(row.clone());
        }
        let was_live = [CandidateState::Live, CandidateState::Leaving].contains(&row.state);
        let shown = CandidateRow {
            ticket: self.doomed(row.ticket),
            launched_by: Some(row.launched()),
            ..CandidateRow::clone(row)
        };
        was_live.then(|| Arc::new(shown))
    }

    /// Its own ticket as one before it.
    fn doomed(&self, ticket: Ticket) -> Ticket {
        match ticket == self.ticket() {
            true => Ticket(ticket.0 - 1),
            false => ticket,
        }
    }

    /// A row moves on. From when it is marked until its instances have ended it is neither free nor to
    /// be taken over.
    pub(crate) fn mark(&mut self, one: &Mark) -> bool {
        let Some(row) = self.state.world.row(&one.hostname) else {
            return false;
        };
        let mut ticket = one.ticket;
        if !self.rules.keep(Rule::TakeDoomed) && self.doomed(row.ticket) == ticket {
            ticket = row.ticket;
        }
        let is_discard = matches!(self.run().stage, Stage::Discard(_));
        let state = match one.state {
            CandidateState::Leaving if !self.rules.keep(Rule::RowSwap) => return true,
            CandidateState::Leaving if self.rules.keep(Rule::EndedThenFree) => one.state,
            CandidateState::Leaving if is_discard || row.companion => CandidateState::Discarded,
            CandidateState::Leaving => CandidateState::Retired,
            state => state,
        };
        self.world().set_candidate(&one.hostname, ticket, state)
    }

    /// The zone: without the last look no alias is seen by then, without the second one no peer name.
    pub(crate) fn zone_shown(&mut self) -> ZoneView {
        let takes = matches!(self.run().stage, Stage::Terminate(_) | Stage::Discard(_));
        let takes_away = takes;
        let takes = takes && self.done.views > 0;
        if self.done.marked && !self.in_turn && self.rules.keep(Rule::PublishInTime) {
            let who = self.who;
            let late = &mut self.state.late;
            late.retain(|late| late.who != who || !late.publishes);
        }
        if self.rules == Rules::WHOLE {
            return ZoneView::clone(&self.state.world.zone);
        }
        let shows_left = !takes_away || self.rules.keep(Rule::LeftRecords);
        let terminates = matches!(self.run().stage, Stage::Terminate(_)) && self.done.marked;
        let hides = |one: &Record| {
            let is_alias = alias_of(&one.name, domain()).is_some();
            let is_last_look = takes && is_alias && !self.rules.keep(Rule::LastLook);
            let is_peer = one.kind == RecordType::Cname && !is_alias;
            let is_left = !shows_left && self.is_left(one);
            is_left || is_last_look || (terminates && is_peer && !self.rules.keep(Rule::NamesAgain))
        };
        let zone = &self.state.world.zone;
        let shown = zone.records().filter(|one| !hides(one));
        ZoneView::new(shown.cloned())
    }

    /// Whether a record is of what is gone: a hostname's, or a peer's name.
    fn is_left(&self, one: &Record) -> bool {
        let world = &self.state.world;
        let stands = |row: &CandidateRow| !row.state.is_gone();
        match peer_name_of(&one.name, domain()) {
            Some((_, ticket)) => {
                let mut rows = world.rows.0.values();
                !rows.any(|row| stands(row) && row.launched() == ticket)
            }
            None => one.kind == RecordType::A && !world.row(&one.name).is_some_and(stands),
        }
    }

    /// Whether all instances look well.
    pub(crate) fn lies_of_health(&self) -> bool {
        match self.run().stage {
            Stage::Terminate(_) => !self.rules.keep(Rule::SparePrevious),
            _ => !self.rules.keep(Rule::HealthLook),
        }
    }

    /// Rows were shown without peers where there is no read-set; what passed has them all the same.
    pub(crate) fn proofs_recorded(&self, proofs: Vec<Proof>) -> Vec<Proof> {
        match self.rules.keep(Rule::ReadSet) {
            true => proofs,
            false => self.own_proofs(),
        }
    }

    /// Without the rule, before the look.
    pub(crate) fn record_proofs_too_early(&mut self) {
        if !self.rules.keep(Rule::ProofsAfterLook) && !self.run().plan.proven {
            let proofs = self.own_proofs();
            self.world().proofs.change(|all| all.extend(proofs));
        }
    }

    fn own_proofs(&self) -> Vec<Proof> {
        let set = &self.run().beside.set;
        let proof = |one: &Brought| proof_of(set, &one.component, peers(&one.component)).ok();
        self.all().iter().filter_map(proof).collect()
    }

    /// Without the rule, what was live a moment ago is called the previous one.
    pub(crate) fn alias_recorded(&self, mut row: AliasRow) -> AliasRow {
        let before = self.state.world.aliases.get(&row.component);
        let before = before.filter(|before| before.ticket < row.ticket);
        if !self.rules.keep(Rule::PreviousDiffers) {
            row.previous = before.map(Previous::of_alias).or(row.previous);
            row.brought_by = None;
        }
        row
    }

    /// Without the rules, cutovers have nothing in common, and what is given back still fits them.
    pub(crate) fn stripped(&self, batch: &Batch) -> Batch {
        let is_given_back =
            |one: &Change| matches!(one, Change::Create(record) if record.kind == RecordType::A);
        if !self.rules.keep(Rule::GivenBackUnfit)
            && matches!(self.run().stage, Stage::Discard(_))
            && batch.0.iter().any(is_given_back)
        {
            return Batch::default();
        }
        if !self.rules.keep(Rule::KeepSwap) && matches!(self.run().stage, Stage::Keep(_)) {
            return unconditional(batch, &self.state.world.zone);
        }
        let is_mark = |one: &Change| {
            let (Change::Create(record) | Change::Delete(record)) = one;
            record.name == last_cutover(domain())
        };
        if !self.rules.keep(Rule::OtherMark)
            && matches!(self.run().stage, Stage::Sweep(_))
            && batch.0.iter().all(is_mark)
        {
            return Batch::default();
        }
        let confirms = match &self.run().stage {
            Stage::Confirm(..) => true,
            Stage::Cut(_) => batch.0.iter().all(is_mark),
            _ => false,
        };
        if !self.rules.keep(Rule::ConfirmMark) && confirms {
            return Batch::default();
        }
        let mut batch = batch.clone();
        if !self.rules.keep(Rule::Mark) {
            let mark = last_cutover(domain());
            batch.0.retain(|change| {
                let (Change::Create(record) | Change::Delete(record)) = change;
                record.name != mark
            });
        }
        batch
    }
}

/// The batch as it would be if it did not say what it replaces.
fn unconditional(batch: &Batch, zone: &ZoneView) -> Batch {
    let mut all = Batch::default();
    for change in &batch.0 {
        if let Change::Create(record) = change {
            all.0
                .extend(zone.get(&record.name).cloned().map(Change::Delete));
            all.0.push(change.clone());
        }
    }
    all
}
