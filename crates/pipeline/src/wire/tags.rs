//! Tag release.

use super::Release;
use crate::names::{Commit, Component};
use crate::reason::Reason;
use serde::{Deserialize, Serialize};

/// The input of Tag release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRequest {
    /// The release.
    pub release: Release,
    /// What it made live, or found live.
    pub components: Vec<Tagged>,
}

/// A component's commit: one that gets a tag, say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tagged {
    /// Whose repository.
    pub component: Component,
    /// Which commit.
    pub commit: Commit,
}

/// The reply of Tag release. A tag that could not be pushed does not undo the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagReply {
    /// `release/stage/42`
    pub tag: String,
    /// What became of it in each repository.
    pub tags: Vec<TagOutcome>,
}

/// What became of a tag in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagOutcome {
    /// Whose repository.
    pub component: Component,
    /// What became of it.
    pub outcome: TagResult,
    /// Why not; empty unless it failed.
    #[serde(default)]
    pub reason: Reason,
}

/// What became of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagResult {
    /// It is there now.
    Pushed,
    /// It was there, the same.
    AlreadyThere,
    /// It is not there, or another one is.
    Failed,
}
