//! A target's own life: what a person asks for, and what the table says of it.

use crate::errors::ErrorName;
use crate::names::{Target, excerpt};
use crate::rows::EnvironmentRow;
use crate::settings::PARAMETERS;
use crate::target_wire::{Operation, ProvisionOutcome};
use crate::typed::{self, kind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A checked input of the target machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetInput {
    /// Create or update.
    Provision {
        /// Which.
        target: Target,
        /// Of `infra/target.yaml`; those that are not given stay as they are.
        parameters: BTreeMap<String, String>,
    },
    /// Remove it and everything in it.
    Teardown {
        /// Which.
        target: Target,
        /// Whether its name was typed a second time.
        confirmed: bool,
    },
}

/// Why an input is refused: the key and what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetInputError(pub String);

/// A parameter's value has at most 4,096 bytes:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>.
const MAX_VALUE: usize = 4096;

const EXAMPLE: &str = r#"{"action": "provision", "target": "dev"}"#;

/// A stack of this name is the pipeline's own: `<project>-cutover`.
const RESERVED: &str = "cutover";

impl TargetInput {
    /// Reads an execution's input.
    pub fn parse(value: &Value) -> Result<Self, TargetInputError> {
        let Value::Object(fields) = value else {
            return refuse(format!("the input must be a JSON object such as {EXAMPLE}"));
        };
        match text(fields, "action")? {
            Some("provision") => {
                only(fields, &["action", "target", "parameters"])?;
                Ok(Self::Provision {
                    target: target(fields)?,
                    parameters: parameters(fields)?,
                })
            }
            Some("teardown") => {
                only(fields, &["action", "target", "confirm"])?;
                let target = target(fields)?;
                let confirmed = confirmed(fields, &target)?;
                Ok(Self::Teardown { target, confirmed })
            }
            Some(other) => refuse(format!(
                "action: must be `provision` or `teardown`, not `{}`",
                excerpt(other)
            )),
            None => refuse(format!(
                "action: missing; say `provision` or `teardown`, e.g. {EXAMPLE}"
            )),
        }
    }
}

/// Whether a target is protected where nobody says otherwise.
pub fn is_protected_by_default(target: &Target) -> bool {
    target.as_str() == "prod"
}

fn refuse<T>(message: String) -> Result<T, TargetInputError> {
    Err(TargetInputError(message))
}

fn only(fields: &Map<String, Value>, keys: &[&str]) -> Result<(), TargetInputError> {
    match fields.keys().find(|key| !keys.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => refuse(format!(
            "unknown key `{}`; the keys of `{}` are {}",
            excerpt(key),
            fields["action"].as_str().unwrap_or_default(),
            keys.join(", ")
        )),
    }
}

fn target(fields: &Map<String, Value>) -> Result<Target, TargetInputError> {
    let Some(name) = text(fields, "target")? else {
        return refuse(format!("target: missing; say which, e.g. {EXAMPLE}"));
    };
    let target = Target::new(name).map_err(|e| TargetInputError(format!("target: {e}")))?;
    if target.as_str() == RESERVED {
        return refuse(format!(
            "target: `{RESERVED}` is the name of the pipeline's own stack; choose another"
        ));
    }
    Ok(target)
}

fn parameters(fields: &Map<String, Value>) -> Result<BTreeMap<String, String>, TargetInputError> {
    match fields.get("parameters") {
        None => Ok(BTreeMap::new()),
        Some(Value::Object(map)) => map
            .iter()
            .map(|(key, value)| parameter(key, value))
            .collect(),
        Some(other) => refuse(format!(
            "parameters: must be an object such as {{\"AliasTtl\": \"60\"}}, not {}",
            kind(other)
        )),
    }
}

fn parameter(key: &str, value: &Value) -> Result<(String, String), TargetInputError> {
    if !PARAMETERS.contains(&key) {
        return refuse(format!(
            "parameters: unknown `{}`; a target has {}",
            excerpt(key),
            PARAMETERS.join(", ")
        ));
    }
    match value {
        Value::String(text) if text.len() > MAX_VALUE => refuse(format!(
            "parameters.{key}: {} bytes, at most {MAX_VALUE} are taken",
            text.len()
        )),
        Value::String(text) => Ok((key.to_owned(), text.clone())),
        other => refuse(format!(
            "parameters.{key}: must be a string such as \"60\", not {}",
            kind(other)
        )),
    }
}

fn confirmed(fields: &Map<String, Value>, target: &Target) -> Result<bool, TargetInputError> {
    match text(fields, "confirm")? {
        None => Ok(false),
        Some(name) if name == target.as_str() => Ok(true),
        Some(other) => refuse(format!(
            "confirm: is `{}`, and the target is `{target}`; both must be the same name",
            excerpt(other)
        )),
    }
}

fn text<'a>(
    fields: &'a Map<String, Value>,
    key: &str,
) -> Result<Option<&'a str>, TargetInputError> {
    typed::text(fields, key).map_err(TargetInputError)
}

