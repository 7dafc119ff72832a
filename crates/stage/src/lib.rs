//! The only crate that knows Lambda: runs a stage, turns its errors into names that the state
//! machine catches, makes the AWS clients.
#![warn(missing_docs)]

mod call;
mod runtime;
mod settings;

pub use call::{CallError, CallKind, call_error};
pub use runtime::{Fault, Named, blocking, run};
pub use settings::{Settings, sdk_config};

/// The time now, RFC 3339 in UTC with whole seconds: what rows and artifacts carry.
pub fn now() -> String {
    use aws_smithy_types::date_time::{DateTime, Format};
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    DateTime::from_secs(now.as_secs() as i64)
        .fmt(Format::DateTime)
        .unwrap_or_default()
}

/// From 0 to 1, another one each time: what keeps those apart that began at the same moment.
pub fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(std::process::id());
    random as f64 / u64::MAX as f64
}

/// The seconds since 1970 of a time as [`now`] writes it.
pub fn seconds(time: &str) -> Option<i64> {
    use aws_smithy_types::date_time::{DateTime, Format};
    let time = DateTime::from_str(time, Format::DateTime).ok()?;
    Some(time.secs())
}
