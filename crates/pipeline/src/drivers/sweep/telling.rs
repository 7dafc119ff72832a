//! What the sweeper tells the history: before each job, and what came of it.

use super::{Sweep, Waits};
use crate::drivers::{Ask, Next};
use crate::rows::ActState;
use crate::sweep::{Job, Swept, ended};

impl Sweep {
    /// Then the job begins.
    pub(super) fn tell_begun(&mut self, job: Job, now: &str) -> Next<Swept> {
        let run = self.run.as_ref();
        self.telling = run.and_then(|run| job.act(&self.look, &self.release.target, run));
        match self.telling.clone() {
            None => self.begin(job, now),
            Some(row) => self.ask(Ask::Tell(Box::new(row)), Waits::ToldBegun(Box::new(job))),
        }
    }

    /// Then the next one does.
    pub(super) fn tell_ended(&mut self, state: ActState, what: &str, now: &str) -> Next<Swept> {
        let ids = std::mem::take(&mut self.ended);
        match self.telling.take() {
            None => self.next_job(now),
            Some(row) => {
                let row = ended(row, state, what, ids);
                self.ask(Ask::Tell(Box::new(row)), Waits::ToldEnded)
            }
        }
    }

    /// The history is no reason to leave anything behind: what could not be told is counted.
    pub(super) fn untold(&mut self, goes_on: impl FnOnce(&mut Self) -> Next<Swept>) -> Next<Swept> {
        self.swept.untold += 1;
        goes_on(self)
    }
}
