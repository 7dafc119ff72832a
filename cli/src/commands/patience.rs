//! A network that fails now and then, while something is followed for minutes.

use super::Context;
use crate::cloud::Execution;
use crate::error::Failure;
use crate::release::history::Event;
use std::time::Duration;

/// Looks that may fail one after the other before the network is said to be gone.
pub(super) const TOLERATED: u32 = 5;

/// How many have failed so far.
#[derive(Debug, Default)]
pub(super) struct Patience(u32);

impl Patience {
    /// What a look has found; nothing where the cloud did not answer and may answer the next one.
    pub fn take<T>(&mut self, looked: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match looked {
            Ok(found) => {
                self.0 = 0;
                Ok(Some(found))
            }
            Err(Failure::Cloud { .. }) if self.0 < TOLERATED => {
                self.0 += 1;
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// The events of an execution, as they come.
pub(super) struct Tail<'a> {
    context: &'a Context,
    execution: &'a Execution,
    known: i64,
    patience: Patience,
}

impl<'a> Tail<'a> {
    /// From the first on.
    pub fn of(context: &'a Context, execution: &'a Execution) -> Self {
        Self {
            context,
            execution,
            known: 0,
            patience: Patience::default(),
        }
    }

    /// Those that came in this time.
    pub async fn after(&mut self, pause: Duration) -> Result<Vec<Event>, Failure> {
        tokio::time::sleep(pause).await;
        let looked = self.context.cloud.events_after(self.execution, self.known);
        let events = self.patience.take(looked.await)?.unwrap_or_default();
        self.known = events.last().map_or(self.known, |event| event.id);
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud() -> Result<(), Failure> {
        Err(Failure::Cloud {
            what: "states:GetExecutionHistory: no route".into(),
            next: "try again".into(),
        })
    }

    #[test]
    fn some_looks_may_fail_and_one_that_does_not_begins_anew() {
        let mut patience = Patience::default();
        for _ in 0..2 {
            for _ in 0..TOLERATED {
                assert!(matches!(patience.take(cloud()), Ok(None)));
            }
            assert!(matches!(patience.take(Ok(())), Ok(Some(()))));
        }
    }

    #[test]
    fn one_too_many_and_what_no_other_look_mends_are_told() {
        let mut patience = Patience::default();
        for _ in 0..TOLERATED {
            drop(patience.take(cloud()));
        }
        assert!(patience.take(cloud()).is_err());
        let usage: Result<(), Failure> = Err(Failure::Usage("no such release".into()));
        assert!(Patience::default().take(usage).is_err());
    }
}
