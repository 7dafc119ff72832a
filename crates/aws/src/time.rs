//! Times as rows, artifacts and AWS itself write them: RFC 3339, UTC, whole seconds.

use aws_smithy_types::date_time::{DateTime, Format};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time now, e.g. `2026-03-01T12:00:00Z`.
pub fn now() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    DateTime::from_secs(now.as_secs() as i64)
        .fmt(Format::DateTime)
        .unwrap_or_default()
}

/// The time so long from now, as [`now`] writes it: so the two are compared as texts.
pub fn after(pause: Duration) -> String {
    let then = milliseconds() / 1000 + i64::try_from(pause.as_secs()).unwrap_or_default();
    DateTime::from_secs(then)
        .fmt(Format::DateTime)
        .unwrap_or_default()
}

/// The seconds since 1970 of a time as [`now`] writes it.
pub fn seconds(time: &str) -> Option<i64> {
    let time = DateTime::from_str(time, Format::DateTime).ok()?;
    Some(time.secs())
}

/// The time now to the millisecond, where it is measured how long ago it was.
pub fn now_precisely() -> String {
    DateTime::from_millis(milliseconds())
        .fmt(Format::DateTime)
        .unwrap_or_default()
}

/// How long ago that was, by this machine's clock; nothing if it is to come. `None` where it cannot be
/// read.
pub fn since(time: &str) -> Option<Duration> {
    let then = DateTime::from_str(time, Format::DateTime).ok()?;
    let ago = milliseconds().saturating_sub(then.to_millis().ok()?);
    Some(Duration::from_millis(ago.try_into().unwrap_or_default()))
}

fn milliseconds() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.as_millis().try_into().unwrap_or_default()
}

/// From 0 to 1, another one each time: what keeps those apart that began at the same moment.
pub fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(std::process::id());
    random as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_later_is_the_greater_text() {
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        assert!(now() < after(minute) && after(minute) < after(hour));
        let ahead = seconds(&after(hour)).unwrap() - seconds(&now()).unwrap();
        assert!((3599..=3601).contains(&ahead), "{ahead}");
    }

    #[test]
    fn a_time_is_read_as_it_is_written() {
        assert_eq!(seconds("2026-03-01T12:00:00Z"), Some(1_772_366_400));
        assert!(seconds(&now()).is_some());
        assert_eq!(seconds("yesterday"), None);
    }

    #[test]
    fn how_long_ago_it_was_is_measured_in_milliseconds_and_never_negative() {
        assert!(since(&now_precisely()).is_some_and(|ago| ago < Duration::from_secs(1)));
        assert!(since("2026-03-01T12:00:00.250Z").is_some());
        assert_eq!(since("2999-03-01T12:00:00Z"), Some(Duration::ZERO));
        assert_eq!(since("yesterday"), None);
    }
}
