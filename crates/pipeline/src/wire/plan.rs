//! Plan release.

use super::Release;
use crate::errors::{ErrorName, Fault};
use crate::names::{Commit, Component, Fqdn, RepositoryUrl, SecretName};
use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::hash::Hash;

/// The input of Plan release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRequest {
    /// The execution's input, as it came.
    pub input: serde_json::Value,
    /// The execution's name.
    pub execution: String,
    /// The execution's ARN.
    pub execution_arn: String,
    /// When it began, RFC 3339; an earlier definition does not tell.
    #[serde(default)]
    pub began: String,
}

/// A component of a release, with everything that is known before its pipeline runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Planned {
    /// Which.
    pub component: Component,
    /// As asked for.
    pub version: Version,
    /// What it resolved to.
    pub commit: Commit,
    /// Where it is fetched from.
    pub repository: RepositoryUrl,
    /// Where its candidate will stand; a library has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Fqdn>,
    /// The secret that opens the repository, if it needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<SecretName>,
    /// One more instance of a live commit, tested beside the release and discarded.
    #[serde(default)]
    pub companion: bool,
    /// Its instances still stand there from before, and are taken over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warm: bool,
    /// The launch template version that this one repeats: image and type are as they were then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<String>,
    /// Where the same commit is live and is to be replaced: it is not well, or was to be launched
    /// again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Fqdn>,
}

impl Planned {
    /// Where its candidate will stand.
    ///
    /// # Errors
    /// `RowInvalid` of a library: no state that deploys gets one.
    pub fn stands_at(&self) -> Result<&Fqdn, Fault> {
        self.hostname.as_ref().ok_or_else(|| {
            let text = format!("{} is planned without a hostname", self.component);
            Fault::new(ErrorName::RowInvalid, text)
        })
    }
}

/// A library that is released already at the commit asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AlreadyBuilt {
    /// Which.
    pub component: Component,
    /// As asked for.
    pub version: Version,
    /// What others can pin.
    pub commit: Commit,
    /// Of its artifact.
    pub artifact_sha256: String,
}

/// A component that is live already at the commit asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AlreadyLive {
    /// Which.
    pub component: Component,
    /// As asked for.
    pub version: Version,
    /// What is live.
    pub commit: Commit,
    /// Its alias.
    pub alias: Fqdn,
    /// Where the alias points.
    pub hostname: Fqdn,
}

/// What Plan release found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanOutcome {
    /// There is something to release.
    Release,
    /// Everything asked for is live, or released if it is a library.
    AlreadyLive,
}

/// The reply of Plan release.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlanReply {
    /// What it found.
    pub outcome: PlanOutcome,
    /// The release.
    pub release: Release,
    /// What is to be released.
    pub components: Vec<Planned>,
    /// The libraries among it: they are built and tested before the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<Planned>,
    /// What needs nothing.
    pub already_live: Vec<AlreadyLive>,
    /// The libraries that need nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub already_built: Vec<AlreadyBuilt>,
    /// Where the last release is taken back: what it deployed for the first time, and so stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stay: Vec<Component>,
}
