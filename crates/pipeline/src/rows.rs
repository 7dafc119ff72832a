//! The table's rows. One table, readable in the console without a manual.

use crate::names::{Commit, Component, Domain, Fqdn, RepositoryUrl, Target, Ticket};
use crate::version::Version;
use crate::wire::{Artifact, Instance, PlanReply};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// Where instances go.
    pub subnet_ids: Vec<String>,
    /// Seconds.
    pub alias_ttl: u32,
    /// Seconds, at least 2 (a candidate's record has one second less).
    pub hostname_ttl: u32,
    /// Seconds that Drain waits beyond the alias TTL.
    pub drain_margin: u32,
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
}

/// `target#<t>` / `alias#<c>`: what is live, since when, by which release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What was live before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
}

/// What was live before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateState {
    /// Its name is reserved.
    Planned,
    /// Its instances are healthy.
    Healthy,
    /// Its alias points to it (or did, until a later release).
    Live,
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
    /// `running`, `live` or `not released`.
    pub outcome: String,
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
