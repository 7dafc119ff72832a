//! What every client of AWS needs: one configuration, and failed calls sorted into three kinds.
//!
//! It knows no single service and nothing of Lambda: the crates of the services, the functions and
//! the command line build on it.
#![warn(missing_docs)]

mod call;
mod config;
mod time;

pub use call::{CallError, CallKind, call_error};
pub use config::sdk_config;
pub use time::{after, jitter, now, now_precisely, seconds, since};
