//! What travels between the states: inputs and replies of the stages.
//!
//! Field names are a user interface: people read them in the console. Nothing secret is in them.

use crate::bounds::MAX_LISTED;
use crate::cutover::AliasMove;
use crate::live::ReadSet;
use crate::manifest::Manifest;
use crate::names::{
    Commit, Component, Domain, Fqdn, Project, RepositoryUrl, SecretName, SuiteName, Target, Ticket,
    release_label,
};
use crate::proof::Set;
use crate::reason::Reason;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
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
    /// Whether live components that depend on a released one are tested beside it.
    #[serde(default)]
    pub test_dependents: bool,
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
        let kind = (self.test_dependents, self.rollback, self.proven);
        (self.ticket, &self.target, kind).hash(to);
    }
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
    /// Where its candidate will stand.
    pub hostname: Fqdn,
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
    /// Everything asked for is live.
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
    /// What needs nothing.
    pub already_live: Vec<AlreadyLive>,
    /// Where the last release is taken back: what it deployed for the first time, and so stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stay: Vec<Component>,
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
    /// What looks like a mistake in its manifest and is none for sure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Reason>,
}

/// What several components of a release need together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Together<T> {
    /// The release.
    pub release: Release,
    /// All its components.
    pub components: Vec<T>,
}

/// A component and whom it talks to: what Plan companions gets of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Talks {
    /// Which.
    pub component: Component,
    /// What the release brings of it.
    pub commit: Commit,
    /// Whom its manifest names.
    #[serde(default)]
    pub peers: BTreeSet<Component>,
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
pub struct Listens {
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

/// A suite's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// Whether it is a live component's, run against a companion beside the release.
    #[serde(default)]
    pub companion: bool,
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
    /// How many suites run together: they share the room for what they say.
    #[serde(default)]
    pub of: u32,
}

/// The input of Integration tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteRequest {
    /// The release.
    pub release: Release,
    /// The suite.
    pub item: SuiteRun,
    /// Which time the release is tested, from 1.
    pub round: u32,
}

/// How a suite ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Whether it was a live component's, run against a companion beside the release.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub companion: bool,
    /// Which.
    pub suite: SuiteName,
    /// How it ended.
    pub outcome: SuiteOutcome,
    /// Why, in a sentence; empty when it passed.
    #[serde(default)]
    pub reason: Reason,
    /// What a person should know of a suite that passed: that its reports hold no test, say.
    #[serde(default, skip_serializing_if = "Reason::is_empty")]
    pub remark: Reason,
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

/// By what a decision needs of it.
impl Hash for SuiteReply {
    fn hash<H: Hasher>(&self, to: &mut H) {
        (&self.component, self.companion, &self.suite, self.outcome).hash(to);
    }
}

/// The input of Deploy (cutover).
#[derive(Debug, Clone, PartialEq, Hash, Serialize, Deserialize)]
pub struct CutoverStep {
    /// The release.
    pub release: Release,
    /// Its healthy, tested candidates.
    pub components: Vec<Stands>,
    /// The companions that were tested beside them.
    #[serde(default)]
    pub companions: Vec<Stands>,
    /// What they were tested against.
    pub read_set: ReadSet,
    /// What was tested.
    #[serde(default)]
    pub tested: Tested,
}

/// Where a component of a release stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stands {
    /// Which.
    pub component: Component,
    /// Where.
    pub hostname: Fqdn,
}

/// A tested set: what the record of proven sets is made of.
#[derive(Debug, Clone, Default, PartialEq, Hash, Serialize, Deserialize)]
pub struct Tested {
    /// All that would be live after the cutover, by commit.
    #[serde(default)]
    pub set: Set,
    /// What was left out.
    #[serde(default)]
    pub skipped: Vec<SuiteRef>,
    /// Which time, from 1.
    #[serde(default)]
    pub round: u32,
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
    /// What is wrong with what the release brought, where users are sent to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwell: Option<String>,
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
            + cut(&mut self.spared);
        self
    }
}

/// The input of Tag release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRequest {
    /// The release.
    pub release: Release,
    /// What it made live, or found live.
    pub components: Vec<Tagged>,
}

/// A component's commit that gets a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// The input of Discard candidates.
#[derive(Debug, Clone, PartialEq, Hash, Serialize, Deserialize)]
pub struct DiscardRequest {
    /// The release.
    pub release: Release,
    /// What it was to bring.
    pub components: Vec<ReleasedComponent>,
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
