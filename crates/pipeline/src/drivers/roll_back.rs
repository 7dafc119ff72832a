//! Roll back: a release that went live and is not well gives way to what was live before.
//!
//! What was live before still runs. It is looked at and reserved, row by row as it was seen, and then
//! it goes live like any release: by a [`Cutover`], whose ticket is later than all others.

mod step;

use super::{Answer, Ask, Cutover, Driver, MAX_PLANS, Next, PlanFound, Reservation, Rows};
use crate::back::{Back, BackPlan, BackReply, BackRequest, Seen, plan_back, plan_of, taken_over};
use crate::errors::{ErrorName, Fault, Named as _};
use crate::health::{Condition, Tolerates};
use crate::live::live_hostnames;
use crate::names::{Component, Fqdn, Ticket, alias};
use crate::records::ZoneView;
use crate::rows::{AliasRow, CandidateRow, ReleaseRow};
use crate::wire::{CutoverReply, HostedComponent, PlanReply, Release};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use step::{job, standing};

/// How often what was live before is looked at anew because its rows changed hands.
const MAX_LOOKS: u32 = 3;

/// How often what was live before is looked at until it is well: a service that is started again has ten seconds, as
/// it has where it is live ([`crate::bake::PATIENCE`]).
const LOOKS_UNTIL_WELL: u32 = 3;

/// Seconds between them.
const PAUSE: u64 = 5;

/// The roll-back of one release.
#[derive(Debug, Clone, Hash)]
pub struct RollBack {
    asked: Arc<BackRequest>,
    looks_left: u32,
    /// Looks at whether what was live before is well.
    until_well: u32,
    moves_left: u32,
    /// The release of an earlier execution that had the same name.
    earlier: Option<Ticket>,
    /// Of which what was live before stood at the last look.
    kept: BTreeSet<Component>,
    waits: Waits,
}

/// What it waits for.
#[derive(Debug, Clone, Default, Hash)]
enum Waits {
    #[default]
    ToBegin,
    /// What an earlier try has reserved.
    Plan,
    Zone,
    Aliases(ZoneView),
    /// The rows of what was live before.
    Before(ZoneView, Vec<AliasRow>),
    /// How that is.
    Conditions(ZoneView, Vec<AliasRow>, Rows),
    /// For what was live before to come back; with what is reserved.
    Paused(Option<Arc<PlanReply>>),
    Ticket(Vec<Back>, Vec<Component>),
    Reserved(Arc<PlanReply>),
    /// The rows of what it has reserved.
    OwnRows(Arc<PlanReply>),
    ZoneToMove(Arc<PlanReply>, Rows),
    /// The rows of what is live in this zone.
    Known(Arc<PlanReply>, Rows, ZoneView),
    Moving(Arc<PlanReply>, Box<Cutover>),
    /// Where users are sent, since it did not move them.
    ZoneAfter(String),
    Recorded(BackReply),
    Told(BackReply),
}

type Step = Result<Next<BackReply>, Fault>;

impl Driver for RollBack {
    type Reply = BackReply;

    fn release(&self) -> &Release {
        &self.asked.release
    }

    fn next(&mut self, answer: Answer, now: &str) -> Step {
        match (std::mem::take(&mut self.waits), answer) {
            (Waits::ToBegin, Answer::Begin) => Ok(self.begin()),
            (Waits::Plan, Answer::Plan(found)) => Ok(self.go_on(found)),
            (Waits::Zone, Answer::Zone(zone)) => Ok(self.ask_aliases(zone)),
            (Waits::Aliases(zone), Answer::Aliases(rows)) => Ok(self.ask_before(zone, rows)),
            (Waits::Before(zone, aliases), Answer::Rows(rows)) => {
                Ok(self.examine(zone, aliases, rows))
            }
            (Waits::Conditions(zone, aliases, rows), Answer::Conditions(seen)) => {
                Ok(self.plan(&zone, &aliases, &rows, &seen))
            }
            (Waits::Paused(None), Answer::Done) => Ok(self.look()),
            (Waits::Paused(Some(plan)), Answer::Done) => Ok(self.begin_move(plan)),
            (Waits::Ticket(back, stay), Answer::Ticket(ticket)) => {
                Ok(self.reserve(ticket, back, stay, now))
            }
            (Waits::Reserved(plan), Answer::Reserved(true)) => Ok(self.begin_move(plan)),
            (Waits::Reserved(_), Answer::Reserved(false)) => Ok(self.look_again()),
            (Waits::OwnRows(plan), Answer::Rows(rows)) => {
                Ok(self.ask(Ask::View, Waits::ZoneToMove(plan, rows)))
            }
            (Waits::ZoneToMove(plan, rows), Answer::Zone(zone)) => {
                Ok(self.ask_known(plan, rows, zone))
            }
            (Waits::Known(plan, own, zone), Answer::Rows(rows)) => {
                self.plan_move(plan, own, &zone, &rows)
            }
            (Waits::Moving(plan, mut cutover), answer) => {
                if let Answer::Rows(rows) = &answer {
                    self.kept = standing(&plan, rows);
                }
                let step = cutover.next(answer, now);
                self.moving(plan, cutover, step)
            }
            (Waits::ZoneAfter(why), Answer::Zone(zone)) => Ok(self.not_moved(&zone, &why)),
            (Waits::Recorded(reply), Answer::Done) => Ok(self.tell(reply)),
            (Waits::Told(reply), Answer::Done) => Ok(Next::Done(reply)),
            (_, answer) => Err(answer.out_of_turn()),
        }
    }

