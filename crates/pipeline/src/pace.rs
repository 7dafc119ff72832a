//! How fast a stage asks again, where all components of a release ask the same service at once.

use std::time::Duration;

/// Questions in a second, of all components of a release together. EC2 refills 20 a second for an
/// account and a region, and others ask it too:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.
const EACH_SECOND: u32 = 5;

/// The longest pause of one who asks for the first time or alone.
const LONGEST: Duration = Duration::from_secs(8);

/// Before the n-th question, counted from 0: twice as long each time, and never so short that a
/// release of `size` components asks too often. `jitter`, from 0 to 1, keeps those apart that began at
/// the same moment: from half to all of the pause.
pub fn pause(first: Duration, n: u32, size: u32, jitter: f64) -> Duration {
    let own = first.saturating_mul(1 << n.min(10)).min(LONGEST.max(first));
    let shared = Duration::from_secs(1) * size / EACH_SECOND;
    own.max(shared).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_alone_asks_soon_and_then_less_and_less_often() {
        let pauses: Vec<u64> = (0..6).map(|n| pause(SECOND, n, 1, 1.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 8, 8]);
    }

    #[test]
    fn forty_together_ask_no_more_often_than_a_few_times_a_second() {
        let fastest = pause(SECOND, 0, 40, 0.0);
        assert!(40.0 / fastest.as_secs_f64() <= 2.0 * f64::from(EACH_SECOND));
        assert_eq!(pause(SECOND, 0, 40, 1.0), 8 * SECOND);
    }

    #[test]
    fn those_that_began_together_come_apart() {
        assert!(pause(SECOND, 0, 1, 0.2) < pause(SECOND, 0, 1, 0.8));
        assert_eq!(pause(SECOND, 0, 1, 7.0), SECOND);
    }
}
