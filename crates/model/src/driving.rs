//! Runs drivers step by step: the functions' own, on a world in which others act between two asks.

use crate::act::Act;
use crate::release::Stage;
use crate::rules::Rule;
use crate::shared::Shared;
use pipeline::drivers::{
    Answer, Ask, ChangeOutcome, Driver, KeepAsk, Mark, Next, PlanFound, Reservation, Rows,
};
use pipeline::errors::Fault;
use pipeline::health::{Condition, Tolerates};
use pipeline::names::{Component, Fqdn, Ticket};
use pipeline::records::{Batch, Change};
use pipeline::rows::{AliasRow, CandidateRow, CandidateState, ProofRow, ReleaseOutcome};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A driver that has asked for something.
#[derive(Clone)]
pub struct Driving<D> {
    /// The function's own.
    pub driver: D,
    /// What it has asked for.
    pub ask: Ask,
    /// Whether it has just looked at the zone.
    pub looked: bool,
    /// What the stage has done before.
    pub done: Done,
}

/// What a run of a stage has done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Done {
    /// Looks at the zone.
    pub views: u8,
    /// Whether it has marked rows of what is to go.
    pub marked: bool,
    /// How often it has waited.
    pub waits: u8,
}

impl<D> Driving<D> {
    /// Whether it makes no difference to others when the next step is taken.
    pub fn is_private(&self) -> bool {
        self.looked || matches!(self.ask, Ask::End(_))
    }
}

/// What a driver asks for follows from where it is.
impl<D: Hash> Hash for Driving<D> {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.driver.hash(to);
    }
}

impl<D> fmt::Debug for Driving<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ask)
    }
}

/// How far a step has come.
pub enum Driven<D: Driver> {
    /// Others may act before it goes on.
    Pauses(Shared<Driving<D>>),
    /// It is over.
    Done(Result<D::Reply, Fault>),
}

impl<D: Driver + Hash> Driving<D> {
    /// Before its first ask.
    pub fn begin(mut driver: D) -> Shared<Self> {
        let Ok(Next::Ask(ask)) = driver.next(Answer::Begin, "") else {
            panic!("a driver begins with a look");
        };
        Shared::new(Self {
            driver,
            ask,
            looked: false,
            done: Done::default(),
        })
    }
}

/// A call that changes what others see.
#[derive(Debug, Clone)]
pub struct Write(pub Ask);

/// By what it changes.
impl Hash for Write {
    fn hash<H: Hasher>(&self, to: &mut H) {
        match &self.0 {
            Ask::Change(batch, _) => batch.hash(to),
            Ask::RecordAliases(rows) => rows.hash(to),
            Ask::Confirm(by, all) => (by, all).hash(to),
            Ask::MoveOn(marks) => marks.hash(to),
            Ask::GiveBack(ticket, rows) => (ticket, rows).hash(to),
            Ask::RecordSet(_, proofs) => {
                let proofs = proofs.iter().map(|row| &row.proof);
                proofs.for_each(|proof| proof.hash(to));
            }
            Ask::Reserve(one) => one.release.plan.hash(to),
            Ask::Keep(KeepAsk::Note(turn, notes)) => (turn, notes).hash(to),
            Ask::Keep(KeepAsk::Launch(all)) => all.hash(to),
            Ask::Keep(KeepAsk::Record(new)) => new.hash(to),
            _ => {}
        }
    }
}

/// Whether it changes what others see.
pub fn writes(ask: &Ask) -> bool {
    match ask {
        Ask::Change(batch, _) => !asserts_only(batch),
        Ask::RecordAliases(_)
        | Ask::Confirm(..)
        | Ask::MoveOn(..)
        | Ask::GiveBack(..)
        | Ask::RecordSet(..)
        | Ask::Reserve(_)
        | Ask::Keep(KeepAsk::Note(..) | KeepAsk::Launch(_) | KeepAsk::Record(_)) => true,
        _ => false,
    }
}

/// Whether it marks rows of what is to go.
pub fn is_leaving(ask: &Ask) -> bool {
    let leaving = |one: &Mark| one.state == CandidateState::Leaving;
    matches!(ask, Ask::MoveOn(marks) if marks.iter().any(leaving))
}

fn asserts_only(batch: &Batch) -> bool {
    let mut pairs = batch.0.chunks(2);
    pairs.all(|pair| matches!(pair, [Change::Delete(was), Change::Create(is)] if was == is))
}