    /// The history decides nothing: what users have is in the reply.
    fn call_failed(&mut self, fault: Fault) -> Step {
        match std::mem::take(&mut self.waits) {
            Waits::Told(reply) => Ok(Next::Done(reply)),
            _ => Err(fault),
        }
    }
}

impl RollBack {
    /// A second try goes on where the first was.
    pub fn new(asked: BackRequest) -> Self {
        Self {
            asked: Arc::new(asked),
            looks_left: MAX_LOOKS,
            until_well: LOOKS_UNTIL_WELL,
            moves_left: MAX_PLANS,
            earlier: None,
            kept: BTreeSet::new(),
            waits: Waits::ToBegin,
        }
    }

    fn ask(&mut self, ask: Ask, waits: Waits) -> Next<BackReply> {
        self.waits = waits;
        Next::Ask(ask)
    }

    fn stays(&mut self, why: &str) -> Next<BackReply> {
        self.tell(BackReply::stays(&self.asked, why, &self.kept))
    }

    fn tell(&mut self, reply: BackReply) -> Next<BackReply> {
        let row = self.asked.told(&reply);
        self.ask(Ask::Tell(Box::new(row)), Waits::Told(reply))
    }

    fn begin(&mut self) -> Next<BackReply> {
        let (execution, began) = (self.asked.execution(), self.asked.began.clone());
        self.ask(Ask::PlanOf(execution, began), Waits::Plan)
    }

    fn go_on(&mut self, found: PlanFound) -> Next<BackReply> {
        self.earlier = None;
        match found {
            PlanFound::Own(plan) => return self.begin_move(plan.into()),
            PlanFound::Earlier(ticket) => self.earlier = Some(ticket),
            PlanFound::None => {}
        }
        self.look()
    }

    fn look(&mut self) -> Next<BackReply> {
        self.ask(Ask::View, Waits::Zone)
    }

    /// The rows of what was live before changed hands between the look and the reservation: they may
    /// be its own by now, where an earlier try's reservation came late.
    fn look_again(&mut self) -> Next<BackReply> {
        self.looks_left -= 1;
        match self.looks_left {
            // Whoever has it by now may end it.
            0 => {
                self.kept.clear();
                self.stays("what was live before kept changing hands")
            }
            _ => self.begin(),
        }
    }

    fn ask_aliases(&mut self, zone: ZoneView) -> Next<BackReply> {
        let components = self.asked.components.iter();
        let components = components.map(|one| one.component.clone()).collect();
        self.ask(Ask::Aliases(components), Waits::Aliases(zone))
    }

    fn ask_before(&mut self, zone: ZoneView, aliases: Vec<AliasRow>) -> Next<BackReply> {
        let before = aliases
            .iter()
            .flat_map(|row| row.replaced.iter().chain(&row.previous));
        let before = before.map(|previous| previous.hostname.clone()).collect();
        self.ask(Ask::Candidates(before), Waits::Before(zone, aliases))
    }

    fn examine(&mut self, zone: ZoneView, aliases: Vec<AliasRow>, rows: Rows) -> Next<BackReply> {
        let ask = Ask::Examine(rows.values().cloned().collect(), Tolerates::AnyEndOfHalf);
        self.ask(ask, Waits::Conditions(zone, aliases, rows))
    }

    fn plan(
        &mut self,
        zone: &ZoneView,
        aliases: &[AliasRow],
        rows: &Rows,
        conditions: &BTreeMap<Fqdn, Condition>,
    ) -> Next<BackReply> {
        let seen = Seen {
            zone,
            aliases,
            rows,
            conditions,
        };
        let BackRequest {
            release,
            components,
            failed,
            ..
        } = &*self.asked;
        match plan_back(release, components, failed, &seen) {
            BackPlan::GoBack { back, stay } => self.ask(Ask::DrawTicket, Waits::Ticket(back, stay)),
            BackPlan::Stay { why, kept } => {
                self.kept = kept;
                self.stays(&why)
            }
            BackPlan::NotWell { why, kept } => {
                self.kept = kept;
                self.not_well(&why, None)
            }
            BackPlan::MovedOn => self.tell(BackReply::moved_on(&self.asked)),
        }
    }

    /// It may be in the middle of a restart, and users have nothing better than it.
    fn not_well(&mut self, why: &str, reserved: Option<Arc<PlanReply>>) -> Next<BackReply> {
        self.until_well -= 1;
        match self.until_well {
            0 => self.stays(why),
            _ => self.ask(Ask::Wait(PAUSE), Waits::Paused(reserved)),
        }
    }

