//! The state machine against the functions, the template and the error names.

mod repository;

use pipeline::errors::ErrorName;
use repository::{MACHINE, TARGET_MACHINE, errors_of, list, machines, read, states_of, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What passes by itself: our own name for it, and what Lambda's documentation says to retry
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html>, "Handle
/// transient Lambda service exceptions").
const TRANSIENT: &[&str] = &[
    ErrorName::Unavailable.as_str(),
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
];

/// What Lambda says while all that the account may run at once is running.
const BUSY: &str = "Lambda.TooManyRequestsException";

/// Two rounds of the longest commands (13 minutes each) must end meanwhile: in a fresh account, which
/// runs 10 functions at once, an umbrella release waits for itself.
const BUSY_FOR: f64 = 2.0 * 13.0 * 60.0;

/// `States.ALL` does not catch these. The documentation says of the second that it always ends the
/// execution; it is named for what may be caught of it after all:
/// <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>.
const NOT_IN_ALL: [&str; 2] = ["States.DataLimitExceeded", "States.Runtime"];

/// Only the machine itself says this: its undo failed, so no function can have.
const UNDO_FAILED: ErrorName = ErrorName::DiscardFailed;

/// And this, where it is not known whether Roll back did anything.
const NOT_TAKEN_BACK: ErrorName = ErrorName::DiedAfterCutover;

/// Inside a Map of the function's name, and `cutover` is what "Deploy (cutover)" does.
const NAMED_OTHERWISE: &[(&str, &str)] = &[
    ("Run suite", "integration-tests"),
    ("Deploy (cutover)", "cutover"),
    ("Record cutover", "cutover"),
    ("Roll back", "cutover"),
    ("Terminate rolled back", "terminate-previous"),
    ("Undo plan", "discard-candidates"),
    ("Look at deletion", "look-at-stack"),
];

const MACHINES: [&str; 2] = [MACHINE, TARGET_MACHINE];

/// Started by the rule, before there is an execution.
const NO_STATE: &str = "start-release";

fn states() -> Vec<(String, Value)> {
    MACHINES.iter().flat_map(|path| states_of(path)).collect()
}

fn tasks_of(path: &str) -> Vec<(String, Value)> {
    let mut tasks = states_of(path);
    tasks.retain(|(_, state)| state["Type"] == "Task");
    assert!(
        tasks.len() >= 11,
        "{path}: {} tasks were found",
        tasks.len()
    );
    tasks
}

fn tasks() -> Vec<(String, Value)> {
    MACHINES.iter().flat_map(|path| tasks_of(path)).collect()
}

/// `Deploy (initial)` -> `deploy-initial`
fn folder_of(state: &str) -> String {
    let known = NAMED_OTHERWISE.iter().find(|(name, _)| *name == state);
    known.map_or_else(
        || {
            state
                .to_lowercase()
                .replace(['(', ')'], "")
                .replace(' ', "-")
        },
        |(_, folder)| (*folder).to_owned(),
    )
}

/// `deploy-initial` -> `DeployInitial`
fn logical_id(folder: &str) -> String {
    let words = folder.split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

#[test]
fn a_release_cannot_hang() {
    for path in MACHINES {
        let whole: Value = serde_json::from_str(&read(path)).unwrap();
        let limit = whole["TimeoutSeconds"].as_u64().expect("of the machine");
        for (name, state) in tasks_of(path) {
            let seconds = state["TimeoutSeconds"].as_u64();
            let seconds = seconds.unwrap_or_else(|| panic!("`{name}` has no TimeoutSeconds"));
            // A function ends after 900 s: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
            assert!((1..=900).contains(&seconds), "`{name}`: {seconds} s");
            assert!(seconds < limit, "`{name}`: {seconds} s");
        }
    }
}

#[test]
fn only_what_passes_by_itself_is_retried_and_not_for_ever() {
    for (name, state) in tasks() {
        let [passing, busy] = list(&state, "Retry") else {
            panic!("`{name}` retries otherwise");
        };
        assert_eq!(errors_of(passing), TRANSIENT, "`{name}`");
        assert_eq!(errors_of(busy), [BUSY], "`{name}`");
        for (rule, most) in [(passing, 5), (busy, 100)] {
            let attempts = rule["MaxAttempts"].as_u64().unwrap_or(u64::MAX);
            assert!(
                (1..=most).contains(&attempts),
                "`{name}`: {attempts} attempts"
            );
            assert!(
                rule["MaxDelaySeconds"].is_u64(),
                "`{name}` waits ever longer"
            );
        }
    }
}

/// How long a rule waits in all, where each delay is as long as full jitter makes it on average.
fn waits_for(rule: &Value) -> f64 {
    let of = |key: &str| rule[key].as_f64().unwrap_or_else(|| panic!("{key}"));
    let attempts = 0..rule["MaxAttempts"].as_i64().expect("MaxAttempts");
    assert_eq!(rule["JitterStrategy"], "FULL");
    attempts
        .map(|tried| of("IntervalSeconds") * of("BackoffRate").powi(i32::try_from(tried).unwrap()))
        .map(|delay| delay.min(of("MaxDelaySeconds")) / 2.0)
        .sum()
}

#[test]
fn who_finds_lambda_busy_waits_longer_than_builds_take() {
    for (name, state) in tasks() {
        let seconds = waits_for(&list(&state, "Retry")[1]);
        assert!(seconds > BUSY_FOR, "`{name}`: {seconds} s");
    }
}

#[test]
fn what_is_caught_includes_what_states_all_does_not() {
    for (name, state) in states() {
        let Some((all, before)) = list(&state, "Catch").split_last() else {
            continue;
        };
        assert_eq!(errors_of(all), ["States.ALL"], "`{name}`");
        let named = before.iter().find(|rule| errors_of(rule) == NOT_IN_ALL);
        let mut as_all = named.unwrap_or_else(|| panic!("`{name}`")).clone();
        as_all["ErrorEquals"] = all["ErrorEquals"].clone();
        assert_eq!(as_all, *all, "`{name}` does the same in both cases");
    }
}

#[test]
fn every_own_name_that_is_retried_or_caught_is_one_that_functions_have() {
    for (name, state) in states() {
        let rules = list(&state, "Retry").iter().chain(list(&state, "Catch"));
        let own = rules
            .flat_map(errors_of)
            .filter(|error| !error.contains('.'));
        for error in own {
            let known = ErrorName::find(&error);
            let is_known = known.is_some_and(|known| ErrorName::OF_FUNCTIONS.contains(&known));
            assert!(is_known, "`{name}`: {error}");
        }
    }
}

#[test]
fn every_name_that_the_machine_itself_ends_with_is_a_known_one() {
    let whole: Value = serde_json::from_str(&read(MACHINE)).unwrap();
    let mut literals = BTreeSet::new();
    error_literals(&whole, &mut literals);
    let expected = [
        ErrorName::PeersKeptMoving,
        ErrorName::Superseded,
        UNDO_FAILED,
        NOT_TAKEN_BACK,
    ];
    let expected: BTreeSet<String> = expected.iter().map(ErrorName::to_string).collect();
    assert_eq!(literals, expected);
}

fn error_literals(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "error" && !text.contains("{%") => {
                        found.insert(text.clone());
                    }
                    other => error_literals(other, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| error_literals(value, found)),
        _ => {}
    }
}

#[test]
fn every_function_has_one_state_and_every_task_its_function() {
    let mut of_states: Vec<String> = tasks()
        .iter()
        .map(|(name, state)| {
            let folder = folder_of(name);
            let expected = format!("${{{}Arn}}", logical_id(&folder));
            assert_eq!(text(state, "Resource"), expected, "`{name}`");
            folder
        })
        .collect();
    of_states.sort();
    of_states.dedup(); // one function may be asked in two states
    let mut folders = repository::entries("functions");
    folders.retain(|folder| folder != NO_STATE);
    assert_eq!(of_states, folders);
}

#[test]
fn the_template_gives_every_state_the_arn_of_its_function() {
    let template = read("infra/pipeline.yaml");
    let blocks = template.split("\n      DefinitionSubstitutions:\n").skip(1);
    let given: BTreeMap<&str, &str> = blocks
        .flat_map(|below| {
            below
                .lines()
                .map_while(|line| line.strip_prefix("        "))
        })
        .filter_map(|line| line.split_once(": !GetAtt "))
        .collect();
    let used: BTreeSet<String> = tasks()
        .iter()
        .map(|(_, state)| text(state, "Resource"))
        .map(|resource| resource.replace(['$', '{', '}'], ""))
        .collect();
    let names: BTreeSet<String> = given.keys().map(|&key| key.to_owned()).collect();
    assert_eq!(used, names);
    for (name, function) in given {
        let id = name.strip_suffix("Arn").expect("a name such as BuildArn");
        assert_eq!(function, format!("{id}.Arn"));
        let resource = format!("\n  {id}:\n    Type: AWS::Lambda::Function\n");
        assert!(template.contains(&resource), "there is no function {id}");
    }
}

#[test]
fn a_state_s_name_is_used_once() {
    for path in MACHINES {
        let source = read(path);
        for (name, _) in states_of(path) {
            // In the text: of two equal keys, a JSON parser keeps the last and says nothing.
            let times = source.matches(&format!("\"{name}\": {{")).count();
            assert_eq!(times, 1, "{path}: `{name}`");
        }
    }
}

#[test]
fn every_map_has_a_limit_that_an_inline_map_can_keep() {
    // https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
    for machine in machines() {
        for (name, state) in machine
            .states
            .iter()
            .filter(|(_, state)| state["Type"] == "Map")
        {
            let limit = state["MaxConcurrency"].as_u64();
            assert!(
                limit.is_some_and(|limit| (1..=40).contains(&limit)),
                "`{name}`: {limit:?}"
            );
        }
    }
}
