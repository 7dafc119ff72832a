//! Faults at every call that changes something, and executions stopped in every state; and what must be true
//! after each: no request failed or was answered by another version, nothing is left two minutes after the
//! end, the rows say what DNS says, nothing hangs, and a cause names stage, release and effect on users.
//! `make faults`, or a part of it: `make faults COUNT=100 SEED=3 ONLY="one peers"`.
//!
//! First each scenario runs three times without a fault, and its calls are counted. Then each call meets each kind of
//! fault, and each state is stopped, each time in a release of its own.

mod fault;
mod ground;
mod report;
mod run;
mod scenario;
mod verdict;

use end_to_end::Cloud;
use fault::{Fault, Kind, Point};
use ground::Ground;
use report::Report;
use run::{inject, record};
use scenario::Scenario;
use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use tokio::task::LocalSet;

/// Releases at once; they mostly wait.
const AT_ONCE: u64 = 12;
/// Of a fault that nobody meets, since a busy machine takes another way.
const TRIES: u32 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    let cloud = Cloud::up().await;
    let only = std::env::var("ONLY").unwrap_or_default();
    let (count, seed) = (number("COUNT", u64::MAX), number("SEED", 0));
    let mut report = Report::default();
    for scenario in Scenario::ALL {
        let wanted = only.split_whitespace().any(|name| name == scenario.name());
        if only.is_empty() || wanted {
            let faults = faults(&cloud, scenario).await;
            report.planned(scenario, faults.len());
            let chosen = sample(faults, count, seed);
            report = all(&cloud, scenario, chosen, report).await;
        }
    }
    report.sum_up()
}

/// Everything that can happen to a scenario, by what it does without a fault.
async fn faults(cloud: &Cloud, scenario: Scenario) -> Vec<Fault> {
    // What does not happen each time depends on how long something took, and cannot be met at will.
    let seen = async |worker: &str| record(&mut Ground::new(cloud, scenario, worker).await).await;
    let ((mut calls, states), (second, _), (third, _)) =
        tokio::join!(seen("seen-1"), seen("seen-2"), seen("seen-3"));
    for others in [second, third] {
        calls.retain(|call| others.iter().any(|one| one.is_same(call)));
    }
    let met = calls.into_iter().flat_map(|call| {
        let kinds = Kind::ALL.into_iter();
        kinds.map(move |kind| Fault {
            point: Point::Call(call.clone()),
            kind,
        })
    });
    let stopped = states.into_iter().map(|state| Fault {
        point: Point::State(state),
        kind: Kind::Stopped,
    });
    met.chain(stopped).collect()
}

/// As many of them, spread evenly; another seed chooses others.
fn sample(faults: Vec<Fault>, count: u64, seed: u64) -> Vec<Fault> {
    let all = faults.len() as u64;
    let chosen = count.min(all).max(1);
    let takes = |n: u64| (n * chosen) / all != ((n + 1) * chosen) / all;
    let numbered = faults.into_iter().enumerate();
    let kept = numbered.filter(|(n, _)| takes((*n as u64 + seed) % all));
    kept.map(|(_, fault)| fault).collect()
}

/// Each worker has components of its own, and takes the next fault when it is done with one.
async fn all(cloud: &Cloud, scenario: Scenario, faults: Vec<Fault>, report: Report) -> Report {
    let workers = AT_ONCE.min(faults.len() as u64);
    let waiting = Rc::new(RefCell::new(faults));
    let report = Rc::new(RefCell::new(report));
    let local = LocalSet::new();
    let workers = (0..workers).map(|number| {
        let (cloud, waiting, report) = (cloud.clone(), waiting.clone(), report.clone());
        local.spawn_local(work(cloud, scenario, number, waiting, report))
    });
    let workers: Vec<_> = workers.collect();
    local.await;
    for worker in workers {
        worker.await.expect("a worker does not panic");
    }
    let report = Rc::into_inner(report).expect("all workers have ended");
    report.into_inner()
}

async fn work(
    cloud: Cloud,
    scenario: Scenario,
    number: u64,
    waiting: Rc<RefCell<Vec<Fault>>>,
    report: Rc<RefCell<Report>>,
) {
    let mut ground = Ground::new(&cloud, scenario, &format!("{number:02}")).await;
    loop {
        let next = waiting.borrow_mut().pop();
        let Some(fault) = next else {
            return;
        };
        let mut done = inject(&mut ground, fault.clone()).await;
        for _ in 1..TRIES {
            if done.is_met || done.is_spoiled {
                break;
            }
            done = inject(&mut ground, fault.clone()).await;
        }
        let is_spoiled = done.is_spoiled;
        report.borrow_mut().add(scenario, done);
        if is_spoiled {
            // What is left there must not be taken for the next fault's.
            let name = format!("{number:02}-{}", ground.releases());
            ground = Ground::new(&cloud, scenario, &name).await;
        }
    }
}

/// A number from the environment.
fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} must be a number, not `{text}`")),
        _ => otherwise,
    }
}
