//! What travels between the states: inputs and replies of the stages.
//!
//! Field names are a user interface: people read them in the console. Nothing secret is in them.

use crate::cutover::{AliasMove, ReadSet};
use crate::manifest::Manifest;
use crate::names::{
    Commit, Component, Domain, Fqdn, Project, RepositoryUrl, SuiteName, Target, Ticket,
    release_label,
};
use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// The target's subnets; instances are spread over them.
    pub subnet_ids: Vec<String>,
    /// Seconds.
    pub alias_ttl: u32,
    /// Seconds.
    pub hostname_ttl: u32,
    /// Seconds from the cutover being INSYNC until the previous instances end.
    pub drain_seconds: u32,
    /// Whether slow suites are left out.
    pub skip_slow_scans: bool,
    /// How many components it has: what polls of shared APIs are spaced by.
    pub size: u32,
}

impl Release {
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

/// The input of Plan release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRequest {
    /// The execution's input, as it came.
    pub input: serde_json::Value,
    /// The execution's name.
    pub execution: String,
    /// The execution's ARN.
    pub execution_arn: String,
}

/// A component of a release, with everything that is known before its pipeline runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Which.
    pub component: Component,
    /// As asked for.
    pub version: Version,
    /// What it resolved to.
    pub commit: Commit,
    /// Where it is fetched from.
    pub repository: RepositoryUrl,
    /// Where its candidate will stand.
    pub hostname: Fqdn,
}

/// A component that is live already at the commit asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanOutcome {
    /// There is something to release.
    Release,
    /// Everything asked for is live.
    AlreadyLive,
}

/// The reply of Plan release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReply {
    /// What it found.
    pub outcome: PlanOutcome,
    /// The release.
    pub release: Release,
    /// What is to be released.
    pub components: Vec<Planned>,
    /// What needs nothing.
    pub already_live: Vec<AlreadyLive>,
}

/// What a stage of one component's pipeline gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step<T> {
    /// The release.
    pub release: Release,
    /// The component, as the stages before left it.
    pub item: T,
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
}

/// The input of Publish peers and the list that comes from a Map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Together<T> {
    /// The release.
    pub release: Release,
    /// All its components.
    pub components: Vec<T>,
}

/// The reply of Publish peers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeersReply {
    /// Route 53's change, where one was needed: nothing boots before it is INSYNC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_id: Option<String>,
    /// What each peer is called by this release, with its port: `http://ui-r42.stage...:8081`.
    pub urls: BTreeMap<Component, String>,
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

/// The reply of Build.
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
    /// What Build left.
    pub built: BuildReply,
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Instance {
    /// `i-...`
    pub id: String,
    /// What its hostname resolves to.
    pub address: String,
}

/// The reply of Deploy (initial): a healthy candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// As prepared and built.
    #[serde(flatten)]
    pub prepared: Prepared,
    /// Where it runs.
    pub instances: Vec<Instance>,
    /// The launch template version that repeats exactly this deployment.
    pub launch_template_version: String,
    /// `launched`, or `already healthy` when an earlier try had done it.
    pub how: String,
}

/// The input of Publish hostnames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishRequest {
    /// The release.
    pub release: Release,
    /// Healthy candidates.
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
    /// What is live beside the release now.
    pub read_set: ReadSet,
}

/// A suite's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SuiteRef {
    /// Whose.
    pub component: Component,
    /// Which.
    pub suite: SuiteName,
}

/// A suite to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteRun {
    /// Whose.
    pub component: Component,
    /// Which.
    pub suite: SuiteName,
    /// Of this commit.
    pub commit: Commit,
    /// Where its files come from.
    pub source: Bundle,
    /// What is run.
    pub command: crate::manifest::CommandLine,
    /// For how long at the most.
    pub timeout: crate::manifest::Limit,
    /// `TARGET_URL` and the peers'.
    pub environment: BTreeMap<String, String>,
}

/// How a suite ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuiteOutcome {
    /// Exit code 0, and no failure in its reports.
    Passed,
    /// Anything else that it said itself.
    Failed,
    /// It ran into its limit.
    TimedOut,
    /// The stage could not run it.
    Error,
}

/// The reply of Integration tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuiteReply {
    /// Whose.
    pub component: Component,
    /// Which.
    pub suite: SuiteName,
    /// How it ended.
    pub outcome: SuiteOutcome,
    /// Why, in a sentence; empty when it passed.
    #[serde(default)]
    pub reason: String,
    /// How long the user's command ran.
    #[serde(default)]
    pub command_seconds: f64,
    /// Test cases in its reports.
    #[serde(default)]
    pub tests: u64,
    /// Failed ones.
    #[serde(default)]
    pub failures: u64,
    /// Where its output is.
    #[serde(default)]
    pub log: String,
}

/// The input of Deploy (cutover).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutoverStep {
    /// The release.
    pub release: Release,
    /// Its healthy, tested candidates.
    pub components: Vec<Deployed>,
    /// What they were tested against.
    pub read_set: ReadSet,
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
    /// Test again, against these.
    PeersMoved {
        /// A sentence.
        reason: String,
        /// What is live beside the release now.
        read_set: ReadSet,
    },
}

/// The input of Terminate previous.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminateRequest {
    /// The release.
    pub release: Release,
    /// What went live.
    pub components: Vec<Component>,
}

/// The reply of Terminate previous.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminateReply {
    /// Hostnames that went, with their instances.
    pub retired: Vec<Fqdn>,
    /// Instances that were ended.
    pub instances: Vec<String>,
    /// Hostnames that stay because an alias points there.
    pub kept: Vec<Fqdn>,
}

/// The input of Discard candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscardRequest {
    /// The release.
    pub release: Release,
    /// What it planned.
    pub components: Vec<Planned>,
    /// Components whose pipeline failed, or the stage that failed for all.
    #[serde(default)]
    pub failures: Vec<Failure>,
    /// How the suites ended.
    #[serde(default)]
    pub tests: Vec<SuiteReply>,
}

/// A failed pipeline (with its component) or a failed stage of the whole release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose, where it was one component's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<Component>,
    /// What failed.
    pub failed: FailedStage,
}

/// What Step Functions says of a failed state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedStage {
    /// The state's name.
    pub stage: String,
    /// The error's name.
    pub error: String,
    /// Its cause: a sentence, or Lambda's JSON around one.
    pub cause: String,
}

/// The reply of Discard candidates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscardReply {
    /// The error that the execution ends with.
    pub error: String,
    /// The sentences that it ends with.
    pub cause: String,
    /// Whether the release turned out to be live: a cutover's answer had been lost.
    pub live: bool,
    /// Hostnames that went.
    pub discarded: Vec<Fqdn>,
}
