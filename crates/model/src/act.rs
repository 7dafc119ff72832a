//! A step of a release: what it may do, how it may go wrong, and what comes of it.

use crate::release::{Brought, Late, Run, Stage, State, TakeStep};
use crate::rules::{Rule, Rules};
use crate::scenario::{Asks, Program};
use crate::shared::{Printed, Shared};
use crate::world::World;
use pipeline::cutover::AliasMove;
use pipeline::live::KnownHosts;
use pipeline::names::{Fqdn, Ticket};
use pipeline::records::Batch;
use pipeline::rows::{CandidateRow, CandidateState};

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
}

/// How the next step of a run may go, with so many crashes and late batches left.
pub fn ways(run: &Run, proven: bool, crashes: u8, lates: u8) -> Vec<How> {
    let (crash, late): (&[How], &[How]) = match &run.stage {
        Stage::Ended => return Vec::new(),
        Stage::Test if !proven => return vec![How::Done, How::Fails],
        Stage::Reserve(..) => (&[How::GivenUp], &[]),
        Stage::Companions => (&[How::Lost], &[]),
        Stage::Deploy => (&[How::GivenUp], &[]),
        Stage::Publish => (&[], &[How::LateAgain, How::LateGivenUp]),
        Stage::CutBatch(_) => (
            &[How::Lost, How::GivenUp],
            &[How::LateAgain, How::LateGivenUp],
        ),
        Stage::CutRecord(_) => (&[How::Lost, How::GivenUp], &[]),
        Stage::Take(take) => match take.step {
            TakeStep::Batch(_) => (&[How::Lost], &[How::LateAgain]),
            TakeStep::Mark(_) => (&[How::Lost], &[]),
            _ => (&[], &[]),
        },
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
}

impl Act<'_> {
    /// Takes the step that comes next.
    pub fn step(&mut self, how: How) {
        match how {
            How::Lost | How::GivenUp => self.state.crashes -= 1,
            How::LateAgain | How::LateGivenUp => self.state.lates -= 1,
            How::Done | How::Fails => {}
        }
        match self.run().stage.clone() {
            Stage::Plan => self.goes(Stage::PlanLook(self.state.world.zone.clone())),
            Stage::PlanLook(zone) => self.plan(&zone),
            Stage::PlanRows(seen) => self.plan_rows(&seen),
            Stage::Reserve(seen, reservation) => self.reserve(&seen, &reservation, how),
            Stage::Companions => self.companions(how),
            Stage::Deploy => self.deploy(how),
            Stage::Publish => self.publish(how),
            Stage::Test => self.test(how),
            Stage::CutLook => self.cut_look(),
            Stage::CutPlan(zone) => self.cut_plan(&zone),
            Stage::CutBatch(commit) => self.cut_batch(&commit, how),
            Stage::CutRecord(moves) => self.cut_record(&moves, how),
            Stage::Drain(moves) => self.drained(moves),
            Stage::BackLook => self.back_look(),
            Stage::BackReserve(rows) => self.back_reserve(&rows),
            Stage::Take(take) => self.take_step(take, how),
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
        back.map_or(self.program.ticket, |back| back.ticket)
    }

    pub(crate) fn is_rollback(&self) -> bool {
        self.program.asks == Asks::TakeBack
    }

    /// Whether live components that depend on the release are tested beside it.
    pub(crate) fn tests_dependents(&self) -> bool {
        self.rules.keep(Rule::Dependents)
    }

    /// What is recorded of these (without the ticket rule, nobody is later than anybody).
    pub(crate) fn known<'a>(&self, hosts: impl Iterator<Item = &'a Fqdn>) -> KnownHosts {
        let mut known = self.state.world.known(hosts);
        if !self.rules.keep(Rule::Tickets) {
            known.values_mut().for_each(|one| one.ticket = Ticket(0));
        }
        known
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

    /// The batch is on its way; nobody waits for it.
    pub(crate) fn send_late(&mut self, batch: &Batch, moves: &[AliasMove], publishes: bool) {
        let who = self.who;
        self.state.late.push(Late {
            who,
            batch: Shared::new(batch.clone()),
            moves: Shared::new(Printed(moves.to_vec())),
            publishes,
        });
    }

    /// A new row of this release, in state `planned`.
    pub(crate) fn row(&self, one: &Brought, companion: bool) -> CandidateRow {
        CandidateRow {
            component: one.component.clone(),
            commit: one.commit.clone(),
            hostname: one.hostname.clone(),
            ticket: self.ticket(),
            release: String::new(),
            state: CandidateState::Planned,
            instances: Vec::new(),
            launch_template_version: String::new(),
            launched_by: None,
            companion,
            recipe: None,
            found_healthy: None,
        }
    }

    /// The release's own row, if it is still its own (`Deployer::own_row`).
    pub(crate) fn own_row(&self, at: &Fqdn) -> Option<&CandidateRow> {
        let row = self.state.world.row(at);
        row.filter(|row| row.ticket == self.ticket() && !row.state.is_leaving())
    }
}

/// Something happens to one of the instances that are up.
pub fn happens(state: &mut State, which: usize, what: impl Fn(&mut World, &str)) {
    let id = state.world.up.iter().nth(which).cloned();
    id.into_iter().for_each(|id| what(&mut state.world, &id));
    state.deaths -= 1;
}

/// A late batch arrives: it is applied if it still fits.
pub fn arrives(state: &mut State, which: usize, rules: Rules, tickets: &[Program]) {
    let late = state.late.remove(which);
    if state.world.apply(&late.batch, rules) {
        for one in late.moves.iter() {
            crate::check::moved(&mut state.world, one, tickets[late.who].ticket);
        }
    }
}
