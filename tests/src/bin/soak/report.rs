//! What the person sees: a line for each interleaving, sums at the end.

use crate::harming::Harmed;
use crate::ledger::Ledger;
use crate::order::Order;
use crate::script::Act;
use crate::serial::stale;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

/// Of one kind of violation, so many are shown.
const SHOWN: usize = 12;

/// One interleaving.
#[derive(Debug)]
pub struct Done {
    pub seed: u64,
    pub seconds: f64,
    /// Execution to what it was asked.
    pub acts: Vec<(String, Act)>,
    /// As shown, and in a word.
    pub endings: Vec<(String, String)>,
    pub requests: u64,
    pub harmed: Harmed,
    /// Where an instance had ended, its users got no answer for so long at most.
    pub longest: Duration,
    pub wrong: Vec<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Report {
    seconds: f64,
    requests: u64,
    harms: [usize; 3],
    longest: Duration,
    outcomes: BTreeMap<String, u64>,
    acts: BTreeMap<String, Act>,
    /// Seed to what was wrong.
    wrong: Vec<(u64, Vec<String>)>,
}

/// What was done to it, and for how long users got no answer.
fn harms(done: &Done) -> String {
    let shown = done.harmed.shown();
    match shown.is_empty() {
        true => String::new(),
        false => format!(
            "  ({}; no answer for {:.1} s)",
            shown.join(", "),
            done.longest.as_secs_f64()
        ),
    }
}

impl Report {
    /// Says how it went, and keeps count.
    pub fn say(&mut self, n: u64, of: u64, done: Done) {
        let endings: Vec<&str> = done
            .endings
            .iter()
            .map(|(shown, _)| shown.as_str())
            .collect();
        println!(
            "{n:>3}/{of}  {}  {:.0} s, {} requests: {}{}  [again: make soak COUNT=1 SEED={}]",
            if done.wrong.is_empty() { "ok" } else { "WRONG" },
            done.seconds,
            done.requests,
            endings.join(" | "),
            harms(&done),
            done.seed
        );
        for what in done.wrong.iter().take(SHOWN) {
            println!("        {what}");
        }
        self.seconds += done.seconds;
        self.requests += done.requests;
        let Harmed {
            ends,
            stopped,
            killed,
        } = &done.harmed;
        let harms = [ends.len(), stopped.len(), killed.len()];
        for (all, more) in self.harms.iter_mut().zip(harms) {
            *all += more;
        }
        self.longest = self.longest.max(done.longest);
        for (_, label) in done.endings {
            *self.outcomes.entry(label).or_default() += 1;
        }
        self.acts.extend(done.acts);
        if !done.wrong.is_empty() {
            self.wrong.push((done.seed, done.wrong));
        }
    }

    /// Says what it all came to.
    pub fn sum_up(&self, ledger: &Ledger, order: &Order) -> ExitCode {
        let companions = ledger
            .candidates
            .iter()
            .filter(|one| one.companion && one.booted);
        let rounds = |n: u64| {
            ledger
                .rounds
                .values()
                .filter(|rounds| **rounds == n)
                .count()
        };
        let back: Vec<_> = ledger.live().filter(|one| one.rollback).collect();
        let untested = back.iter().filter(|one| one.proven).count();
        let stale = stale(ledger, &self.acts);
        println!("\nreleases by outcome        {}", self.outcomes());
        println!("tested twice, three times  {}, {}", rounds(2), rounds(3));
        println!("companions booted          {}", companions.count());
        println!(
            "roll-backs that went live  {} (without a test: {})",
            back.len(),
            untested
        );
        println!(
            "  of what another release had replaced meanwhile  {} {}",
            stale.len(),
            stale.join(" ")
        );
        println!("live sets checked          {}", order.cutovers.len());
        let [ends, stopped, killed] = self.harms;
        println!(
            "instances ended            {ends}; users got no answer for {:.1} s at most",
            self.longest.as_secs_f64()
        );
        println!("executions stopped         {stopped}");
        println!("functions killed           {killed}");
        println!("requests                   {}", self.requests);
        println!("seconds                    {:.0}", self.seconds);
        println!(
            "violations                 {}",
            self.wrong.iter().map(|(_, all)| all.len()).sum::<usize>()
        );
        for (seed, all) in &self.wrong {
            println!("  seed {seed}: {}", all[0]);
        }
        if self.wrong.is_empty() {
            return ExitCode::SUCCESS;
        }
        println!(
            "See `cutover status`, `cutover watch EXECUTION` and `cutover logs EXECUTION`; make soak COUNT=1 SEED=<seed> tries one again."
        );
        ExitCode::FAILURE
    }

    fn outcomes(&self) -> String {
        let each: Vec<String> = self
            .outcomes
            .iter()
            .map(|(label, n)| format!("{label} {n}"))
            .collect();
        each.join(", ")
    }
}
