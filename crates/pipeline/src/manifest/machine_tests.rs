use super::*;
use crate::names::Component;

const CURATED: &str = "aws/codebuild/amazonlinux-aarch64-standard:3.0";

fn settled(allowed: &str, machines: &str) -> Result<Manifest, String> {
    let text = format!(
        "[component]\nname = 'api'\n[build]\nunit_tests = 'a'\ncommand = 'b'\noutput = 'c'\n[run]\ncommand = 'd'\nport = 8080\n[[suite]]\nname = 'smoke'\ncommand = 'e'\n[[suite]]\nname = 'scan'\ncommand = 'f'\n{machines}"
    );
    let api = Component::new("api").unwrap();
    let manifest = Manifest::parse(&text, &api).map_err(|error| error.to_string())?;
    let allowed = Executors::from_str(allowed).unwrap();
    manifest
        .settled(&allowed)
        .map_err(|error| error.to_string())
}

/// The machines of the build and of both suites.
fn check(allowed: &str, machines: &str, expected: [&str; 3]) {
    let found = settled(allowed, machines).unwrap();
    let shown = |machine: &Option<Machine>| match machine {
        Some(machine) => serde_json::to_string(machine).unwrap(),
        None => String::new(),
    };
    let suites = found.suites.iter().map(|suite| shown(&suite.machine));
    let all: Vec<String> = std::iter::once(shown(&found.build.machine))
        .chain(suites)
        .collect();
    assert_eq!(all, expected);
    assert!(found.machine.is_default());
}

fn refused(allowed: &str, machines: &str, expected: &str) {
    let error = settled(allowed, machines).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

const CODEBUILD: &str = r#"{"kind":"codebuild"}"#;

#[test]
fn what_says_nothing_runs_by_the_first_that_the_pipeline_allows() {
    check("lambda", "", ["", "", ""]);
    check("lambda,codebuild", "", ["", "", ""]);
    check("codebuild,lambda", "", [CODEBUILD; 3]);
}

#[test]
fn a_machine_is_for_all_commands_that_have_none_of_their_own() {
    let large = r#"{"kind":"codebuild","compute":"large"}"#;
    let one =
        "[suite.machine]\nkind = 'lambda'\n[machine]\nkind = 'codebuild'\ncompute = 'large'\n";
    check("lambda,codebuild", one, [large, large, ""]);
    let other = "[machine]\nkind = 'lambda'\n[build.machine]\nkind = 'codebuild'\n";
    check("lambda,codebuild", other, [CODEBUILD, "", ""]);
}

#[test]
fn a_machine_of_its_own_replaces_the_other_as_a_whole() {
    let image = format!("[machine]\nimage = '{CURATED}'\n[build.machine]\ncompute = 'small'\n");
    let small = r#"{"kind":"codebuild","compute":"small"}"#;
    let imaged = format!(r#"{{"kind":"codebuild","image":"{CURATED}"}}"#);
    check("codebuild", &image, [small, &imaged, &imaged]);
}

#[test]
fn what_the_pipeline_does_not_allow_is_refused_with_what_it_does() {
    refused(
        "lambda",
        "[machine]\nkind = 'codebuild'\n",
        "[machine] kind is `codebuild`, and this pipeline allows `lambda` (its parameter Executors); write what it allows, or leave `kind` out",
    );
    refused(
        "codebuild",
        "[suite.machine]\nkind = 'lambda'\n",
        "[[suite]] scan machine kind is `lambda`, and this pipeline allows `codebuild`",
    );
}

#[test]
fn an_image_without_a_container_is_refused() {
    for (key, value) in [("image", CURATED), ("compute", "large")] {
        refused(
            "lambda,codebuild",
            &format!("[build.machine]\n{key} = '{value}'\n"),
            &format!("[build] machine {key} is a container's, and `lambda` has none"),
        );
    }
}

#[test]
fn a_value_that_no_machine_has_is_named_with_its_line() {
    let cases = [
        (
            "kind = 'docker'",
            "line 17: `docker` must be `lambda` or `codebuild`",
        ),
        (
            "compute = 'huge'",
            "line 17: `huge` must be `small`, `medium`",
        ),
        (
            "image = 'node:20'",
            "line 17: `node:20` must be an image of CodeBuild such as",
        ),
        ("size = 1", "line 17: unknown field `size`"),
    ];
    for (line, expected) in cases {
        refused("codebuild", &format!("[machine]\n{line}\n"), expected);
    }
}

#[test]
fn what_runs_longer_than_a_function_needs_a_container() {
    let hour = "[suite.machine]\nkind = 'codebuild'\n";
    let long =
        |machines: &str| machines.replace("[suite.machine]", "timeout = '8h'\n[suite.machine]");
    assert!(settled("lambda,codebuild", &long(hour)).is_ok());
    let refused = settled("lambda,codebuild", "timeout = '14m'\n").unwrap_err();
    let expected = "[[suite]] scan timeout is 840 s, and a command that runs by `lambda` has at most 780 s; say kind = \"codebuild\" in [machine] where the pipeline allows that";
    assert_eq!(refused, expected);
}

#[test]
fn an_image_is_codebuild_s_own_or_named_by_its_digest() {
    let digest = "0".repeat(64);
    let registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    let good = [
        CURATED.to_owned(),
        "aws/codebuild/standard:7.0".to_owned(),
        format!("{registry}/team/build@sha256:{digest}"),
        format!("{registry}.cn/build@sha256:{digest}"),
    ];
    for text in good {
        assert!(Image::try_from(text.clone()).is_ok(), "{text}");
    }
    let bad = [
        "aws/codebuild/".to_owned(),
        "aws/codebuild/standard".to_owned(),
        "aws/codebuild/standard:7.0 x".to_owned(),
        format!("{registry}/build:latest"),
        format!("{registry}/build@sha256:{}", &digest[1..]),
        format!("{registry}.evil.com/build@sha256:{digest}"),
        format!("docker.io/build@sha256:{digest}"),
    ];
    for text in bad {
        assert!(Image::try_from(text.clone()).is_err(), "{text}");
    }
}

#[test]
fn the_pipeline_s_parameter_names_one_or_both() {
    assert_eq!(
        Executors::from_str("codebuild,lambda").unwrap().to_string(),
        "`codebuild`, `lambda`"
    );
    for text in ["", "docker", "lambda, codebuild", "lambda,"] {
        assert!(Executors::from_str(text).is_err(), "{text}");
    }
}
