//! What travels between the states: inputs and replies of the stages.
//!
//! Field names are a user interface: people read them in the console. Nothing secret is in them.

mod build;
mod candidates;
mod container;
mod cutover;
mod discard;
mod plan;
mod suites;
mod tags;

pub use build::{
    BuildReply, Cached, KeepCaches, KeptCache, PrepareRequest, Prepared, PushRequest, Pushed,
    RecordLibraries, ReleasedLibrary, UnitTestsReply, Vendored,
};
pub use candidates::{
    CompanionsReply, ComponentPeers, DeployRequest, Deployed, Instance, LaunchOutcome,
    ListeningComponent, PeersReply, PublishReply, PublishRequest,
};
pub use container::{
    CollectRequest, Collected, ContainerJob, HandOver, StartBuild, StartBuildArtifacts,
    StartBuildCloudWatchLogs, StartBuildLogs,
};
pub use cutover::{
    CutoverReply, CutoverStep, HostedComponent, OldVersions, TerminateReply, TerminateRequest,
};
pub use discard::{
    DiscardReply, DiscardRequest, FailedStage, Failure, PlannedLibrary, ReleasedComponent,
    UndoPlanRequest,
};
pub use plan::{AlreadyBuilt, AlreadyLive, PlanOutcome, PlanReply, PlanRequest, Planned};
pub use suites::{SuiteOutcome, SuiteRef, SuiteReply, SuiteRequest, SuiteRun, Tested};
pub use tags::{TagOutcome, TagReply, TagRequest, TagResult, Tagged};

use crate::names::{Commit, Component, Domain, Project, SuiteName, Target, Ticket, release_label};
use crate::rows::EnvironmentRow;
use crate::settings::TargetSettings;
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

/// What every stage of a release knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Whose components.
    pub project: Project,
    /// Where to.
    pub target: Target,
    /// Its number; later releases have higher ones.
    pub ticket: Ticket,
    /// The execution's name.
    pub execution: String,
    /// The target's domain.
    pub domain: Domain,
    /// The target's hosted zone.
    pub zone_id: String,
    /// The target's launch template.
    pub launch_template_id: String,
    /// The version of it that a release launches from where it repeats none.
    #[serde(default = "crate::launch_template::first")]
    pub launch_template_version: String,
    /// The target's subnets; instances are spread over them.
    pub subnet_ids: Vec<String>,
    /// The target's, when the release was planned.
    #[serde(flatten)]
    pub settings: TargetSettings,
    /// Seconds from the cutover being INSYNC until the previous instances end.
    pub drain_seconds: u32,
    /// Whether slow suites are left out.
    pub skip_slow_scans: bool,
    /// How many components it has: what polls of shared APIs are spaced by.
    pub size: u32,
    /// Whether tags are pushed when it is live.
    #[serde(default)]
    pub tag: bool,
    /// Whether it brings back what was live before.
    #[serde(default)]
    pub rollback: bool,
    /// A roll-back to a set that passed its suites on this target before: it is not tested again.
    #[serde(default)]
    pub proven: bool,
}

/// By what tells it from others; the rest is the target's.
impl Hash for Release {
    fn hash<H: Hasher>(&self, to: &mut H) {
        let kind = (self.settings.test_dependents, self.rollback, self.proven);
        (self.ticket, &self.target, kind).hash(to);
    }
}

impl Release {
    /// What every release to a target knows of it: one component, nothing that is asked for besides, and a number that is
    /// drawn later.
    pub fn on(
        project: Project,
        target: Target,
        execution: &str,
        environment: EnvironmentRow,
    ) -> Self {
        Self {
            project,
            target,
            ticket: Ticket(0),
            execution: execution.to_owned(),
            drain_seconds: environment.settings.drain_seconds(),
            settings: environment.settings.of_a_release(),
            domain: environment.domain,
            zone_id: environment.zone_id,
            launch_template_id: environment.launch_template_id,
            launch_template_version: environment.launch_template_version,
            subnet_ids: environment.subnet_ids,
            skip_slow_scans: false,
            size: 1,
            tag: false,
            rollback: false,
            proven: false,
        }
    }

    /// `stage-r42`: tags and S3 keys.
    pub fn label(&self) -> String {
        release_label(&self.target, self.ticket)
    }

    /// Where a log of this release is kept in the bucket.
    pub fn log_key(&self, component: &Component, stage: &str) -> String {
        format!("logs/{}/{component}/{stage}.log", self.label())
    }

    /// Where a suite's reports are kept in the bucket.
    pub fn report_prefix(&self, component: &Component, suite: &SuiteName) -> String {
        format!("reports/{}/{component}/{suite}/", self.label())
    }

    /// What Build leaves for Keep caches.
    pub fn left_cache_key(&self, component: &Component) -> String {
        format!("builds/{}/{component}.cache.tar.zst", self.label())
    }

    /// Where that is kept, once the release is live: never written again.
    pub fn cache_key(&self, component: &Component, place: &str) -> String {
        let (target, label) = (&self.target, self.label());
        format!(
            "caches/{target}/{component}/{place}/{label}-{}.tar.zst",
            self.execution
        )
    }

    /// What Build leaves for Push artifacts.
    pub fn build_key(&self, component: &Component) -> String {
        format!("builds/{}/{component}.tar.zst", self.label())
    }
}

/// The source bundle of a commit.
pub fn source_key(component: &Component, commit: &Commit) -> String {
    format!("sources/{component}/{commit}.tar.zst")
}

/// The artifact of a commit, immutable.
pub fn artifact_key(component: &Component, commit: &Commit) -> String {
    format!("artifacts/{component}/{component}-{commit}.tar.zst")
}

/// An object in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Its key.
    pub key: String,
    /// Of its bytes, hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// An artifact and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// The object.
    #[serde(flatten)]
    pub bundle: Bundle,
    /// SHA-256 of the source bundle it was built from.
    pub source_sha256: String,
    /// The release that built it, e.g. `stage-r42`.
    pub built_by: String,
    /// When, RFC 3339.
    pub built_at: String,
    /// What built it, e.g. the function's architecture and version.
    pub toolchain: String,
}

/// What a stage of one component's pipeline gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step<T> {
    /// The release.
    pub release: Release,
    /// The component, as the stages before left it.
    pub item: T,
}

/// What several components of a release need together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Together<T> {
    /// The release.
    pub release: Release,
    /// All its components.
    pub components: Vec<T>,
}
