//! A path as a person reads it: who does what, and what it changes.

use crate::act::{Action, How};
use crate::cast::short;
use crate::check::left_behind;
use crate::checker::Check;
use crate::release::{Stage, State};
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};

/// One line for each step.
pub fn path(check: &Check, steps: &[(State, Option<Action>)]) -> Vec<String> {
    let mut lines: Vec<String> = steps
        .windows(2)
        .enumerate()
        .map(|(n, pair)| {
            let (before, after) = (&pair[0].0, &pair[1].0);
            let action = pair[0].1.expect("all but the last state have an action");
            let changes = changes(&before.world, &after.world).join(", ");
            let arrow = if changes.is_empty() { "" } else { ": " };
            format!(
                "{:3}  {}{arrow}{changes}",
                n + 1,
                act(check, before, action)
            )
        })
        .collect();
    let last = steps.last().map(|(state, _)| state);
    if let Some(state) = last.filter(|state| crate::checker::at_rest(state)) {
        lines.extend(
            left_behind(&state.world)
                .iter()
                .map(|left| format!("     left: {}", plain(left))),
        );
    }
    lines
}

fn act(check: &Check, before: &State, action: Action) -> String {
    match action {
        Action::Arrives(which) => {
            let who = before.late[which].who;
            format!(
                "a late batch of {} arrives",
                check.scenario.programs[who].ticket
            )
        }
        Action::Dies(which) => format!("{} dies", nth(before, which)),
        Action::Retires(which) => format!("the end of {} is announced", nth(before, which)),
        Action::Restarts(which) => {
            format!(
                "the component on {} ends and starts again",
                nth(before, which)
            )
        }
        Action::GoesOn(who) => {
            let ticket = check.scenario.programs[who].ticket;
            let stage = stage(&before.runs[who].stage);
            format!("{ticket} is stopped before {stage}, and its function goes on")
        }
        Action::Stops(who) => {
            let ticket = check.scenario.programs[who].ticket;
            format!(
                "{ticket} is stopped before {}",
                stage(&before.runs[who].stage)
            )
        }
        Action::Step(who, how) => {
            let ticket = check.scenario.programs[who].ticket;
            format!("{ticket} {}{}", stage(&before.runs[who].stage), goes(how))
        }
    }
}

fn nth(before: &State, which: usize) -> String {
    plain(before.world.up.iter().nth(which).map_or("nobody", |id| id))
}

fn stage(stage: &Stage) -> String {
    match stage {
        Stage::Plan => "Plan release looks at the zone".into(),
        Stage::PlanLook(_) => "Plan release reads rows and proofs, and decides".into(),
        Stage::Confirm(_, driving) => format!("Plan release {}", driving.ask),
        Stage::PlanRows(_) => "Plan release reads the rows that it takes over".into(),
        Stage::Reserve(..) => "Plan release reserves".into(),
        Stage::Companions => "Plan companions and Publish peers".into(),
        Stage::Deploy => "Deploy (initial)".into(),
        Stage::Publish => "Publish hostnames".into(),
        Stage::Test => "Integration tests".into(),
        Stage::Cut(driving) => format!("Deploy (cutover) {}", driving.ask),
        Stage::Drain(_) => "Drain ends".into(),
        Stage::Terminate(driving) => format!("Terminate previous {}", driving.ask),
        Stage::Discard(driving) => format!("Discard candidates {}", driving.ask),
        Stage::Sweep(driving) => format!("Sweep {}", driving.ask),
        Stage::Keep(driving) => format!("Keep {}", driving.ask),
        Stage::Back(driving) => format!("Roll back {}", driving.ask),
        Stage::Ended => "has ended".into(),
    }
}

fn goes(how: How) -> &'static str {
    match how {
        How::Done => "",
        How::Fails => " (they fail)",
        How::Lost => " (the answer is lost, it runs again)",
        How::GivenUp => " (the answer is lost, it does not run again)",
        How::LateAgain => " (the batch is late, the stage runs again)",
        How::LateGivenUp => " (the batch is late, the stage does not run again)",
    }
}

/// What differs between two moments.
fn changes(before: &World, after: &World) -> Vec<String> {
    let mut all = differ(&zone(before), &zone(after));
    all.extend(differ(&rows(before), &rows(after)));
    all.extend(
        after
            .up
            .difference(&before.up)
            .map(|id| format!("{} starts", plain(id))),
    );
    all.extend(
        before
            .up
            .difference(&after.up)
            .map(|id| format!("{} ENDS", plain(id))),
    );
    let proofs: BTreeSet<_> = after.proofs.difference(&before.proofs).collect();
    all.extend(proofs.iter().map(|one| format!("proof {one}")));
    all.iter().map(|text| plain(text)).collect()
}

fn zone(world: &World) -> BTreeMap<String, String> {
    let records = world.zone.records();
    records
        .map(|one| {
            (
                one.name.to_string(),
                format!("-> {} ({})", one.values.join(" "), one.ttl),
            )
        })
        .collect()
}

fn rows(world: &World) -> BTreeMap<String, String> {
    let rows = world.rows.0.iter();
    rows.map(|(at, row)| {
        (
            format!("row {at}"),
            format!("= {:?} of {}", row.state, row.ticket),
        )
    })
    .collect()
}

fn differ(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let gone = gone.map(|name| format!("no {name}"));
    let new = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(*value));
    gone.chain(new.map(|(name, value)| format!("{name} {value}")))
        .collect()
}

/// Names as they are short.
fn plain(text: &str) -> String {
    let word = |word: &str| {
        let (start, inner) = word.split_at(word.rfind(['/', '@']).map_or(0, |n| n + 1));
        format!("{start}{}", short(inner.trim_end_matches(',')))
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