/// Whether releases may go to a target. A row without a state is of a version that knew only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TargetState {
    /// Releases may go there.
    #[default]
    #[serde(rename = "ready")]
    Ready,
    /// No new ones; what is there is being removed.
    #[serde(rename = "tearing down")]
    TearingDown,
}

/// `target#<t>` / `environment`, as far as it is filled: a teardown marks a target even if it was
/// never provisioned, so that nobody provisions it at the same moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetRow {
    /// Whether releases may go there.
    #[serde(default)]
    pub state: TargetState,
    /// The execution that said so last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What releases need, once it is provisioned.
    #[serde(flatten)]
    pub environment: Option<EnvironmentRow>,
}

/// Why no release may go to a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOpen {
    /// There is none.
    #[error(
        "target: `{0}` was never provisioned; provision it with `cutover target provision {0}`, or name another target"
    )]
    Unknown(Target),
    /// It goes.
    #[error(
        "target: `{target}` is being torn down by execution {by}; name another target, or provision it again with `cutover target provision {target}` once that has finished"
    )]
    TearingDown {
        /// Which.
        target: Target,
        /// Whose doing.
        by: String,
    },
}

/// What a target is made of, as its row says: where it did not change, a release meets nothing new.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MadeOf {
    /// The name of the stack's template, with its SHA-256; not recorded by earlier versions.
    #[serde(default)]
    pub template: String,
    /// The stack's.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Whether the stack refuses to be deleted.
    #[serde(default)]
    pub protected: bool,
    /// The version of the launch template that releases launch from: it tells a new image, whose
    /// parameter has the same name as before.
    #[serde(default)]
    pub launch_template_version: String,
}

/// What a provisioning says it did. CloudFormation begins each update of a template with a
/// `Transform`, also where nothing differs, so its word that there was one means nothing
/// (<https://github.com/localstack/localstack/issues/10782>, measured on AWS).
pub fn outcome(operation: Operation, before: Option<&MadeOf>, now: &MadeOf) -> ProvisionOutcome {
    let differs = now.template.is_empty() || before != Some(now);
    match operation {
        Operation::Create => ProvisionOutcome::Provisioned,
        Operation::Update if differs => ProvisionOutcome::Updated,
        _ => ProvisionOutcome::Unchanged,
    }
}

impl NotOpen {
    /// The error's name in the state machine.
    pub fn name(&self) -> ErrorName {
        match self {
            Self::Unknown(_) => ErrorName::UnknownTarget,
            Self::TearingDown { .. } => ErrorName::TargetClosing,
        }
    }
}

/// What a release needs of its target, or the sentence it is refused with.
pub fn open(target: &Target, row: Option<TargetRow>) -> Result<EnvironmentRow, NotOpen> {
    let row = row.unwrap_or_default();
    match (row.state, row.environment) {
        (TargetState::TearingDown, _) => Err(NotOpen::TearingDown {
            target: target.clone(),
            by: row.by.unwrap_or_else(|| "(not recorded)".into()),
        }),
        (TargetState::Ready, Some(environment)) => Ok(environment),
        (TargetState::Ready, None) => Err(NotOpen::Unknown(target.clone())),
    }
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
