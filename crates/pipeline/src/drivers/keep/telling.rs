//! What the keeper tells the history: before it acts, and when it has.

use super::{Keep, Waits};
use crate::drivers::{Ask, Next};
use crate::keep::{Act, Kept};

impl Keep {
    /// Before anything of it is done.
    pub(super) fn tell_begun(&mut self) -> Next<Kept> {
        match self.telling.get(self.told).cloned() {
            None => {
                self.told = 0;
                self.change()
            }
            Some(row) => {
                self.told += 1;
                self.ask(Ask::Tell(Box::new(row)), Waits::ToldBegun)
            }
        }
    }

    pub(super) fn tell_ended(&mut self) -> Next<Kept> {
        match self.telling.get(self.told) {
            None => {
                (self.telling, self.told) = (Vec::new(), 0);
                self.acted()
            }
            Some(row) => {
                self.told += 1;
                let ended = Act::ended(row, &self.kept.failed);
                self.ask(Ask::Tell(Box::new(ended)), Waits::ToldEnded)
            }
        }
    }

    /// The history is no reason to leave users without an instance: what could not be told is counted.
    pub(super) fn untold(&mut self, goes_on: fn(&mut Self) -> Next<Kept>) -> Next<Kept> {
        self.kept.untold += 1;
        goes_on(self)
    }
}
