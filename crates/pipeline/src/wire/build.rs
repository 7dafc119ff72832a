//! Prepare workspace, Unit tests, Build and Push artifacts.

use super::{Artifact, Bundle, Planned, Release};
use crate::manifest::Manifest;
use crate::names::Component;
use crate::reason::Reason;
use serde::{Deserialize, Serialize};

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
    /// How long the user's command ran.
    pub command_seconds: f64,
    /// Where its output is.
    pub log: String,
    /// What built it.
    pub toolchain: String,
}

/// The input of Push artifacts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PushRequest {
    /// The release.
    pub release: Release,
    /// The component.
    pub item: Prepared,
}
