//! The only crate that knows Lambda: runs a stage, and gives its errors the names that the state
//! machine catches. Only functions depend on it.
#![warn(missing_docs)]

mod runtime;
mod settings;

pub use runtime::run;
pub use settings::Settings;

/// From 0 to 1, another one each time: what keeps those apart that began at the same moment.
pub fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(std::process::id());
    random as f64 / u64::MAX as f64
}
