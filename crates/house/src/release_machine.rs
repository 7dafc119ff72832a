//! The ways through the release's state machine, walked.

use crate::machines::{
    self, Machine, errors_of, is_end, is_of_a_kind, list, machines_of, text, ways_of_failure,
    ways_on,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The one way back: test again, because something moved beside the release.
const AGAIN: (&str, &str) = ("Cut over?", "Plan companions");

/// The parts of the drain, with a look after each.
const DRAINS: (&str, &str) = ("Drained?", "Drain");
/// And what is waited for connections after it.
const CONNECTED: (&str, &str) = ("Drained?", "Drain connections");

/// And the looks after the last one, where that could not tell.
const NOT_KNOWN: (&str, &str) = ("Drained?", "Look again");

/// The libraries of a release come first; then it begins again, without them.
const AFTER_LIBRARIES: (&str, &str) = ("Libraries only?", "Prepare workspaces");

/// The one way from failing to live: the aliases had moved, and only the answer was lost.
const LIVE_AFTER_ALL: (&str, &str) = ("Live after all?", "Record cutover");
/// Nor is a release of commits that another one made live, and whose candidates that one may have ended.
const LIVE_BY_ANOTHER: (&str, &str) = ("Live after all?", "Tags for what is live?");

/// Where a release goes that has moved its aliases, or has recorded libraries and nothing else to bring.
const WENT_LIVE: [(&str, &str); 4] = [
    ("Libraries only?", "Tags asked for?"),
    ("Cut over?", "Terminate previous"),
    ("Cut over?", "Drain"),
    LIVE_AFTER_ALL,
];

/// What it cannot see is not held against the release: nothing depends on it that decides whether it goes live.
const LOOKS_ONLY: &str = "Look before cutover";

/// A release of what is live already has moved nothing, and its tags change nothing of that.
const TAGS_ONLY: &str = "Tag what is live";

/// Where one goes whose new version is not well.
const NOT_WELL: &str = "Roll back";

fn machines() -> Vec<Machine> {
    machines_of(machines::RELEASE)
}

fn outermost() -> Machine {
    Machine::outermost(machines::RELEASE)
}

/// The states whose failure does not undo the release: users have the new version by then, and it is well.
fn after_going_live(machine: &Machine) -> BTreeSet<String> {
    let before = machine.reached(&machine.start, &WENT_LIVE);
    let not_well = machine.reached(NOT_WELL, &[]);
    let all = machine.states.keys().cloned();
    all.filter(|name| !before.contains(name) && !not_well.contains(name))
        .collect()
}

fn check(each: impl Fn(&Machine, &str, &Value)) {
    for machine in machines() {
        for (name, state) in &machine.states {
            each(&machine, name, state);
        }
    }
}

#[test]
fn every_way_leads_to_a_state_of_the_same_machine() {
    check(|machine, name, state| {
        for next in [ways_on(state), ways_of_failure(state)].concat() {
            let known = machine.states.contains_key(&next);
            assert!(known, "`{name}` leads to `{next}`");
        }
    });
}

#[test]
fn every_state_leads_on_or_ends_and_every_choice_has_a_default() {
    check(|_, name, state| {
        assert_ne!(ways_on(state).is_empty(), !is_end(state), "`{name}`");
        if state["Type"] == "Choice" {
            assert!(state["Default"].is_string(), "`{name}` has no Default");
        }
    });
}

#[test]
fn every_state_is_reached() {
    for machine in machines() {
        let all: BTreeSet<String> = machine.states.keys().cloned().collect();
        let reached = machine.reached(&machine.start, &[]);
        assert_eq!(reached, all, "in {:?}", machine.within);
    }
}

#[test]
fn a_release_ends_in_succeed_or_fail() {
    let expected = [
        ("Already live", "Succeed"),
        ("Released", "Succeed"),
        ("Not released", "Fail"),
        ("Discard failed", "Fail"),
        ("Rolled back", "Fail"),
        ("Died after cutover", "Fail"),
    ];
    assert_eq!(outermost().ends(), BTreeMap::from(expected));
}

#[test]
fn nothing_is_done_over_and_over() {
    for machine in machines() {
        let back = machine.ways_back_but(&[AGAIN, DRAINS, CONNECTED, NOT_KNOWN, AFTER_LIBRARIES]);
        assert!(back.is_empty(), "{back:?} come round again");
    }
}

#[test]
fn suites_are_run_again_at_most_twice() {
    let machine = outermost();
    let again = machine.rules(AGAIN);
    assert_eq!(again.len(), 1);
    assert!(text(again[0], "Condition").contains(" and $round < 3 and "));
    assert_eq!(text(&again[0]["Assign"], "round"), "{% $round + 1 %}");
}

/// Those that are prepared again all have a hostname, so none of them is a library.
#[test]
fn libraries_come_first_once() {
    let machine = outermost();
    let again = machine.rules(AFTER_LIBRARIES);
    assert_eq!(again.len(), 1);
    let fewer = "{% $count($workspaces) > $count($plan.components) %}";
    assert_eq!(text(again[0], "Condition"), fewer);
    let rest = text(&again[0]["Assign"], "workspaces");
    assert_eq!(rest, "{% $plan.components %}");
    let prepared = &machine.states["Prepare workspaces"]["Assign"];
    let libraries = "{% [$states.result[$exists(manifest) and $not($exists(hostname))]] %}";
    assert_eq!(text(prepared, "libraries"), libraries);
}

/// Nothing is launched for them, and what is tested of them is no proof of what goes live.
#[test]
fn a_release_goes_on_to_what_runs_only_without_libraries_left() {
    let machine = outermost();
    let on = [
        ("All workspaces ready?", "Plan companions"),
        ("All candidates healthy?", "Publish hostnames"),
        ("All tests passed?", "Look before cutover"),
    ];
    for way in on {
        let rules = machine.rules(way);
        assert_eq!(rules.len(), 1, "{way:?}");
        let condition = text(rules[0], "Condition");
        assert!(
            condition.ends_with(" = 0 and $count($libraries) = 0 %}"),
            "{condition}"
        );
    }
}

#[test]
fn a_drain_has_at_most_six_parts_and_a_bake_beyond_it_one_for_each_minute() {
    let machine = outermost();
    let again = machine.rules(DRAINS);
    assert_eq!(again.len(), 1);
    let drain = "$plan.release.drain_seconds";
    let parts = format!("$ceil({drain} / $max([5, $ceil({drain} / 6)]))");
    let bake =
        format!("$max([{drain}, $prepared.manifest.run.bake.$number($substringBefore($, 's'))])");
    let beyond = format!("({bake} - {drain})");
    let minutes = format!("$ceil({beyond} / 60)");
    let condition = format!("{{% $looks < {parts} + {minutes} %}}");
    assert_eq!(text(again[0], "Condition"), condition);
    let watch = &machine.states["Watch release"];
    let counted = list(watch, "Catch").iter().chain([watch]);
    for way in counted {
        assert_eq!(text(&way["Assign"], "looks"), "{% $looks + 1 %}");
    }
    let longer = machine.rules(CONNECTED);
    assert_eq!(longer.len(), 1);
    let condition =
        format!("{{% $count($watched.connected) > 0 and $looks < {parts} + {minutes} + 180 %}}");
    assert_eq!(text(longer[0], "Condition"), condition);
    assert_eq!(machine.states["Drain connections"]["Seconds"], 20);
    let seconds = format!(
        "{{% $looks < {parts} ? $ceil({drain} / {parts}) : $ceil({beyond} / {minutes}) %}}"
    );
    assert_eq!(text(&machine.states["Drain"], "Seconds"), seconds);
}

#[test]
fn what_the_last_look_could_not_tell_is_looked_at_three_times_more() {
    let machine = outermost();
    let again = machine.rules(NOT_KNOWN);
    assert_eq!(again.len(), 1);
    let condition = "{% $watched.outcome = 'not_known' and $looked_again < 3 %}";
    assert_eq!(text(again[0], "Condition"), condition);
    let counted = text(&again[0]["Assign"], "looked_again");
    assert_eq!(counted, "{% $looked_again + 1 %}");
    // `drained_for` counts each look after the drain as so long.
    assert_eq!(machine.states["Look again"]["Seconds"], 20);
}

/// The state of this name and those around it, as long as a Parallel state passes a failure on.
fn around(name: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut name = name.to_owned();
    while let Some(machine) = machines()
        .into_iter()
        .find(|one| one.states.contains_key(&name))
    {
        let state = machine.states[&name].clone();
        let passes_on = state["Type"] == "Parallel";
        found.push(state);
        if !passes_on {
            break;
        }
        name = machine.within;
    }
    found
}

#[test]
fn every_failure_is_caught() {
    for machine in machines() {
        let outer = around(&machine.within);
        let around = outer.first().cloned().unwrap_or_default();
        for (name, state) in &machine.states {
            if !["Task", "Map", "Parallel"]
                .iter()
                .any(|kind| state["Type"] == *kind)
            {
                continue;
            }
            // A branch of a Parallel state leaves it to that state, which then ends the others.
            let outside = outer.iter().flat_map(|outer| list(outer, "Catch"));
            let any = list(state, "Catch")
                .iter()
                .chain(outside)
                .flat_map(errors_of)
                .any(|error| error == "States.ALL");
            assert!(any, "`{name}` lets a failure pass");
            assert!(
                around["Type"] != "Map" || !list(state, "Catch").is_empty(),
                "`{name}` would end its siblings"
            );
        }
    }
}

#[test]
fn a_failure_never_ends_in_success() {
    let machine = outermost();
    let live = after_going_live(&machine);
    assert!(live.contains("Record cutover") && live.contains("Terminate previous"));
    let passes = |name: &String| live.contains(name) || name == LOOKS_ONLY || name == TAGS_ONLY;
    let others = machine.states.iter().filter(|(name, _)| !passes(name));
    for (name, state) in others {
        for next in ways_of_failure(state) {
            let on = machine.reached(&next, &[LIVE_AFTER_ALL, LIVE_BY_ANOTHER]);
            let ends = machine.ends().into_iter();
            let ends = ends.filter(|(end, _)| on.contains(*end));
            let last: BTreeSet<&str> = ends.map(|(_, kind)| kind).collect();
            assert_eq!(last, BTreeSet::from(["Fail"]), "`{name}` by `{next}`");
        }
    }
}

#[test]
fn a_failed_release_is_green_only_if_what_it_was_to_bring_is_live_by_another() {
    let machine = outermost();
    let ways = machine.rules(LIVE_BY_ANOTHER).into_iter();
    let conditions: Vec<String> = ways.map(|way| text(way, "Condition")).collect();
    assert_eq!(conditions, ["{% $count($verdict.already_live) > 0 %}"]);
}

#[test]
fn tags_that_were_asked_for_are_made_whichever_good_end_a_release_comes_to() {
    let machine = outermost();
    let asked_for = "{% $plan.release.tag %}";
    let ends = [
        ("Already live", "Tags for what is live?", TAGS_ONLY),
        ("Released", "Tags too?", "Tag release"),
        ("Released", "Tags asked for?", "Tag release"),
    ];
    for (end, choice, tag) in ends {
        let rules = machine.rules((choice, tag));
        let conditions: Vec<String> = rules.iter().map(|rule| text(rule, "Condition")).collect();
        assert_eq!(conditions, [asked_for]);
        let state = &machine.states[tag];
        assert_eq!(ways_on(state), [end], "`{tag}`");
        let failed = BTreeSet::from_iter(ways_of_failure(state));
        assert_eq!(failed, BTreeSet::from([end.to_owned()]), "`{tag}`");
    }
    // And there is no other way to them.
    for end in ["Already live", "Released"] {
        let before = machine.states.iter();
        let before = before.filter(|(_, state)| ways_on(state).iter().any(|next| next == end));
        let before: BTreeSet<&str> = before.map(|(name, _)| name.as_str()).collect();
        let known = ends.iter().filter(|(of, _, _)| *of == end);
        let known: BTreeSet<&str> = known.flat_map(|(_, one, tag)| [*one, *tag]).collect();
        assert_eq!(before, known, "before `{end}`");
    }
}

/// And of what there must be none.
const GATES: [(&str, &str); 3] = [
    ("All workspaces ready?", "$count($failures)"),
    ("All candidates healthy?", "$count($failures)"),
    ("All tests passed?", "$count($tests[outcome != 'passed'])"),
];

#[test]
fn every_gate_is_shut_unless_its_condition_holds() {
    let machine = outermost();
    for (gate, holds) in GATES {
        let state = &machine.states[gate];
        assert_eq!(text(state, "Default"), "Discard candidates", "`{gate}`");
        for rule in list(state, "Choices") {
            let condition = text(rule, "Condition");
            let more = condition.strip_prefix(&format!("{{% {holds} = 0 "));
            let more = more.unwrap_or_else(|| panic!("`{gate}`: {condition}"));
            assert!(
                ["%}", "and $count($libraries) = 0 %}"].contains(&more),
                "{more}"
            );
        }
    }
}

#[test]
fn what_goes_live_passed_every_gate() {
    let machine = outermost();
    for (gate, _) in GATES {
        let ways = ways_on(&machine.states[gate]);
        let ways = ways.iter().filter(|next| *next != "Discard candidates");
        let mut shut: Vec<(&str, &str)> = ways.map(|next| (gate, next.as_str())).collect();
        shut.push(LIVE_AFTER_ALL);
        let on = machine.reached(&machine.start, &shut);
        assert!(!on.contains("Released"), "with `{gate}` shut");
    }
}

#[test]
fn a_failure_inside_a_map_is_an_answer_that_the_gate_after_it_reads() {
    let inner = machines()
        .into_iter()
        .filter(|machine| !machine.within.is_empty());
    let mut rules = 0;
    let states = inner.flat_map(|machine| machine.states);
    // A container's is what Collect command reads.
    for (name, state) in states.filter(|(_, state)| !is_of_a_kind(state)) {
        for rule in list(&state, "Catch") {
            let output = &rule["Output"];
            let says = output["failed"]["error"].is_string() || output["outcome"] == "error";
            assert!(says, "`{name}`: {output}");
            assert!(
                output["component"].is_string(),
                "`{name}` does not say whose"
            );
            rules += 1;
        }
    }
    assert!(rules >= 5, "{rules} rules were found");
}
