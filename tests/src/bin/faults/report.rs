//! Progress, and the table of all faults.

use crate::act::Act;
use crate::fault::{Fault, Kind};
use crate::scenario::Scenario;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

/// Between two lines of progress.
const EACH: u64 = 20;

/// What was seen of one kind of fault in one scenario.
#[derive(Default)]
struct Cell {
    faults: u64,
    good: u64,
    wrong: u64,
    unmet: u64,
}

pub struct Report {
    begun: Instant,
    /// By what a fault meets, and its kind.
    cells: BTreeMap<(Scenario, &'static str, Kind), Cell>,
    planned: u64,
    requests: u64,
    wrong: Vec<String>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            cells: BTreeMap::new(),
            planned: 0,
            requests: 0,
            wrong: Vec::new(),
        }
    }
}

impl Report {
    pub fn planned(&mut self, scenario: Scenario, faults: usize) {
        self.planned += faults as u64;
        println!("{}: {faults} faults are possible", scenario.name());
    }

    pub fn add(&mut self, scenario: Scenario, fault: &Fault, act: Act) {
        let cell = self
            .cells
            .entry((scenario, fault.meets(), fault.kind))
            .or_default();
        cell.faults += 1;
        cell.good += u64::from(act.is_good);
        cell.unmet += u64::from(!act.is_met);
        cell.wrong += u64::from(!act.wrong.is_empty());
        self.requests += act.requests;
        if !act.is_met {
            self.tell(scenario, fault, &act.ending, "the fault was met by nobody");
        }
        for what in &act.wrong {
            self.tell(scenario, fault, &act.ending, what);
        }
        let faults = self.faults();
        if faults.is_multiple_of(EACH) {
            let seconds = self.begun.elapsed().as_secs();
            println!("{faults} faults, {} wrong, {seconds} s", self.wrong.len());
        }
    }

    /// Something is wrong beside the faults: nothing more is known of it.
    pub fn broke(&mut self, scenario: Scenario, what: &str) {
        let line = format!("{}: {what}", scenario.name());
        println!("  {line}");
        self.wrong.push(line);
    }

    fn tell(&mut self, scenario: Scenario, fault: &Fault, ending: &str, what: &str) {
        let line = format!("{}: {fault}: {ending}: {what}", scenario.name());
        println!("  {line}");
        self.wrong.push(line);
    }

    fn faults(&self) -> u64 {
        self.cells.values().map(|cell| cell.faults).sum()
    }

    /// The table; fails where anything was wrong.
    pub fn sum_up(&self) -> ExitCode {
        println!(
            "\n{:<10}{:<8}{:<10}{:>8}{:>8}{:>8}{:>8}",
            "", "", "", "faults", "good", "unmet", "wrong"
        );
        for ((scenario, meets, kind), cell) in &self.cells {
            let Cell {
                faults,
                good,
                wrong,
                unmet,
            } = cell;
            println!(
                "{:<10}{meets:<8}{:<10}{faults:>8}{good:>8}{unmet:>8}{wrong:>8}",
                scenario.name(),
                kind.name()
            );
        }
        println!(
            "\n{} of {} faults, {} requests, {} s; {} violations",
            self.faults(),
            self.planned,
            self.requests,
            self.begun.elapsed().as_secs(),
            self.wrong.len()
        );
        for line in &self.wrong {
            println!("  {line}");
        }
        match self.wrong.is_empty() && self.faults() > 0 {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}
