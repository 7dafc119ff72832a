//! The program as it is typed, without AWS and without a local cloud.

use expect_test::{Expect, expect};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn cutover(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command.args(arguments);
    for name in [
        "CUTOVER_PROJECT",
        "CUTOVER_STATE_MACHINE",
        "AWS_REGION",
        "AWS_ENDPOINT_URL",
    ] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn git(folder: &Path, arguments: &[&str]) {
    let me = ["-c", "user.name=t", "-c", "user.email=t@localhost"];
    let ran = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(me)
        .args(arguments)
        .output();
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{arguments:?}: {}", text(&ran.stderr));
}

/// A checkout with this manifest, committed.
fn component(manifest: &str) -> tempfile::TempDir {
    let folder = tempfile::TempDir::with_prefix("cutover-cli-").unwrap();
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
    std::fs::write(folder.path().join("cutover.toml"), manifest).unwrap();
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message=x"]);
    folder
}

const MANIFEST: &str = "[component]\nname = 'api'\n[build]\nunit_tests = 'make test'\ncommand = 'make'\noutput = 'dist'\n[run]\ncommand = './api'\nport = 8080\n[[suite]]\nname = 'smoke'\ncommand = './smoke'\n";

/// What `check` says of it, after its exit code if that is not 0; the folder's own name is left out.
fn check(folder: &Path, expected: Expect) {
    let path = folder.to_str().unwrap();
    let output = cutover(&["check", path], &[]);
    let said = text(&output.stdout) + &text(&output.stderr);
    let said = said.trim_end().replace(path, "FOLDER");
    let code = output.status.code().unwrap();
    expected.assert_eq(&match code {
        0 => said,
        code => format!("{code}: {said}"),
    });
}

#[test]
fn a_good_folder_is_checked_without_a_project_and_without_aws() {
    let folder = component(MANIFEST);
    check(
        folder.path(),
        expect![[r#"
            api: a release would take this.
              unit tests   make test      within 10m
              build        make           within 10m, leaves dist
              run          ./api          1 instance, port 8080, /healthz answers 200 within 5m
              suite smoke  ./smoke        within 10m
              source       1 file, 172 B"#]],
    );
}

#[test]
fn a_bad_manifest_is_wrong_input_with_its_line() {
    let folder = component(&MANIFEST.replace("port = 8080", "port = 80"));
    check(
        folder.path(),
        expect!["2: cutover: FOLDER/cutover.toml: line 9: port 80 must be from 8000 to 8999"],
    );
    let path = folder.path().to_str().unwrap();
    let output = cutover(&["check", path, "--json"], &[]);
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(error["error"], "ManifestInvalid");
    assert_eq!(error["exit_code"], 2);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("line 9: port 80"),
        "{error}"
    );
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn what_a_release_refuses_of_the_sources_is_refused() {
    let folder = component(MANIFEST);
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("out")).unwrap();
    git(folder.path(), &["add", "out"]);
    check(
        folder.path(),
        expect![
            "2: cutover: out cannot be bundled: the link is absolute; make it relative, or make it a copy"
        ],
    );
    std::fs::remove_file(folder.path().join("out")).unwrap();
    git(folder.path(), &["rm", "--quiet", "--cached", "out"]);
    let link = format!("160000,{},vendor/lib", "a".repeat(40));
    git(
        folder.path(),
        &["update-index", "--add", "--cacheinfo", &link],
    );
    check(
        folder.path(),
        expect![
            "2: cutover: submodules are not supported (vendor/lib): copy what they bring into the repository"
        ],
    );
}

#[test]
fn the_examples_would_be_taken() {
    for example in ["msa", "msb", "api", "ui"] {
        let folder = checkout().join("examples").join(example);
        let output = cutover(&["check", folder.to_str().unwrap(), "--json"], &[]);
        assert!(output.status.success(), "{}", text(&output.stdout));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["component"], example);
        assert_eq!(said["manifest"]["component"]["name"], example);
    }
}

#[test]
fn the_version_names_the_commit_that_it_was_built_from() {
    let output = cutover(&["--version"], &[]);
    let said = text(&output.stdout);
    let known = Command::new("git")
        .arg("-C")
        .arg(checkout())
        .args(["rev-parse", "--short=12", "HEAD"])
        .output();
    let commit = known
        .ok()
        .filter(|ran| ran.status.success() && checkout().join(".git").exists());
    let version = env!("CARGO_PKG_VERSION");
    let expected = match commit {
        Some(ran) => format!("cutover {version} ({})\n", text(&ran.stdout).trim()),
        None => format!("cutover {version}\n"),
    };
    assert_eq!(said, expected);
}

#[test]
fn nothing_typed_is_help_also_where_the_environment_names_a_project() {
    for variables in [&[][..], &[("CUTOVER_PROJECT", "myproj")]] {
        for arguments in [&[][..], &["component"], &["target"]] {
            let output = cutover(arguments, variables);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
            assert!(said.contains("Usage: cutover"), "{arguments:?}: {said}");
            assert!(!said.contains("error:"), "{arguments:?}: {said}");
        }
    }
    assert_eq!(cutover(&["--help"], &[]).status.code(), Some(0));
}

#[test]
fn wrong_input_is_2_and_one_json_value_for_a_script() {
    for (arguments, what) in [
        (
            &["status", "--taget", "x"][..],
            "unexpected argument '--taget' found",
        ),
        (&["status"], "whose components?"),
        (&["release", "api", "--version", "a b"], "version"),
        (&["watch", "--timeout", "1000years"], "30 days at most"),
        (&["logs", "--list", "--follow"], "cannot be used with"),
        (&["check", "/nowhere"], "there is none"),
    ] {
        let person = cutover(arguments, &[]);
        assert_eq!(
            person.status.code(),
            Some(2),
            "{arguments:?}: {}",
            text(&person.stderr)
        );
        assert_eq!(text(&person.stdout), "", "{arguments:?}");
        assert!(
            text(&person.stderr).contains(what),
            "{arguments:?}: {}",
            text(&person.stderr)
        );
        let script = cutover(&[arguments, &["--json"]].concat(), &[]);
        let error: Value = serde_json::from_slice(&script.stdout).unwrap();
        assert_eq!(script.status.code(), Some(2));
        assert_eq!(error["exit_code"], 2);
        assert!(
            error["error"].is_string() && error["message"].as_str().unwrap().contains(what),
            "{error}"
        );
        assert_eq!(text(&script.stderr), "", "{arguments:?}");
    }
}

#[test]
fn nobody_who_answers_is_3() {
    let variables = [
        ("CUTOVER_PROJECT", "myproj"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let output = cutover(&["status", "--json"], &variables);
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        (&error["error"], &error["exit_code"]),
        (&"CloudRefused".into(), &3.into())
    );
}
