//! What must be true after a release, whatever happened to it.

use crate::ground::{Brought, Ground};
use crate::scenario::Scenario;
use end_to_end::{Component, Ended, Seen, until};
use pipeline::stages::RELEASE;
use std::time::Duration;

/// Nothing is left two minutes after the end.
const LEFT: Duration = Duration::from_secs(120);
/// How a cause says what is true for users.
const EFFECTS: [&str; 9] = [
    "Users may be affected",
    " leads to ",
    " lead to ",
    "No alias was moved",
    "still points at",
    "still point at",
    "is live",
    "are live",
    "nothing changed for users",
];

/// What is wrong once it has ended.
pub async fn look(ground: &Ground, ended: &Ended, brought: &Brought) -> Vec<String> {
    let released = &ground.components[0];
    let row = released
        .cloud
        .release_of(released.target, &ended.name)
        .await;
    let mut wrong = of_cause(ended, row.is_some());
    let is_live = ended
        .output
        .as_ref()
        .is_some_and(|output| output["outcome"] == "live");
    if ground.scenario == Scenario::Bake && is_live {
        wrong.push("it ended as live, though its users were not answered".to_owned());
    }
    for (number, component) in ground.components.iter().enumerate() {
        let before = ground.live[number].as_str();
        let possible = match brought.get(number) {
            Some(brought) if is_live => vec![brought.as_str()],
            // What was stopped may have been in its cutover.
            Some(brought) => vec![before, brought],
            None => vec![before],
        };
        wrong.extend(alone(component, &possible).await);
    }
    wrong.extend(of_row(&ground.components[0], ended).await);
    wrong.extend(together(ground, brought).await);
    wrong
}

/// All of a release are live, or none.
async fn together(ground: &Ground, brought: &Brought) -> Option<String> {
    let mut moved = Vec::new();
    for (number, brought) in brought.iter().enumerate() {
        moved.push(ground.components[number].live().await.commit == *brought);
    }
    let mixed = moved.contains(&true) && moved.contains(&false);
    mixed.then(|| format!("only a part of it is live: {moved:?}"))
}

/// It names stage, effect on users and, where it has got a number, the release.
fn of_cause(ended: &Ended, has_number: bool) -> Vec<String> {
    let (cause, mut wrong) = (&ended.cause, Vec::new());
    if ended.status != "FAILED" {
        return wrong;
    }
    let mut missing = |what: &str, is_there: bool| {
        if !is_there {
            wrong.push(format!("its cause does not name {what}: {cause}"));
        }
    };
    missing(
        "a stage",
        RELEASE.iter().any(|stage| cause.contains(stage.state)),
    );
    missing("the release", !has_number || cause.contains("-r"));
    missing(
        "what users have",
        EFFECTS.iter().any(|said| cause.contains(said)),
    );
    wrong
}

/// One of these commits stands, and nothing else, in time.
async fn alone(component: &Component, possible: &[&str]) -> Option<String> {
    let mut last = String::new();
    let found = until(LEFT, async || {
        let live = component.live().await.commit;
        let found = match possible.contains(&live.as_str()) {
            true => component.alone(&live).await,
            false => Err(format!("{live} is live, and not one of {possible:?}")),
        };
        match found {
            Ok(()) => Some(()),
            Err(what) => {
                last = what;
                None
            }
        }
    });
    match found.await {
        Some(()) => None,
        None => Some(format!("{} after {LEFT:?}: {last}", component.name)),
    }
}

/// The release's row says how it ended, and no candidate's row is left but that of what is live.
async fn of_row(component: &Component, ended: &Ended) -> Vec<String> {
    let mut last = Vec::new();
    let found = until(LEFT, async || {
        last = rows(component, ended).await;
        last.is_empty().then_some(())
    });
    match found.await {
        Some(()) => Vec::new(),
        None => last,
    }
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
    let pk = format!("target#{}", component.target);
    let prefix = format!("candidate#{}-", component.name);
    let candidates = component.cloud.rows_of(&pk, &prefix).await;
    let states: Vec<&str> = candidates
        .iter()
        .filter_map(|row| row["state"].as_str())
        .filter(|state| *state != "retired")
        .collect();
    if states != ["live"] {
        wrong.push(format!("its candidates' rows are {states:?}"));
    }
    wrong
}

/// What clients saw: every request answered, and by nothing but what was live before and what was brought.
pub fn answers(ground: &Ground, number: usize, seen: &Seen, brought: &Brought) -> Vec<String> {
    let name = &ground.components[number].name;
    let mut wrong: Vec<String> = seen
        .failures
        .iter()
        .filter(|what| !is_expected(ground, what, brought))
        .map(|what| format!("a request to {name} failed at {what}"))
        .collect();
    let known =
        |commit: &&String| **commit == ground.live[number] || brought.get(number) == Some(*commit);
    let others = seen.commits.keys().filter(|commit| !known(commit));
    wrong.extend(others.map(|commit| format!("{name} was answered by {commit}")));
    wrong
}

/// What a version says that fails its users, until it is rolled back.
fn is_expected(ground: &Ground, what: &str, brought: &Brought) -> bool {
    let said = |commit: &String| what.contains("503") && what.contains(commit.as_str());
    ground.scenario == Scenario::Bake && brought.iter().any(said)
}
