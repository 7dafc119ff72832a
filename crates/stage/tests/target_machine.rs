//! The ways through the target machine, walked.

mod repository;

use pipeline::target::PARAMETERS;
use repository::{Machine, TARGET_MACHINE, list, machines_of, read, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn machine() -> Machine {
    let mut machines = machines_of(TARGET_MACHINE);
    assert_eq!(machines.len(), 1, "nothing is inside of anything");
    machines.remove(0)
}

fn ways_of_failure(state: &Value) -> Vec<String> {
    let rules = list(state, "Catch").iter();
    rules.map(|rule| text(rule, "Next")).collect()
}

fn all_ways(state: &Value) -> Vec<String> {
    let rules = list(state, "Choices").iter().map(|rule| text(rule, "Next"));
    let own = ["Next", "Default"]
        .into_iter()
        .filter_map(|key| state[key].as_str());
    let own = own.map(str::to_owned);
    rules.chain(own).chain(ways_of_failure(state)).collect()
}

fn reached(machine: &Machine, from: &str, without: &[(&str, &str)]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        if seen.insert(name.clone()) {
            let next = all_ways(&machine.states[&name]).into_iter();
            open.extend(next.filter(|next| !without.contains(&(name.as_str(), next.as_str()))));
        }
    }
    seen
}

#[test]
fn every_state_is_reached_and_every_way_leads_to_one() {
    let machine = machine();
    let all: BTreeSet<String> = machine.states.keys().cloned().collect();
    assert_eq!(reached(&machine, &machine.start, &[]), all);
}

#[test]
fn it_ends_in_these_states_and_no_others() {
    let machine = machine();
    let ends = machine
        .states
        .iter()
        .filter(|(_, state)| all_ways(state).is_empty());
    let last: BTreeMap<&str, &str> = ends
        .map(|(name, state)| (name.as_str(), state["Type"].as_str().unwrap()))
        .collect();
    let expected = [
        ("Provisioned", "Succeed"),
        ("Torn down", "Succeed"),
        ("Refused", "Fail"),
        ("Not provisioned", "Fail"),
        ("Not torn down", "Fail"),
        ("Still busy", "Fail"),
        ("Something left", "Fail"),
    ];
    assert_eq!(last, BTreeMap::from(expected));
}

/// The ways back. Each is counted, and each but those that begin again passes a Wait.
const BACK: &[(&str, &str)] = &[
    ("Stack settled?", "Wait for stack"),
    ("Stack settled?", "Apply stack"),
    ("Releases in flight?", "Wait for releases"),
    ("Cleared?", "Wait for instances"),
    ("Stack gone?", "Wait for deletion"),
    ("Stack gone?", "Clear target"),
    ("Anything left?", "Wait for tags"),
];

#[test]
fn nothing_is_waited_for_without_end() {
    let machine = machine();
    for (name, state) in &machine.states {
        for next in all_ways(state) {
            if BACK.contains(&(name.as_str(), next.as_str())) {
                continue;
            }
            let back = reached(&machine, &next, BACK).contains(name);
            assert!(!back, "`{name}` comes round again by `{next}`");
        }
    }
    for (name, next) in BACK {
        let rules = list(&machine.states[*name], "Choices").iter();
        for rule in rules.filter(|rule| rule["Next"] == *next) {
            let condition = text(rule, "Condition");
            let counted = ["$looks < ", "$rounds < "]
                .iter()
                .any(|one| condition.contains(one));
            assert!(counted, "`{name}` to `{next}`: {condition}");
        }
    }
}

#[test]
fn every_failure_is_caught_and_ends_in_a_failure() {
    let machine = machine();
    for (name, state) in machine
        .states
        .iter()
        .filter(|(_, state)| state["Type"] == "Task")
    {
        let ways = ways_of_failure(state);
        assert!(!ways.is_empty(), "`{name}`");
        for way in ways {
            assert_eq!(machine.states[&way]["Type"], "Fail", "`{name}`");
        }
    }
}

#[test]
fn nothing_is_removed_before_the_target_is_closed_and_no_release_runs() {
    let machine = machine();
    for removes in ["Clear target", "Delete stack", "Forget target"] {
        for shut in [
            ("What to do?", "Close target"),
            ("Releases in flight?", "Clear target"),
        ] {
            let on = reached(&machine, &machine.start, &[shut]);
            assert!(!on.contains(removes), "`{removes}` with {shut:?} shut");
        }
    }
}

#[test]
fn nobody_says_that_a_target_is_there_or_gone_who_has_not_looked() {
    let machine = machine();
    let looks = [
        (("Prove target usable", "Record target"), "Provisioned"),
        (("Anything left?", "Torn down"), "Torn down"),
    ];
    for (shut, end) in looks {
        assert!(
            !reached(&machine, &machine.start, &[shut]).contains(end),
            "{end}"
        );
    }
}

#[test]
fn what_may_be_chosen_is_what_the_template_has() {
    let template = read("infra/target.yaml");
    let (_, below) = template.split_once("\nParameters:\n").unwrap();
    let (parameters, _) = below.split_once("\nConditions:\n").unwrap();
    let names = parameters
        .lines()
        .filter_map(|line| line.strip_prefix("  "));
    let names = names
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.trim_end_matches(':'));
    let of_the_project = ["Project", "Target", "BucketName", "Domain"];
    let free: BTreeSet<&str> = names
        .filter(|name| !of_the_project.contains(name))
        .collect();
    assert_eq!(free, PARAMETERS.iter().copied().collect());
}
