//! The list of stages against the machines and the functions' own files: a state, its function and its
//! folder have one name, and each has a row.

use crate::files::{entries, read};
use crate::machines::{self, machines_of, resource_of, states_of, tasks_of};
use pipeline::stages::{KEEP, RELEASE, START_RELEASE, SWEEP, Stage, TARGET, functions};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// States that are not called as their functions are: a function does it once more, or the undo of it, or
/// stands inside a Map of the function's name.
const NAMED_OTHERWISE: &[&str] = &[
    "Run suite",
    "Look before cutover",
    "Deploy (cutover)",
    "Record cutover",
    "Record libraries",
    "Keep caches",
    "Roll back",
    "Terminate rolled back",
    "Undo plan",
    "Look at deletion",
    "Prepare unit tests",
    "Collect unit tests",
    "Prepare build",
    "Collect build",
    "Prepare suite",
    "Collect suite",
];

const ALL: [(&str, &[Stage]); 4] = [
    (machines::RELEASE, RELEASE),
    (machines::TARGET, TARGET),
    (machines::SWEEP, SWEEP),
    (machines::KEEP, KEEP),
];

/// `Deploy (initial)` -> `deploy-initial`
fn folder(state: &str) -> String {
    state
        .to_lowercase()
        .replace(['(', ')'], "")
        .replace(' ', "-")
}

/// `deploy-initial` -> `DeployInitial`
fn resource(folder: &str) -> String {
    let words = folder.split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

#[test]
fn every_state_that_calls_a_function_has_its_row() {
    for (path, stages) in ALL {
        for (state, task) in tasks_of(path) {
            let row = stages.iter().find(|stage| stage.state == state);
            let row = row.unwrap_or_else(|| panic!("pipeline::stages has no row for `{state}`"));
            let function = row.function.map(resource);
            assert_eq!(function, Some(resource_of(&task)), "`{state}`");
        }
    }
}

/// The functions that a state calls, itself or by those inside it.
fn called(path: &str, state: &str) -> BTreeSet<String> {
    let inner = machines_of(path);
    let inner = inner.iter().filter(|machine| machine.within == state);
    let inside = inner.flat_map(|machine| &machine.states);
    let all: BTreeMap<String, Value> = states_of(path).into_iter().collect();
    let own = all.get_key_value(state).into_iter();
    own.chain(inside)
        .filter(|(_, state)| state["Type"] == "Task")
        .map(|(_, task)| resource_of(task))
        .collect()
}

#[test]
fn every_row_is_of_a_state_and_of_the_function_that_it_calls() {
    for (path, stages) in ALL {
        let states: BTreeSet<String> = states_of(path).into_iter().map(|(name, _)| name).collect();
        for stage in stages {
            let state = stage.state;
            assert!(states.contains(state), "{path} has no `{state}`");
            let function: BTreeSet<String> = stage.function.map(resource).into_iter().collect();
            assert_eq!(called(path, state), function, "`{state}`");
        }
    }
}

#[test]
fn a_state_is_called_as_its_function_is() {
    for stage in ALL.iter().flat_map(|(_, stages)| *stages) {
        let otherwise = NAMED_OTHERWISE.contains(&stage.state);
        let same = stage.function == Some(folder(stage.state).as_str());
        let waits = stage.function.is_none();
        assert!(
            same != otherwise || waits,
            "`{}`: {:?}",
            stage.state,
            stage.function
        );
    }
}

#[test]
fn every_folder_of_a_function_has_a_row() {
    let mut rows: Vec<&str> = ALL
        .iter()
        .flat_map(|(_, stages)| functions(stages))
        .collect();
    rows.push(START_RELEASE);
    rows.sort_unstable();
    assert_eq!(entries("functions"), rows);
}

#[test]
fn a_function_is_named_for_one_of_its_rows() {
    for function in ALL.iter().flat_map(|(_, stages)| functions(stages)) {
        let own = read(&format!("functions/{function}/function.yaml"));
        let named = own.lines().find_map(|line| line.strip_prefix("State: "));
        let is_it = |stage: &&Stage| Some(stage.state) == named && stage.function == Some(function);
        let row = ALL.iter().flat_map(|(_, stages)| *stages).find(is_it);
        assert!(row.is_some(), "{function}: State: {named:?}");
    }
}
