//! Terminate previous and Discard candidates: what the state machine makes of the drivers' replies.

use crate::act::{Act, How};
use crate::cast::release;
use crate::driving::{Driven, Driving};
use crate::release::{Brought, Stage, Then, Why};
use crate::rules::Rule;
use crate::shared::Shared;
use pipeline::drivers::{Answer, Discard, Mark, Terminate, Terminated};
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::names::{Component, Fqdn, Ticket};
use pipeline::records::{Batch, Change, RecordType};
use pipeline::retire::Leaving;
use pipeline::rows::{CandidateRow, CandidateState};
use pipeline::wire::{DiscardReply, DiscardRequest, ReleasedComponent, TerminateRequest};
use std::collections::BTreeSet;

impl Act<'_> {
    /// The stage begins, or runs again.
    pub(crate) fn take(&mut self, why: Why) {
        self.state.runs[self.who].then = None;
        let stage = match why {
            Why::Terminate => {
                Stage::Terminate(Driving::begin(Terminate::new(self.terminate_request())))
            }
            Why::Discard => Stage::Discard(Driving::begin(Discard::new(self.discard_request()))),
        };
        self.goes(stage);
    }

    fn terminate_request(&self) -> TerminateRequest {
        let components = self.run().plan.components.iter();
        let back = self.run().back.as_ref();
        TerminateRequest {
            release: release(self.ticket()),
            components: components.map(|one| one.component.clone()).collect(),
            companions_of: back.map(|_| self.program.ticket),
            replaced: Default::default(),
        }
    }

    fn discard_request(&self) -> DiscardRequest {
        let components = self.run().plan.components.iter();
        let released = |one: &Brought| ReleasedComponent {
            component: one.component.clone(),
        };
        DiscardRequest {
            release: release(self.ticket()),
            components: components.map(released).collect(),
            libraries: Vec::new(),
            released: Vec::new(),
            failures: Vec::new(),
            tests: Vec::new(),
            tested: None,
            already_live: Vec::new(),
        }
    }

    pub(crate) fn terminate_step(&mut self, from: &Shared<Driving<Terminate>>, how: How) {
        match how {
            How::LateAgain => self.send_late(&from.ask),
            _ => match self.drive(from) {
                Driven::Pauses(driving) if how == How::Done => {
                    return self.goes(Stage::Terminate(driving));
                }
                Driven::Done(reply) if how == How::Done => return self.terminated(reply),
                _ => {}
            },
        }
        self.take(Why::Terminate);
    }

    fn terminated(&mut self, reply: Result<Terminated, Fault>) {
        self.state.runs[self.who].then = None;
        match reply {
            Ok(done) if done.reply.unwell.is_some() && self.goes_back() => {
                self.state.runs[self.who].not_well = done.reply.failed;
                self.go_back();
            }
            Err(fault) if fault.name() == ErrorName::Unavailable => self.take(Why::Terminate),
            _ => self.goes(Stage::Ended),
        }
    }

    /// A roll-back does not take itself back, nor does it begin again once it gave way to a later release.
    fn goes_back(&self) -> bool {
        let is_first = self.run().back.is_none() && self.run().not_well.is_empty();
        self.rules.keep(Rule::RollBack) && is_first
    }

    pub(crate) fn discard_step(&mut self, from: &Shared<Driving<Discard>>, how: How) {
        match how {
            How::LateAgain => self.send_late(&from.ask),
            _ => match self.drive(from) {
                Driven::Pauses(driving) if how == How::Done => {
                    return self.goes(Stage::Discard(driving));
                }
                Driven::Done(reply) if how == How::Done => return self.discarded(reply),
                _ => {}
            },
        }
        self.take(Why::Discard);
    }

    /// `Live after all?`
    fn discarded(&mut self, reply: Result<DiscardReply, Fault>) {
        match reply {
            Ok(reply) if !reply.live => self.goes(Stage::Ended),
            Ok(_) if self.rules.keep(Rule::RecordLive) => {
                self.state.runs[self.who].found_live = true;
                self.cut();
            }
            Ok(_) => self.drain(),
            Err(_) => self.take(Why::Discard),
        }
    }

    /// Notes what is true when Terminate previous looks at the instances.
    pub(crate) fn note_then(&mut self) {
        let rows = self.state.world.rows.0.values();
        let live = rows.filter(|row| row.state == CandidateState::Live);
        let then = Then {
            dead: self.nothing_well_is_live(),
            live: live.map(|row| row.hostname.clone()).collect(),
        };
        self.state.runs[self.who].then = Some(Shared::new(then));
    }

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

    /// `Ask::End`.
    pub(crate) fn end(&mut self, leaving: &[Leaving]) {
        let then = self.run().then.clone();
        for one in leaving {
            let replaced_by_dead = then.as_ref().is_some_and(|then| {
                then.dead.contains(&one.component) && then.live.contains(&one.hostname)
            });
            let is_well = self.state.world.is_well(&one.hostname);
            self.world().broken.spared |= replaced_by_dead && is_well;
            self.world().end(one.launched, &one.hostname);
        }
    }

    /// `Ask::MoveOn`.
    pub(crate) fn move_on(&mut self, marks: &[Mark]) -> BTreeSet<Fqdn> {
        let moved = marks.iter().filter(|one| self.mark(one));
        let moved: BTreeSet<Fqdn> = moved.map(|one| one.hostname.clone()).collect();
        let discards = matches!(self.run().stage, Stage::Discard(_) | Stage::Sweep(_));
        if discards && marks.iter().any(is_live) {
            let back = moved.clone();
            self.world().given_back.change(|all| all.extend(back));
        }
        moved
    }

    /// `Ask::GiveBack`. What is live will end it after its drain, unless it has drained already.
    pub(crate) fn give_back(&mut self, ticket: Ticket, rows: Vec<CandidateRow>) -> Answer {
        for row in rows {
            let at = row.hostname.clone();
            let is_left = !self.drains(&row.component);
            let given = match self.rules.keep(Rule::GiveBack) {
                true => self.world().give_back(ticket, row),
                false => self
                    .world()
                    .set_candidate(&at, ticket, CandidateState::Live),
            };
            if given && is_left {
                self.world().given_back.change(|all| all.insert(at));
            }
        }
        Answer::Done
    }

    /// Whether the release that is live of a component has not come to its Terminate previous.
    fn drains(&self, component: &Component) -> bool {
        let world = &self.state.world;
        let live = world.live();
        let live = live.get(component).and_then(|at| world.row(at));
        let is_it = |who: &usize| {
            let run = &self.state.runs[*who];
            let is_live = live.is_some_and(|row| {
                run.plan
                    .components
                    .iter()
                    .any(|one| one.hostname == row.hostname)
            });
            is_live && matches!(run.stage, Stage::Cut(_) | Stage::Drain(_))
        };
        (0..self.state.runs.len()).any(|who| is_it(&who))
    }

    /// Terminate previous takes these records away.
    pub(crate) fn terminates(&mut self, batch: &Batch) {
        if !matches!(self.run().stage, Stage::Terminate(_) | Stage::Sweep(_)) {
            return;
        }
        for change in &batch.0 {
            if let Change::Delete(record) = change
                && record.kind == RecordType::A
            {
                crate::check::terminated(self.world(), &record.name);
            }
        }
    }
}

/// What Discard gives back is called live again.
fn is_live(mark: &Mark) -> bool {
    mark.state == CandidateState::Live
}
