//! From Plan companions to Publish hostnames: candidates and what they talk to.

use super::{Prepared, Release, SuiteRef, SuiteRun};
use crate::live::ReadSet;
use crate::names::{Commit, Component, Fqdn};
use crate::proof::Set;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

/// A component and whom it talks to: what Plan companions gets of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ComponentPeers {
    /// Which.
    pub component: Component,
    /// What the release brings of it.
    pub commit: Commit,
    /// Whom its manifest names.
    #[serde(default)]
    pub peers: BTreeSet<Component>,
    /// How many instances of it its manifest asks for; 0 where an execution that began with an earlier
    /// definition does not tell it.
    #[serde(default)]
    pub instances: u16,
}

/// The reply of Plan companions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanionsReply {
    /// What is to be booted and tested beside the release; the artifacts exist.
    pub companions: Vec<Prepared>,
    /// What is live beside the release now, as far as its tests use it. Looked at before anything
    /// is tested, so whatever moves from here on is noticed.
    pub read_set: ReadSet,
    /// All that would be live after the cutover, by commit.
    pub set: Set,
}

/// What Publish peers gets of each component.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ListeningComponent {
    /// Which.
    pub component: Component,
    /// Where it will stand.
    pub hostname: Fqdn,
    /// Whether it is there for the tests only.
    #[serde(default)]
    pub companion: bool,
    /// Whether it runs already, with the names of the release that launched it.
    #[serde(default)]
    pub warm: bool,
    /// Its port.
    pub port: u16,
    /// Whom it talks to.
    #[serde(default)]
    pub peers: BTreeSet<Component>,
}

/// The reply of Publish peers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PeersReply {
    /// Route 53's change, where one was needed: nothing boots before it is INSYNC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_id: Option<String>,
    /// What each peer is called by this release, with its port: `http://ui-r42.stage...:8081`.
    pub urls: BTreeMap<Component, String>,
}

/// The input of Deploy (initial).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployRequest {
    /// The release.
    pub release: Release,
    /// The component, with its artifact.
    pub item: Prepared,
    /// The peers' names.
    pub peers: PeersReply,
}

/// One running instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instance {
    /// `i-...`
    pub id: String,
    /// What its hostname resolves to.
    pub address: String,
}

/// How Deploy (initial) came by its instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LaunchOutcome {
    /// It launched them.
    #[serde(rename = "launched")]
    Launched,
    /// An earlier try of the same stage had launched them, or a release that is repeated.
    #[serde(rename = "already launched")]
    AlreadyLaunched,
}

/// The reply of Deploy (initial): a healthy candidate. What it was booted from is in its row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deployed {
    /// Which.
    pub component: Component,
    /// As asked for.
    pub version: Version,
    /// What it runs.
    pub commit: Commit,
    /// Where it will stand.
    pub hostname: Fqdn,
    /// Whether it is there for the tests only.
    #[serde(default)]
    pub companion: bool,
    /// Of its artifact.
    pub artifact_sha256: String,
    /// Where it runs.
    pub instances: Vec<Instance>,
    /// The launch template version that repeats exactly this deployment.
    pub launch_template_version: String,
    /// Who launched the instances.
    pub how: LaunchOutcome,
}

/// The input of Publish hostnames.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublishRequest {
    /// The release.
    pub release: Release,
    /// Healthy candidates, and companions.
    pub components: Vec<Deployed>,
    /// The peers' names.
    pub peers: PeersReply,
}

/// The reply of Publish hostnames: what to test and against what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishReply {
    /// What is to be run.
    pub suites: Vec<SuiteRun>,
    /// What is left out because the release says so.
    pub skipped: Vec<SuiteRef>,
}
