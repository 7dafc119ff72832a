//! Hostnames, their instances, and what they were booted from.

use crate::ends::Counts;
use crate::live::Known;
use crate::names::{Commit, Component, Fqdn, Ticket};
use crate::wire::{Instance, Prepared};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

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

    /// From which states a row comes to this one, by an update that may arrive late. So what is live is
    /// never called merely healthy again, and what is gone never leaves once more. (What is gone has a
    /// row of its own, and is put there from wherever it was.)
    pub fn comes_from(self) -> &'static [Self] {
        match self {
            Self::Planned => &[],
            Self::Healthy => &[Self::Planned, Self::Healthy],
            Self::Live => &[Self::Healthy, Self::Live],
            Self::Leaving | Self::Retired | Self::Discarded => {
                &[Self::Planned, Self::Healthy, Self::Live, Self::Leaving]
            }
        }
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
    /// The release that had them last, where a roll-back has taken them over: a roll-back that is given up
    /// gives them back to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_from: Option<Ticket>,
    /// A further instance of a live commit, there only to be tested beside a release.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub companion: bool,
    /// What it was booted from, from the moment it is healthy: source, manifest, artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Prepared>,
    /// When it was found healthy, and what had happened until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_healthy: Option<FoundHealthy>,
    /// Until when it may be kept for its connections (RFC 3339), where its manifest has a `drain`: counted from the
    /// cutover that led users away from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<String>,
    /// The release of that cutover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_by: Option<Ticket>,
    /// The latest release that found it live already, at the commit that it asked for: no earlier one replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<Ticket>,
    /// Where its instances are launched, of those for which EC2 had no room in the subnet that was chosen: by that one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub elsewhere: BTreeMap<String, String>,
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
            (self.launched_by, self.taken_from, self.confirmed_by),
            healthy,
        )
            .hash(to);
    }
}

impl CandidateRow {
    /// A name that a release reserves, by its ticket and its label: nothing is launched yet.
    pub fn planned(
        hostname: Fqdn,
        component: Component,
        commit: Commit,
        (ticket, release): (Ticket, String),
    ) -> Self {
        Self {
            component,
            commit,
            hostname,
            ticket,
            release,
            state: CandidateState::Planned,
            instances: Vec::new(),
            launch_template_version: String::new(),
            launched_by: None,
            taken_from: None,
            companion: false,
            recipe: None,
            found_healthy: None,
            kept_until: None,
            kept_by: None,
            confirmed_by: None,
            elsewhere: BTreeMap::new(),
        }
    }

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
            confirmed_by: self.confirmed_by,
        }
    }

    /// Whom it talks to, as far as it is known.
    pub fn peers(&self) -> BTreeSet<Component> {
        let peers = |recipe: &Prepared| recipe.manifest.component.peers.clone();
        self.recipe.as_ref().map(peers).unwrap_or_default()
    }
}
