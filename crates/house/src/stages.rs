//! The list of stages against the machines and the functions' own files: a state, its function and its
//! folder have one name, and each has a row.

use crate::files::{entries, read};
use crate::machines::{machines_of, path_of, resource_of, states_of, tasks_of};
use pipeline::stages::{MACHINES, Machine, Stage, WITHOUT_STATE, functions};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Functions that are not called as the state that they are named for: it has the name of what a person sees, and they
/// of all that they do.
const NAMED_OTHERWISE: [&str; 4] = [
    "cutover",
    "integration-tests",
    "prepare-command",
    "collect-command",
];

/// All rows, each with its machine's path.
fn all() -> impl Iterator<Item = (String, &'static Stage)> {
    let rows = |machine: &'static Machine| machine.stages.iter().map(|row| (path_of(machine), row));
    MACHINES.iter().flat_map(rows)
}

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
    for machine in MACHINES {
        for (state, task) in tasks_of(&path_of(machine)) {
            let row = machine.stages.iter().find(|stage| stage.state == state);
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
    for (path, stage) in all() {
        let state = stage.state;
        let states = states_of(&path).into_iter();
        assert!(
            states.map(|(name, _)| name).any(|name| name == state),
            "{path} has no `{state}`"
        );
        let function: BTreeSet<String> = stage.function.map(resource).into_iter().collect();
        assert_eq!(called(&path, state), function, "`{state}`");
    }
}

/// A function of several states is named for one of them.
#[test]
fn a_state_is_called_as_the_function_that_is_named_for_it() {
    let mut otherwise = BTreeSet::new();
    for function in entries("functions") {
        let Some(state) = named_for(&function) else {
            assert!(WITHOUT_STATE.contains(&function.as_str()), "{function}");
            continue;
        };
        let is_it = |row: &Stage| row.state == state && row.function == Some(&function);
        assert!(
            all().any(|(_, row)| is_it(row)),
            "{function}: State: {state}"
        );
        if folder(&state) != function {
            otherwise.insert(function);
        }
    }
    assert_eq!(otherwise, NAMED_OTHERWISE.map(str::to_owned).into());
}

/// The state that a function's own file names.
fn named_for(function: &str) -> Option<String> {
    let own = read(&format!("functions/{function}/function.yaml"));
    let state = own.lines().find_map(|line| line.strip_prefix("State: "));
    state.map(str::to_owned)
}

#[test]
fn every_folder_of_a_function_has_a_row() {
    let called = MACHINES.iter().flat_map(|one| functions(one.stages));
    let mut rows: Vec<&str> = called.chain(WITHOUT_STATE.iter().copied()).collect();
    rows.sort_unstable();
    assert_eq!(entries("functions"), rows);
}
