//! What Watch release is asked, and what it replies.

use super::cut;
use crate::names::{Component, Fqdn};
use crate::outside::Before;
use crate::wire::{HostedComponent, Release};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What Watch release is asked right before the cutover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeRequest {
    /// The release.
    pub release: Release,
    /// Whose aliases are about to move.
    pub before: Vec<Component>,
}

/// What users met right before the cutover.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeReply {
    /// Of each component.
    #[serde(default)]
    pub components: BTreeMap<Component, Before>,
}

/// The input of Watch release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchRequest {
    /// The release.
    pub release: Release,
    /// Where its components stand.
    pub components: Vec<HostedComponent>,
    /// What users met before it.
    #[serde(default)]
    pub before: BeforeReply,
    /// What the looks of before have come to.
    #[serde(default)]
    pub so_far: SoFar,
    /// What was live before it.
    #[serde(default)]
    pub replaced: BTreeSet<Fqdn>,
    /// For how many seconds the usual drain has been over. An execution that began with an earlier definition does not
    /// tell.
    #[serde(default)]
    pub drained_for: Option<u64>,
    /// Whether the execution reads `connections_not_told`. One that began with an earlier definition would take such a
    /// reply for one without connections, so it is given an error.
    #[serde(default)]
    pub reads_not_told: bool,
}

/// What all looks have come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoFar {
    /// How many were made.
    #[serde(default)]
    pub looks: u32,
    /// How many could not be made, or showed nothing for sure.
    #[serde(default)]
    pub not_made: u32,
    /// What is to be known of a component, though it is no failure of the release.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub noticed: BTreeMap<Component, String>,
    /// Where most looks showed nothing for sure: a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_few: Option<String>,
}

/// The reply of Watch release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchReply {
    /// What this part of the drain has come to.
    pub outcome: WatchOutcome,
    /// What fails: a clause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whose.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub failed: BTreeSet<Component>,
    /// Of which what was live before still has connections.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub connected: BTreeSet<Component>,
    /// Why `connected` does not tell: what was live before may have connections or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections_not_told: Option<String>,
    /// For the next look, and for who reads the output.
    #[serde(flatten)]
    pub so_far: SoFar,
}

/// What a part of the drain has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchOutcome {
    /// What went live is well.
    Well,
    /// It is not: users are to be sent back.
    Unwell,
    /// It could not be looked, or something fails for too short a time to tell. The next look tells.
    NotKnown,
}

impl WatchReply {
    /// With what was read of connections. A read that failed takes nothing away from what was seen; the error, only
    /// where the execution cannot be told of it and nothing is wrong that it has to know.
    pub fn with_connected<E: fmt::Display>(
        mut self,
        request: &WatchRequest,
        connected: Result<BTreeSet<Component>, E>,
    ) -> Result<Self, E> {
        match connected {
            Ok(connected) => self.connected = connected,
            Err(error) if request.reads_not_told => {
                self.connections_not_told = Some(cut(&error.to_string()));
            }
            Err(error) => return Err(error),
        }
        Ok(self)
    }

    /// Without a question about connections: users are sent back to what was live before, whoever is connected.
    pub fn without_connected(mut self) -> Self {
        self.connections_not_told = Some("what went live is not well".into());
        self
    }
}
