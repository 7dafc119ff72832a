//! What must be true after a release, whatever happened to it.

use crate::act::{Act, LEFT, unnamed};
use crate::fleet::Fleet;
use crate::releases::Brought;
use crate::scenario::Scenario;
use end_to_end::{Component, Ended, Traffic, holds};
use pipeline::stages::machine;

/// What is wrong once it has ended.
pub async fn look(
    fleet: &Fleet,
    scenario: Scenario,
    ended: &Ended,
    brought: &Brought,
) -> Vec<String> {
    let released = &fleet.components[0];
    let row = released
        .cloud
        .release_of(released.target, &ended.name)
        .await;
    let mut wrong = of_cause(ended, row.is_some());
    let is_live = ended
        .output
        .as_ref()
        .is_some_and(|output| output["outcome"] == "live");
    if scenario == Scenario::Bake && is_live {
        wrong.push("it ended as live, though its users were not answered".to_owned());
    }
    for (number, component) in fleet.components.iter().enumerate() {
        let before = fleet.live[number].as_deref();
        let possible = match brought.get(number) {
            Some(brought) if is_live => vec![Some(brought.as_str())],
            // What was stopped may have been in its cutover.
            Some(brought) => vec![before, Some(brought)],
            None => vec![before],
        };
        wrong.extend(alone(component, &possible).await);
    }
    wrong.extend(of_row(released, ended).await);
    wrong.extend(together(fleet, brought).await);
    wrong
}

/// All of a release are live, or none.
async fn together(fleet: &Fleet, brought: &Brought) -> Option<String> {
    let mut moved = Vec::new();
    for (number, brought) in brought.iter().enumerate() {
        moved.push(live(&fleet.components[number]).await.as_ref() == Some(brought));
    }
    let mixed = moved.contains(&true) && moved.contains(&false);
    mixed.then(|| format!("only a part of it is live: {moved:?}"))
}

async fn live(component: &Component) -> Option<String> {
    let live = component.cloud.live(component.target, &component.name);
    live.await.map(|live| live.commit)
}

/// It names stage, effect on users and, where it has got a number, the release.
fn of_cause(ended: &Ended, has_number: bool) -> Vec<String> {
    match has_number {
        true => unsaid(ended, "release", &[("the release", &["-r"])]),
        false => unsaid(ended, "release", &[]),
    }
}

/// What the cause of a machine's execution does not say: the stage, what users have, and these.
pub fn unsaid(ended: &Ended, of: &str, also: &[(&str, &[&str])]) -> Vec<String> {
    let machine = machine(of).expect("a machine");
    let stages: Vec<&str> = machine.stages.iter().map(|stage| stage.state).collect();
    let always = [
        ("a stage", &stages[..]),
        ("what users have", machine.effects),
    ];
    unnamed(ended, &[&always, also].concat())
}

/// One of these commits stands, and nothing else, in time. None is one that never was live.
pub async fn alone(component: &Component, possible: &[Option<&str>]) -> Option<String> {
    let found = holds(LEFT, async || {
        let live = live(component).await;
        match (possible.contains(&live.as_deref()), &live) {
            (true, Some(live)) => component.alone(live).await,
            (true, None) => component.nothing().await,
            (false, live) => Err(format!("{live:?} is live, and not one of {possible:?}")),
        }
    });
    let wrong = found.await.err();
    wrong.map(|what| format!("{} after {LEFT:?}: {what}", component.name))
}

/// The release's row says how it ended, and no candidate's row is left but that of what is live.
async fn of_row(component: &Component, ended: &Ended) -> Vec<String> {
    let found = holds(LEFT, async || {
        let wrong = rows(component, ended).await;
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(wrong),
        }
    });
    found.await.err().unwrap_or_default()
}

async fn rows(component: &Component, ended: &Ended) -> Vec<String> {
    let mut wrong = Vec::new();
    let row = component
        .cloud
        .release_of(component.target, &ended.name)
        .await;
    if row.is_some_and(|row| row["outcome"] == "running") {
        wrong.push("its row says that it is running".to_owned());
    }
    let states = standing(component).await;
    let expected: &[&str] = match live(component).await {
        Some(_) => &["live"],
        None => &[],
    };
    if states != expected {
        wrong.push(format!("its candidates' rows are {states:?}"));
    }
    wrong
}

/// The states of its candidates that are not gone.
async fn standing(component: &Component) -> Vec<String> {
    let pk = format!("target#{}", component.target);
    let prefix = format!("candidate#{}-", component.name);
    let candidates = component.cloud.rows_of(&pk, &prefix).await;
    let states = candidates.iter().filter_map(|row| row["state"].as_str());
    let standing = states.filter(|state| *state != "retired");
    standing.map(str::to_owned).collect()
}

/// What clients saw: every request answered, and by nothing but what was live before and what was brought.
pub async fn answers(
    fleet: &Fleet,
    scenario: Scenario,
    traffic: Vec<Traffic>,
    brought: &Brought,
    act: &mut Act,
) {
    for (number, one) in traffic.into_iter().enumerate() {
        let (seen, name) = (one.stop().await, &fleet.components[number].name);
        act.requests += seen.requests;
        // Before its first release nobody answers.
        let failures = match fleet.live[number] {
            Some(_) => seen.failures.iter(),
            None => seen.lapses.iter(),
        };
        let failures = failures.filter(|what| !is_expected(scenario, what, brought));
        let failures: Vec<&String> = failures.collect();
        if let Some(first) = failures.first() {
            let count = failures.len();
            act.wrong.push(format!(
                "{count} requests to {name} failed, the first at {first}"
            ));
        }
        let known = [fleet.live[number].as_ref(), brought.get(number)];
        let others = seen.commits.keys();
        let others = others.filter(|commit| !known.contains(&Some(*commit)));
        let others = others.map(|commit| format!("{name} was answered by {commit}"));
        act.wrong.extend(others);
    }
}

/// What a version says that fails its users, until it is rolled back.
fn is_expected(scenario: Scenario, what: &str, brought: &Brought) -> bool {
    let said = |commit: &String| what.contains("503") && what.contains(commit.as_str());
    scenario == Scenario::Bake && brought.iter().any(said)
}
