//! A step of a release: what it may do, how it may go wrong, and what comes of it.

use crate::driving::{Done, Driving, Write, is_leaving, writes};
use crate::release::{Brought, Late, Run, Stage, State};
use crate::rules::{Rule, Rules};
use crate::scenario::{Asks, Program};
use crate::shared::Shared;
use crate::world::World;
use pipeline::drivers::{Ask, Reservation};
use pipeline::names::{Fqdn, Ticket};
use pipeline::records::Batch;
use pipeline::rows::CandidateRow;

/// How a step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// As it should.
    Done,
    /// The suites fail.
    Fails,
    /// It is done, but nobody learns of it: the stage runs again.
    Lost,
    /// It is done, nobody learns of it, and the stage does not run again.
    GivenUp,
    /// The batch is on its way when the stage dies and runs again.
    LateAgain,
    /// The batch is on its way when the stage dies for good.
    LateGivenUp,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A release takes a step.
    Step(usize, How),
    /// A batch that was late arrives.
    Arrives(usize),
    /// One of the instances that are up dies.
    Dies(usize),
    /// The component on one of them ends, and is started again.
    Restarts(usize),
    /// EC2 announces the end of one of them.
    Retires(usize),
    /// An execution is stopped: no state of it runs any more.
    Stops(usize),
    /// The same, and the function that it called goes on.
    GoesOn(usize),
}

/// How the next step of a run may go, with so many crashes and late batches left.
pub fn ways(run: &Run, every_ask: bool, crashes: u8, lates: u8) -> Vec<How> {
    let (crash, late): (&[How], &[How]) = match &run.stage {
        Stage::Ended => return Vec::new(),
        Stage::Test if !run.plan.proven => return vec![How::Done, How::Fails],
        Stage::Confirm(_, driving) => ways_of(driving, every_ask, RUNS_AGAIN),
        Stage::Reserve(..) => (&[How::GivenUp], &[]),
        Stage::Companions => (&[How::Lost], &[How::LateAgain, How::LateGivenUp]),
        Stage::Deploy => (&[How::GivenUp], &[How::LateAgain]),
        Stage::Publish => (&[], &[How::LateAgain, How::LateGivenUp]),
        Stage::Cut(driving) if run.found_live => ways_of(driving, every_ask, RUNS_AGAIN),
        Stage::Cut(driving) => ways_of(driving, every_ask, ANY),
        Stage::Back(driving) => ways_of(driving, every_ask, ANY),
        Stage::Terminate(driving) => ways_of(driving, every_ask, RUNS_AGAIN),
        Stage::Discard(driving) => ways_of(driving, every_ask, RUNS_AGAIN),
        Stage::Sweep(driving) => ways_of(driving, every_ask, RUNS_AGAIN),
        Stage::Keep(driving) => ways_of(driving, every_ask, RUNS_AGAIN),
        _ => (&[], &[]),
    };
    let crash = crash.iter().filter(|_| crashes > 0);
    let late = late.iter().filter(|_| lates > 0);
    [How::Done]
        .iter()
        .chain(crash)
        .chain(late)
        .copied()
        .collect()
}

/// Crashes, and calls that come late.
type Mishaps = (&'static [How], &'static [How]);

/// A stage may be given up after its retries.
const ANY: Mishaps = (
    &[How::Lost, How::GivenUp],
    &[How::LateAgain, How::LateGivenUp],
);
/// Where Record cutover, Terminate previous or Discard candidates is given up, a person is told, and
/// what is left is the next release's.
const RUNS_AGAIN: Mishaps = (&[How::Lost], &[How::LateAgain]);

