//! What may be chosen of a target, and what of it each release there needs: the parameters of `infra/target.yaml`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What may be chosen; a test holds it against the template. The others follow from the project.
pub const PARAMETERS: &[&str] = &[
    "ParentZoneId",
    "AliasTtl",
    "HostnameTtl",
    "DrainMargin",
    "TestDependents",
    "Protected",
    "Architecture",
    "InstanceType",
    "ImageArm64",
    "ImageX8664",
    "VolumeSize",
    "VpcCidr",
    "ZoneA",
    "ZoneB",
    "ClientCidr",
    "Database",
    "DatabaseClass",
    "DatabaseStorage",
];

/// What releases to a target do otherwise than to another. It is part of the target's row and, as it
/// was when the release was planned, of each release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSettings {
    /// Seconds that resolvers keep where an alias points.
    pub alias_ttl: u32,
    /// Seconds that they keep a hostname's address; a candidate's record has one second less.
    pub hostname_ttl: u32,
    /// Seconds that Drain waits beyond the alias TTL.
    #[serde(default, skip_serializing_if = "is_none")]
    pub drain_margin: u32,
    /// Whether what depends on a released component is tested beside it.
    #[serde(default = "yes")]
    pub test_dependents: bool,
}

/// Plans of before it was part of them say nothing of it; their drain is in them.
fn is_none(margin: &u32) -> bool {
    *margin == 0
}

fn yes() -> bool {
    true
}

/// Why a stack's outputs are no environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stack's output {0} is missing or cannot be read")]
pub struct BadOutput(pub String);

impl TargetSettings {
    /// Of a stack's outputs.
    pub fn of(outputs: &BTreeMap<String, String>) -> Result<Self, BadOutput> {
        Ok(Self {
            alias_ttl: number(outputs, "AliasTtl")?,
            hostname_ttl: number(outputs, "HostnameTtl")?,
            drain_margin: number(outputs, "DrainMargin")?,
            test_dependents: text(outputs, "TestDependents")? == "true",
        })
    }

    /// As a release takes them: a hostname's TTL must leave room for a candidate's shorter one.
    pub fn of_a_release(self) -> Self {
        Self {
            hostname_ttl: self.hostname_ttl.max(2),
            ..self
        }
    }

    /// Seconds from the cutover being INSYNC until the previous instances end.
    pub fn drain_seconds(&self) -> u32 {
        self.alias_ttl + self.drain_margin
    }
}

/// An output that must be there.
pub fn text<'a>(outputs: &'a BTreeMap<String, String>, key: &str) -> Result<&'a str, BadOutput> {
    let value = outputs.get(key).filter(|value| !value.is_empty());
    value
        .map(String::as_str)
        .ok_or_else(|| BadOutput(key.into()))
}

fn number(outputs: &BTreeMap<String, String>, key: &str) -> Result<u32, BadOutput> {
    text(outputs, key)?
        .parse()
        .map_err(|_| BadOutput(key.into()))
}
