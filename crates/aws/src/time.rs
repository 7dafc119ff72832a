//! Times as rows, artifacts and AWS itself write them: RFC 3339, UTC, whole seconds.

use aws_smithy_types::date_time::{DateTime, Format};
use std::time::{SystemTime, UNIX_EPOCH};

/// The time now, e.g. `2026-03-01T12:00:00Z`.
pub fn now() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    DateTime::from_secs(now.as_secs() as i64)
        .fmt(Format::DateTime)
        .unwrap_or_default()
}

/// The seconds since 1970 of a time as [`now`] writes it.
pub fn seconds(time: &str) -> Option<i64> {
    let time = DateTime::from_str(time, Format::DateTime).ok()?;
    Some(time.secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_written() {
        assert_eq!(seconds("2026-03-01T12:00:00Z"), Some(1_772_366_400));
        assert!(seconds(&now()).is_some());
        assert_eq!(seconds("yesterday"), None);
    }
}