impl Act<'_> {
    /// Goes on from what a driver has asked for to the next ask that others may come before.
    pub(crate) fn drive<D: Driver + Clone + Hash>(&mut self, from: &Driving<D>) -> Driven<D> {
        let mut driver = from.driver.clone();
        let mut ask = from.ask.clone();
        self.done = from.done;
        loop {
            let looked = matches!(ask, Ask::View);
            let marks = is_leaving(&ask);
            self.done.waits += u8::from(matches!(ask, Ask::Wait(_)));
            let answer = self.answer(ask);
            self.done.views += u8::from(looked);
            self.done.marked |= marks;
            match driver.next(answer, "") {
                Ok(Next::Ask(next)) if self.comes_between(looked, &next) => {
                    self.pauses = true;
                    return Driven::Pauses(Shared::new(Driving {
                        driver,
                        ask: next,
                        looked,
                        done: self.done,
                    }));
                }
                Ok(Next::Ask(next)) => ask = next,
                Ok(Next::Done(reply)) => return Driven::Done(Ok(reply)),
                Err(fault) => return Driven::Done(Err(fault)),
            }
        }
    }

    /// Runs a driver to its end: nobody can see what it does in between, or come before it.
    pub(crate) fn drive_at_once<D: Driver>(&mut self, mut driver: D) -> Result<D::Reply, Fault> {
        let mut answer = Answer::Begin;
        loop {
            match driver.next(answer, "")? {
                Next::Ask(ask) => answer = self.answer(ask),
                Next::Done(reply) => return Ok(reply),
            }
        }
    }

    /// The batch that a driver comes to, if it needs one; it is not applied.
    pub(crate) fn batch_of<D: Driver>(&mut self, mut driver: D) -> Result<Option<Batch>, Fault> {
        let mut answer = Answer::Begin;
        loop {
            answer = match driver.next(answer, "")? {
                Next::Ask(Ask::Change(batch, _)) => return Ok(Some(batch)),
                Next::Ask(ask) => self.answer(ask),
                Next::Done(_) => return Ok(None),
            }
        }
    }

    /// Where every ask is a step of its own, a step ends before each. Else it ends where it makes a
    /// difference to somebody: after a look at the zone, and before what others see.
    fn comes_between(&self, looked: bool, next: &Ask) -> bool {
        match next {
            // Nobody decides by the history.
            Ask::Tell(_) => false,
            _ if self.every_ask => true,
            Ask::Candidates(_) | Ask::AllCandidates => looked,
            Ask::Change(batch, _) => !asserts_only(batch),
            Ask::Confirm(..) => true,
            Ask::Aliases(_) | Ask::Reserve(_) | Ask::End(_) | Ask::EndInstances(_) => true,
            Ask::Keep(ask) => !matches!(ask, KeepAsk::Notes),
            _ => is_leaving(next),
        }
    }

    /// What the function's loop does on AWS.
    pub(crate) fn answer(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::View => Answer::Zone(self.zone_shown()),
            Ask::Candidates(names) => Answer::Rows(self.rows_of(&names)),
            Ask::AllCandidates => Answer::Rows(self.all_rows()),
            Ask::PlannedNames(ticket) => Answer::Names(self.planned_by(ticket)),
            Ask::Aliases(names) => Answer::Aliases(self.aliases(&names)),
            Ask::Examine(rows, tolerates) => Answer::Conditions(self.examine(&rows, tolerates)),
            Ask::Change(batch, _) => Answer::Changed(self.change(&batch)),
            Ask::RecordSet(_, proofs) => self.record_set(&proofs),
            Ask::RecordAliases(rows) => self.record_aliases(rows),
            Ask::Confirm(by, all) => Answer::Moved(self.confirms(by, &all)),
            Ask::MoveOn(marks) => Answer::Moved(self.move_on(&marks)),
            Ask::GiveBack(ticket, rows) => self.give_back(ticket, rows),
            Ask::End(leaving) => {
                self.end(&leaving);
                Answer::Ended(Vec::new())
            }
            Ask::PlanOf(..) => Answer::Plan(match &self.run().back {
                Some(back) => PlanFound::Own(Box::new(back.plan.clone())),
                None => PlanFound::None,
            }),
            // Later than all others.
            Ask::DrawTicket => Answer::Ticket(Ticket(10 + self.who as u64)),
            Ask::ReserveCompanions(rows) => Answer::Reserved(self.world().reserve(&rows, &[])),
            // What failed goes to Discard before.
            Ask::Evidence(_) => Answer::Evidence(Vec::new()),
            Ask::HavePassed(proofs) => Answer::Passed(self.have_passed(&proofs)),
            Ask::Components(names) => Answer::Components(names),
            // It has none.
            Ask::Released(_) => Answer::Released(Vec::new()),
            Ask::Reserve(reservation) => Answer::Reserved(self.reserves(&reservation)),
            Ask::KeepConnected(..) | Ask::Settle(_) | Ask::Wait(_) | Ask::WaitInSync(_) => {
                Answer::Done
            }
            ask => self.answer_of_releases(ask),
        }
    }

    fn answer_of_releases(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::Instances => return Answer::Instances(self.instances()),
            Ask::Releases(_) => return Answer::Releases(self.releases()),
            Ask::Executions(these) => return Answer::Executions(self.executions(&these)),
            Ask::Keep(ask) => return self.answer_of_keeper(ask),
            Ask::EndInstances(ids) => {
                self.ends(&ids);
                return Answer::Ended(ids);
            }
            Ask::Tell(_) => {}
            Ask::RecordLive(ticket, _) => self.record(ticket, ReleaseOutcome::Live),
            Ask::RecordFailure(ticket, outcome, _) => self.record(ticket, outcome),
            Ask::RecordRolledBack(ticket, _) => self.record(ticket, ReleaseOutcome::RolledBack),
            Ask::RecordSuperseded(tickets, _) => self.record_superseded(&tickets),
            _ => unreachable!("answered before"),
        }
        Answer::Done
    }

    fn aliases(&self, names: &BTreeSet<Component>) -> Vec<AliasRow> {
        let rows = self.state.world.aliases.values();
        let asked = rows.filter(|row| names.contains(&row.component));
        asked.cloned().collect()
    }

    fn record_set(&mut self, proofs: &[ProofRow]) -> Answer {
        let proofs = proofs.iter().map(|row| row.proof.clone()).collect();
        let proofs = self.proofs_recorded(proofs);
        self.world().proofs.change(|all| all.extend(proofs));
        Answer::Done
    }

    fn record_aliases(&mut self, rows: Vec<AliasRow>) -> Answer {
        for row in rows {
            let row = self.alias_recorded(row);
            self.world().record_alias(row);
        }
        Answer::Done
    }

    fn rows_of(&self, names: &BTreeSet<Fqdn>) -> Rows {
        let rows = &self.state.world.rows.0;
        let row = |at: &Fqdn| Some((at.clone(), self.row_shown(rows.get(at)?)));
        names.iter().filter_map(row).collect()
    }

    fn all_rows(&self) -> Rows {
        let rows = self.state.world.rows.0.values();
        let rows = rows.filter(|row| !row.state.is_gone());
        let shown = rows.filter_map(|row| self.row_listed(row));
        shown.map(|row| (row.hostname.clone(), row)).collect()
    }

    fn examine(
        &mut self,
        rows: &[Arc<CandidateRow>],
        tolerates: Tolerates,
    ) -> BTreeMap<Fqdn, Condition> {
        if matches!(self.run().stage, Stage::Cut(_) | Stage::Back(_)) {
            self.state.runs[self.who].unwell_then = !self.stayed_well();
        }
        if matches!(self.run().stage, Stage::Terminate(_) | Stage::Sweep(_)) {
            self.note_then();
        }
        let ends_count = tolerates == Tolerates::NoEnd && self.rules.keep(Rule::EndsCount);
        let world = &self.state.world;
        let is_well = |at: &Fqdn| match ends_count {
            _ if self.lies_of_health() => true,
            true => world.stayed_well(at),
            false => world.is_well(at),
        };
        let condition = |row: &Arc<CandidateRow>| match is_well(&row.hostname) {
            true => Condition::Well,
            false => Condition::Gone("it does not run".into()),
        };
        let seen = rows.iter();
        seen.map(|row| (row.hostname.clone(), condition(row)))
            .collect()
    }

    /// A batch, and what it means for users.
    pub(crate) fn change(&mut self, batch: &Batch) -> ChangeOutcome {
        let (rules, ticket) = (self.rules, self.ticket());
        let before = self.state.world.live();
        self.excuse();
        let batch = self.stripped(batch);
        if !self.world().apply(&batch, rules) {
            return ChangeOutcome::Refused("it is not what was observed".into());
        }
        self.terminates(&batch);
        let moves = crate::check::moves(&before, &self.state.world.live());
        let (unwell, is_back) = (self.run().unwell_then, self.run().back.is_some());
        let replaces = self.replaces_any();
        crate::check::all_moved(self.world(), &moves, replaces);
        crate::check::sent(self.world(), &moves, unwell, is_back);
        for one in &moves {
            crate::check::moved(self.world(), one, ticket);
        }
        ChangeOutcome::Applied("C".into())
    }

    /// Roll back reserves what was live before; from here on the release is that roll-back.
    fn reserves(&mut self, reservation: &Reservation) -> bool {
        let Reservation {
            release,
            candidates,
            taken_over,
            ..
        } = reservation;
        let reserved = self.world().reserve(candidates, taken_over);
        if reserved {
            self.state.runs[self.who].becomes_its_roll_back(&release.plan);
            self.record(release.ticket, ReleaseOutcome::Running);
        }
        reserved
    }
}
