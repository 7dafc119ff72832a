//! The state machines, read, and the ways through them.

use crate::files::read;
use pipeline::stages;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use yaml_serde::Value as Yaml;

/// The release's, from the root.
pub const RELEASE: &str = "statemachine/release.asl.json";
/// The target's.
pub const TARGET: &str = "statemachine/target.asl.json";

/// Where a machine is, from the root.
pub fn path_of(machine: &stages::Machine) -> String {
    format!("statemachine/{}.asl.json", machine.name)
}

/// All of them, from the root.
pub fn paths() -> Vec<String> {
    stages::MACHINES.iter().map(path_of).collect()
}

/// A way from one state to another.
pub type Way<'a> = (&'a str, &'a str);

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

impl Machine {
    /// The outermost one of a file.
    pub fn outermost(path: &str) -> Self {
        let machine = machines_of(path).remove(0);
        assert_eq!(machine.within, "");
        machine
    }

    /// What `from` leads to, and itself, while these ways are shut.
    pub fn reached(&self, from: &str, shut: &[Way<'_>]) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from.to_owned()];
        while let Some(name) = open.pop() {
            if seen.insert(name.clone()) {
                let next = all_ways(&self.states[&name]).into_iter();
                open.extend(next.filter(|next| !shut.contains(&(name.as_str(), next.as_str()))));
            }
        }
        seen
    }

    /// The ways back but these: who goes one comes to where it was.
    pub fn ways_back_but(&self, known: &[Way<'_>]) -> Vec<(String, String)> {
        let ways = self.states.iter().flat_map(|(name, state)| {
            all_ways(state)
                .into_iter()
                .map(move |next| (name.clone(), next))
        });
        ways.filter(|(name, next)| !known.contains(&(name.as_str(), next.as_str())))
            .filter(|(name, next)| self.reached(next, known).contains(name))
            .collect()
    }

    /// The rules of a choice that lead to a state.
    pub fn rules(&self, (choice, next): Way<'_>) -> Vec<&Value> {
        let rules = list(&self.states[choice], "Choices").iter();
        rules.filter(|rule| rule["Next"] == next).collect()
    }

    /// How it can end: the last states with their types.
    pub fn ends(&self) -> BTreeMap<&str, &str> {
        let last = self.states.iter().filter(|(_, state)| is_end(state));
        last.map(|(name, state)| (name.as_str(), state["Type"].as_str().unwrap()))
            .collect()
    }
}

/// A file's machine and all those inside it; the outermost comes first.
pub fn machines_of(path: &str) -> Vec<Machine> {
    let whole: Value = serde_json::from_str(&read(path)).unwrap();
    let mut found = Vec::new();
    collect(&whole, "", &mut found);
    found
}

/// All states of a file's machine and of those inside it.
pub fn states_of(path: &str) -> Vec<(String, Value)> {
    let machines = machines_of(path).into_iter();
    machines.flat_map(|machine| machine.states).collect()
}

/// Those that call a function.
pub fn tasks_of(path: &str) -> Vec<(String, Value)> {
    let mut tasks = states_of(path);
    tasks.retain(|(_, state)| state["Type"] == "Task" && !is_of_a_kind(state));
    let machine = stages::MACHINES.iter().find(|one| path_of(one) == path);
    let rows = machine.expect("a machine").stages.len();
    // A Map has a row too, and so has a state that waits.
    assert!(2 * tasks.len() > rows, "{path}: {} tasks", tasks.len());
    tasks
}

/// Those that start a build of CodeBuild and wait for it.
pub fn containers_of(path: &str) -> Vec<(String, Value)> {
    let mut containers = states_of(path);
    containers.retain(|(_, state)| state["Resource"] == "${StartBuildArn}");
    containers
}

/// Whether a state is a Task that calls no function: the `Kinds` of statemachine/rules.yaml.
pub fn is_of_a_kind(state: &Value) -> bool {
    let rules: Yaml = yaml_serde::from_str(&read("statemachine/rules.yaml")).expect("rules");
    let kinds = rules["Kinds"].as_mapping().expect("Kinds");
    let mut names = kinds.keys().filter_map(Yaml::as_str);
    names.any(|name| state["Resource"] == format!("${{{name}Arn}}"))
}

fn collect(machine: &Value, within: &str, found: &mut Vec<Machine>) {
    let states: BTreeMap<String, Value> =
        serde_json::from_value(machine["States"].clone()).expect("States is an object");
    let inner: Vec<(String, Value)> = states
        .iter()
        .flat_map(|(name, state)| {
            let branches = state["Branches"].as_array().cloned().unwrap_or_default();
            let processor = state.get("ItemProcessor").cloned();
            let inner = branches.into_iter().chain(processor);
            inner.map(|inner| (name.clone(), inner))
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

/// Where a state's rules, its default and its `Next` lead.
pub fn ways_on(state: &Value) -> Vec<String> {
    let rules = list(state, "Choices").iter().map(|rule| text(rule, "Next"));
    let own = ["Next", "Default"].into_iter();
    let own = own.filter_map(|key| state[key].as_str());
    rules.chain(own.map(str::to_owned)).collect()
}

/// Where its failures lead.
pub fn ways_of_failure(state: &Value) -> Vec<String> {
    let rules = list(state, "Catch").iter();
    rules.map(|rule| text(rule, "Next")).collect()
}

fn all_ways(state: &Value) -> Vec<String> {
    [ways_on(state), ways_of_failure(state)].concat()
}

/// Whether its machine ends with it.
pub fn is_end(state: &Value) -> bool {
    state["End"] == true || state["Type"] == "Succeed" || state["Type"] == "Fail"
}

/// A field that must be a text.
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

/// `DeployInitial` of `${DeployInitialArn}`.
pub fn resource_of(task: &Value) -> String {
    let resource = text(task, "Resource");
    let name = resource
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix("Arn}"));
    name.unwrap_or_else(|| panic!("{resource}")).to_owned()
}
