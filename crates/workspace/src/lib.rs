//! What happens to a component's files between its git repository and its artifact:
//! [`git`] fetches exactly one commit, [`bundle`] packs and unpacks folders, [`command`] runs
//! what a component's manifest says in a [`sandbox`], [`junit`] reads what its suites report.
//!
//! Everything here blocks; async callers wrap it in [`blocking`]. Nothing here knows AWS, and
//! nothing that comes from a repository reaches a shell.
#![warn(missing_docs)]

pub mod bundle;
pub mod command;
pub mod git;
pub mod hash;
pub mod junit;
mod limits;
pub mod sandbox;
pub mod scratch;
pub mod sources;

pub use limits::Limits;

/// Runs what blocks (git, compression, a user's command) beside the async loop. A panic in it goes on
/// in the caller.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
