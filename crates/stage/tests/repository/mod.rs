//! This repository's own files, which the tests hold against the code.
#![allow(dead_code)] // each test binary uses its part

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The release's state machine, from the root.
pub const MACHINE: &str = "statemachine/release.asl.json";

/// The target's state machine, from the root.
pub const TARGET_MACHINE: &str = "statemachine/target.asl.json";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file's text, by its path from the root.
pub fn read(path: &str) -> String {
    let full = root().join(path);
    fs::read_to_string(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()))
}

/// Whether this is a folder.
pub fn is_folder(path: &str) -> bool {
    root().join(path).is_dir()
}

/// What a folder holds, sorted.
pub fn entries(folder: &str) -> Vec<String> {
    let full = root().join(folder);
    let found = fs::read_dir(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()));
    let mut names: Vec<String> = found
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Whether there is a file or folder of that path from the root.
pub fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// Every document that says what is true now, by its path from the root. (The changelog says what was.)
pub fn documents() -> Vec<String> {
    let named = |folder: &str, name: String| match folder {
        "" => name,
        folder => format!("{folder}/{name}"),
    };
    let folders = ["", "docs", "examples"].into_iter();
    folders
        .flat_map(|folder| {
            let names = entries(folder).into_iter();
            names.map(move |name| named(folder, name))
        })
        .filter(|path| path.ends_with(".md") && path != "CHANGELOG.md")
        .collect()
}

/// The values of the line `key: [a, b]` after the line that begins with `below`.
pub fn list_in(text: &str, below: &str, key: &str) -> Vec<String> {
    let (_, rest) = text
        .split_once(below)
        .unwrap_or_else(|| panic!("there is no `{below}`"));
    let start = format!("{key}: [");
    let line = rest
        .lines()
        .find_map(|line| line.trim().strip_prefix(&start))
        .unwrap_or_else(|| panic!("there is no `{start}` below `{below}`"));
    let inner = line.split(']').next().unwrap();
    inner.split(',').map(|one| one.trim().to_owned()).collect()
}

/// A state machine, or one inside a Map or Parallel state.
#[derive(Debug)]
pub struct Machine {
    /// Empty for the outermost one, else the state that it is inside of.
    pub within: String,
    /// Where it begins.
    pub start: String,
    /// By name.
    pub states: BTreeMap<String, Value>,
}

/// The release's machine and all those inside it; the outermost comes first.
pub fn machines() -> Vec<Machine> {
    machines_of(MACHINE)
}

/// A machine and all those inside it; the outermost comes first.
pub fn machines_of(path: &str) -> Vec<Machine> {
    let whole: Value = serde_json::from_str(&read(path)).unwrap();
    let mut found = Vec::new();
    collect(&whole, "", &mut found);
    found
}

/// All states of a machine and of those inside it.
pub fn states_of(path: &str) -> Vec<(String, Value)> {
    machines_of(path)
        .into_iter()
        .flat_map(|machine| machine.states)
        .collect()
}

fn collect(machine: &Value, within: &str, found: &mut Vec<Machine>) {
    let states: BTreeMap<String, Value> =
        serde_json::from_value(machine["States"].clone()).expect("States is an object");
    let inner: Vec<(String, Value)> = states
        .iter()
        .flat_map(|(name, state)| {
            let branches = state["Branches"].as_array().cloned().unwrap_or_default();
            let processor = state.get("ItemProcessor").cloned();
            branches
                .into_iter()
                .chain(processor)
                .map(|inner| (name.clone(), inner))
        })
        .collect();
    found.push(Machine {
        within: within.to_owned(),
        start: text(machine, "StartAt"),
        states,
    });
    for (name, machine) in inner {
        collect(&machine, &name, found);
    }
}

/// A field that must be a string.
pub fn text(value: &Value, key: &str) -> String {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is not a text in {value}"))
        .to_owned()
}

/// A list of objects; empty where there is none.
pub fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// The error names of a `Retry` or `Catch` rule.
pub fn errors_of(rule: &Value) -> Vec<String> {
    serde_json::from_value(rule["ErrorEquals"].clone()).expect("ErrorEquals is a list of names")
}
