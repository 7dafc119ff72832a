//! What happens to a component's files between its git repository and its artifact:
//! [`git`] fetches exactly one commit, [`bundle`] packs and unpacks folders, [`command`] runs
//! what a component's manifest says, [`junit`] reads what its suites report.
//!
//! Everything here blocks; async callers use `spawn_blocking`. Nothing here knows AWS, and
//! nothing that comes from a repository reaches a shell.
#![warn(missing_docs)]

pub mod bundle;
pub mod command;
pub mod git;
pub mod hash;
pub mod junit;
mod limits;
pub mod sources;

pub use limits::Limits;
