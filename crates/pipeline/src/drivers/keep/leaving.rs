//! Changes by which instances leave their records: known before anything else is done, and asked for until they are
//! INSYNC.

use super::{Keep, KeepAsk, Keeping, Waits};
use crate::drivers::{Ask, Next};
use crate::keep::{Kept, changes_in_question};

impl Keep {
    /// Before the instances: so what is INSYNC was it when they were looked at.
    pub(super) fn ask_changes(&mut self) -> Next<Kept> {
        self.look.in_sync.clear();
        let asked = changes_in_question(&self.look.notes.left, self.look.at);
        match self.mode == Keeping::Act && !asked.is_empty() {
            true => self.ask(Ask::Keep(KeepAsk::AreInSync(asked)), Waits::InSync),
            false => self.ask_machines(),
        }
    }

    pub(super) fn ask_machines(&mut self) -> Next<Kept> {
        let live = self.look.live();
        self.ask(Ask::Keep(KeepAsk::Look(live)), Waits::Machines)
    }

    /// At once: who does not know by which change an instance left lets it run for an hour longer.
    pub(super) fn note_change(&mut self, change: &str) -> Next<Kept> {
        if self.plan.leave.is_empty() {
            return self.launch();
        }
        let notes = &mut self.look.notes;
        let turn = notes.turn;
        notes.turn = turn + 1;
        notes.left_by(&self.plan.leave, change);
        let ask = KeepAsk::Note(turn, Box::new(notes.clone()));
        self.ask(Ask::Keep(ask), Waits::ChangeNoted)
    }
}
