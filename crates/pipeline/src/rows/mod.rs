//! The table's rows. One table, readable in the console without a manual.

mod alias;
mod candidate;
mod history;
mod release;
mod tested;

pub use alias::{AliasRow, Previous};
pub use candidate::{CandidateRow, CandidateState, FoundHealthy};
pub(crate) use history::label;
pub use history::{ActState, Actor, DETAIL_TYPE, HistoryRow, Once, SOURCE, told_as};
pub use release::{ReleaseOutcome, ReleaseRow};
pub use tested::{ProofRow, SetResult, SetRow};

use crate::manifest::Kind;
use crate::names::{Commit, Component, Domain, Fqdn, RepositoryUrl, SecretName, Target, Ticket};
use crate::proof::Proof;
use crate::settings::TargetSettings;
use crate::wire::{Artifact, Cached};
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
    /// What the keeper has noted.
    pub fn keeper(target: &Target) -> Self {
        Self::of(Self::target(target), "keeper".into())
    }
    /// What was done by itself.
    pub fn history(target: &Target, row: &HistoryRow) -> Self {
        Self::of(Self::target(target), row.sort_key())
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
    /// What a build of the component for the target begins with, where it runs.
    pub fn cache(component: &Component, target: &Target, place: &str) -> Self {
        let pk = format!("component#{component}");
        Self::of(pk, format!("cache#{target}#{place}"))
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
    /// How releases go there.
    #[serde(flatten)]
    pub settings: TargetSettings,
}

/// `component#<c>` / `config` (and `repository#<name>` / `component#<c>`)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentRow {
    /// Which.
    pub component: Component,
    /// What it was added as.
    #[serde(default, skip_serializing_if = "Kind::is_service")]
    pub kind: Kind,
    /// Where it is fetched from.
    pub repository: RepositoryUrl,
    /// Branch to target: a push to the branch releases to the target.
    #[serde(default)]
    pub branches: BTreeMap<String, Target>,
    /// The secret that holds the repository's credentials, if it needs any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<SecretName>,
}

/// `component#<c>` / `artifact#<sha>`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRow {
    /// Whose.
    pub component: Component,
    /// Of which commit.
    pub commit: Commit,
    /// A library's is written when its suites have passed: from then on others can pin it.
    #[serde(default, skip_serializing_if = "Kind::is_service")]
    pub kind: Kind,
    /// What.
    #[serde(flatten)]
    pub artifact: Artifact,
}

/// `component#<c>` / `cache#<t>#<place>`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheRow {
    /// Whose.
    pub component: Component,
    /// Of which commit's build.
    pub commit: Commit,
    /// What.
    #[serde(flatten)]
    pub cached: Cached,
}

#[cfg(test)]
#[path = "../rows_tests.rs"]
mod tests;
