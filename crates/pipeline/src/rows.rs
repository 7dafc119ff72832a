//! The table's rows. One table, readable in the console without a manual.

use crate::ends::Counts;
use crate::live::Known;
use crate::names::{
    Commit, Component, Domain, Fqdn, RepositoryUrl, SecretName, SuiteName, Target, Ticket,
};
use crate::proof::{Proof, Set};
use crate::version::Version;
use crate::wire::{
    Artifact, Instance, PlanReply, Prepared, Release, SuiteOutcome, SuiteRef, SuiteReply, Tested,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// A row's two keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Partition.
    pub pk: String,
    /// Sort.
    pub sk: String,
}

impl Key {
    fn of(pk: String, sk: String) -> Self {
        Self { pk, sk }
    }
    /// The partition of a target.
    pub fn target(target: &Target) -> String {
        format!("target#{target}")
    }
    /// The SHA-to-alias mapping.
    pub fn alias(target: &Target, component: &Component) -> Self {
        Self::of(Self::target(target), format!("alias#{component}"))
    }
    /// The release that put a hostname up. The sort key is the hostname's first label.
    pub fn candidate(target: &Target, hostname: &Fqdn) -> Self {
        let label = hostname.as_str().split('.').next().unwrap_or_default();
        Self::of(Self::target(target), format!("candidate#{label}"))
    }
    /// The same once it is gone.
    pub fn past(target: &Target, hostname: &Fqdn) -> Self {
        let standing = Self::candidate(target, hostname);
        Self::of(standing.pk, standing.sk.replacen("candidate#", "past#", 1))
    }
    /// One release. Zero-padded, so that the console sorts by number.
    pub fn release(target: &Target, ticket: Ticket) -> Self {
        Self::of(Self::target(target), format!("release#{:08}", ticket.0))
    }
    /// Which release an execution is: Plan release may run twice.
    pub fn execution(target: &Target, execution: &str) -> Self {
        Self::of(Self::target(target), format!("execution#{execution}"))
    }
    /// The outputs of the target's stack.
    pub fn environment(target: &Target) -> Self {
        Self::of(Self::target(target), "environment".into())
    }
    /// The counter.
    pub fn ticket(target: &Target) -> Self {
        Self::of(Self::target(target), "ticket".into())
    }
    /// A component's configuration.
    pub fn component(component: &Component) -> Self {
        Self::of(format!("component#{component}"), "config".into())
    }
    /// An artifact.
    pub fn artifact(component: &Component, commit: &Commit) -> Self {
        Self::of(
            format!("component#{component}"),
            format!("artifact#{commit}"),
        )
    }
    /// A set that a release tested.
    pub fn set(target: &Target, ticket: Ticket, round: u32) -> Self {
        Self::of(Self::target(target), format!("set#{:08}#{round}", ticket.0))
    }
    /// What one component was tested against: `proof#ui@3f2a9c1b04de#api@...,msa@...`.
    pub fn proof(target: &Target, proof: &Proof) -> Self {
        Self::of(Self::target(target), format!("proof#{proof}"))
    }
    /// The partition that lists the components of a repository.
    pub fn repository(name: &str) -> String {
        format!("repository#{name}")
    }
}

/// `target#<t>` / `environment`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentRow {
    /// `stage.myproj.com`
    pub domain: Domain,
    /// The hosted zone.
    pub zone_id: String,
    /// The launch template.
    pub launch_template_id: String,
    /// The version of it that releases launch from: the template's own, not a release's. Rows of
    /// before it was recorded mean the first, which is what they launched from.
    #[serde(default = "crate::launch_template::first")]
    pub launch_template_version: String,
    /// Where instances go.
    pub subnet_ids: Vec<String>,
    /// Seconds.
    pub alias_ttl: u32,
    /// Seconds, at least 2 (a candidate's record has one second less).
    pub hostname_ttl: u32,
    /// Seconds that Drain waits beyond the alias TTL.
    pub drain_margin: u32,
    /// Whether what depends on a released component is tested beside it.
    #[serde(default = "yes")]
    pub test_dependents: bool,
}

fn yes() -> bool {
    true
}

/// `component#<c>` / `config` (and `repository#<name>` / `component#<c>`)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentRow {
    /// Which.
    pub component: Component,
    /// Where it is fetched from.
    pub repository: RepositoryUrl,
    /// Branch to target: a push to the branch releases to the target.
    #[serde(default)]
    pub branches: BTreeMap<String, Target>,
    /// The secret that holds the repository's credentials, if it needs any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<SecretName>,
}

