//! A user's command in a container of CodeBuild: what it is handed, and what it left.
//!
//! Nothing that it leaves is trusted more than the command itself: its outcome is its own word on its own
//! code, its files are opened within limits, and what counts is evidence that Collect command writes.
//! That it is this container's is sure because nobody else knows the name that it leaves it under.

mod collect;
mod input;
mod outcome;
mod prepare;

pub use collect::collect;
pub use input::{Leaves, script, write};
pub use prepare::{Preparer, prepare};

/// Where a container finds its files, and where it leaves what it made.
const INPUTS: &str = "inputs";
const OUTPUTS: &str = "outputs";

#[cfg(test)]
mod tests;
