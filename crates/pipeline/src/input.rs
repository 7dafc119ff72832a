//! The input of a release: what a person types in the console, a push or the CLI sends.

use crate::names::{Component, Target, excerpt};
use crate::typed::{self, kind};
use crate::version::{Version, is_branch_name};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Components one release may name: its names are reserved in one DynamoDB transaction of at most
/// 100 writes, and two of them are the release's own:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>.
pub const MAX_COMPONENTS: usize = 98;

/// Bytes of JSON an input may have: 98 components with long names and versions fit.
pub const MAX_INPUT_BYTES: usize = 65_536;

/// A checked input. Every field but the components has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseInput {
    /// What to release, by component. Empty for `"version": "previous"` alone: then it is what the
    /// target's last release moved, back to what was live before.
    pub versions: BTreeMap<Component, Version>,
    /// Where to; `stage` unless said otherwise.
    pub target: Target,
    /// Leaves suites marked `slow` out, and says so in the output.
    pub skip_slow_scans: bool,
    /// Pushes a tag to each repository afterwards.
    pub tag: bool,
    /// Release only while this branch still points at the version: a newer push goes instead.
    pub branch: Option<String>,
    /// Launch again what is live at this very commit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// Why an input is refused: the key and what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InputError(pub String);

const KEYS: &[&str] = &[
    "component",
    "version",
    "versions",
    "target",
    "skip_slow_scans",
    "tag",
    "branch",
    "force",
];

impl ReleaseInput {
    /// Reads an execution's input.
    pub fn parse(value: &Value) -> Result<Self, InputError> {
        let size = value.to_string().len();
        if size > MAX_INPUT_BYTES {
            return refuse(format!(
                "the input has {size} bytes, at most {MAX_INPUT_BYTES} are read: name components and versions only"
            ));
        }
        let Value::Object(fields) = value else {
            return refuse(format!("the input must be a JSON object such as {EXAMPLE}"));
        };
        if let Some(key) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return refuse(format!(
                "unknown key `{}`; the keys are {}",
                excerpt(key),
                KEYS.join(", ")
            ));
        }
        let input = Self {
            versions: versions(fields)?,
            target: match text(fields, "target")? {
                Some(target) => {
                    Target::new(target).map_err(|e| InputError(format!("target: {e}")))?
                }
                None => Target::new("stage").expect("a constant that the tests check"),
            },
            skip_slow_scans: flag(fields, "skip_slow_scans")?,
            tag: flag(fields, "tag")?,
            branch: branch(fields)?,
            force: flag(fields, "force")?,
        };
        if input.branch.is_some() && input.versions.len() != 1 {
            return refuse("branch: goes with one component, not with several".into());
        }
        Ok(input)
    }

    /// Whether it undoes the target's last release, all components of it.
    pub fn takes_back_last_release(&self) -> bool {
        self.versions.is_empty()
    }

    /// Whether it brings back only what was live before.
    pub fn is_rollback(&self) -> bool {
        self.versions
            .values()
            .all(|version| *version == Version::Previous)
    }
}

const EXAMPLE: &str = r#"{"component": "api", "version": "HEAD", "target": "stage"}"#;

fn refuse<T>(message: String) -> Result<T, InputError> {
    Err(InputError(message))
}

fn versions(fields: &Map<String, Value>) -> Result<BTreeMap<Component, Version>, InputError> {
    match (fields.get("component"), fields.get("versions")) {
        (None, None) if text(fields, "version")? == Some("previous") => Ok(BTreeMap::new()),
        (None, None) => refuse(format!(
            "component: missing; say what to release, e.g. {EXAMPLE}"
        )),
        (Some(_), Some(_)) => refuse("component and versions: give one of them, not both".into()),
        (Some(_), None) => {
            let name = text(fields, "component")?.unwrap_or_default();
            let component =
                Component::new(name).map_err(|e| InputError(format!("component: {e}")))?;
            let version = text(fields, "version")?.unwrap_or("HEAD");
            Ok(BTreeMap::from([(
                component,
                parse_version("version", version)?,
            )]))
        }
        (None, Some(_)) if fields.contains_key("version") => {
            refuse("version: goes with component; with versions, each component has its own".into())
        }
        (None, Some(Value::Object(map))) if map.is_empty() => {
            refuse("versions: names no component".into())
        }
        (None, Some(Value::Object(map))) if map.len() > MAX_COMPONENTS => refuse(format!(
            "versions: {} components; one release takes at most {MAX_COMPONENTS}",
            map.len()
        )),
        (None, Some(Value::Object(map))) => map
            .iter()
            .map(|(name, value)| one_version(name, value))
            .collect(),
        (None, Some(other)) => refuse(format!(
            "versions: must be an object of component to version such as {{\"api\": \"v1.4.0\"}}, not {}",
            kind(other)
        )),
    }
}

fn one_version(name: &str, value: &Value) -> Result<(Component, Version), InputError> {
    let component = Component::new(name).map_err(|e| InputError(format!("versions: {e}")))?;
    let key = format!("versions.{component}");
    match value {
        Value::String(version) => Ok((component, parse_version(&key, version)?)),
        other => refuse(format!("{key}: must be a string, not {}", kind(other))),
    }
}

fn parse_version(key: &str, text: &str) -> Result<Version, InputError> {
    Version::new(text).map_err(|e| InputError(format!("{key}: {e}")))
}

