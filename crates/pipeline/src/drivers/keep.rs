//! Keep: what should run on a target does run.
//!
//! One look, one plan ([`plan_keep`]), and its acts in an order that leaves nobody worse off at any crash: records
//! first, so that nobody is sent to an address of somebody else, and their change, which is waited for before what left
//! them ends; then what is launched, which is noted before; then rows; and what ends at last. Then it waits for what boots, and looks again when anything has changed.

mod asks;
mod ending;
mod launching;
mod leaving;
mod telling;

pub use asks::{KeepAnswer, KeepAsk, LaunchOutcome};

use super::{Answer, Ask, Attempts, ChangeOutcome, Driver, Next};
use crate::errors::{ErrorName, Fault, Named as _};
use crate::keep::{KeepLook, KeepPlan, KeeperRow, Kept, Machine, Replacement, plan_keep};
use crate::names::Ticket;
use crate::rows::HistoryRow;
use crate::sweep::{SeenRelease, Stands};
use crate::wire::Release;
use ending::Began;
use std::collections::BTreeMap;

const WHILE: &str = "while dead instances were replaced";

/// Looks of one run while something boots, a second apart; then the state machine goes on with another.
const LOOKS: u32 = 45;

/// Seconds for which nobody else is to be started. With the schedule's minute it is less than two minutes until an
/// execution that was stopped is followed by another.
const BUSY: i64 = 45;

/// It is noted again when less than this is left of them; there is a whole look in some ten seconds.
const NOTED_AGAIN: i64 = 30;

/// What becomes of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keeping {
    /// It is carried out.
    Act,
    /// It is told whether there is one, unless somebody is at it.
    Look,
    /// Everything is told.
    Status,
}

/// The keeper of a target.
#[derive(Debug, Clone, Hash)]
pub struct Keep {
    /// What every release of the target knows.
    release: Release,
    mode: Keeping,
    look: KeepLook,
    plan: KeepPlan,
    kept: Kept,
    attempts: Attempts,
    /// Looks that are left.
    looks: u32,
    began: Began,
    /// What was seen at the last one.
    seen: Vec<(String, String)>,
    /// Whether anything was noted in this run.
    noted: bool,
    /// What is being launched.
    launching: Vec<Replacement>,
    /// Whether the next look comes soon.
    soon: bool,
    /// What it does, as the history tells it, from its note until it is done.
    telling: Vec<HistoryRow>,
    /// How many of them are told to have begun, and then to have ended.
    told: usize,
    /// Whether there is something to wait for.
    pending: bool,
    waits: Waits,
}

/// What it waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Waits {
    #[default]
    ToBegin,
    Zone,
    Rows,
    Notes,
    InSync,
    Machines,
    Releases,
    Executions,
    Noted,
    ToldBegun,
    ToldEnded,
    Changed,
    ChangeNoted,
    Launched,
    TakenBack,
    Recorded,
    Ended,
    Paused,
    Polled,
    Released,
}

type Step = Result<Next<Kept>, Fault>;

impl Driver for Keep {
    type Reply = Kept;

    fn release(&self) -> &Release {
        &self.release
    }

    fn next(&mut self, answer: Answer, now: &str) -> Step {
        match (std::mem::take(&mut self.waits), answer) {
            (Waits::ToBegin, Answer::Begin) => Ok(self.begin()),
            (Waits::Zone, Answer::Zone(zone)) => {
                self.look.zone = zone;
                Ok(self.ask(Ask::AllCandidates, Waits::Rows))
            }
            (Waits::Rows, Answer::Rows(rows)) => {
                self.look.rows = rows;
                Ok(self.ask(Ask::Keep(KeepAsk::Notes), Waits::Notes))
            }
            (Waits::Executions, Answer::Executions(found)) => Ok(self.learn(&found, now)),
            (Waits::Releases, Answer::Releases(found)) => Ok(self.ask_executions(found, now)),
            (Waits::Changed, Answer::Changed(outcome)) => self.changed(outcome),
            (Waits::Ended, Answer::Ended(_)) => Ok(self.tell_ended()),
            (Waits::ToldBegun, Answer::Done) => Ok(self.tell_begun()),
            (Waits::ToldEnded, Answer::Done) => Ok(self.tell_ended()),
            (Waits::Paused, Answer::Done) => {
                let live = self.look.live();
                Ok(self.ask(Ask::Keep(KeepAsk::Look(live)), Waits::Polled))
            }
            (waits, Answer::Keep(answer)) => self.told(waits, answer, now),
            (_, answer) => Err(answer.out_of_turn()),
        }
    }

