//! Releases that overlap at random, on the local cloud, and what must be true after each
//! interleaving: the live versions are those of a serial order by ticket, every set that was live
//! had been proven, no request failed, nothing is left. `make soak COUNT=50 SEED=1`.
//!
//! The n-th interleaving follows from the seed `SEED + n - 1`: which releases, how far apart, which
//! of them are bad. How they meet depends on the machine too, so a seed makes the same meeting
//! likely, not certain.

mod dice;
mod endings;
mod harm;
mod harming;
mod ledger;
mod order;
mod report;
mod rest;
mod script;
mod serial;
mod world;

use end_to_end::{Traffic, until};
use endings::Scene;
use harming::{Ends, Harmed};
use ledger::Ledger;
use order::Order;
use report::{Done, Report};
use rest::Rest;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use world::{Run, World, milliseconds};

/// What is harmed is whole again two minutes after all have ended; what drains may take so much longer.
const WHOLE: Duration = Duration::from_secs(130);

/// Everything that lasts as long as the soak.
struct Soak {
    world: World,
    /// The ticket of the release that made all four live.
    first: u64,
    order: Order,
    rest: Rest,
    ends: Ends,
    is_calm: bool,
    report: Report,
}

#[tokio::main]
async fn main() -> ExitCode {
    let (count, seed) = (number("COUNT", 50), number("SEED", 1));
    println!(
        "{count} interleavings, seeds {seed} to {}",
        seed + count.max(1) - 1
    );
    let mut soak = Soak::new(number("CALM", 0) > 0).await;
    for n in 0..count {
        let done = soak.interleaving(seed + n).await;
        soak.report.say(n + 1, count, done);
    }
    let ledger = Ledger::read(&soak.world, soak.first).await;
    soak.report.sum_up(&ledger, &soak.order)
}

impl Soak {
    async fn new(is_calm: bool) -> Self {
        let world = World::new().await;
        let row = world.family.api.alias_row().await;
        let first = row["ticket"].as_u64().expect("a release has a ticket");
        let ledger = Ledger::read(&world, first).await;
        Self {
            order: Order::new(&ledger.releases[&first]),
            world,
            first,
            rest: Rest::default(),
            ends: Ends::default(),
            is_calm,
            report: Report::default(),
        }
    }

    async fn interleaving(&mut self, seed: u64) -> Done {
        let (begun, since) = (Instant::now(), milliseconds());
        let known = self.order.cutovers.len();
        let traffic = self.world.family.all().map(Traffic::on);
        let steps = script::script(seed);
        let harms = match self.is_calm {
            true => Vec::new(),
            false => harm::harms(seed, steps.len()),
        };
        let played = self.world.play(seed, steps, &harms, &self.ends);
        let (runs, harmed) = played.await;
        let (ledger, left) = self.rests(&harmed).await;
        let mut wrong = self.order.follow(&self.world, &ledger, since).await;
        wrong.extend(left);
        let (requests, longest) = self.count(traffic, begun, &harmed, &mut wrong).await;
        let scene = Scene {
            world: &self.world,
            ledger: &ledger,
            order: &self.order,
            begun: known,
            runs: &runs,
            harmed: &harmed,
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
            harmed,
            longest,
            wrong,
        }
    }

    /// What is left; looked for once, or until nothing is where something was harmed.
    async fn rests(&mut self, harmed: &Harmed) -> (Ledger, Vec<String>) {
        let limit = match harmed.is_none() {
            true => Duration::ZERO,
            false => WHOLE,
        };
        let mut last = None;
        let whole = until(limit, async || {
            let ledger = Ledger::read(&self.world, self.first).await;
            let left = self.rest.look(&self.world, &ledger).await;
            let is_whole = left.is_empty();
            last = Some((ledger, left));
            is_whole.then_some(())
        });
        whole.await;
        last.expect("it was looked at")
    }

    /// How many requests there were, and for how long at most none was answered where an instance had ended;
    /// all others that failed are wrong.
    async fn count(
        &self,
        traffic: [Traffic; 4],
        begun: Instant,
        harmed: &Harmed,
        wrong: &mut Vec<String>,
    ) -> (u64, Duration) {
        let (mut requests, mut longest) = (0, Duration::ZERO);
        for (one, component) in traffic.into_iter().zip(self.world.family.all()) {
            let seen = one.stop().await;
            requests += seen.requests;
            let (failed, out) = harmed.failed(&component.name, begun, &seen);
            wrong.extend(failed);
            longest = longest.max(out);
        }
        (requests, longest)
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

/// A number from the environment.
fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} must be a number, not `{text}`")),
        Err(_) => otherwise,
    }
}
