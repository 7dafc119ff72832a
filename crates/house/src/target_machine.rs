//! The ways through the target machine, walked.

use crate::machines::{self, Machine, machines_of, text, ways_of_failure};
use crate::templates;
use pipeline::settings::PARAMETERS;
use std::collections::{BTreeMap, BTreeSet};

fn machine() -> Machine {
    let mut machines = machines_of(machines::TARGET);
    assert_eq!(machines.len(), 1, "nothing is inside of anything");
    machines.remove(0)
}

#[test]
fn every_state_is_reached_and_every_way_leads_to_one() {
    let machine = machine();
    let all: BTreeSet<String> = machine.states.keys().cloned().collect();
    assert_eq!(machine.reached(&machine.start, &[]), all);
}

#[test]
fn it_ends_in_these_states_and_no_others() {
    let machine = machine();
    let expected = [
        ("Provisioned", "Succeed"),
        ("Torn down", "Succeed"),
        ("Refused", "Fail"),
        ("Not provisioned", "Fail"),
        ("Not torn down", "Fail"),
        ("Still busy", "Fail"),
        ("Something left", "Fail"),
    ];
    assert_eq!(machine.ends(), BTreeMap::from(expected));
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
    let back = machine.ways_back_but(BACK);
    assert!(back.is_empty(), "{back:?} come round again");
    for (name, next) in BACK {
        for rule in machine.rules((name, next)) {
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
            let on = machine.reached(&machine.start, &[shut]);
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
            !machine.reached(&machine.start, &[shut]).contains(end),
            "{end}"
        );
    }
}

#[test]
fn what_may_be_chosen_is_what_the_template_has() {
    let template = templates::template(templates::TARGET);
    let parameters = template["Parameters"].as_object().expect("Parameters");
    let of_the_project = ["Project", "Target", "BucketName", "Domain"];
    let names = parameters.keys().map(String::as_str);
    let free: BTreeSet<&str> = names
        .filter(|name| !of_the_project.contains(name))
        .collect();
    assert_eq!(free, PARAMETERS.iter().copied().collect());
}
