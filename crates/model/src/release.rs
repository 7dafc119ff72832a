//! One execution of the state machine: where it is and what it has in hand.

use crate::driving::{Driving, Write};
use crate::shared::{Printed, Shared};
use crate::world::World;
use pipeline::drivers::{Confirm, Cutover, Discard, Keep, RollBack, Sweep, Terminate};
use pipeline::live::ReadSet;
use pipeline::names::{Commit, Component, Fqdn, Ticket};
use pipeline::plan::Observed;
use pipeline::proof::Set;
use pipeline::records::ZoneView;
use pipeline::rows::CandidateRow;
use pipeline::wire::{PlanReply, Planned};
use std::collections::BTreeSet;

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct State {
    /// What all share.
    pub world: World,
    /// The releases.
    pub runs: Vec<Run>,
    /// Calls that were sent, and whose senders have given them up.
    pub late: Vec<Late>,
    /// Crashes that may still happen.
    pub crashes: u8,
    /// Batches that may still be late.
    pub lates: u8,
    /// Instances that may still die.
    pub deaths: u8,
    /// Executions that may still be stopped.
    pub stops: u8,
}

/// A call on its way.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Late {
    /// Whose.
    pub who: usize,
    /// The ticket that it had then.
    pub ticket: Ticket,
    /// What it changes.
    pub write: Shared<Write>,
    /// Whether it publishes something that Discard would have to find.
    pub publishes: bool,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Run {
    /// Where it is.
    pub stage: Stage,
    /// What Plan release answered.
    pub plan: Shared<Plan>,
    /// What Plan companions answered.
    pub beside: Shared<Beside>,
    /// Which time it is tested.
    pub round: u8,
    /// Whether Discard candidates has found it live (`Record cutover`).
    pub found_live: bool,
    /// What it takes back of itself, once that is reserved.
    pub back: Option<Shared<Back>>,
    /// What Terminate previous has found not well, so that it goes back.
    pub not_well: BTreeSet<Component>,
    /// What no stage can see: whether a candidate was not well when the batch was planned.
    pub unwell_then: bool,
    /// And what was true when Terminate previous looked.
    pub then: Option<Shared<Then>>,
    /// What a sweeper knows.
    pub swept: Sweeps,
    /// Its execution was stopped; the function that it called goes on, and comes to its end.
    pub is_stopped: bool,
}

/// What a sweeper knows.
#[derive(Debug, Clone, Default, PartialEq, Hash)]
pub struct Sweeps {
    /// Releases whose drain it has waited for.
    pub drained: BTreeSet<Ticket>,
    /// What it can not know: whether its look began when nothing else moved any more.
    pub calm: bool,
}

/// A release that takes itself back (Roll back), with a ticket of its own.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Back {
    /// What it has reserved.
    pub plan: PlanReply,
    /// What it replaces.
    pub failed: Vec<Brought>,
}

/// What Plan release answered.
#[derive(Debug, Clone, Default, PartialEq, Hash)]
pub struct Plan {
    /// What it brings.
    pub components: Vec<Brought>,
    /// Whether it is a roll-back to a proven set.
    pub proven: bool,
}

impl Plan {
    /// What a reply says.
    pub fn of(reply: &PlanReply) -> Self {
        Self {
            components: reply.components.iter().map(Brought::of).collect(),
            proven: reply.release.proven,
        }
    }
}

/// A candidate or a companion.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Brought {
    /// Which.
    pub component: Component,
    /// What.
    pub commit: Commit,
    /// Where.
    pub hostname: Fqdn,
    /// Where the same commit is to be replaced.
    pub replaces: Option<Fqdn>,
}

impl Brought {
    /// What is planned.
    pub fn of(one: &Planned) -> Self {
        Self {
            component: one.component.clone(),
            commit: one.commit.clone(),
            hostname: one.stands_at().expect("no libraries here").clone(),
            replaces: one.replaces.clone(),
        }
    }
}