fn branch(fields: &Map<String, Value>) -> Result<Option<String>, InputError> {
    match text(fields, "branch")? {
        Some(name) if !is_branch_name(name) => {
            refuse(format!("branch: `{}` is not a branch name", excerpt(name)))
        }
        other => Ok(other.map(str::to_owned)),
    }
}

fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, InputError> {
    typed::text(fields, key).map_err(InputError)
}

fn flag(fields: &Map<String, Value>, key: &str) -> Result<bool, InputError> {
    match fields.get(key) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => refuse(format!("{key}: must be true or false, not {}", kind(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(input: Value, expected: Expect) {
        let shown = match ReleaseInput::parse(&input) {
            Ok(input) => serde_json::to_string(&input).unwrap(),
            Err(error) => format!("refused: {error}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn only_the_component_is_needed() {
        check(
            json!({"component": "api"}),
            expect![[
                r#"{"versions":{"api":"HEAD"},"target":"stage","skip_slow_scans":false,"tag":false,"branch":null}"#
            ]],
        );
    }

    #[test]
    fn a_hotfix_is_what_a_person_types() {
        check(
            json!({"component":"api","version":"v1.4.1","target":"prod","skip_slow_scans":true}),
            expect![[
                r#"{"versions":{"api":"v1.4.1"},"target":"prod","skip_slow_scans":true,"tag":false,"branch":null}"#
            ]],
        );
    }

    #[test]
    fn several_components_have_a_version_each() {
        check(
            json!({"versions": {"api": "v1", "ui": "live:dev"}, "target": "prod"}),
            expect![[
                r#"{"versions":{"api":"v1","ui":"live:dev"},"target":"prod","skip_slow_scans":false,"tag":false,"branch":null}"#
            ]],
        );
    }

    #[test]
    fn previous_alone_takes_the_last_release_back() {
        check(
            json!({"target": "prod", "version": "previous"}),
            expect![[
                r#"{"versions":{},"target":"prod","skip_slow_scans":false,"tag":false,"branch":null}"#
            ]],
        );
        check(
            json!({"target": "prod", "version": "v1"}),
            expect![[
                r#"refused: component: missing; say what to release, e.g. {"component": "api", "version": "HEAD", "target": "stage"}"#
            ]],
        );
    }

    #[test]
    fn a_release_may_push_tags() {
        check(
            json!({"component": "api", "tag": true}),
            expect![[
                r#"{"versions":{"api":"HEAD"},"target":"stage","skip_slow_scans":false,"tag":true,"branch":null}"#
            ]],
        );
    }

    #[test]
    fn what_is_live_may_be_launched_again() {
        check(
            json!({"component": "api", "version": "live:prod", "target": "prod", "force": true}),
            expect![[
                r#"{"versions":{"api":"live:prod"},"target":"prod","skip_slow_scans":false,"tag":false,"branch":null,"force":true}"#
            ]],
        );
        check(
            json!({"component": "api", "force": "yes"}),
            expect!["refused: force: must be true or false, not a string"],
        );
    }

    #[test]
    fn bad_input_is_refused_with_the_key_and_the_fix() {
        check(
            json!({}),
            expect![[
                r#"refused: component: missing; say what to release, e.g. {"component": "api", "version": "HEAD", "target": "stage"}"#
            ]],
        );
        check(
            json!([]),
            expect![[
                r#"refused: the input must be a JSON object such as {"component": "api", "version": "HEAD", "target": "stage"}"#
            ]],
        );
        check(
            json!({"component":"api","versoin":"v1"}),
            expect![
                "refused: unknown key `versoin`; the keys are component, version, versions, target, skip_slow_scans, tag, branch, force"
            ],
        );
        check(
            json!({"component":"api","skip_slow_scans":"yes"}),
            expect!["refused: skip_slow_scans: must be true or false, not a string"],
        );
        check(
            json!({"component":7}),
            expect!["refused: component: must be a string, not a number"],
        );
        check(
            json!({"component":"api","version":"--upload-pack=x"}),
            expect![
                "refused: version: version `--upload-pack=x` is not a tag, a branch, a commit SHA, `HEAD`, `previous` or `live:<target>`"
            ],
        );
        check(
            json!({"component":"api","version":"../../etc"}),
            expect![
                "refused: version: version `../../etc` is not a tag, a branch, a commit SHA, `HEAD`, `previous` or `live:<target>`"
            ],
        );
        check(
            json!({"versions":{}}),
            expect!["refused: versions: names no component"],
        );
        check(
            json!({"versions":{"api":1}}),
            expect!["refused: versions.api: must be a string, not a number"],
        );
        check(
            json!({"component":"api","versions":{"api":"HEAD"}}),
            expect!["refused: component and versions: give one of them, not both"],
        );
        check(
            json!({"component":"api","target":"../x"}),
            expect![
                "refused: target: `../x` is not a target name: 1 to 16 lower-case letters, digits and single hyphens, beginning with a letter"
            ],
        );
    }

    #[test]
    fn a_huge_input_is_refused_by_its_size() {
        let message = ReleaseInput::parse(&json!({"component": "a".repeat(200_000)}))
            .unwrap_err()
            .to_string();
        assert!(message.contains("at most 65536"), "{message}");
    }
}
