//! Prepare workspace, Unit tests, Build, Push artifacts and Record libraries.

use super::{Artifact, Bundle, Planned, Release, SuiteRun, Tagged};
use crate::errors::{ErrorName, Fault};
use crate::manifest::Manifest;
use crate::names::{Commit, Component};
use crate::reason::Reason;
use serde::{Deserialize, Serialize};

/// The input of Prepare workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareRequest {
    /// The release.
    pub release: Release,
    /// The component.
    pub item: Planned,
    /// The libraries that the same release brings: others of it may pin these before they are built.
    #[serde(default)]
    pub libraries: Vec<Tagged>,
}

/// Folders that an earlier build left whose release went live on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cached {
    /// Where they are.
    #[serde(flatten)]
    pub bundle: Bundle,
    /// That release.
    pub release: String,
}

/// The input of Keep caches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeepCaches {
    /// The release, which is live.
    pub release: Release,
    /// Its components that were built by it and keep folders, as they were prepared.
    pub caches: Vec<Prepared>,
}

/// Folders that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCache {
    /// Whose.
    pub component: Component,
    /// As they are kept.
    pub bytes: u64,
}

/// A library at the commit that a manifest pins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vendored {
    /// Which: its folder's name too.
    pub library: Component,
    /// The very commit.
    pub commit: Commit,
    /// Its artifact; not there as long as the same release has yet to make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Bundle>,
}

impl Vendored {
    /// Its artifact.
    ///
    /// # Errors
    /// `LibraryNotReleased` where it is not made yet.
    pub fn artifact(&self) -> Result<&Bundle, Fault> {
        self.artifact.as_ref().ok_or_else(|| {
            let (library, commit) = (&self.library, self.commit.short());
            let text = format!("[vendor] {library}: {library} {commit} is not released yet");
            Fault::new(ErrorName::LibraryNotReleased, text)
        })
    }
}

/// The reply of Prepare workspace (and, with the artifact, of Push artifacts).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// As planned.
    #[serde(flatten)]
    pub planned: Planned,
    /// The clean checkout.
    pub source: Bundle,
    /// The commit's `cutover.toml`.
    pub manifest: Manifest,
    /// What was built of this commit before, by whatever release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// The libraries that its manifest pins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vendor: Vec<Vendored>,
    /// What its build begins with, if it is to be built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cached>,
    /// What looks like a mistake in its manifest and is none for sure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Reason>,
}

/// The reply of Unit tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitTestsReply {
    /// Whose.
    pub component: Component,
    /// How long the user's command ran.
    pub command_seconds: f64,
    /// Where its output is.
    pub log: String,
}

/// The reply of Build: for people. Push artifacts finds what it left by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildReply {
    /// Whose.
    pub component: Component,
    /// What it left for Push artifacts.
    pub output: Bundle,
    /// What S3 called it when it was written. None where an earlier version of the pipeline has built it.
    #[serde(default)]
    pub etag: Option<String>,
    /// How long the user's command ran.
    pub command_seconds: f64,
    /// Where its output is.
    pub log: String,
    /// What built it.
    pub toolchain: String,
    /// The folders that it leaves for later builds, if it could be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Bundle>,
}

/// The input of Push artifacts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PushRequest {
    /// The release.
    pub release: Release,
    /// The component.
    pub item: Prepared,
}

/// The reply of Push artifacts: the component with its artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pushed {
    /// As it was prepared.
    #[serde(flatten)]
    pub item: Prepared,
    /// Of a library: the suites that decide whether it is released.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<SuiteRun>,
}

/// The input of Record libraries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordLibraries {
    /// The release.
    pub release: Release,
    /// Its libraries, as they were prepared.
    pub libraries: Vec<Prepared>,
    /// Whether it has nothing else, and so has come to its end.
    pub alone: bool,
}

/// A library that is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedLibrary {
    /// Which.
    pub component: Component,
    /// What others can pin.
    pub commit: Commit,
    /// Of its artifact.
    pub artifact_sha256: String,
    /// The release that built it: this one, or an earlier one that did not come to an end.
    pub built_by: String,
}