    /// Where anything but a launch is refused, nobody is at it any more: the schedule's next look may start another.
    fn call_failed(&mut self, fault: Fault) -> Step {
        match std::mem::take(&mut self.waits) {
            Waits::Launched => Ok(self.none_launched(&fault)),
            // What is not known to be INSYNC runs on for a while, and nothing else waits for that.
            Waits::InSync => Ok(self.ask_machines()),
            Waits::Ended if fault.name() != ErrorName::Unavailable => Ok(self.not_ended(&fault)),
            Waits::ToldBegun => Ok(self.untold(Self::tell_begun)),
            Waits::ToldEnded => Ok(self.untold(Self::tell_ended)),
            Waits::Released => Ok(self.still_busy(&fault)),
            _ if self.noted && fault.name() != ErrorName::Unavailable => Ok(self.refused(&fault)),
            _ => Err(fault),
        }
    }
}

impl Keep {
    /// Of a target, by what every release of it knows.
    pub fn new(release: Release, mode: Keeping) -> Self {
        let (target, domain) = (release.target.clone(), release.domain.clone());
        let settings = &release.settings;
        let (ttl, margin) = (settings.hostname_ttl, i64::from(settings.drain_margin));
        Self {
            kept: Kept::of(target.clone()),
            look: KeepLook {
                ttl,
                margin,
                ..KeepLook::of(target, domain)
            },
            plan: KeepPlan::default(),
            attempts: Attempts::default(),
            looks: LOOKS,
            began: Began::default(),
            seen: Vec::new(),
            noted: false,
            launching: Vec::new(),
            soon: false,
            telling: Vec::new(),
            told: 0,
            pending: false,
            waits: Waits::ToBegin,
            release,
            mode,
        }
    }

    fn ask(&mut self, ask: Ask, waits: Waits) -> Next<Kept> {
        self.waits = waits;
        Next::Ask(ask)
    }

    fn begin(&mut self) -> Next<Kept> {
        (self.telling, self.told) = (Vec::new(), 0);
        // What could not be done is seen again, or is done by now.
        self.kept.failed.clear();
        self.ask(Ask::View, Waits::Zone)
    }

    fn told(&mut self, waits: Waits, answer: KeepAnswer, now: &str) -> Step {
        match (waits, answer) {
            (Waits::Notes, KeepAnswer::Notes(notes)) => {
                self.look.notes = *notes;
                Ok(self.ask_changes())
            }
            (Waits::InSync, KeepAnswer::InSync(changes)) => {
                self.look.in_sync = changes;
                Ok(self.ask_machines())
            }
            (Waits::Machines, KeepAnswer::Machines(machines, at)) => {
                self.saw(machines, at);
                Ok(self.ask_releases(now))
            }
            (Waits::Polled, KeepAnswer::Machines(machines, at)) => {
                self.saw(machines, at);
                Ok(self.polled())
            }
            (Waits::Noted, KeepAnswer::Noted(true)) => {
                self.noted = true;
                self.look.notes = self.plan.notes.clone();
                Ok(self.tell_begun())
            }
            (Waits::Noted, KeepAnswer::Noted(false)) => {
                self.attempts.again(WHILE)?;
                Ok(self.begin())
            }
            (Waits::ChangeNoted, KeepAnswer::Noted(true)) => Ok(self.launch()),
            (Waits::Launched, KeepAnswer::Launched(outcomes)) => Ok(self.launched(outcomes)),
            (Waits::TakenBack, KeepAnswer::Noted(true)) => Ok(self.record_next()),
            (Waits::Recorded, KeepAnswer::Noted(true)) => Ok(self.record_next()),
            (Waits::Recorded | Waits::TakenBack | Waits::ChangeNoted, KeepAnswer::Noted(false)) => {
                // It belongs to somebody else by now: what ends is decided on another look.
                self.attempts.again(WHILE)?;
                Ok(self.begin())
            }
            (Waits::Released, KeepAnswer::Noted(_)) => Ok(Next::Done(self.kept.clone())),
            (_, answer) => Err(Answer::Keep(answer).out_of_turn()),
        }
    }

    fn saw(&mut self, machines: Vec<Machine>, at: i64) {
        let well = self.look.machines.iter().filter(|one| one.answers());
        self.look.well_before = well.map(|one| one.id.clone()).collect();
        if self.began.is_long_ago(at) {
            self.looks = 0;
        }
        (self.look.machines, self.look.at) = (machines, at);
    }

