//! How a run of the keeper goes on and ends, and what it leaves for the next one.

use super::{Keep, KeepAsk, Waits};
use crate::drivers::{Ask, Next};
use crate::errors::Fault;
use crate::keep::Kept;
use std::hash::{Hash, Hasher};

/// After so many looks the zone is looked at again: a call to Route 53 in some ten seconds.
const WHOLE_LOOK: u32 = 10;

/// Seconds after which a run looks no more, where looks take long. Its function is ended 590 s after its start; a look
/// with all its acts takes a minute at most (three rounds of 5 s where instances hang, two subnets of 20 s each).
const RUN: i64 = 400;

/// When a run has looked for the first time: seconds since 1970.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Began(Option<i64>);

impl Began {
    pub(super) fn is_long_ago(&mut self, at: i64) -> bool {
        at - *self.0.get_or_insert(at) >= RUN
    }
}

/// All that follows from it is how many looks are left.
impl Hash for Began {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Keep {
    /// What boots is waited for; what was done is looked at once more.
    pub(super) fn acted(&mut self) -> Next<Kept> {
        let says = std::mem::take(&mut self.plan.says);
        self.kept.did(&says);
        let has_failed = !self.kept.failed.is_empty();
        match (self.looks, self.pending, says.is_empty() || has_failed) {
            (0, _, _) | (_, false, true) => self.end(),
            (_, true, _) => self.pause(),
            (_, false, false) => {
                self.looks -= 1;
                self.begin()
            }
        }
    }

    fn pause(&mut self) -> Next<Kept> {
        self.looks -= 1;
        self.ask(Ask::Wait(1), Waits::Paused)
    }

    /// While nothing changes, only the instances are looked at; now and then all, for what went live meanwhile.
    pub(super) fn polled(&mut self) -> Next<Kept> {
        let is_same = !self.soon && self.look.digest() == self.seen;
        match (is_same, self.looks) {
            (_, 0) => self.end(),
            (true, left) if left % WHOLE_LOOK != 0 => self.pause(),
            _ => self.begin(),
        }
    }

    /// Another may be started from now on, unless the state machine goes on itself: also where the note is one of this
    /// execution that a killed function has left.
    pub(super) fn end(&mut self) -> Next<Kept> {
        self.kept.waits = self.pending;
        let is_busy = self.noted || self.look.notes.busy > self.look.at;
        if !is_busy || self.pending {
            return Next::Done(self.kept.clone());
        }
        let mut notes = self.look.notes.clone();
        let turn = notes.turn;
        (notes.turn, notes.busy) = (turn + 1, 0);
        let ask = KeepAsk::Note(turn, Box::new(notes));
        self.ask(Ask::Keep(ask), Waits::Released)
    }

    /// What is refused is not done by another try. It is told, and nobody is at it any more: the schedule's next look
    /// may start another.
    pub(super) fn refused(&mut self, fault: &Fault) -> Next<Kept> {
        self.failed(fault);
        self.plan.says.clear();
        self.pending = false;
        self.tell_ended()
    }

    /// An instance that cannot be ended, as one that somebody has protected, is told, and is no reason to leave what
    /// boots out of its record.
    pub(super) fn not_ended(&mut self, fault: &Fault) -> Next<Kept> {
        self.failed(fault);
        self.plan.says.clear();
        self.tell_ended()
    }

    /// Where not even that could be noted.
    pub(super) fn still_busy(&mut self, fault: &Fault) -> Next<Kept> {
        self.failed(fault);
        Next::Done(self.kept.clone())
    }

    fn failed(&mut self, fault: &Fault) {
        let what = format!("{}: {fault}", self.release.target);
        self.kept.failed_at(&what);
    }
}
