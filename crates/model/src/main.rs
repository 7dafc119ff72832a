//! `make model`: explores every scenario, and shows that each part of the protocol is needed.
//!
//! `--deep` allows a crash in every scenario, `--paths` tells every counterexample, and a scenario's
//! name explores that one alone.

use model::checker::{Check, Found};
use model::rules::Rule;
use model::suite::{fails, holds};
use model::tell::path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| asked.iter().any(|arg| arg == name);
    let (paths, deep) = (option("--paths"), option("--deep"));
    let names: Vec<&String> = asked.iter().filter(|arg| !arg.starts_with("--")).collect();
    let is_asked =
        |check: &Check| names.is_empty() || names.iter().any(|arg| check.scenario.name == *arg);
    let [scenario, crashes, late, deaths, states, depth, s] = [
        "scenario", "crashes", "late", "deaths", "states", "depth", "s",
    ];
    println!("{scenario:54}{crashes:>8}{late:>6}{deaths:>8}{states:>10}{depth:>7}{s:>7}");
    let holds = holds(deep).into_iter().filter(is_asked);
    let sound: Vec<bool> = holds.map(|check| must_hold(&check)).collect();
    println!();
    let fails = fails().into_iter().filter(|(_, check)| is_asked(check));
    let sharp: Vec<bool> = fails
        .map(|(rule, check)| must_fail(rule, &check, paths))
        .collect();
    match sound.iter().chain(&sharp).all(|fine| *fine) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn must_hold(check: &Check) -> bool {
    let found = check.explore();
    let Found {
        states,
        depth,
        took,
        broken,
    } = &found;
    let scenario = &check.scenario;
    let seconds = took.as_secs_f64();
    let every_ask = match scenario.every_ask {
        true => ", at every ask",
        false => "",
    };
    let name = format!("{}{every_ask}", scenario.name);
    print!(
        "{name:54}{:>8}{:>6}{:>8}{states:>10}{depth:>7}{seconds:>7.1}  ",
        scenario.crashes, scenario.lates, scenario.deaths
    );
    match broken {
        None => println!("holds"),
        Some((name, steps)) => {
            println!("BROKEN: {name}");
            path(check, steps)
                .iter()
                .for_each(|line| println!("{line}"));
        }
    }
    broken.is_none()
}

fn must_fail(rule: Rule, check: &Check, verbose: bool) -> bool {
    let Found { states, broken, .. } = check.explore();
    let name = check.scenario.name;
    match &broken {
        None => println!("without {rule}: NOT CAUGHT in {states} states of `{name}`"),
        Some((broken, steps)) => {
            let after = steps.len() - 1;
            println!(
                "without {rule}: fails as it must, after {after} steps and {states} states of \
                 `{name}`: not true that {broken}"
            );
            if verbose {
                path(check, steps)
                    .iter()
                    .for_each(|line| println!("{line}"));
            }
        }
    }
    broken.is_some()
}
