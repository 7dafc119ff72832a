//! Terminate previous and Discard candidates.

use crate::act::{Act, How};
use crate::cast::domain;
use crate::release::{Brought, Stage, Take, TakeStep, Why};
use crate::rules::Rule;
use crate::shared::{Printed, Shared};
use pipeline::drivers::Ask;
use pipeline::names::{Component, Fqdn, Ticket, alias_of};
use pipeline::records::ZoneView;
use pipeline::retire::{Leaving, RetirePlan, plan_retire};
use pipeline::rows::{CandidateRow, CandidateState};
use std::collections::BTreeMap;

impl Act<'_> {
    /// The stage begins, or runs again.
    pub(crate) fn take(&mut self, why: Why) {
        let leaving = Shared::new(Printed(Vec::new()));
        self.goes(Stage::Take(Take {
            why,
            leaving,
            marked: None,
            kept: false,
            unwell: false,
            dead_then: Vec::new(),
            was_live: Vec::new(),
            step: TakeStep::Rows,
        }));
    }

    pub(crate) fn take_step(&mut self, take: Take, how: How) {
        match take.step.clone() {
            TakeStep::Rows => self.take_rows(take),
            TakeStep::Look => self.take_look(take),
            TakeStep::Plan(zone) => self.take_plan(take, &zone),
            TakeStep::Batch(plan) => self.take_batch(take, &plan, how),
            TakeStep::Mark(plan) => self.take_mark(take, &plan, how),
            TakeStep::End(plan) => self.take_end(take, &plan),
        }
    }

    fn taking(&mut self, take: Take, step: TakeStep) {
        self.goes(Stage::Take(Take { step, ..take }));
    }

    /// The rows, and so what is to go.
    fn take_rows(&mut self, mut take: Take) {
        if take.why == Why::Terminate {
            take.dead_then = self.nothing_well_is_live();
            take.was_live = self.are_live();
            let own = |one: &Brought| {
                let live = self.state.world.live();
                live.get(&one.component) == Some(&one.hostname)
                    && take.dead_then.contains(&one.component)
            };
            take.unwell = self.run().plan.components.iter().any(own);
        }
        let rows = self.state.world.rows.clone();
        let leaving = rows.0.values().filter_map(|row| {
            let becomes = self.becomes(take.why, row)?;
            let spared = self.rules.keep(Rule::SparePrevious)
                && becomes == CandidateState::Retired
                && row.state == CandidateState::Live
                && take.dead_then.contains(&row.component);
            (!spared).then(|| Leaving::of(row, becomes))
        });
        let leaving: Vec<Leaving> = leaving.collect();
        if leaving.is_empty() {
            return self.taken(take);
        }
        let leaving = Shared::new(Printed(leaving));
        self.take_look(Take { leaving, ..take });
    }

    fn are_live(&self) -> Vec<Fqdn> {
        let rows = self.state.world.rows.0.values();
        let live = rows.filter(|row| row.state == CandidateState::Live);
        live.map(|row| row.hostname.clone()).collect()
    }

    /// `watch::to_be_spared`.
    fn nothing_well_is_live(&self) -> Vec<Component> {
        let live = self.state.world.live();
        let is_well = |component: &Component| {
            let at = live.get(component);
            at.is_some_and(|at| self.state.world.is_well(at))
        };
        let components = self.run().plan.components.iter();
        let components = components.map(|one| one.component.clone());
        components.filter(|one| !is_well(one)).collect()
    }

    /// `terminate_previous::becomes`; Discard takes all that is its own.
    fn becomes(&self, why: Why, row: &CandidateRow) -> Option<CandidateState> {
        let companion_of = self.program.ticket;
        let own = match row.companion {
            true => row.ticket == companion_of,
            false => row.ticket == self.ticket(),
        };
        if why == Why::Discard {
            return own.then_some(CandidateState::Discarded);
        }
        let standing = !row.state.is_gone();
        if row.companion {
            return (own && standing).then_some(CandidateState::Discarded);
        }
        let mut released = self.run().plan.components.iter();
        let goes = if self.rules.keep(Rule::TakeDoomed) {
            row.ticket < self.ticket() && standing
        } else {
            let was_live = [CandidateState::Live, CandidateState::Leaving].contains(&row.state);
            row.ticket <= self.ticket() && was_live
        };
        (goes && released.any(|one| one.component == row.component))
            .then_some(CandidateState::Retired)
    }

    /// `Takedown::records`: records first, then rows.
    fn take_look(&mut self, take: Take) {
        if take.marked.is_some() && self.rules.keep(Rule::PublishInTime) {
            let who = self.who;
            self.state
                .late
                .retain(|late| late.who != who || !late.publishes);
        }
        let zone = self.state.world.zone.clone();
        self.taking(take, TakeStep::Plan(zone));
    }

    fn take_plan(&mut self, take: Take, zone: &ZoneView) {
        let world = &self.state.world;
        let still = |one: &&Leaving| {
            let row = world.row(&one.hostname);
            row.is_some_and(|row| row.ticket == one.ticket)
        };
        let leaving = take.marked.as_ref().unwrap_or(&take.leaving);
        let leaving: Vec<Leaving> = leaving.iter().filter(still).cloned().collect();
        let plan = plan_retire(&leaving, domain(), &self.seen(zone), &self.standing());
        let empty = plan.batch.is_empty();
        let plan = Shared::new(Printed(plan));
        match empty {
            true => self.after_records(take, plan),
            false => self.taking(take, TakeStep::Batch(plan)),
        }
    }

    fn seen(&self, zone: &ZoneView) -> ZoneView {
        let look = self.rules.keep(Rule::LastLook);
        let shown = zone
            .records()
            .filter(|one| look || alias_of(&one.name, domain()).is_none());
        ZoneView::new(shown.cloned())
    }

    /// `takedown::standing`.
    fn standing(&self) -> BTreeMap<Fqdn, Ticket> {
        let rows = self.state.world.rows.0.values();
        rows.filter(|row| !row.state.is_leaving())
            .map(|row| (row.hostname.clone(), row.launched()))
            .collect()
    }

    fn take_batch(&mut self, take: Take, plan: &Shared<Printed<RetirePlan>>, how: How) {
        if how == How::LateAgain {
            self.send_late(&Ask::Change(plan.batch.clone(), String::new()));
            return self.take(take.why);
        }
        let rules = self.rules;
        if !self.world().apply(&plan.batch, rules) {
            return self.taking(take, TakeStep::Look);
        }
        if take.why == Why::Terminate {
            for one in &plan.retire {
                crate::check::terminated(self.world(), &one.hostname);
            }
        }
        match how {
            How::Lost => self.take(take.why),
            _ => self.after_records(take, plan.clone()),
        }
    }

    fn after_records(&mut self, mut take: Take, plan: Shared<Printed<RetirePlan>>) {
        take.kept |= !plan.keep.is_empty();
        match take.marked {
            None => self.taking(take, TakeStep::Mark(plan)),
            Some(_) => self.taking(take, TakeStep::End(plan)),
        }
    }

    /// `Takedown::mark`, and whether it looks again.
    fn take_mark(&mut self, take: Take, plan: &Shared<Printed<RetirePlan>>, how: How) {
        let rows_first = self.rules.keep(Rule::RowSwap);
        let mut ours = plan.retire.clone();
        ours.retain(|one| !rows_first || self.mark(one));
        if how == How::Lost {
            return self.take(take.why);
        }
        let gone = |one: &Leaving| one.becomes == CandidateState::Discarded;
        let looks = take.leaving.iter().any(gone) || self.rules.keep(Rule::NamesAgain);
        let marked = Some(Shared::new(Printed(ours.clone())));
        match looks {
            true => self.taking(Take { marked, ..take }, TakeStep::Look),
            false => self.taking(Take { marked, ..take }, TakeStep::End(plan.clone())),
        }
    }

    /// Whether the row was still this one's. From here until its instances have ended it is neither
    /// free nor to be taken over.
    fn mark(&mut self, one: &Leaving) -> bool {
        let state = match self.rules.keep(Rule::EndedThenFree) {
            true => CandidateState::Leaving,
            false => one.becomes,
        };
        self.world().set_candidate(&one.hostname, one.ticket, state)
    }

    /// `Takedown::end_instances`.
    fn take_end(&mut self, take: Take, plan: &RetirePlan) {
        let ours = take.marked.iter().flat_map(|ours| ours.iter());
        for one in ours.filter(|one| plan.retire.contains(one)) {
            let replaced_by_dead = take.dead_then.contains(&one.component);
            let was_live = take.was_live.contains(&one.hostname);
            let is_well = self.state.world.is_well(&one.hostname);
            self.world().broken.spared |= replaced_by_dead && was_live && is_well;
            self.world().end(one.launched, &one.hostname);
            self.world()
                .set_candidate(&one.hostname, one.ticket, one.becomes);
        }
        self.taken(take);
    }

    /// A roll-back does not take itself back.
    fn goes_back(&self) -> bool {
        self.rules.keep(Rule::RollBack) && self.run().back.is_none()
    }

    /// `Live after all?`
    fn taken(&mut self, take: Take) {
        match (take.why, take.kept) {
            (Why::Terminate, _) if take.unwell && self.goes_back() => self.go_back(),
            (Why::Terminate, _) | (Why::Discard, false) => self.goes(Stage::Ended),
            (Why::Discard, true) => {
                if !self.rules.keep(Rule::RecordLive) {
                    return self.drain();
                }
                self.state.runs[self.who].found_live = true;
                self.cut();
            }
        }
    }
}
