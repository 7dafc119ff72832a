//! Discard candidates.

use super::{AlreadyLive, Planned, Release, SuiteReply, Tagged, Tested};
use crate::names::{Commit, Component, Fqdn};
use serde::{Deserialize, Serialize};
use std::hash::Hash;

/// The input of Discard candidates.
#[derive(Debug, Clone, PartialEq, Hash, Serialize, Deserialize)]
pub struct DiscardRequest {
    /// The release.
    pub release: Release,
    /// What it was to bring.
    pub components: Vec<ReleasedComponent>,
    /// The libraries among it. Which of them are released is in the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<PlannedLibrary>,
    /// Those that are known to be released, and stay so: an earlier definition of the state machine tells them apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<Tagged>,
    /// Components whose pipeline failed, or the stage that failed for all.
    #[serde(default)]
    pub failures: Vec<Failure>,
    /// How the suites ended.
    #[serde(default)]
    pub tests: Vec<SuiteReply>,
    /// What was tested, if it came to that.
    #[serde(default)]
    pub tested: Option<Tested>,
    /// What another release made live meanwhile, where that is all that was asked for.
    #[serde(default)]
    pub already_live: Vec<AlreadyLive>,
}

/// A component of a release. Where an execution began with an earlier definition, all that was planned
/// of it comes too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReleasedComponent {
    /// Which.
    pub component: Component,
}

/// A library of a release.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlannedLibrary {
    /// Which.
    pub component: Component,
    /// Which commit; an earlier definition of the state machine does not tell, and leaves out those that are released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
}

impl PlannedLibrary {
    /// With its commit, if that is known.
    pub fn tagged(&self) -> Option<Tagged> {
        Some(Tagged {
            component: self.component.clone(),
            commit: self.commit.clone()?,
        })
    }
}

impl From<&Planned> for PlannedLibrary {
    fn from(planned: &Planned) -> Self {
        Self {
            component: planned.component.clone(),
            commit: Some(planned.commit.clone()),
        }
    }
}

/// What Discard candidates gets where Plan release gave no answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UndoPlanRequest {
    /// The execution's input, as it came.
    pub input: serde_json::Value,
    /// The execution's name, by which its plan is found if there is one.
    pub execution: String,
    /// When it began, RFC 3339; an earlier definition does not tell.
    #[serde(default)]
    pub began: String,
    /// Why there was no answer.
    pub failed: FailedStage,
}

/// A failed pipeline (with its component) or a failed stage of the whole release.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Failure {
    /// Whose, where it was one component's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<Component>,
    /// What failed.
    pub failed: FailedStage,
}

/// What Step Functions says of a failed state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FailedStage {
    /// The state's name.
    pub stage: String,
    /// The error's name.
    pub error: String,
    /// Its cause: a sentence, or Lambda's JSON around one.
    pub cause: String,
}

/// The reply of Discard candidates.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiscardReply {
    /// The error that the execution ends with.
    pub error: String,
    /// The sentences that it ends with; if it is live after all, those that are remarked of it.
    pub cause: String,
    /// Whether the release turned out to be live: its cutover failed, or its answer was lost, after the batch.
    pub live: bool,
    /// Hostnames that went.
    pub discarded: Vec<Fqdn>,
    /// What another release of the same commits made live, if that is all that was asked for.
    #[serde(default)]
    pub already_live: Vec<AlreadyLive>,
}
