//! Launches, and what becomes of them.

use super::{Keep, KeepAsk, LaunchOutcome, Waits};
use crate::drivers::{Ask, Next};
use crate::errors::{ErrorName, Fault, Named as _};
use crate::keep::{KeeperRow, Kept};

impl Keep {
    pub(super) fn launch(&mut self) -> Next<Kept> {
        self.launching = std::mem::take(&mut self.plan.launches);
        if self.launching.is_empty() {
            return self.record_next();
        }
        for one in &self.launching {
            *self.look.tried.entry(one.replaces.clone()).or_default() += 1;
        }
        let ask = KeepAsk::Launch(self.launching.clone());
        self.ask(Ask::Keep(ask), Waits::Launched)
    }

    /// What EC2 has refused is told and does not count. What has ended counts, and another is asked for at once.
    pub(super) fn launched(&mut self, outcomes: Vec<LaunchOutcome>) -> Next<Kept> {
        let mut notes = self.look.notes.clone();
        for (one, outcome) in std::mem::take(&mut self.launching).iter().zip(outcomes) {
            match outcome {
                LaunchOutcome::Up => self.pending = true,
                LaunchOutcome::EndedAlready => {
                    (self.pending, self.soon) = (true, true);
                    notes.has_ended(one);
                }
                LaunchOutcome::Refused(why) => {
                    self.kept.failed_at(&format!("{}: {why}", one.hostname));
                    notes.take_back(one);
                }
                LaunchOutcome::Unclear(why) => {
                    self.kept.failed_at(&format!("{}: {why}", one.hostname));
                }
            }
        }
        self.note_launches(notes)
    }

    /// No call of EC2 was made, or nobody knows.
    pub(super) fn none_launched(&mut self, fault: &Fault) -> Next<Kept> {
        let why = fault.to_string();
        let outcome = match fault.name() {
            ErrorName::Unavailable => LaunchOutcome::Unclear(why),
            _ => LaunchOutcome::Refused(why),
        };
        let all = vec![outcome; self.launching.len()];
        self.launched(all)
    }

    /// At once: whoever follows a keeper that was killed must not count what was never launched.
    fn note_launches(&mut self, mut notes: KeeperRow) -> Next<Kept> {
        if notes.launched == self.look.notes.launched {
            return self.record_next();
        }
        let turn = notes.turn;
        notes.turn = turn + 1;
        self.look.notes = notes.clone();
        let ask = KeepAsk::Note(turn, Box::new(notes));
        self.ask(Ask::Keep(ask), Waits::TakenBack)
    }
}