/// `target#<t>` / `alias#<c>`: what is live, since when, by which release.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AliasRow {
    /// Whose.
    pub component: Component,
    /// What is live.
    pub commit: Commit,
    /// Where the alias points.
    pub hostname: Fqdn,
    /// Behind it.
    pub instances: Vec<Instance>,
    /// As asked for.
    pub version: Version,
    /// `stage-r42`
    pub release: String,
    /// 42
    pub ticket: Ticket,
    /// The execution's name.
    pub execution: String,
    /// RFC 3339.
    pub since: String,
    /// Its port.
    pub port: u16,
    /// Whom it talks to.
    #[serde(default)]
    pub peers: Vec<Component>,
    /// Of its artifact.
    pub artifact_sha256: String,
    /// Repeats exactly this deployment.
    pub launch_template_version: String,
    /// What was live before: the last commit that was another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// The release that brought this commit, where a later one has only launched it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brought_by: Option<Ticket>,
    /// Route 53's change that moved the alias: the same for all components of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_id: Option<String>,
    /// What was taken back when this went live: a push of it does not bring it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<Commit>,
}

impl AliasRow {
    /// The release whose cutover changed what users get here: the one that a roll-back of the
    /// target's last release takes back.
    pub fn brought(&self) -> Ticket {
        self.brought_by.unwrap_or(self.ticket)
    }
}

/// What was live before.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Previous {
    /// What.
    pub commit: Commit,
    /// Where.
    pub hostname: Fqdn,
    /// By which release.
    pub ticket: Ticket,
    /// Repeats exactly that deployment.
    pub launch_template_version: String,
}

/// How far a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateState {
    /// Its name is reserved.
    Planned,
    /// Its instances are healthy.
    Healthy,
    /// Its alias points to it (or did, until a later release).
    Live,
    /// Its records are gone and its instances are being ended: the name is not free yet.
    Leaving,
    /// It was live and is gone.
    Retired,
    /// It never went live and is gone.
    Discarded,
}

impl CandidateState {
    /// Whether the hostname may be used again.
    pub fn is_gone(self) -> bool {
        matches!(self, Self::Retired | Self::Discarded)
    }

    /// Whether it is gone or going: nothing brings it back.
    pub fn is_leaving(self) -> bool {
        self == Self::Leaving || self.is_gone()
    }
}

/// `target#<t>` / `candidate#<first label of the hostname>`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateRow {
    /// Whose.
    pub component: Component,
    /// What it runs.
    pub commit: Commit,
    /// Where it stands.
    pub hostname: Fqdn,
    /// The release that put it up.
    pub ticket: Ticket,
    /// `stage-r42`
    pub release: String,
    /// How far it is.
    pub state: CandidateState,
    /// Behind the hostname.
    #[serde(default)]
    pub instances: Vec<Instance>,
    /// Repeats exactly this deployment.
    #[serde(default)]
    pub launch_template_version: String,
    /// The release that launched the instances, where it was an earlier one: they have its tags and
    /// booted with its peer names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched_by: Option<Ticket>,
    /// A further instance of a live commit, there only to be tested beside a release.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub companion: bool,
    /// What it was booted from, from the moment it is healthy: source, manifest, artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Prepared>,
    /// When it was found healthy, and what had happened until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_healthy: Option<FoundHealthy>,
}

/// The first of the looks at which all instances of a candidate were healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundHealthy {
    /// RFC 3339.
    pub at: String,
    /// How often the component had ended on each instance.
    #[serde(default)]
    pub ends: Counts,
}

/// By what changes of a row while its hostname is the same; what it was booted from does not.
impl Hash for CandidateRow {
    fn hash<H: Hasher>(&self, to: &mut H) {
        let healthy = (self.recipe.is_some(), &self.instances);
        (
            &self.hostname,
            self.ticket,
            self.state,
            self.launched_by,
            healthy,
        )
            .hash(to);
    }
}

impl CandidateRow {
    /// The release whose tags its instances have.
    pub fn launched(&self) -> Ticket {
        self.launched_by.unwrap_or(self.ticket)
    }

    /// Whether the name is still reserved for the release: nobody has given it up or taken it over.
    pub fn is_held_by(&self, ticket: Ticket) -> bool {
        self.ticket == ticket && !self.state.is_leaving()
    }