/// How the next step of a driver may go: what it asks for may be the last that it does, and what it
/// changes may come later.
fn ways_of<D>(driving: &Driving<D>, every_ask: bool, (crash, late): Mishaps) -> Mishaps {
    match (&driving.ask, writes(&driving.ask)) {
        (Ask::Reserve(_), _) if every_ask => (crash, &[How::LateAgain]),
        (Ask::Change(..), true) => (crash, late),
        (_, true) if every_ask => (crash, late),
        (Ask::Aliases(_), _) if !driving.looked => (crash, &[]),
        (ask, _) if every_ask || is_leaving(ask) => (crash, &[]),
        _ => (&[], &[]),
    }
}

/// A release at a step.
pub struct Act<'a> {
    /// What the protocol consists of.
    pub rules: Rules,
    /// What the release is to do.
    pub program: &'a Program,
    /// Which of the releases it is.
    pub who: usize,
    /// Everything.
    pub state: &'a mut State,
    /// Whether others may come before every single ask of a driver.
    pub every_ask: bool,
    /// Whether another release comes when this one has ended, and finds what comes late.
    pub in_turn: bool,
    /// What the run of its stage has done so far.
    pub done: Done,
    /// Whether its driver has asked for something and waits.
    pub pauses: bool,
}

impl Act<'_> {
    /// Takes the step that comes next.
    pub fn step(&mut self, how: How) {
        match how {
            How::Lost | How::GivenUp => self.state.crashes -= 1,
            How::LateAgain | How::LateGivenUp => self.state.lates -= 1,
            How::Done | How::Fails => {}
        }
        self.stage(how);
        if self.run().is_stopped && !self.pauses {
            self.goes(Stage::Ended); // nobody calls another function
        }
    }

    fn stage(&mut self, how: How) {
        match self.run().stage.clone() {
            Stage::Plan if self.program.asks == Asks::Sweep => self.sweep(),
            Stage::Plan if self.program.asks == Asks::Keep => self.keep(),
            Stage::Plan => self.goes(Stage::PlanLook(self.state.world.zone.clone())),
            Stage::PlanLook(zone) => self.plan(&zone),
            Stage::Confirm(seen, driving) => self.confirm_step(&seen, &driving, how),
            Stage::PlanRows(seen) => self.plan_rows(&seen),
            Stage::Reserve(seen, reservation) => self.reserve(&seen, &reservation, how),
            Stage::Companions => self.companions(how),
            Stage::Deploy => self.deploy(how),
            Stage::Publish => self.publish(how),
            Stage::Test => self.test(how),
            Stage::Cut(driving) => self.cut_step(&driving, how),
            Stage::Drain(moves) => self.drained(moves),
            Stage::Back(driving) => self.back_step(&driving, how),
            Stage::Terminate(driving) => self.terminate_step(&driving, how),
            Stage::Discard(driving) => self.discard_step(&driving, how),
            Stage::Sweep(driving) => self.sweep_step(&driving, how),
            Stage::Keep(driving) => self.keep_step(&driving, how),
            Stage::Ended => {}
        }
    }

    pub(crate) fn run(&self) -> &Run {
        &self.state.runs[self.who]
    }

    pub(crate) fn goes(&mut self, stage: Stage) {
        self.state.runs[self.who].stage = stage;
    }

    pub(crate) fn world(&mut self) -> &mut World {
        &mut self.state.world
    }

    /// The release's, or once it takes itself back that of the roll-back.
    pub(crate) fn ticket(&self) -> Ticket {
        let back = self.run().back.as_ref();
        back.map_or(self.program.ticket, |back| back.plan.release.ticket)
    }

    pub(crate) fn is_rollback(&self) -> bool {
        self.program.asks == Asks::TakeBack
    }

    /// Whether live components that depend on the release are tested beside it.
    pub(crate) fn tests_dependents(&self) -> bool {
        self.rules.keep(Rule::Dependents)
    }

    /// It drains from now on.
    pub(crate) fn drain(&mut self) {
        let moves = self.state.world.draining.moves;
        self.goes(Stage::Drain(moves));
    }

    /// The candidates and the companions.
    pub(crate) fn all(&self) -> Vec<Brought> {
        let run = self.run();
        let companions = &run.beside.companions;
        run.plan
            .components
            .iter()
            .chain(companions)
            .cloned()
            .collect()
    }

    /// It is on its way; nobody waits for it.
    pub(crate) fn send_late(&mut self, write: &Ask) {
        self.send(write, false);
    }

    /// The same of records that a release publishes.
    pub(crate) fn publish_late(&mut self, batch: Batch) {
        self.send(&Ask::Change(batch, String::new()), true);
    }

    fn send(&mut self, write: &Ask, publishes: bool) {
        let late = Late {
            who: self.who,
            ticket: self.ticket(),
            write: Shared::new(Write(write.clone())),
            publishes,
        };
        self.state.late.push(late);
    }

    /// A new row of this release, in state `planned`.
    pub(crate) fn row(&self, one: &Brought) -> CandidateRow {
        CandidateRow::planned(
            one.hostname.clone(),
            one.component.clone(),
            one.commit.clone(),
            (self.ticket(), String::new()),
        )
    }

    /// The release's own row, if it is still its own (`Deployer::own_row`).
    pub(crate) fn own_row(&self, at: &Fqdn) -> Option<&CandidateRow> {
        let row = self.state.world.row(at);
        row.filter(|row| row.ticket == self.ticket() && !row.state.is_leaving())
    }
}

