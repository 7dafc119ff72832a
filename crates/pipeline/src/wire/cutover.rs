//! Deploy (cutover) and Terminate previous.

use super::{AlreadyLive, Planned, Release, Tested};
use crate::bounds::MAX_LISTED;
use crate::cutover::AliasMove;
use crate::live::ReadSet;
use crate::names::{Component, Fqdn, Ticket};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::hash::Hash;

/// The input of Deploy (cutover).
#[derive(Debug, Clone, PartialEq, Hash, Serialize, Deserialize)]
pub struct CutoverStep {
    /// The release.
    pub release: Release,
    /// Its healthy, tested candidates.
    pub components: Vec<HostedComponent>,
    /// The companions that were tested beside them.
    #[serde(default)]
    pub companions: Vec<HostedComponent>,
    /// What they were tested against.
    pub read_set: ReadSet,
    /// What was tested.
    #[serde(default)]
    pub tested: Tested,
}

/// Where a component of a release stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HostedComponent {
    /// Which.
    pub component: Component,
    /// Where.
    pub hostname: Fqdn,
}

impl HostedComponent {
    /// Where a component is planned to stand; a library stands nowhere.
    pub fn planned(one: &Planned) -> Option<Self> {
        Some(Self {
            component: one.component.clone(),
            hostname: one.hostname.clone()?,
        })
    }
}

/// The reply of Deploy (cutover).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum CutoverReply {
    /// The aliases point to this release.
    Live {
        /// Route 53's change, `None` where an earlier try's answer was lost.
        change_id: Option<String>,
        /// What moved.
        moves: Vec<AliasMove>,
    },
    /// A later release is live.
    Superseded {
        /// A sentence.
        reason: String,
    },
    /// Test again, against what is live now.
    PeersMoved {
        /// A sentence.
        reason: String,
    },
    /// Another release of the very same commits is live: nothing moved, the candidates go.
    AlreadyLive {
        /// What is live.
        already_live: Vec<AlreadyLive>,
    },
}

/// The input of Terminate previous.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TerminateRequest {
    /// The release.
    pub release: Release,
    /// What went live.
    pub components: Vec<Component>,
    /// The release that this one takes back: its companions end too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub companions_of: Option<Ticket>,
    /// What it has replaced, and has waited for: it has no connections any more, or its `drain` is over.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replaced: BTreeSet<Fqdn>,
}

/// The reply of Terminate previous.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TerminateReply {
    /// Hostnames that went, with their instances.
    pub retired: Vec<Fqdn>,
    /// Instances that were ended.
    pub instances: Vec<String>,
    /// Hostnames that stay because an alias points there.
    pub kept: Vec<Fqdn>,
    /// Companions that went after the tests.
    #[serde(default)]
    pub companions: Vec<Fqdn>,
    /// Names and instances that are not listed because there are too many; the log has all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_listed: usize,
    /// Hostnames that stay because what replaced them is not well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spared: Vec<Fqdn>,
    /// Hostnames that stay because they may have connections still: what replaced them ends them, or the sweeper does,
    /// when their `drain` is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connected: Vec<Fqdn>,
    /// What is wrong with what the release brought, where users are sent to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwell: Option<String>,
    /// Whose.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub failed: BTreeSet<Component>,
    /// Launch template versions that nobody can ask for any more.
    #[serde(default, skip_serializing_if = "OldVersions::is_nothing")]
    pub old_versions: OldVersions,
}

/// What became of launch template versions that nobody can ask for any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OldVersions {
    /// How many were deleted.
    pub deleted: u64,
    /// Why none could be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl OldVersions {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl TerminateReply {
    /// At most 50 of each: what went after years of crashes must not be what the execution fails of.
    pub fn within_bounds(mut self) -> Self {
        fn cut<T>(list: &mut Vec<T>) -> usize {
            let over = list.len().saturating_sub(MAX_LISTED);
            list.truncate(MAX_LISTED);
            over
        }
        self.not_listed += cut(&mut self.retired)
            + cut(&mut self.instances)
            + cut(&mut self.kept)
            + cut(&mut self.companions)
            + cut(&mut self.spared)
            + cut(&mut self.connected);
        self
    }
}
