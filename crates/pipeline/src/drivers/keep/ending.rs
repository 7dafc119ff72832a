//! How a run of the keeper ends, and what it leaves for the next one.

use super::{Keep, KeepAsk, Waits};
use crate::drivers::{Ask, Next};
use crate::errors::Fault;
use crate::keep::Kept;

impl Keep {
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
