//! What is live when it begins, and which releases run.

use crate::act::{Act, How};
use crate::driving::Done;
use crate::release::{Run, Stage, State};
use crate::rules::Rules;
use crate::world::World;
use pipeline::names::Ticket;

/// What a release is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asks {
    /// New commits of these.
    These(&'static [&'static str]),
    /// Of these, the commits that another release brings: it, by its ticket.
    As(&'static [&'static str], u64),
    /// What is live of these, launched again.
    Restart(&'static [&'static str]),
    /// What was live before the last release.
    TakeBack,
    /// Nothing: it is the sweeper.
    Sweep,
    /// Nothing: it is the keeper.
    Keep,
}

impl Asks {
    /// The components that it names; a roll-back finds its own.
    pub fn names(&self) -> Option<&'static [&'static str]> {
        match self {
            Self::These(names) | Self::As(names, _) | Self::Restart(names) => Some(names),
            Self::TakeBack | Self::Sweep | Self::Keep => None,
        }
    }
}

/// How far a release is when the check begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// It has ended; it is what was live before.
    Over,
    /// It is live and drains.
    Draining,
    /// Its names are reserved.
    Planned,
    /// It has looked at what is live beside it.
    Beside,
    /// Its suites have passed.
    Tested,
    /// It was started.
    Started,
}

/// One release.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its ticket.
    pub ticket: Ticket,
    /// What it is asked for.
    pub asks: Asks,
    /// How far it is.
    pub begins: Begins,
}

/// A start and up to three releases.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// A sentence.
    pub name: &'static str,
    /// In the order of their tickets, from 1.
    pub programs: Vec<Program>,
    /// How many crashes there may be.
    pub crashes: u8,
    /// How many batches may be late.
    pub lates: u8,
    /// How many instances may die, or their components end and start again.
    pub deaths: u8,
    /// How many executions may be stopped, but the last. Then each begins when the one before has ended.
    pub stops: u8,
    /// Whether others may come before every single ask of a driver, and a crash as well.
    pub every_ask: bool,
    /// Whether the sweeper comes while releases run, and not only when they have ended.
    pub sweeps_beside: bool,
    /// Whether the function of an execution that is stopped goes on.
    pub goes_on: bool,
}

impl Scenario {
    /// Releases by what they bring, each from where it begins.
    pub fn new(name: &'static str, releases: &[(Begins, Asks)], crashes: u8, lates: u8) -> Self {
        let program = |(n, (begins, asks)): (usize, &(Begins, Asks))| Program {
            ticket: Ticket(n as u64 + 1),
            asks: asks.clone(),
            begins: *begins,
        };
        Self {
            name,
            programs: releases.iter().enumerate().map(program).collect(),
            crashes,
            lates,
            deaths: 0,
            stops: 0,
            every_ask: false,
            sweeps_beside: false,
            goes_on: false,
        }
    }

    /// The same, where the function of an execution that is stopped may go on.
    pub fn that_goes_on(self) -> Self {
        Self {
            goes_on: true,
            ..self
        }
    }

    /// The same, where the sweeper comes at any moment.
    pub fn swept_beside(self) -> Self {
        Self {
            sweeps_beside: true,
            ..self
        }
    }

    /// Whether there is one.
    pub fn has_sweeper(&self) -> bool {
        self.programs.iter().any(|one| one.asks == Asks::Sweep)
    }

    /// Whether there is a keeper.
    pub fn has_keeper(&self) -> bool {
        self.programs.iter().any(|one| one.asks == Asks::Keep)
    }

    /// The same, where others may come before every single ask of a driver.
    pub fn at_every_ask(self) -> Self {
        Self {
            every_ask: true,
            ..self
        }
    }

    /// The same where so many instances may die.
    pub fn with_deaths(self, deaths: u8) -> Self {
        Self { deaths, ..self }
    }

    /// The same one after the other, where so many may be stopped, or given up for good, at any step.
    pub fn with_stops(self, stops: u8) -> Self {
        Self { stops, ..self }
    }

    /// The first state: one release after the other as far as it begins, without any mishap. What
    /// came before the check is the whole protocol's, whatever is left out in the check.
    pub fn start(&self) -> State {
        let mut state = State {
            world: World {
                records_outcomes: self.has_sweeper() || self.has_keeper(),
                ..World::empty()
            },
            runs: vec![Run::started(); self.programs.len()],
            late: Vec::new(),
            crashes: self.crashes,
            lates: self.lates,
            deaths: self.deaths,
            stops: self.stops,
        };
        for (who, program) in self.programs.iter().enumerate() {
            while !reached(&state.runs[who].stage, program.begins) {
                let state = &mut state;
                let rules = Rules::WHOLE;
                Act {
                    rules,
                    program,
                    who,
                    state,
                    every_ask: false,
                    in_turn: false,
                    done: Done::default(),
                    pauses: false,
                }
                .step(How::Done);
            }
        }
        state
    }
}

fn reached(stage: &Stage, begins: Begins) -> bool {
    match begins {
        Begins::Started => true,
        Begins::Planned => matches!(stage, Stage::Companions),
        Begins::Beside => matches!(stage, Stage::Deploy),
        Begins::Tested => matches!(stage, Stage::Cut(_)),
        Begins::Draining => matches!(stage, Stage::Drain(_)),
        Begins::Over => matches!(stage, Stage::Ended),
    }
}
