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
}

/// The input of an execution, checked by the rules that the state machine itself applies.
pub fn input(wanted: &Wanted) -> Result<(Value, ReleaseInput), InputError> {
    let mut fields = versions(wanted)?;
    fields.insert("target".into(), json!(wanted.target));
    if wanted.skip_slow_scans {
        fields.insert("skip_slow_scans".into(), json!(true));
    }
    let value = Value::Object(fields);
    let parsed = ReleaseInput::parse(&value)?;
    Ok((value, parsed))
}

fn versions(wanted: &Wanted) -> Result<Map<String, Value>, InputError> {
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
        (None, _) => "nothing".into(),
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
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn wanted(components: &[&str]) -> Wanted {
        let components = components.iter().map(|name| name.to_string()).collect();
        Wanted {
            components,
            target: "stage".into(),
            ..Wanted::default()
        }
    }

    fn check(wanted: Wanted, expected: Expect) {
        expected.assert_eq(&match input(&wanted) {
            Ok((value, parsed)) => format!("{value}\n{}", execution_name(&parsed, "k3x")),
            Err(error) => format!("refused: {error}"),
        });
    }

    #[test]
    fn one_component_is_what_a_person_types_in_the_console() {
        check(
            wanted(&["api"]),
            expect![[r#"
            {"component":"api","target":"stage","version":"HEAD"}
            api-HEAD-stage-k3x"#]],
        );
        check(
            Wanted {
                version: Some("release/1.4".into()),
                target: "prod".into(),
                skip_slow_scans: true,
                ..wanted(&["api"])
            },
            expect![[r#"
                {"component":"api","skip_slow_scans":true,"target":"prod","version":"release/1.4"}
                api-release-1-4-prod-k3x"#]],
        );
        check(
            wanted(&["api=3F2A9C1B04DE000000000000000000000000BEEF"]),
            expect![[r#"
            {"component":"api","target":"stage","version":"3F2A9C1B04DE000000000000000000000000BEEF"}
            api-3f2a9c1b04de-stage-k3x"#]],
        );
    }

    #[test]
    fn several_components_share_a_version_or_have_their_own() {
        check(
            Wanted {
                version: Some("v2".into()),
                ..wanted(&["ui", "api=live:dev"])
            },
            expect![[r#"
                {"target":"stage","versions":{"api":"live:dev","ui":"v2"}}
                api-and-1-more-stage-k3x"#]],
        );
    }

    #[test]
    fn what_the_state_machine_would_refuse_is_refused_before_it_starts() {
        check(
            wanted(&["api=--upload-pack=x"]),
            expect![
                "refused: version: version `--upload-pack=x` is not a tag, a branch, a commit SHA, `HEAD`, `previous` or `live:<target>`"
            ],
        );
        check(
            wanted(&["../api"]),
            expect![
                "refused: component: `../api` is not a component name: 1 to 30 lower-case letters, digits and single hyphens, beginning with a letter"
            ],
        );
        check(
            wanted(&["api", "api=v1"]),
            expect!["refused: component `api` is named twice"],
        );
        check(
            Wanted {
                version: Some("v1".into()),
                ..wanted(&["api=v2"])
            },
            expect!["refused: --version: every component has a version of its own already"],
        );
        check(
            Wanted {
                target: "Stage".into(),
                ..wanted(&["api"])
            },
            expect![
                "refused: target: `Stage` is not a target name: 1 to 16 lower-case letters, digits and single hyphens, beginning with a letter"
            ],
        );
    }

    #[test]
    fn a_name_is_one_that_step_functions_takes() {
        let longest = Wanted {
            version: Some("x".repeat(200)),
            target: "t".repeat(16),
            ..wanted(&[&"c".repeat(30)])
        };
        let suffix = suffix(i64::MAX);
        let name = execution_name(&input(&longest).unwrap().1, &suffix);
        assert!(name.len() <= MAX_NAME && name.ends_with(&suffix), "{name}");
        let odd = Wanted {
            version: Some("a/b.c+d@e".into()),
            ..wanted(&["api"])
        };
        let name = execution_name(&input(&odd).unwrap().1, "k3x");
        assert_eq!(name, "api-a-b-c-d-e-stage-k3x");
    }

    #[test]
    fn two_names_of_the_same_moment_differ() {
        let names: std::collections::HashSet<String> =
            (0..50).map(|_| suffix(1_700_000_000_000)).collect();
        assert!(names.len() > 45, "{}", names.len());
    }
}
