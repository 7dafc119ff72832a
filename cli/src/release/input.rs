//! What the command line asks for, as an execution's input and name.

use pipeline::input::{InputError, ReleaseInput};
use serde_json::{Map, Value, json};
use std::hash::{BuildHasher, Hasher};

/// A release as typed.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// `api` or `api=v1.4.0`
    pub components: Vec<String>,
    /// For components without a version of their own.
    pub version: Option<String>,
    /// Where to.
    pub target: String,
    /// Without the slow suites.
    pub skip_slow_scans: bool,
    /// With a tag in each repository afterwards.
    pub tag: bool,
    /// Also what is live at its commit.
    pub force: bool,
}

impl Wanted {
    /// What was live before: of these components, or of all that the last release moved.
    pub fn rollback(components: Vec<String>, target: String) -> Self {
        Self {
            components,
            version: Some(PREVIOUS.into()),
            target,
            ..Self::default()
        }
    }
}

impl Wanted {
    /// The very commits that are live, launched again.
    pub fn restart(components: Vec<String>, target: String) -> Self {
        Self {
            components,
            version: Some(format!("live:{target}")),
            target,
            force: true,
            ..Self::default()
        }
    }
}

const PREVIOUS: &str = "previous";

/// The input of an execution, checked by the rules that the state machine itself applies.
pub fn input(wanted: &Wanted) -> Result<(Value, ReleaseInput), InputError> {
    let mut fields = versions(wanted)?;
    fields.insert("target".into(), json!(wanted.target));
    if wanted.skip_slow_scans {
        fields.insert("skip_slow_scans".into(), json!(true));
    }
    if wanted.tag {
        fields.insert("tag".into(), json!(true));
    }
    if wanted.force {
        fields.insert("force".into(), json!(true));
    }
    let value = Value::Object(fields);
    let parsed = ReleaseInput::parse(&value)?;
    Ok((value, parsed))
}

fn versions(wanted: &Wanted) -> Result<Map<String, Value>, InputError> {
    if wanted.components.is_empty() {
        // The target's last release, where the version is the previous one; else it is refused.
        let version = wanted.version.iter();
        let version = version.map(|version| ("version".to_owned(), json!(version)));
        return Ok(version.collect());
    }
    let fallback = wanted.version.as_deref().unwrap_or("HEAD");
    let mut versions = Map::new();
    for text in &wanted.components {
        let (component, version) = text.split_once('=').unwrap_or((text, fallback));
        if versions
            .insert(component.to_owned(), json!(version))
            .is_some()
        {
            return Err(InputError(format!(
                "component `{component}` is named twice"
            )));
        }
    }
    if wanted.version.is_some() && wanted.components.iter().all(|text| text.contains('=')) {
        return Err(InputError(
            "--version: every component has a version of its own already".into(),
        ));
    }
    Ok(match versions.len() {
        1 => versions
            .into_iter()
            .flat_map(|(component, version)| {
                [
                    ("component".into(), json!(component)),
                    ("version".into(), version),
                ]
            })
            .collect(),
        _ => Map::from_iter([("versions".to_owned(), Value::Object(versions))]),
    })
}

/// Step Functions' limit:
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>.
pub const MAX_NAME: usize = 80;

/// An execution's name that tells what it is: `api-v1-4-0-stage-<suffix>`.
pub fn execution_name(input: &ReleaseInput, suffix: &str) -> String {
    let mut components = input.versions.keys();
    let what = match (components.next(), input.versions.len()) {
        (Some(only), 1) => format!("{only}-{}", short(&input.versions[only].to_string())),
        (Some(first), several) => format!("{first}-and-{}-more", several - 1),
        (None, _) => "last-release".into(),
    };
    let what = match input.is_rollback() {
        true => format!(
            "rollback-{}",
            what.strip_suffix("-previous").unwrap_or(&what)
        ),
        false => what,
    };
    // Target and suffix, which make it unique, are kept whole.
    let rest = format!("-{}-{suffix}", input.target);
    let what: String = what
        .chars()
        .take(MAX_NAME.saturating_sub(rest.len()))
        .collect();
    format!("{what}{rest}")
}

fn short(version: &str) -> String {
    let length = if version.len() == 40 && version.bytes().all(|b| b.is_ascii_hexdigit()) {
        12
    } else {
        20
    };
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        }
    };
    version.chars().take(length).map(allowed).collect()
}

/// Two releases of one component may be asked for in the same millisecond: time and chance.
pub fn suffix(milliseconds: i64) -> String {
    let chance = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    format!(
        "{}{}",
        base36(milliseconds.unsigned_abs()),
        &base36(chance | 1 << 63)[..4]
    )
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.is_empty() {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
    }
    digits.into_iter().rev().collect()
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
