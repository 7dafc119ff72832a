//! How fast a stage asks again, where all components of a release ask the same service at once.

use std::time::Duration;

/// Questions in a second, of all components of a release together. EC2 refills 20 a second for an
/// account and a region, and others ask it too:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.
const EACH_SECOND: u32 = 5;

/// The longest pause of one who asks for the first time or alone.
const LONGEST: Duration = Duration::from_secs(8);

/// Before the n-th question, counted from 0: twice as long each time, and from the second on never so
/// short that a release of `size` components asks too often. The first one of each is what EC2 takes at
/// once: 50 in its bucket. `jitter`, from 0 to 1, keeps those apart that began at the same moment: from
/// half to all of the pause.
pub fn pause(first: Duration, n: u32, size: u32, jitter: f64) -> Duration {
    let own = first.saturating_mul(1 << n.min(10)).min(LONGEST.max(first));
    let shared = Duration::from_secs(1) * size / EACH_SECOND;
    let shared = if n == 0 { Duration::ZERO } else { shared };
    own.max(shared).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// The first look at a change of Route 53's, and the shortest pause between two.
const SOON: Duration = Duration::from_millis(150);

/// The longest pause between two looks at a change.
const LATE: Duration = Duration::from_secs(3);

/// Before the n-th look at whether a change is INSYNC, counted from 0: sooner first, later slower.
///
/// A change is INSYNC within a minute or so, and Route 53 takes 5 requests a second of a whole account
/// (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>). So a minute of
/// waiting costs fewer looks than one every two seconds did, and the first second three at most: with the
/// look at the zone and the change itself, five requests. Where several releases meet in one second, the
/// client waits and asks again (`stage::sdk_config`). `jitter`, from 0 to 1, keeps those apart that began at the same moment: up to a quarter of the pause more.
pub fn in_sync_pause(n: u32, jitter: f64) -> Duration {
    let pause = SOON.saturating_mul(1 << n.saturating_sub(1).min(10));
    pause.min(LATE).mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 4.0)
}

/// The shortest and the longest pause between two looks at an instance that boots.
const BOOTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));

/// Before an instance that boots is asked again: often at first, and the less often the longer it takes.
pub fn boot_pause(waited: Duration) -> Duration {
    (waited / 8).clamp(BOOTS.0, BOOTS.1)
}

/// The shortest and the longest time in which those come back whose batches met each other.
const TURNS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(8));

/// Before one looks at a zone again whose batch was refused so often, since others had changed the zone after it had
/// looked: at any moment of a time that is twice as long after each refusal, and at first twice as long as one takes
/// from its look to its batch. Of many that begin together and come back at once, one gets through in each round and
/// all others have looked in vain, until some give up. `took` is the time from the look to the refusal, `jitter` is from 0
/// to 1. Why any moment of it: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
pub fn turn_pause(took: Duration, refusals: u32, jitter: f64) -> Duration {
    let within = took.saturating_mul(1 << refusals.min(10));
    within
        .clamp(TURNS.0, TURNS.1)
        .mul_f64(jitter.clamp(0.0, 1.0))
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

    fn looks_within(limit: Duration) -> usize {
        let mut at = Duration::ZERO;
        let looks = (0..).map(|n| {
            at += in_sync_pause(n, 0.0);
            at
        });
        looks.take_while(|at| *at <= limit).count()
    }

    #[test]
    fn a_change_is_looked_at_soon_and_a_slow_one_less_often_than_every_two_seconds() {
        assert_eq!(in_sync_pause(0, 0.0), Duration::from_millis(150));
        assert_eq!(looks_within(SECOND), 3);
        assert!(looks_within(30 * SECOND) < 15);
        assert!(looks_within(60 * SECOND) < 25);
        assert!(in_sync_pause(u32::MAX, 9.0) < 4 * SECOND);
    }

    #[test]
    fn an_instance_that_takes_long_to_boot_is_asked_less_often() {
        let all = [0, 2, 60].map(|waited| boot_pause(SECOND * waited).as_millis());
        assert_eq!(all, [100, 250, 500]);
    }

    #[test]
    fn forty_together_ask_no_more_often_than_a_few_times_a_second() {
        let fastest = pause(SECOND, 1, 40, 0.0);
        assert!(40.0 / fastest.as_secs_f64() <= 2.0 * f64::from(EACH_SECOND));
        assert_eq!(pause(SECOND, 1, 40, 1.0), 8 * SECOND);
        assert_eq!(pause(SECOND, 0, 40, 1.0), SECOND, "the first is at once");
    }

    #[test]
    fn those_that_began_together_come_apart() {
        assert!(pause(SECOND, 0, 1, 0.2) < pause(SECOND, 0, 1, 0.8));
        assert_eq!(pause(SECOND, 0, 1, 7.0), SECOND);
    }

    /// Numbers from 0 to 1, the same in each run (<https://en.wikipedia.org/wiki/Lehmer_random_number_generator>).
    struct Chance(u64);

    impl Chance {
        fn draw(&mut self) -> f64 {
            self.0 = self.0 * 48_271 % 0x7fff_ffff;
            self.0 as f64 / f64::from(0x7fff_ffff_u32)
        }
    }

    /// Of so many that begin in the same second, of which each takes about that long from its look to its batch: how
    /// many have looked [`crate::drivers::MAX_PLANS`] times in vain.
    fn give_up(many: u32, takes: Duration, pause: fn(Duration, u32, f64) -> Duration) -> usize {
        let mut chance = Chance(u64::from(many) + 1);
        let mut took = || takes.mul_f64(0.7 + 0.6 * chance.draw());
        let mut other = Chance(17);
        // When each makes its batch, when it looked, and how often it was refused.
        let mut busy: Vec<(Duration, Duration, u32)> =
            (0..many).map(|_| (took(), Duration::ZERO, 0)).collect();
        let (mut changed, mut gave_up) = (Duration::ZERO, 0);
        while let Some(next) = (0..busy.len()).min_by_key(|n| busy[*n].0) {
            let (at, looked, refusals) = busy.swap_remove(next);
            if changed <= looked {
                changed = at;
            } else if refusals + 1 == crate::drivers::MAX_PLANS {
                gave_up += 1;
            } else {
                let looks = at + pause(at - looked, refusals + 1, other.draw());
                busy.push((looks + took(), looks, refusals + 1));
            }
        }
        gave_up
    }

    #[test]
    fn many_that_meet_each_other_take_turns() {
        let at_once = give_up(12, SECOND, |_, _, _| Duration::ZERO);
        assert!(at_once > 5, "without a pause only {at_once} of 12 give up");
        assert!(give_up(12, SECOND, turn_pause) <= 1);
        assert!(give_up(4, SECOND, turn_pause) == 0);
    }

    #[test]
    fn who_was_refused_comes_back_within_eight_seconds() {
        assert_eq!(turn_pause(SECOND, 1, 1.0), 2 * SECOND);
        assert_eq!(
            turn_pause(Duration::ZERO, 1, 1.0),
            Duration::from_millis(200)
        );
        assert_eq!(turn_pause(60 * SECOND, u32::MAX, 7.0), 8 * SECOND);
        assert_eq!(turn_pause(SECOND, 1, 0.0), Duration::ZERO);
    }
}
