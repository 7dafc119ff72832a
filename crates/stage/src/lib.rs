//! The only crate that knows Lambda: runs a stage, and gives its errors the names that the state
//! machine catches. Only functions depend on it.
#![warn(missing_docs)]

mod runtime;
mod settings;

pub use runtime::{run, run_until};
pub use settings::Settings;
