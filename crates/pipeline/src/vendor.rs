//! The libraries that a component pins: which artifact each pin means, and why one is refused before
//! anything runs.

use crate::manifest::Kind;
use crate::names::{Commit, Component};
use crate::rows::ArtifactRow;
use crate::wire::{Bundle, Vendored, artifact_key};

/// All artifacts that one component pins, in bytes as they are kept: they are fetched for each command
/// and for each instance.
pub const MAX_BYTES: u64 = 1 << 30;

/// What is known of a pin.
#[derive(Debug, Clone)]
pub struct Known {
    /// The row of its artifact, which Record libraries writes.
    pub row: Option<ArtifactRow>,
    /// What it was added as, if it was.
    pub added: Option<Kind>,
    /// The commit that the same release brings of it, if it does.
    pub beside: Option<Commit>,
}

/// What a pin means; `by` is whose it is.
///
/// # Errors
/// A sentence that begins with the pin's key.
pub fn pinned(
    by: (&Component, Kind),
    library: &Component,
    commit: &Commit,
    known: &Known,
) -> Result<Vendored, String> {
    let artifact = match &known.row {
        Some(row) if row.kind == Kind::Library => Some(bundle(library, commit, row)),
        _ => None,
    };
    match (&artifact, problem(by, library, commit, known)) {
        (None, Some(problem)) => Err(format!("[vendor] {library}: {problem}")),
        _ => Ok(Vendored {
            library: library.clone(),
            commit: commit.clone(),
            artifact,
        }),
    }
}

/// Its key is the commit's, whatever a row says.
fn bundle(library: &Component, commit: &Commit, row: &ArtifactRow) -> Bundle {
    Bundle {
        key: artifact_key(library, commit),
        ..row.artifact.bundle.clone()
    }
}

/// Of a pin that is not released.
fn problem(
    (by, kind): (&Component, Kind),
    library: &Component,
    commit: &Commit,
    known: &Known,
) -> Option<String> {
    let short = commit.short();
    let first = format!("cutover release {library} --version {commit}");
    match (known.added, &known.beside) {
        (None, _) => Some(format!(
            "this project has no library of that name; `cutover component add {library} --kind library --repository URL`, then `{first}`"
        )),
        (Some(Kind::Service), _) => Some(format!(
            "{library} is a service, and only a library can be pinned; a service is talked to: name it in [component] peers"
        )),
        (Some(Kind::Library), Some(beside)) if beside != commit => Some(format!(
            "{short} of it was never released, and this release brings {}; pin that, or release the other first: `{first}`",
            beside.short()
        )),
        // The libraries of a release are built side by side, so none can wait for another, or for itself.
        (Some(Kind::Library), Some(_)) if kind == Kind::Library => Some(format!(
            "{short} of it is in the same release, and {by} is a library too; release it first: `{first}`"
        )),
        (Some(Kind::Library), Some(_)) => None,
        (Some(Kind::Library), None) => Some(format!(
            "{short} of it was never released; release it first: `{first}`"
        )),
    }
}

/// Why pins take too much together.
pub fn too_large(pins: &[Vendored]) -> Option<String> {
    let artifacts = pins.iter().filter_map(|pin| pin.artifact.as_ref());
    let bytes: u64 = artifacts.map(|artifact| artifact.bytes).sum();
    (bytes > MAX_BYTES).then(|| {
        format!("[vendor]: the artifacts that it pins have {bytes} bytes, at most {MAX_BYTES}")
    })
}

#[cfg(test)]
#[path = "vendor_tests.rs"]
mod tests;
