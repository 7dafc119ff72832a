//! Faults at every call that changes something, at some that read, and executions stopped in every state; and what
//! must be true after each: no request failed or was answered by another version, nothing is left two minutes after
//! the end, the rows say what DNS says, nothing hangs, and a cause names stage, release and effect on users.
//! `make faults`, or a part of it: `make faults COUNT=100 SEED=3 ONLY="one peers"`.
//!
//! `MATCH="rrset) late"` leaves those alone whose names hold that.
//!
//! First each scenario runs three times without a fault, and its calls are counted. Then each call meets each kind of
//! fault, and each state is stopped, each time on its own.

mod act;
mod fault;
mod fleet;
mod follow;
mod keeps;
mod place;
mod plan;
mod releases;
mod report;
mod scenario;
mod sweeps;
mod targets;
mod verdict;

use act::{Act, Ground};
use end_to_end::Cloud;
use fault::{Call, Does, Fault, Kind, Point};
use keeps::Keeps;
use releases::Releases;
use report::Report;
use scenario::{Scenario, Sort};
use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use sweeps::Sweeps;
use targets::Targets;
use tokio::task::LocalSet;

/// Of a fault that nobody meets, since a busy machine takes another way.
const TRIES: u32 = 3;

/// Reads of a scenario that meet faults: there are several times as many as calls that change something.
const READS: u64 = 8;

/// Who does a scenario without a fault: what does not happen each time depends on how long something took, and
/// cannot be met at will.
const SEEN: [&str; 3] = ["s1", "s2", "s3"];

#[tokio::main]
async fn main() -> ExitCode {
    let cloud = Cloud::up().await;
    let only = std::env::var("ONLY").unwrap_or_default();
    let names: Vec<&str> = only.split_whitespace().collect();
    if let Some(unknown) = names.iter().find(|name| Scenario::named(name).is_none()) {
        let known = Scenario::ALL.map(Scenario::name).join(" ");
        eprintln!("ONLY: there is no scenario `{unknown}`; there are: {known}");
        return ExitCode::FAILURE;
    }
    let mut run = Run {
        cloud,
        count: number("COUNT", u64::MAX),
        seed: number("SEED", 0),
        named: std::env::var("MATCH").unwrap_or_default(),
        report: Report::default(),
    };
    for scenario in Scenario::ALL {
        if names.is_empty() || names.contains(&scenario.name()) {
            match scenario.sort() {
                Sort::Release => run.scenario::<Releases>(scenario).await,
                Sort::Sweep => run.scenario::<Sweeps>(scenario).await,
                Sort::Keep => run.scenario::<Keeps>(scenario).await,
                Sort::Target => run.scenario::<Targets>(scenario).await,
            }
        }
    }
    run.report.sum_up()
}

struct Run {
    cloud: Cloud,
    count: u64,
    seed: u64,
    /// Only faults whose names hold this.
    named: String,
    report: Report,
}

impl Run {
    async fn scenario<G: Ground + 'static>(&mut self, scenario: Scenario) {
        let faults = match faults::<G>(&self.cloud, scenario, self.seed).await {
            Ok(faults) => faults,
            Err(wrong) => {
                return self
                    .report
                    .broke(scenario, &format!("without a fault: {wrong}"));
            }
        };
        self.report.planned(scenario, faults.len());
        let named = faults.into_iter();
        let named = named.filter(|fault| fault.to_string().contains(&self.named));
        let chosen = sample(named.collect(), self.count, self.seed);
        let report = std::mem::take(&mut self.report);
        self.report = all::<G>(&self.cloud, scenario, chosen, report).await;
    }
}

