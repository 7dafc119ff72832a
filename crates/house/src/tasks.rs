//! What every state that calls a function keeps to, and the names of errors in the machines.
//! `infra/lint_asl.py` holds the machines to more.

use crate::files::read;
use crate::machines::{
    RELEASE, containers_of, errors_of, list, machines_of, paths, resource_of, states_of, tasks_of,
};
use pipeline::errors::ErrorName;
use pipeline::verdict::WITHOUT_AN_ANSWER;
use serde_json::Value;
use std::collections::BTreeSet;

/// What passes by itself: our own names for it, and what Lambda's documentation says to retry
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html>, "Handle
/// transient Lambda service exceptions").
const TRANSIENT: &[&str] = &[
    ErrorName::Unavailable.as_str(),
    ErrorName::SandboxUnclean.as_str(),
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
];

/// What Lambda says while all that the account may run at once is running.
const BUSY: &str = "Lambda.TooManyRequestsException";

/// What runs a user's command: a crash may be the command's doing, and once more is once more of that.
const COMMANDS: [&str; 3] = ["UnitTests", "Build", "IntegrationTests"];

/// What nothing else makes good if it is given up: users have a version that is not well until Roll back is done, and it
/// is asked for by looks that are made again for a minute and more.
const NOBODY_TRIES_AGAIN: [&str; 1] = ["Roll back"];

/// Only the machine itself says this: its undo failed, so no function can have.
const UNDO_FAILED: ErrorName = ErrorName::DiscardFailed;

/// And this, where it is not known whether Roll back did anything.
const NOT_TAKEN_BACK: ErrorName = ErrorName::DiedAfterCutover;

fn states() -> Vec<(String, Value)> {
    paths().iter().flat_map(|path| states_of(path)).collect()
}

fn tasks() -> Vec<(String, Value)> {
    paths().iter().flat_map(|path| tasks_of(path)).collect()
}

#[test]
fn a_release_cannot_hang() {
    for path in &paths() {
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

/// CodeBuild queues a build for half an hour, a command takes eight hours at most, and CodeBuild ends it ten
/// minutes later (`crates/runner/src/container/prepare.rs`).
#[test]
fn a_container_is_waited_for_as_long_as_it_may_take_and_no_longer() {
    let containers = containers_of(RELEASE);
    assert_eq!(containers.len(), 3);
    for (name, state) in containers {
        let command = pipeline::manifest::MAX_COMMAND_SECONDS;
        assert_eq!(
            state["TimeoutSeconds"],
            (30 + 10) * 60 + command + 600,
            "`{name}`"
        );
        let [passing, full] = list(&state, "Retry") else {
            panic!("`{name}` retries otherwise");
        };
        let expected = [
            "CodeBuild.CodeBuildException",
            "CodeBuild.SdkClientException",
        ];
        assert_eq!(errors_of(passing), expected, "`{name}`");
        assert_eq!(errors_of(full), ["CodeBuild.AccountLimitExceededException"]);
        for (rule, most) in [(passing, 5), (full, 100)] {
            is_bounded(&name, rule, most);
        }
    }
}

#[test]
fn only_what_passes_by_itself_is_retried_and_not_for_ever() {
    for (name, state) in tasks() {
        let [passing, busy, _after_crash @ ..] = list(&state, "Retry") else {
            panic!("`{name}` retries otherwise");
        };
        assert_eq!(errors_of(passing), TRANSIENT, "`{name}`");
        assert_eq!(errors_of(busy), [BUSY], "`{name}`");
        let most = match NOBODY_TRIES_AGAIN.contains(&name.as_str()) {
            true => 20,
            false => 5,
        };
        for (rule, most) in [(passing, most), (busy, 100)] {
            is_bounded(&name, rule, most);
        }
    }
}

/// Watch release looks for a minute, and in the next part of the drain for another one.
#[test]
fn what_nobody_tries_again_is_not_given_up_before_the_looks_that_asked_for_it() {
    let tasks = tasks();
    for name in NOBODY_TRIES_AGAIN {
        let (_, state) = tasks.iter().find(|(one, _)| one == name).expect(name);
        let rule = &list(state, "Retry")[0];
        let number = |key: &str| rule[key].as_u64().expect(key);
        let longest = number("MaxDelaySeconds");
        assert!(longest <= 20, "`{name}` waits {longest} s at once");
        let delays = (0..number("MaxAttempts") as u32)
            .map(|tried| number("IntervalSeconds") * number("BackoffRate").pow(tried));
        // Full jitter makes each half as long on average.
        let waited = delays.map(|delay| delay.min(longest)).sum::<u64>() / 2;
        assert!(waited >= 2 * 60, "`{name}` is given up after {waited} s");
    }
}

fn is_bounded(name: &str, rule: &Value, most: u64) {
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

#[test]
fn a_crash_is_retried_wherever_no_command_of_a_user_runs() {
    let crashes = [&WITHOUT_AN_ANSWER[..], &["States.Timeout"]].concat();
    for (name, state) in tasks() {
        let rules = &list(&state, "Retry")[2..];
        match (COMMANDS.contains(&resource_of(&state).as_str()), rules) {
            (true, []) => {}
            (false, [rule]) => {
                assert_eq!(errors_of(rule), crashes, "`{name}`");
                is_bounded(&name, rule, 3);
            }
            (runs_command, _) => {
                panic!("`{name}`, which runs a user's command: {runs_command}: {rules:?}")
            }
        }
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
    let whole: Value = serde_json::from_str(&read(RELEASE)).unwrap();
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
fn a_state_s_name_is_used_once() {
    // Of two that stand in one object, `infra/render.py` and `infra/lint_asl.py` know.
    for path in &paths() {
        let names: Vec<String> = states_of(path).into_iter().map(|(name, _)| name).collect();
        let different: BTreeSet<&String> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{path}: {names:?}");
    }
}

#[test]
fn every_map_has_a_limit_that_an_inline_map_can_keep() {
    // https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
    for machine in paths().iter().flat_map(|path| machines_of(path)) {
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