    /// What a decision needs of it.
    pub fn known(&self) -> Known {
        Known {
            ticket: self.ticket,
            commit: self.commit.clone(),
            peers: self.peers(),
        }
    }

    /// Whom it talks to, as far as it is known.
    pub fn peers(&self) -> BTreeSet<Component> {
        let peers = |recipe: &Prepared| recipe.manifest.component.peers.clone();
        self.recipe.as_ref().map(peers).unwrap_or_default()
    }
}

/// What became of a tested set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetResult {
    /// Every suite passed, or there was none.
    Passed,
    /// At least one suite did not pass.
    Failed,
}

/// `target#<t>` / `set#<ticket>#<round>`: what was tested together, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetRow {
    /// Everything live beside the release, and the release itself.
    pub set: Set,
    /// What the release was to bring.
    pub released: Vec<Component>,
    /// Live components that depend on it, tested beside it.
    pub dependents: Vec<Component>,
    /// Whether every suite passed.
    pub result: SetResult,
    /// How each suite ended.
    pub suites: Vec<SuiteReply>,
    /// Left out because the release said so.
    pub skipped: Vec<SuiteRef>,
    /// `stage-r42`
    pub release: String,
    /// 42
    pub ticket: Ticket,
    /// Which time the release was tested, from 1.
    pub round: u32,
    /// RFC 3339.
    pub at: String,
}

impl SetRow {
    /// What a release tested, and how it ended.
    pub fn of(
        release: &Release,
        tested: &Tested,
        released: Vec<Component>,
        tests: &[SuiteReply],
        at: String,
    ) -> Self {
        let red = |one: &SuiteReply| one.outcome != SuiteOutcome::Passed;
        let dependents: BTreeSet<Component> = tests
            .iter()
            .filter(|one| one.companion)
            .map(|one| one.component.clone())
            .collect();
        Self {
            set: tested.set.clone(),
            released,
            dependents: dependents.into_iter().collect(),
            result: match tests.iter().any(red) {
                true => SetResult::Failed,
                false => SetResult::Passed,
            },
            suites: tests.to_vec(),
            skipped: tested.skipped.clone(),
            release: release.label(),
            ticket: release.ticket,
            round: tested.round,
            at,
        }
    }
}

/// `target#<t>` / `proof#...`: one component's suites passed against exactly these peers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRow {
    /// What against what.
    #[serde(flatten)]
    pub proof: Proof,
    /// Suites that were left out.
    #[serde(default)]
    pub skipped: Vec<SuiteName>,
    /// How many ran: a component without any is proven to start and to be healthy, and to nothing
    /// more. Absent in rows from before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suites: Option<u32>,
    /// `stage-r42`
    pub release: String,
    /// RFC 3339.
    pub at: String,
}

impl ProofRow {
    /// Whether this one left out fewer suites.
    pub fn says_more_than(&self, other: &Self) -> bool {
        self.skipped.len() < other.skipped.len()
    }

    /// Whether the component has none, so that nothing of it was tested. Where it was not recorded it is
    /// taken for tested.
    pub fn has_no_suites(&self) -> bool {
        self.suites == Some(0) && self.skipped.is_empty()
    }
}

/// How far a release got, in the words of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReleaseOutcome {
    /// It has neither moved an alias nor ended.
    #[serde(rename = "running")]
    Running,
    /// Its cutover moved the aliases.
    #[serde(rename = "live")]
    Live,
    /// All that was asked for was live at these commits, by an earlier or another release.
    #[serde(rename = "already live")]
    AlreadyLive,
    /// It ended without moving an alias.
    #[serde(rename = "not released")]
    NotReleased,
    /// It was live, and Watch release took it back.
    #[serde(rename = "rolled back")]
    RolledBack,
}

/// `target#<t>` / `release#<ticket>`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRow {
    /// Its number.
    pub ticket: Ticket,
    /// The execution's name.
    pub execution: String,
    /// The execution's ARN.
    pub execution_arn: String,
    /// RFC 3339.
    pub started: String,
    /// What Plan release answered: the same execution gets the same plan again.
    pub plan: PlanReply,
    /// How far it got.
    pub outcome: ReleaseOutcome,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Route 53's change that moved the aliases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_id: Option<String>,
}

/// `component#<c>` / `artifact#<sha>`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRow {
    /// Whose.
    pub component: Component,
    /// Of which commit.
    pub commit: Commit,
    /// What.
    #[serde(flatten)]
    pub artifact: Artifact,
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
