//! Progress, and the table of all faults.

use crate::fault::Kind;
use crate::run::Done;
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
    live: u64,
    wrong: u64,
    unmet: u64,
}

pub struct Report {
    begun: Instant,
    cells: BTreeMap<(Scenario, Kind), Cell>,
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

    pub fn add(&mut self, scenario: Scenario, done: Done) {
        let cell = self.cells.entry((scenario, done.fault.kind)).or_default();
        cell.faults += 1;
        cell.live += u64::from(done.ending == "live");
        cell.unmet += u64::from(!done.is_met);
        cell.wrong += u64::from(!done.wrong.is_empty());
        self.requests += done.requests;
        if !done.is_met {
            self.tell(scenario, &done, "the fault was met by nobody");
        }
        for what in &done.wrong {
            self.tell(scenario, &done, what);
        }
        let faults = self.faults();
        if faults.is_multiple_of(EACH) {
            let seconds = self.begun.elapsed().as_secs();
            println!("{faults} faults, {} wrong, {seconds} s", self.wrong.len());
        }
    }

    fn tell(&mut self, scenario: Scenario, done: &Done, what: &str) {
        let line = format!(
            "{}: {}: {}: {what}",
            scenario.name(),
            done.fault,
            done.ending
        );
        println!("  {line}");
        self.wrong.push(line);
    }

    fn faults(&self) -> u64 {
        self.cells.values().map(|cell| cell.faults).sum()
    }

    /// The table; fails where anything was wrong.
    pub fn sum_up(&self) -> ExitCode {
        println!(
            "\n{:<10}{:<10}{:>8}{:>8}{:>8}{:>8}",
            "", "", "faults", "live", "unmet", "wrong"
        );
        for ((scenario, kind), cell) in &self.cells {
            let Cell {
                faults,
                live,
                wrong,
                unmet,
            } = cell;
            println!(
                "{:<10}{:<10}{faults:>8}{live:>8}{unmet:>8}{wrong:>8}",
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
