//! Integration tests.

use super::{Bundle, Release, Vendored};
use crate::names::{Commit, Component, SuiteName};
use crate::proof::Set;
use crate::reason::Reason;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

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
    /// Where, if not in the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<crate::manifest::Machine>,
    /// `TARGET_URL` and the peers'.
    pub environment: BTreeMap<String, String>,
    /// The libraries that its component pins; of a library also itself, which is what is tested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vendor: Vec<Vendored>,
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
