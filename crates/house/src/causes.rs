//! What an execution that failed says: which stage it was, and what is true for users.

use crate::machines::{Machine, path_of, text};
use pipeline::stages::MACHINES;
use serde_json::Value;

/// Where a state only passes a verdict on.
const VERDICT: &str = "$verdict.cause";

/// The causes that states of a machine give, each with its state.
fn causes(machine: &Machine) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, state) in &machine.states {
        let empty = Vec::new();
        let ways = ["Choices", "Catch"].map(|key| state[key].as_array().unwrap_or(&empty));
        let assigns = ways.into_iter().flatten().chain([state]);
        let said = assigns.map(|one| &one["Assign"]["verdict"]["cause"]);
        let said = said.chain([&state["Cause"]]).filter_map(Value::as_str);
        found.extend(said.map(|cause| (name.clone(), cause.to_owned())));
    }
    found.retain(|(_, cause)| !cause.is_empty());
    found
}

#[test]
fn a_cause_names_its_stage_and_what_is_true_for_users() {
    // What a release's causes say is what Discard candidates and Roll back answer.
    for one in MACHINES.iter().filter(|one| one.name != "release") {
        let (path, stages, effects) = (path_of(one), one.stages, one.effects);
        let machine = Machine::outermost(&path);
        let causes = causes(&machine);
        assert!(!causes.is_empty(), "{path}");
        for (name, cause) in &causes {
            let named = stages.iter().any(|stage| cause.contains(stage.state));
            assert!(
                named || cause.contains(VERDICT),
                "{path}: `{name}`: {cause}"
            );
        }
        for (name, end) in machine
            .states
            .iter()
            .filter(|(_, one)| one["Type"] == "Fail")
        {
            let cause = text(end, "Cause");
            let says = |cause: &str| effects.iter().any(|effect| cause.contains(effect));
            // Where it only passes the verdict on, all who lead to it must say it.
            let leads = causes
                .iter()
                .filter(|(from, _)| leads_to(&machine.states[from], name));
            let passed = cause.contains(VERDICT) && leads.clone().count() > 0;
            let by_all = passed && leads.clone().all(|(_, cause)| says(cause));
            assert!(says(&cause) || by_all, "{path}: `{name}`: {cause}");
        }
    }
}

fn leads_to(state: &Value, end: &str) -> bool {
    state.to_string().contains(&format!("\"Next\":\"{end}\""))
}
