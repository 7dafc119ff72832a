//! What the end-to-end tests stand on: the running local cloud, a small component that can be
//! made to fail at every stage, a client that never stops asking, and a search for traces.
//!
//! Every test has its own component, named for the run, so tests run side by side and again on
//! the same cloud. Everything is real: git pushes, executions, processes, DNS.

mod cloud;
mod component;
mod execution;
mod family;
mod fault_plan;
mod happened;
mod heard;
mod keeping;
mod lost;
mod permission;
mod place;
mod program;
mod service;
mod sweeps;
mod traces;
mod traffic;

pub use cloud::{Cloud, Live};
pub use component::{Component, sha_of, unique};
pub use execution::{Ended, Execution, machine, push_event};
pub use family::{Family, Pairs};
pub use fault_plan::{FaultAt, FaultPlan};
pub use heard::Heard;
pub use keeping::Retirement;
pub use lost::{lost_push, tell_of_push};
pub use permission::{WithoutPermission, actions_of};
pub use place::{HERE, Place, Vpcs};
pub use program::{Said, program};
pub use service::{Service, Start, Suite};
pub use sweeps::NoSweeps;
pub use traces::{no_process_is_left_of, processes_with};
pub use traffic::{Seen, Traffic, ask};

use std::time::{Duration, Instant};

/// Between two looks, at first and in the end: whoever waits longer looks less often. Sixteen tests that ask the
/// emulator every 150 ms took a sixth of it from the releases that they wait for.
const LOOKS: [Duration; 2] = [Duration::from_millis(60), Duration::from_millis(400)];

/// Looks again and again until there is an answer; `None` when the time is over.
pub async fn until<T>(limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    let [mut pause, longest] = LOOKS;
    loop {
        if let Some(found) = look().await {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(longest);
    }
}

/// Looks again and again until it holds; what the last look says does not, when the time is over.
pub async fn holds<E>(
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<(), E>,
) -> Result<(), E> {
    let mut last = Ok(());
    until(limit, async || {
        last = look().await;
        last.is_ok().then_some(())
    })
    .await;
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_hold_is_told_as_it_was_at_the_last_look() {
        let mut looks = 0;
        let found = holds(Duration::from_millis(100), async || {
            looks += 1;
            Err::<(), _>(format!("look {looks}"))
        });
        let found = found.await;
        assert_eq!(found, Err(format!("look {looks}")));
        assert!(looks > 1);
    }

    #[tokio::test]
    async fn what_holds_is_looked_at_no_more() {
        let mut looks = 0;
        let limit = Duration::from_secs(60);
        let found = holds(limit, async || {
            looks += 1;
            if looks < 3 { Err("not yet") } else { Ok(()) }
        });
        assert_eq!((found.await, looks), (Ok(()), 3));
    }
}
