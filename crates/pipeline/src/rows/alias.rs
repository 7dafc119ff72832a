//! What is live.

use crate::names::{Commit, Component, Fqdn, Ticket};
use crate::version::Version;
use crate::wire::Instance;
use serde::{Deserialize, Serialize};
use std::hash::Hash;

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
    /// What the alias led to until then, whatever its commit. A roll-back by itself goes back there: after a restart
    /// `previous` is an older version, which ended long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Previous>,
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