    fn ask_releases(&mut self, now: &str) -> Next<Kept> {
        let asked = self.look.in_question();
        match asked.is_empty() {
            true => self.decide(now),
            false => self.ask(Ask::Releases(asked), Waits::Releases),
        }
    }

    fn ask_executions(&mut self, found: Vec<SeenRelease>, now: &str) -> Next<Kept> {
        let asked = self.look.in_question();
        let rows = found
            .into_iter()
            .filter(|one| asked.contains(&one.row.ticket));
        let rows: BTreeMap<Ticket, _> = rows.map(|one| (one.row.ticket, one.row)).collect();
        match rows.is_empty() {
            true => self.decide(now),
            false => self.ask(Ask::Executions(rows), Waits::Executions),
        }
    }

    fn learn(&mut self, found: &BTreeMap<Ticket, Stands>, now: &str) -> Next<Kept> {
        let running = found.iter().filter(|(_, stands)| **stands == Stands::Runs);
        self.look.running = running.map(|(ticket, _)| *ticket).collect();
        self.decide(now)
    }

    fn decide(&mut self, now: &str) -> Next<Kept> {
        self.seen = self.look.digest();
        self.plan = plan_keep(&self.look);
        self.kept.turn = self.look.notes.turn;
        self.kept.found(&self.plan, self.mode == Keeping::Status);
        if self.mode == Keeping::Status {
            self.kept.history = self.look.notes.done.clone();
        }
        (self.pending, self.soon) = (self.plan.waits, self.plan.soon);
        let is_free = self.look.notes.busy < self.look.at;
        match self.mode {
            Keeping::Act if self.plan.is_due() => self.note(now),
            Keeping::Act => self.end(),
            Keeping::Look | Keeping::Status => {
                self.kept.waits = self.mode == Keeping::Look && self.plan.is_due() && is_free;
                Next::Done(self.kept.clone())
            }
        }
    }

    /// Before anything is launched.
    fn note(&mut self, now: &str) -> Next<Kept> {
        if !self.is_news() {
            return self.change();
        }
        let turn = self.look.notes.turn;
        let notes = &mut self.plan.notes;
        notes.turn = turn + 1;
        notes.busy = self.look.at + BUSY;
        notes.did(&self.plan.says, now);
        let stopped = self.plan.stopped.iter().map(|(_, says)| says.clone());
        notes.did(&stopped.collect::<Vec<_>>(), now);
        let told = self.plan.acts.iter().map(|act| act.told(turn + 1, now));
        (self.telling, self.told) = (told.collect(), 0);
        let ask = KeepAsk::Note(turn, Box::new(notes.clone()));
        self.ask(Ask::Keep(ask), Waits::Noted)
    }

    /// While it waits for the same as before there is nothing to note, until others may take it for gone.
    fn is_news(&self) -> bool {
        let (before, now) = (&self.look.notes, &self.plan.notes);
        let same_but = KeeperRow {
            turn: before.turn,
            busy: before.busy,
            done: before.done.clone(),
            ..now.clone()
        };
        let is_same = *before == same_but;
        let acts = !self.plan.says.is_empty() || !self.plan.stopped.is_empty();
        acts || !is_same || before.busy < self.look.at + NOTED_AGAIN
    }

    fn change(&mut self) -> Next<Kept> {
        if self.plan.batch.is_empty() {
            return self.launch();
        }
        let target = &self.release.target;
        let comment = format!("the keeper of {target} lets records follow their instances");
        let ask = Ask::Change(self.plan.batch.clone(), comment);
        self.ask(ask, Waits::Changed)
    }

    fn changed(&mut self, outcome: ChangeOutcome) -> Step {
        match outcome {
            ChangeOutcome::Applied(id) => Ok(self.note_change(&id)),
            ChangeOutcome::Refused(why) => {
                let batch = self.plan.batch.clone();
                self.attempts.refused(batch, &why, WHILE)?;
                Ok(self.begin())
            }
        }
    }

    fn record_next(&mut self) -> Next<Kept> {
        match self.plan.rows.pop() {
            Some(one) => {
                let ask = KeepAsk::Record(Box::new(one));
                self.ask(Ask::Keep(ask), Waits::Recorded)
            }
            None if self.plan.ends.is_empty() => self.tell_ended(),
            None => {
                let ends = std::mem::take(&mut self.plan.ends);
                self.ask(Ask::EndInstances(ends), Waits::Ended)
            }
        }
    }
}

#[cfg(test)]
#[path = "keep_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "keep/launching_tests.rs"]
mod launching_tests;

#[cfg(test)]
#[path = "keep/leaving_tests.rs"]
mod leaving_tests;