/// Nobody hears what its function answers.
pub fn goes_on(state: &mut State, who: usize) {
    state.runs[who].is_stopped = true;
    state.stops -= 1;
}

/// What it has begun stays.
pub fn stops(state: &mut State, who: usize) {
    state.runs[who].stage = Stage::Ended;
    state.stops -= 1;
}

/// Something happens to one of the instances that are up.
pub fn happens(state: &mut State, which: usize, what: impl Fn(&mut World, &str)) {
    let id = state.world.up.iter().nth(which).cloned();
    id.into_iter().for_each(|id| what(&mut state.world, &id));
    state.deaths -= 1;
}

/// A late call arrives: it does what it still can.
pub fn arrives(state: &mut State, which: usize, rules: Rules) {
    let late = state.late.remove(which);
    let world = &mut state.world;
    match &late.write.0 {
        Ask::Change(batch, _) => {
            let before = world.live();
            if world.apply(batch, rules) {
                for one in crate::check::moves(&before, &world.live()) {
                    crate::check::moved(world, &one, late.ticket);
                }
            }
        }
        Ask::RecordAliases(rows) => rows.iter().for_each(|row| world.record_alias(row.clone())),
        Ask::Confirm(by, all) => all.iter().for_each(|(at, of)| {
            world.confirm(at, *of, *by);
        }),
        Ask::MoveOn(marks) => marks
            .iter()
            .for_each(|one| match rules.keep(Rule::StateOrder) {
                true => drop(world.set_candidate(&one.hostname, one.ticket, one.state)),
                false => world.set_state(&one.hostname, one.ticket, one.state),
            }),
        Ask::GiveBack(ticket, rows) => rows.iter().for_each(|row| {
            world.give_back(*ticket, row.clone());
        }),
        Ask::RecordSet(_, proofs) => {
            let proofs = proofs.iter().map(|row| row.proof.clone());
            world.proofs.change(|all| all.extend(proofs));
        }
        Ask::Reserve(reservation) => reserved_late(state, late.who, reservation),
        Ask::Keep(ask) => drop(world.keeps(ask, rules)),
        _ => {}
    }
}

/// The roll-back's next look finds its plan; where it has given up, the rows are the next release's.
fn reserved_late(state: &mut State, who: usize, reservation: &Reservation) {
    let run = &mut state.runs[who];
    if !state
        .world
        .reserve(&reservation.candidates, &reservation.taken_over)
    {
        return;
    }
    match &run.stage {
        Stage::Back(_) => run.becomes_its_roll_back(&reservation.release.plan),
        _ => state.world.broken.excused = true,
    }
}