/// What Plan companions answered.
#[derive(Debug, Clone, Default, PartialEq, Hash)]
pub struct Beside {
    /// To be tested beside the release.
    pub companions: Vec<Brought>,
    /// What was live.
    pub read_set: ReadSet,
    /// What would be.
    pub set: Set,
}

/// Where a release is. What a stage has looked at is in hand until it acts.
#[derive(Debug, Clone, PartialEq, Hash)]
pub enum Stage {
    /// Plan release looks at the zone.
    Plan,
    /// It reads the rows, and decides.
    PlanLook(Shared<ZoneView>),
    /// It confirms what is live already.
    Confirm(Shared<Printed<Seen>>, Shared<Driving<Confirm>>),
    /// It reads the rows that it takes over.
    PlanRows(Shared<Printed<Seen>>),
    /// It reserves.
    Reserve(Shared<Printed<Seen>>, Shared<Printed<Reservation>>),
    /// Plan companions, Publish peers.
    Companions,
    /// Deploy (initial).
    Deploy,
    /// Publish hostnames.
    Publish,
    /// Integration tests.
    Test,
    /// Deploy (cutover), or Record cutover.
    Cut(Shared<Driving<Cutover>>),
    /// Drain, which began after so many moves of aliases.
    Drain(u8),
    /// Terminate previous.
    Terminate(Shared<Driving<Terminate>>),
    /// Discard candidates.
    Discard(Shared<Driving<Discard>>),
    /// Sweep.
    Sweep(Shared<Driving<Sweep>>),
    /// Keep.
    Keep(Shared<Driving<Keep>>),
    /// Roll back.
    Back(Shared<Driving<RollBack>>),
    /// It has ended.
    Ended,
}

/// What Plan release has looked at.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Each component.
    pub observed: Vec<Observed>,
    /// Whether what it brings back is proven.
    pub proven: bool,
    /// Whether it tries for the second time.
    pub again: bool,
}

/// What it reserves.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// The plan.
    pub plan: Plan,
    /// New rows.
    pub new: Vec<CandidateRow>,
    /// Rows as seen, and as they will be.
    pub taken_over: Vec<(CandidateRow, CandidateRow)>,
}

/// Whose take-down it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// Terminate previous.
    Terminate,
    /// Discard candidates.
    Discard,
}

/// What no stage can see: what was true when Terminate previous looked.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Then {
    /// Components of which nothing well was live.
    pub dead: Vec<Component>,
    /// Hostnames that were live or had been.
    pub live: Vec<Fqdn>,
}

impl Run {
    /// Roll back has reserved what was live before: from here on the release is that roll-back.
    pub fn becomes_its_roll_back(&mut self, plan: &PlanReply) {
        let failed = self.plan.components.clone();
        self.plan = Shared::new(Plan::of(plan));
        let plan = plan.clone();
        self.back = Some(Shared::new(Back { plan, failed }));
        self.found_live = false;
    }

    /// A release that was just started.
    pub fn started() -> Self {
        Self {
            stage: Stage::Plan,
            plan: Shared::new(Plan::default()),
            beside: Shared::new(Beside::default()),
            round: 1,
            found_live: false,
            back: None,
            not_well: BTreeSet::new(),
            unwell_then: false,
            then: None,
            swept: Sweeps::default(),
            is_stopped: false,
        }
    }

    /// Whether its execution is over, whatever a function still does.
    pub fn is_over(&self) -> bool {
        self.is_stopped || matches!(self.stage, Stage::Ended)
    }

    /// Whether a function of it may go on when its execution is stopped: one that a driver decides for.
    pub fn may_go_on(&self) -> bool {
        matches!(
            self.stage,
            Stage::Confirm(..)
                | Stage::Cut(_)
                | Stage::Terminate(_)
                | Stage::Discard(_)
                | Stage::Back(_)
        )
    }
}
