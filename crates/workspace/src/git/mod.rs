//! Git without a git binary: what a repository advertises, exactly one commit of it, and a tag
//! into it.
//!
//! Only smart HTTP: `https://`, and `http://` on this machine (the local cloud). No ssh, no
//! files, no credential helpers, no configuration of the machine or its user.

mod address;
mod connection;
mod error;
mod fetch;
mod origin;
mod push;
mod refs;
mod report;
mod tag;
mod tree;

use crate::Limits;
use std::path::Path;
use std::time::Duration;

pub use error::GitError;
pub use origin::{Credentials, InvalidCredentials, Origin};
pub use refs::{Named, Refs, Resolution, ResolveError};
pub use tag::{Pushed, Tag, Tagger};
pub(crate) use tree::check_name;

/// The manifest's name in the root of a component's repository.
pub const MANIFEST: &str = "cutover.toml";

/// What bounds a conversation with a repository.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// For everything together.
    pub deadline: Duration,
    /// For the checkout and for the pack that brings it.
    pub limits: Limits,
}

impl Default for Bounds {
    /// 60 seconds: long enough for a checkout of a gigabyte, and a release's first stage that
    /// takes longer than that is stuck.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            limits: Limits::SOURCE,
        }
    }
}

/// A source bundle that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// SHA-256 of the archive, 64 hexadecimal digits.
    pub sha256: String,
    /// Size of the archive.
    pub bytes: u64,
    /// How many files and links it holds.
    pub files: u64,
    /// Size of all files together.
    pub unpacked_bytes: u64,
    /// The time of the commit (of its committer), in seconds since 1970; [`EARLIEST`](crate::bundle::EARLIEST) at least.
    pub time: u64,
    /// The text of `cutover.toml`, if the commit has one.
    pub manifest: Option<String>,
}

/// What the repository advertises: `HEAD`, branches and tags.
///
/// # Errors
/// [`GitError`].
pub fn refs(origin: &Origin, bounds: &Bounds) -> Result<Refs, GitError> {
    connection::with_repository(origin, bounds, |remote| remote.refs())
}

/// Writes the tree of exactly `commit` (40 hexadecimal digits) as a deterministic `tar.zst`:
/// the same commit gives the same bytes. Files are as they are in git: no filters, no end-of-line
/// conversion, Git LFS pointers stay pointers.
///
/// # Errors
/// [`GitError`]; [`GitError::NoSuchCommit`] if the repository does not have it.
pub fn bundle(
    origin: &Origin,
    commit: &str,
    dest: &Path,
    bounds: &Bounds,
) -> Result<Bundle, GitError> {
    let id = address::commit(commit)?;
    let dest = dest.to_owned();
    connection::with_repository(origin, bounds, move |remote| {
        remote.fetch(id)?;
        tree::bundle(remote, id, &dest)
    })
}

/// The text of `cutover.toml` in `commit`, if it has one. Proves by the way that the repository
/// has this commit. Where a git host serves forks from one store (as GitHub does), commits of
/// forks count as the repository's own.
///
/// # Errors
/// [`GitError`]; [`GitError::NoSuchCommit`] if the repository does not have it.
pub fn manifest(
    origin: &Origin,
    commit: &str,
    bounds: &Bounds,
) -> Result<Option<String>, GitError> {
    let id = address::commit(commit)?;
    connection::with_repository(origin, bounds, move |remote| {
        remote.fetch(id)?;
        tree::manifest(remote, id)
    })
}

/// Makes an annotated tag in the repository, which must have the commit. A tag of that name is
/// never moved: the same one is as good, another one is told. The same [`Tag`] gives the same
/// object, so this may be done twice.
///
/// # Errors
/// [`GitError`]; [`GitError::TagRefused`] with the server's reason if it does not take the tag,
/// [`GitError::ReadOnly`] if it does not accept a push.
pub fn push_tag(origin: &Origin, tag: &Tag, bounds: &Bounds) -> Result<Pushed, GitError> {
    let object = tag::Object::of(tag)?;
    connection::with_repository(origin, bounds, move |remote| remote.push(&object))
}
