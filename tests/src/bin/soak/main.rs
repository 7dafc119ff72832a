//! Releases that overlap at random, on the local cloud, and what must be true after each
//! interleaving: the live versions are those of a serial order by ticket, every set that was live
//! had been proven, no request failed, nothing is left. `make soak COUNT=50 SEED=1`.
//!
//! The n-th interleaving follows from the seed `SEED + n - 1`: which releases, how far apart, which
//! of them are bad. How they meet depends on the machine too, so a seed makes the same meeting
//! likely, not certain.

mod dice;
mod endings;
mod ledger;
mod order;
mod report;
mod rest;
mod script;
mod serial;
mod world;

use end_to_end::Traffic;
use endings::Scene;
use ledger::Ledger;
use order::Order;
use report::{Done, Report};
use rest::Rest;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use world::{Run, World};

/// Everything that lasts as long as the soak.
struct Soak {
    world: World,
    /// The ticket of the release that made all four live.
    first: u64,
    order: Order,
    rest: Rest,
    report: Report,
}

#[tokio::main]
async fn main() -> ExitCode {
    let (count, seed) = (number("COUNT", 50), number("SEED", 1));
    println!(
        "{count} interleavings, seeds {seed} to {}",
        seed + count.max(1) - 1
    );
    let mut soak = Soak::new().await;
    for n in 0..count {
        let done = soak.interleaving(seed + n).await;
        soak.report.say(n + 1, count, done);
    }
    let ledger = Ledger::read(&soak.world, soak.first).await;
    soak.report.sum_up(&ledger, &soak.order)
}

impl Soak {
    async fn new() -> Self {
        let world = World::new().await;
        let row = world.family.api.alias_row().await;
        let first = row["ticket"].as_u64().expect("a release has a ticket");
        let ledger = Ledger::read(&world, first).await;
        Self {
            order: Order::new(&ledger.releases[&first]),
            world,
            first,
            rest: Rest::default(),
            report: Report::default(),
        }
    }

    async fn interleaving(&mut self, seed: u64) -> Done {
        let (begun, since) = (Instant::now(), milliseconds());
        let known = self.order.cutovers.len();
        let traffic = self.world.family.all().map(Traffic::on);
        let runs = self.world.play(seed, script::script(seed)).await;
        let ledger = Ledger::read(&self.world, self.first).await;
        let mut wrong = self.order.follow(&self.world, &ledger, since).await;
        wrong.extend(self.rest.look(&self.world, &ledger).await);
        let requests = count(traffic, &mut wrong).await;
        let scene = Scene {
            world: &self.world,
            ledger: &ledger,
            order: &self.order,
            begun: known,
            runs: &runs,
        };
        let endings = runs
            .iter()
            .map(|run| ending(&scene, run, &mut wrong))
            .collect();
        Done {
            seed,
            seconds: begun.elapsed().as_secs_f64(),
            acts: runs
                .into_iter()
                .map(|run| (run.ended.name, run.step.act))
                .collect(),
            endings,
            requests,
            wrong,
        }
    }
}

/// What a release did and how it ended, as the progress shows it.
fn ending(scene: &Scene, run: &Run, wrong: &mut Vec<String>) -> (String, String) {
    let label = scene.explain(run).unwrap_or_else(|why| {
        wrong.push(why);
        format!("{} UNEXPLAINED", run.ended.error)
    });
    let release = scene.ledger.of(&run.ended.name);
    let rounds = release.and_then(|one| scene.ledger.rounds.get(&one.ticket));
    let again = match rounds {
        Some(rounds) if *rounds > 1 => format!(" (round {rounds})"),
        _ => String::new(),
    };
    let ticket = release.map_or_else(|| "-".into(), |one| format!("r{}", one.ticket));
    (format!("{ticket} {} {label}{again}", run.step), label)
}

/// How many requests there were; those that failed are wrong.
async fn count(traffic: [Traffic; 4], wrong: &mut Vec<String>) -> u64 {
    let mut requests = 0;
    for one in traffic {
        let seen = one.stop().await;
        requests += seen.requests;
        wrong.extend(
            seen.failures
                .into_iter()
                .map(|what| format!("a request failed at {what}")),
        );
    }
    requests
}

fn milliseconds() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a clock").as_millis()
}

/// A number from the environment.
fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} must be a number, not `{text}`")),
        Err(_) => otherwise,
    }
}