    /// The rows change hands only as they were seen.
    fn reserve(
        &mut self,
        ticket: Ticket,
        back: Vec<Back>,
        stay: Vec<Component>,
        now: &str,
    ) -> Next<BackReply> {
        let release = Release {
            ticket,
            ..self.asked.release.clone()
        };
        let plan = plan_of(release, &back, stay);
        let next = |seen: CandidateRow| {
            let next = taken_over(&seen, &plan.release, now);
            (seen, next)
        };
        let reservation = Reservation {
            release: self.release_row(&plan, now),
            candidates: Vec::new(),
            taken_over: back.into_iter().map(|one| next(one.row)).collect(),
            earlier: self.earlier,
        };
        let ask = Ask::Reserve(Box::new(reservation));
        self.ask(ask, Waits::Reserved(Arc::new(plan)))
    }

    fn release_row(&self, plan: &PlanReply, now: &str) -> ReleaseRow {
        let execution = (self.asked.execution(), self.asked.execution_arn.clone());
        ReleaseRow::begun(plan.clone(), execution, now.to_owned())
    }

    fn begin_move(&mut self, plan: Arc<PlanReply>) -> Next<BackReply> {
        let own = plan.components.iter();
        let own = own.filter_map(|one| one.hostname.clone());
        self.ask(Ask::Candidates(own.collect()), Waits::OwnRows(plan))
    }

    fn ask_known(&mut self, plan: Arc<PlanReply>, own: Rows, zone: ZoneView) -> Next<BackReply> {
        let live = live_hostnames(&zone, &plan.release.domain).into_values();
        let ask = Ask::Candidates(live.chain(own.keys().cloned()).collect());
        self.ask(ask, Waits::Known(plan, own, zone))
    }

    /// The cutover goes on from the same look that its read-set is of: nothing is tested in between.
    fn plan_move(&mut self, plan: Arc<PlanReply>, own: Rows, zone: &ZoneView, rows: &Rows) -> Step {
        self.kept = standing(&plan, rows);
        let job = job(&plan, own, (zone, rows), &self.asked.components);
        match job {
            Ok(job) => {
                let mut cutover = Box::new(Cutover::of(job));
                let step = cutover.plan(zone, rows);
                self.moving(plan, cutover, step)
            }
            Err(fault) => self.failed(plan, fault),
        }
    }

    fn moving(
        &mut self,
        plan: Arc<PlanReply>,
        cutover: Box<Cutover>,
        step: Result<Next<CutoverReply>, Fault>,
    ) -> Step {
        let reply = match step {
            Ok(Next::Ask(ask)) => return Ok(self.ask(ask, Waits::Moving(plan, cutover))),
            Ok(Next::Done(reply)) => reply,
            Err(fault) => return self.failed(plan, fault),
        };
        Ok(match reply {
            CutoverReply::Live { .. } => {
                let reply = BackReply::rolled_back(&self.asked, &plan);
                let ticket = self.asked.release.ticket;
                let ask = Ask::RecordRolledBack(ticket, reply.cause.clone());
                self.ask(ask, Waits::Recorded(reply))
            }
            CutoverReply::Superseded { reason } => self.look_whom_users_meet(reason),
            CutoverReply::AlreadyLive { .. } => {
                let reason = "another release made the previous version live meanwhile";
                self.look_whom_users_meet(reason.to_owned())
            }
            // Nothing is tested here, so what moves beside it is only to be looked at again.
            CutoverReply::PeersMoved { .. } => self.move_again(plan),
        })
    }

    /// Somebody else has moved the aliases since they were looked at.
    fn look_whom_users_meet(&mut self, why: String) -> Next<BackReply> {
        self.ask(Ask::View, Waits::ZoneAfter(why))
    }

    /// What was live before is somebody else's by now, or goes back to whom it belonged: there is nothing to end.
    fn not_moved(&mut self, zone: &ZoneView, why: &str) -> Next<BackReply> {
        let asked = self.asked.clone();
        let domain = &asked.release.domain;
        let is_failed = |one: &&HostedComponent| {
            asked.failed.is_empty() || asked.failed.contains(&one.component)
        };
        let mut failed = asked.components.iter().filter(is_failed);
        let is_met = failed.any(|one| {
            zone.points_to(&alias(&one.component, domain)).as_ref() == Some(&one.hostname)
        });
        match is_met {
            true => self.stays(why),
            false => self.tell(BackReply {
                components: Vec::new(),
                ..BackReply::moved_on(&asked)
            }),
        }
    }

    fn move_again(&mut self, plan: Arc<PlanReply>) -> Next<BackReply> {
        self.moves_left -= 1;
        match self.moves_left {
            0 => self.stays("what is live beside it kept moving"),
            _ => self.begin_move(plan),
        }
    }

    /// What was live before may have ended in this very moment, or may come back.
    fn failed(&mut self, plan: Arc<PlanReply>, fault: Fault) -> Step {
        match fault.name() {
            ErrorName::NotHealthy => Ok(self.not_well(&fault.to_string(), Some(plan))),
            ErrorName::CandidateGone => Ok(self.stays(&fault.to_string())),
            _ => Err(fault),
        }
    }
}

#[cfg(test)]
#[path = "roll_back_tests.rs"]
mod tests;
