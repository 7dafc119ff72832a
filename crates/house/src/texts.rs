//! How long what is said may be. A state that takes more than 256 KiB ends an execution, or the clean-up
//! after one: so every text that a user's command, an instance or a repository can make longer is cut where
//! it passes from a function to a state, and a new way around is found here.

use crate::files::{read, rust_files};
use crate::machines::{paths, states_of, tasks_of};
use pipeline::reason::MAX_REASON;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where functions end and states begin.
const RUNTIME: &str = "crates/stage/src/runtime.rs";

/// Fields that hold sentences and are no [`pipeline::reason::Reason`]: what they are made of has its own
/// bounds, none of it is a user's command's, and `crates/stage` refuses an answer that is too long.
const OF_OURS: &[(&str, &str)] = &[
    // A component's name and a release's.
    ("crates/pipeline/src/wire/cutover.rs", "reason"),
    // Hostnames, and what is wrong with each.
    ("crates/pipeline/src/wire/cutover.rs", "unwell"),
    // A call that failed.
    ("crates/pipeline/src/wire/cutover.rs", "failure"),
    // Made by the state machine, and cut there.
    ("crates/pipeline/src/wire/discard.rs", "error"),
    ("crates/pipeline/src/wire/discard.rs", "cause"),
    // The parts and outputs of a target.
    ("crates/pipeline/src/target_wire.rs", "cause"),
    ("crates/pipeline/src/target_wire.rs", "warnings"),
    ("crates/pipeline/src/target_wire.rs", "left"),
];

/// Names that fields with sentences have.
const SENTENCES: &[&str] = &[
    "reason", "remark", "failure", "unwell", "cause", "message", "error", "warning", "warnings",
    "problem", "why", "said", "text", "note", "hint", "detail", "left", "tail", "output",
];

fn tasks() -> Vec<(String, Value)> {
    paths().iter().flat_map(|path| tasks_of(path)).collect()
}

/// The code before its tests, without comments.
fn code(path: &str) -> String {
    let text = read(path);
    let own = text.split("\n#[cfg(test)]\n").next().unwrap_or_default();
    let lines = own
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/") || path.contains("_tests/")
}

#[test]
fn functions_answer_through_one_place_that_cuts_what_they_say() {
    let mut paths: Vec<String> = ["crates", "functions"]
        .into_iter()
        .flat_map(rust_files)
        .collect();
    paths.retain(|path| !is_test(path) && !path.starts_with("crates/house/") && path != RUNTIME);
    assert!(paths.len() > 180, "{} files", paths.len());
    for path in paths {
        // What `main` answers goes to nobody: the process ends.
        let rest = code(&path).replace("lambda_runtime::Error", "");
        assert!(
            !rest.contains("lambda_runtime"),
            "{path} talks to Lambda itself"
        );
        assert!(!rest.contains("Diagnostic"), "{path} makes its own error");
    }
    let runtime = code(RUNTIME);
    assert_eq!(runtime.matches("error_message: ").count(), 1);
    assert!(runtime.contains("error_message: Reason::new(message).to_string(),"));
    assert!(runtime.contains("short_panics(stage)") && runtime.contains("=> answer(reply)"));
    // "2 KB before it enters a state".
    const { assert!(MAX_REASON <= 2048) };
}

/// The fields of a file whose type is some `String` and whose name is that of a sentence.
fn sentences(path: &str) -> Vec<String> {
    let text = code(path);
    let fields = text.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("pub ").trim_end_matches(',');
        let (name, kind) = line.split_once(": ")?;
        let is_text = ["String", "Option<String>", "Vec<String>"].contains(&kind);
        (is_text && SENTENCES.contains(&name)).then(|| name.to_owned())
    });
    fields.collect()
}

#[test]
fn a_sentence_that_travels_is_a_reason_or_known_to_be_ours() {
    let mut paths = rust_files("crates/pipeline/src/wire");
    paths.push("crates/pipeline/src/target_wire.rs".into());
    paths.retain(|path| !is_test(path));
    let mut found: Vec<(String, String)> = Vec::new();
    for path in paths {
        found.extend(
            sentences(&path)
                .into_iter()
                .map(|name| (path.clone(), name)),
        );
    }
    let known = |(path, name): &(String, String)| OF_OURS.contains(&(path.as_str(), name.as_str()));
    let new: Vec<_> = found.iter().filter(|one| !known(one)).collect();
    assert!(new.is_empty(), "sentences of any length: {new:?}");
    let gone = |&&(path, name): &&(&str, &str)| !found.contains(&(path.into(), name.into()));
    let gone: Vec<_> = OF_OURS.iter().filter(gone).collect();
    assert!(gone.is_empty(), "no such sentences any more: {gone:?}");
}

/// What a user's command answers in its function's name over the Runtime API is as long as it likes, and
/// what is too long for a state ends an execution or its clean-up.
#[test]
fn a_cause_is_cut_before_it_enters_a_state() {
    const CAUSE: &str = "$states.errorOutput.Cause";
    let is_there = format!("$exists({CAUSE})");
    let cut = format!("$substring({CAUSE}, 0, 2048)");
    let unwrapped = format!(
        "$substring($string($substring({CAUSE}, 0, 1) = '{{' ? $parse({CAUSE}).errorMessage : {CAUSE}), 0, 2048)"
    );
    for path in &paths() {
        let text = read(path);
        assert!(text.contains(&unwrapped) && text.contains(CAUSE), "{path}");
        let known = [unwrapped.as_str(), &cut, &is_there];
        let rest = known.iter().fold(text, |text, one| text.replace(one, ""));
        // Also in other spellings: as a whole, or by another path.
        for whole in [CAUSE, "errorOutput.Cause", "errorOutput)", "errorOutput %}"] {
            assert!(!rest.contains(whole), "{path}: a cause of any length");
        }
    }
}

/// Answers of the functions that run users' commands: they go no further, or only at their length.
#[test]
fn what_a_function_with_users_commands_answers_is_not_passed_on_at_any_length() {
    let with_commands = ["UnitTests", "Build", "IntegrationTests"];
    let mut seen = Vec::new();
    for (name, state) in tasks() {
        let resource = state["Resource"].as_str().unwrap_or_default();
        if !with_commands.iter().any(|of| resource.contains(of)) {
            continue;
        }
        seen.push(name.clone());
        let output = state["Output"].as_str().unwrap_or_default();
        let is_cut = output.starts_with("{% $length($string($states.result)) <= 4096 ? ");
        // What answers in the branches of a Parallel state is dropped by the state behind it.
        let is_dropped = ["Unit tests", "Build"].contains(&name.as_str());
        assert!(is_cut || is_dropped, "`{name}`: {output}");
        assert!(state.get("Assign").is_none(), "`{name}`");
    }
    assert_eq!(seen, ["Unit tests", "Build", "Run suite"]);
    let states = paths().into_iter().flat_map(|path| states_of(&path));
    let all: BTreeMap<String, Value> = states.collect();
    let next = &all["Push artifacts"];
    let taken = next["Arguments"].to_string() + &next["Output"].to_string();
    assert!(!taken.contains("$states.input"), "{taken}");
}
