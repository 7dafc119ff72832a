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
fn a_restart_launches_what_is_live_again() {
    check(
        Wanted::restart(vec!["api".into()], "prod".into()),
        expect![[r#"
            {"component":"api","force":true,"target":"prod","version":"live:prod"}
            api-live-prod-prod-k3x"#]],
    );
    check(
        Wanted::restart(vec!["api".into(), "ui".into()], "stage".into()),
        expect![[r#"
            {"force":true,"target":"stage","versions":{"api":"live:stage","ui":"live:stage"}}
            api-and-1-more-stage-k3x"#]],
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
fn a_roll_back_takes_the_last_release_back_or_only_what_is_named() {
    let rollback = |components: &[&str]| {
        let components = components.iter().map(|name| name.to_string()).collect();
        Wanted::rollback(components, "prod".into())
    };
    check(
        rollback(&[]),
        expect![[r#"
        {"target":"prod","version":"previous"}
        rollback-last-release-prod-k3x"#]],
    );
    check(
        rollback(&["api"]),
        expect![[r#"
        {"component":"api","target":"prod","version":"previous"}
        rollback-api-prod-k3x"#]],
    );
    check(
        rollback(&["ui", "api"]),
        expect![[r#"
            {"target":"prod","versions":{"api":"previous","ui":"previous"}}
            rollback-api-and-1-more-prod-k3x"#]],
    );
}

#[test]
fn tags_are_asked_for_in_the_input() {
    check(
        Wanted {
            tag: true,
            ..wanted(&["api"])
        },
        expect![[r#"
            {"component":"api","tag":true,"target":"stage","version":"HEAD"}
            api-HEAD-stage-k3x"#]],
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