/// Everything that can happen to a scenario, by what it does without a fault.
async fn faults<G: Ground>(
    cloud: &Cloud,
    scenario: Scenario,
    seed: u64,
) -> Result<Vec<Fault>, String> {
    let [one, two, three] = SEEN.map(|worker| seen::<G>(cloud, scenario, worker));
    let (first, second, third) = tokio::join!(one, two, three);
    let (mut first, second, third) = (first?, second?, third?);
    for other in [second, third] {
        first
            .calls
            .retain(|call| other.calls.iter().any(|one| one.is_same(call)));
        first.states.retain(|state| other.states.contains(state));
    }
    let (changes, reads): (Vec<Call>, Vec<Call>) = first
        .calls
        .into_iter()
        .partition(|call| call.does == Does::Change);
    let some = sample(reads, READS, seed);
    let met = changes.iter().chain(&some).flat_map(Call::faults);
    let stopped = first.states.iter().map(|state| Fault {
        point: Point::State(state.clone()),
        kind: Kind::Stopped,
    });
    Ok(met.chain(stopped).collect())
}

async fn seen<G: Ground>(cloud: &Cloud, scenario: Scenario, worker: &str) -> Result<Act, String> {
    let mut ground = G::new(cloud, scenario, worker).await;
    let mut act = ground.act(None).await;
    act.wrong.extend(ground.close().await);
    match act.wrong.is_empty() {
        true => Ok(act),
        false => Err(act.wrong.join("; ")),
    }
}

/// As many of them, spread evenly; another seed chooses others.
fn sample<T>(of: Vec<T>, count: u64, seed: u64) -> Vec<T> {
    let all = of.len() as u64;
    let chosen = count.min(all);
    let takes = |n: u64| (n * chosen) / all != ((n + 1) * chosen) / all;
    let numbered = of.into_iter().enumerate();
    let kept = numbered.filter(|(n, _)| takes((*n as u64 + seed) % all));
    kept.map(|(_, one)| one).collect()
}

/// Each worker has a ground of its own, and takes the next fault when it is done with one.
async fn all<G: Ground + 'static>(
    cloud: &Cloud,
    scenario: Scenario,
    faults: Vec<Fault>,
    report: Report,
) -> Report {
    let workers = scenario.at_once().min(faults.len() as u64);
    let waiting = Rc::new(RefCell::new(faults));
    let report = Rc::new(RefCell::new(report));
    let local = LocalSet::new();
    let workers = (0..workers).map(|number| {
        let (cloud, waiting, report) = (cloud.clone(), waiting.clone(), report.clone());
        local.spawn_local(work::<G>(cloud, scenario, number, waiting, report))
    });
    let workers: Vec<_> = workers.collect();
    local.await;
    for worker in workers {
        if let Err(panic) = worker.await {
            report.borrow_mut().broke(scenario, &panic.to_string());
        }
    }
    let report = Rc::into_inner(report).expect("all workers have ended");
    report.into_inner()
}

async fn work<G: Ground>(
    cloud: Cloud,
    scenario: Scenario,
    number: u64,
    waiting: Rc<RefCell<Vec<Fault>>>,
    report: Rc<RefCell<Report>>,
) {
    let mut ground = G::new(&cloud, scenario, &format!("{number:02}")).await;
    let mut done = 0;
    loop {
        let next = waiting.borrow_mut().pop();
        let Some(fault) = next else {
            let wrong = ground.close().await;
            let mut report = report.borrow_mut();
            return wrong.iter().for_each(|what| report.broke(scenario, what));
        };
        let mut fault = fault;
        let mut act = ground.act(Some(&fault)).await;
        for _ in 1..TRIES {
            if act.is_met || !act.wrong.is_empty() {
                break;
            }
            fault = fault.at_the_last(&act.calls);
            act = ground.act(Some(&fault)).await;
        }
        done += 1;
        let is_spoiled = !act.wrong.is_empty();
        report.borrow_mut().add(scenario, &fault, act);
        if is_spoiled {
            // What is left there must not be taken for the next fault's. That it is left is told already.
            drop(ground.close().await);
            ground = G::new(&cloud, scenario, &format!("{number:02}-{done}")).await;
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
