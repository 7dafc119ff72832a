//! What is waited for: a time, candidates that settle, and a turn, where the batches of several releases meet each other.

use pipeline::drivers::{Answer, Ask, ChangeOutcome};
use pipeline::errors::Fault;
use pipeline::health::settles_in;
use pipeline::pace::turn_pause;
use pipeline::rows::CandidateRow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Of one driver.
pub struct Turns {
    looked: Instant,
    refusals: u32,
}

impl Turns {
    /// Nothing was refused yet.
    pub fn new() -> Self {
        Self {
            looked: Instant::now(),
            refusals: 0,
        }
    }

    /// This is asked for next.
    pub fn asks(&mut self, ask: &Ask, now: Instant) {
        if matches!(ask, Ask::View) {
            self.looked = now;
        }
    }

    /// How long to wait before the driver is told this, so that those that met look again at different moments.
    pub fn pause(&mut self, answer: &Answer, now: Instant, jitter: f64) -> Duration {
        match answer {
            Answer::Changed(ChangeOutcome::Refused(_)) => {
                self.refusals += 1;
                turn_pause(now.duration_since(self.looked), self.refusals, jitter)
            }
            Answer::Changed(ChangeOutcome::Applied(_)) => {
                self.refusals = 0;
                Duration::ZERO
            }
            _ => Duration::ZERO,
        }
    }
}

/// So many seconds.
pub async fn wait(seconds: u64) -> Result<Answer, Fault> {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    Ok(Answer::Done)
}

/// Until these have been healthy for as long as they should. What a roll-back takes over has been live, and is not waited for.
pub async fn settle(rows: &[Arc<CandidateRow>]) -> Result<Answer, Fault> {
    let left = rows.iter().map(|row| {
        let found = row.found_healthy.as_ref();
        settles_in(row, found.and_then(|found| aws::since(&found.at)))
    });
    let left = left.max().unwrap_or_default();
    tracing::info!(?left, "the candidates settle");
    tokio::time::sleep(left).await;
    Ok(Answer::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn refused() -> Answer {
        Answer::Changed(ChangeOutcome::Refused("it is not what it was".into()))
    }

    #[test]
    fn who_is_refused_waits_longer_each_time_and_by_what_a_look_takes() {
        let mut turns = Turns::new();
        let looked = Instant::now() + 9 * SECOND;
        turns.asks(&Ask::View, looked);
        let now = looked + SECOND;
        let applied = Answer::Changed(ChangeOutcome::Applied("C1".into()));
        assert_eq!(turns.pause(&refused(), now, 1.0), 2 * SECOND);
        assert_eq!(turns.pause(&refused(), now, 0.5), 2 * SECOND);
        assert_eq!(turns.pause(&refused(), now, 1.0), 8 * SECOND);
        assert_eq!(turns.pause(&applied, now, 1.0), Duration::ZERO);
        assert_eq!(turns.pause(&refused(), now, 1.0), 2 * SECOND, "anew");
        assert_eq!(turns.pause(&Answer::Done, now, 1.0), Duration::ZERO);
    }
}
