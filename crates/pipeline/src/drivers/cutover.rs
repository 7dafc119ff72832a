//! Deploy (cutover), Record cutover: one batch moves every alias of a release, or none.
//!
//! The rows of its own candidates, the zone, the rows of what is live; then a plan. A batch comes last
//! of all but the record: after it the release is live, whatever crashes.

use super::record::{Moved, Recording};
use super::request::Job;
use super::{Answer, Ask, Attempts, ChangeOutcome, Confirm, Confirmed, Driver, Next, Rows};
use crate::cutover::{AliasMove, CutoverPlan, CutoverRequest, plan_cutover};
use crate::errors::{ErrorName, Fault};
use crate::health::{Condition, Tolerates};
use crate::live::{KnownHosts, live_hostnames};
use crate::names::{Component, Fqdn, alias};
use crate::records::{Batch, ZoneView};
use crate::rows::CandidateRow;
use crate::verdict::{confirmed_by, superseded_by};
use crate::wire::{CutoverReply, CutoverStep, Release, SuiteReply};
use std::collections::BTreeMap;
use std::sync::Arc;

const WHILE: &str = "during the cutover; nothing moved";

/// The cutover of one release.
#[derive(Debug, Clone, Hash)]
pub struct Cutover {
    /// Once its own rows are known.
    job: Result<Arc<Job>, Arc<CutoverStep>>,
    /// Hostnames that it replaces although they are of the same commit: they are not well.
    unwell: Vec<Fqdn>,
    attempts: Attempts,
    waits: Waits,
}

/// What it waits for.
#[derive(Debug, Clone, Default, Hash)]
enum Waits {
    #[default]
    ToBegin,
    OwnRows,
    ToSettle,
    Zone,
    /// The rows of what is live in this zone.
    Known(ZoneView),
    /// Whether what is live at the same commits, in this zone, is well.
    LiveConditions(SameCommits, ZoneView, Rows),
    /// Until no release that came before this one replaces it.
    Confirming(SameCommits, Box<Confirm>),
    /// Whether the candidates are.
    Conditions(Commit),
    /// How the suites ended.
    Evidence(Commit),
    SetRecorded(Commit),
    Changed(Commit),
    Recording(Box<Recording>),
    /// A change that changes nothing.
    Asserted(Vec<AliasMove>),
    InSync(Moved),
}

/// Where they are live by another release.
type SameCommits = Vec<(Component, Fqdn)>;

/// A batch and what it moves.
#[derive(Debug, Clone, Hash)]
struct Commit {
    moves: Vec<AliasMove>,
    batch: Batch,
}

type Step = Result<Next<CutoverReply>, Fault>;

impl Driver for Cutover {
    type Reply = CutoverReply;

    fn release(&self) -> &Release {
        match &self.job {
            Ok(job) => &job.asked.release,
            Err(asked) => &asked.release,
        }
    }

    fn next(&mut self, answer: Answer, now: &str) -> Step {
        match (std::mem::take(&mut self.waits), answer) {
            (Waits::ToBegin, Answer::Begin) => Ok(self.begin()),
            (Waits::OwnRows, Answer::Rows(rows)) => self.settle(rows),
            (Waits::ToSettle, Answer::Done) => Ok(self.look()),
            (Waits::Zone, Answer::Zone(zone)) => Ok(self.looked(zone)),
            (Waits::Known(zone), Answer::Rows(rows)) => self.plan(&zone, &rows),
            (Waits::LiveConditions(at, zone, rows), Answer::Conditions(seen)) => {
                self.already_live(at, zone, &rows, &seen)
            }
            (Waits::Confirming(at, mut confirm), answer) => {
                let next = confirm.next(answer, now)?;
                self.confirm(at, confirm, next)
            }
            (Waits::Conditions(commit), Answer::Conditions(seen)) => self.examined(commit, &seen),
            (Waits::Evidence(commit), Answer::Evidence(all)) => self.prove(commit, &all, now),
            (Waits::SetRecorded(commit), Answer::Done) => Ok(self.change(commit)),
            (Waits::Changed(commit), Answer::Changed(outcome)) => self.changed(commit, outcome),
            (Waits::Recording(recording), answer) => self.record(*recording, answer, now),
            (Waits::Asserted(moves), Answer::Changed(outcome)) => Ok(self.asserted(moves, outcome)),
            (Waits::InSync(moved), Answer::Done) => Ok(moved.live()),
            (_, answer) => Err(answer.out_of_turn()),
        }
    }
}

impl Cutover {
    /// Of a release whose suites have passed.
    pub fn new(asked: CutoverStep) -> Self {
        Self {
            job: Err(Arc::new(asked)),
            unwell: Vec::new(),
            attempts: Attempts::default(),
            waits: Waits::ToBegin,
        }
    }

    /// Of a roll-back, which has looked already.
    pub(super) fn of(job: Job) -> Self {
        Self {
            job: Ok(Arc::new(job)),
            unwell: Vec::new(),
            attempts: Attempts::default(),
            waits: Waits::Zone,
        }
    }

    fn ask(&mut self, ask: Ask, waits: Waits) -> Next<CutoverReply> {
        self.waits = waits;
        Next::Ask(ask)
    }

    fn begin(&mut self) -> Next<CutoverReply> {
        let asked = match &self.job {
            Ok(job) => &job.asked,
            Err(asked) => asked,
        };
        let own = asked.components.iter().chain(&asked.companions);
        let own = own.map(|one| one.hostname.clone()).collect();
        self.ask(Ask::Candidates(own), Waits::OwnRows)
    }

    /// Between the first look at a candidate and the last there is time for it to end: usually the
    /// suites have taken longer.
    fn settle(&mut self, rows: Rows) -> Step {
        if let Err(asked) = &self.job {
            let job = Job::new(CutoverStep::clone(asked), rows, Tolerates::NoEnd)?;
            self.job = Ok(Arc::new(job));
        }
        let candidates = self.job()?.candidates().cloned().collect();
        Ok(self.ask(Ask::Settle(candidates), Waits::ToSettle))
    }

    fn job(&self) -> Result<&Arc<Job>, Fault> {
        let unknown = |_| Fault::new(ErrorName::Misconfigured, "its own rows were not looked at");
        self.job.as_ref().map_err(unknown)
    }

    fn look(&mut self) -> Next<CutoverReply> {
        self.ask(Ask::View, Waits::Zone)
    }

    fn looked(&mut self, zone: ZoneView) -> Next<CutoverReply> {
        let live = live_hostnames(&zone, &self.release().domain).into_values();
        let own = self.job.iter().flat_map(|job| job.candidates());
        let names = live.chain(own.map(|row| row.hostname.clone())).collect();
        self.ask(Ask::Candidates(names), Waits::Known(zone))
    }

    /// `rows` is what is recorded of everything that is live in the zone, and of the candidates.
    pub(super) fn plan(&mut self, zone: &ZoneView, rows: &Rows) -> Step {
        let job = self.job()?.clone();
        let known = known(rows);
        match plan_cutover(&self.request(&job), zone, &known) {
            CutoverPlan::AlreadyDone => Ok(self.seen_again(&job, zone)),
            CutoverPlan::AlreadyLive { at } => Ok(self.examine_live(at, zone, rows)),
            CutoverPlan::Commit { moves, batch } => {
                job.are_still_its_own(rows)?;
                let candidates = job.candidates().cloned().collect();
                let ask = Ask::Examine(candidates, job.tolerates);
                Ok(self.ask(ask, Waits::Conditions(Commit { moves, batch })))
            }
            CutoverPlan::Superseded { component, by } => {
                let reason = superseded_by(&component, by, job.request.ticket);
                Ok(Next::Done(CutoverReply::Superseded { reason }))
            }
            CutoverPlan::Confirmed { component, by } => {
                let reason = confirmed_by(&component, by, job.request.ticket);
                Ok(Next::Done(CutoverReply::Superseded { reason }))
            }
            CutoverPlan::PeersMoved { moved } => Ok(peers_moved(&moved)),
            CutoverPlan::Refused { reason } => Err(Fault::new(ErrorName::CutoverRefused, reason)),
        }
    }

    fn request(&self, job: &Job) -> CutoverRequest {
        let mut request = job.request.clone();
        for one in &mut request.candidates {
            one.replaces.extend(self.unwell.iter().cloned());
        }
        request
    }

    /// Another release of the very same commits is live: it counts only as far as it serves users.
    fn examine_live(
        &mut self,
        at: SameCommits,
        zone: &ZoneView,
        rows: &Rows,
    ) -> Next<CutoverReply> {
        let is_its = |row: &&Arc<CandidateRow>| at.iter().any(|(_, at)| *at == row.hostname);
        let live: Vec<_> = rows.values().filter(is_its).cloned().collect();
        let by_name = live.iter().map(|row| (row.hostname.clone(), row.clone()));
        let waits = Waits::LiveConditions(at, zone.clone(), by_name.collect());
        self.ask(Ask::Examine(live, Tolerates::AnyEnd), waits)
    }

    fn already_live(
        &mut self,
        at: SameCommits,
        zone: ZoneView,
        rows: &Rows,
        seen: &BTreeMap<Fqdn, Condition>,
    ) -> Step {
        let unwell = seen.iter().filter(|(_, condition)| !condition.is_well());
        let unwell: Vec<Fqdn> = unwell.map(|(at, _)| at.clone()).collect();
        if !unwell.is_empty() {
            self.unwell.extend(unwell);
            self.attempts.again(WHILE)?;
            return Ok(self.look());
        }
        // A roll-back by itself asks for nothing: it only takes back what failed.
        let asks = self.job()?.request.replaces.is_empty();
        let live = rows.values().filter(|_| asks).map(Arc::as_ref);
        match Confirm::of(self.release(), zone, live) {
            Some(mut confirm) => {
                let next = confirm.next(Answer::Begin, "")?;
                self.confirm(at, Box::new(confirm), next)
            }
            None => self.is_already_live(at),
        }
    }

    fn confirm(&mut self, at: SameCommits, confirm: Box<Confirm>, next: Next<Confirmed>) -> Step {
        match next {
            Next::Ask(ask) => Ok(self.ask(ask, Waits::Confirming(at, confirm))),
            Next::Done(Confirmed::Stays) => self.is_already_live(at),
            Next::Done(Confirmed::Moved) => {
                self.attempts.again(WHILE)?;
                Ok(self.look())
            }
        }
    }

    fn is_already_live(&self, at: SameCommits) -> Step {
        let already_live = self.job()?.already_live(at);
        Ok(Next::Done(CutoverReply::AlreadyLive { already_live }))
    }

    /// A set that is brought back because it is proven has its proofs.
    fn examined(&mut self, commit: Commit, seen: &BTreeMap<Fqdn, Condition>) -> Step {
        let job = self.job()?.clone();
        job.are_well(seen)?;
        Ok(match job.asked.release.proven {
            true => self.change(commit),
            false => self.ask(Ask::Evidence(job.suites()?), Waits::Evidence(commit)),
        })
    }

    /// After the look, which shows that the suites met what they are said to have met; before anything
    /// moves, so that what is live is proven, whatever crashes.
    fn prove(&mut self, commit: Commit, tests: &[SuiteReply], now: &str) -> Step {
        let (set, proofs) = self.job()?.tested(tests, now)?;
        let ask = Ask::RecordSet(Box::new(set), proofs);
        Ok(self.ask(ask, Waits::SetRecorded(commit)))
    }

    fn change(&mut self, commit: Commit) -> Next<CutoverReply> {
        let comment = format!("cutover of {}", self.release().label());
        let ask = Ask::Change(commit.batch.clone(), comment);
        self.ask(ask, Waits::Changed(commit))
    }

    fn changed(&mut self, commit: Commit, outcome: ChangeOutcome) -> Step {
        match outcome {
            ChangeOutcome::Refused(why) => {
                self.attempts.refused(commit.batch, &why, WHILE)?;
                Ok(self.look())
            }
            ChangeOutcome::Applied(id) => {
                self.attempts = Attempts::default();
                let moved = Moved {
                    moves: commit.moves,
                    change_id: Some(id),
                };
                let job = self.job()?.clone();
                Ok(self.begin_record(job, moved, Batch::default()))
            }
        }
    }

    /// An earlier try moved the aliases and its answer was lost, and with it the change to wait for.
    fn seen_again(&mut self, job: &Arc<Job>, zone: &ZoneView) -> Next<CutoverReply> {
        let moves = moves_of(&job.request);
        let batch = zone.assertion(moves.iter().map(|one| &one.alias));
        let moved = Moved {
            moves,
            change_id: None,
        };
        self.begin_record(job.clone(), moved, batch)
    }

    fn begin_record(
        &mut self,
        job: Arc<Job>,
        moved: Moved,
        assertion: Batch,
    ) -> Next<CutoverReply> {
        let (recording, ask) = Recording::begin(job, moved, assertion);
        self.ask(ask, Waits::Recording(Box::new(recording)))
    }

    fn record(&mut self, mut recording: Recording, answer: Answer, now: &str) -> Step {
        if let Some(ask) = recording.next(answer, now)? {
            return Ok(self.ask(ask, Waits::Recording(Box::new(recording))));
        }
        let (moved, assertion) = recording.done();
        Ok(match &moved.change_id {
            Some(id) => self.ask(Ask::WaitInSync(id.clone()), Waits::InSync(moved)),
            // A change that changes nothing, made after the one whose answer was lost, is INSYNC only
            // after it.
            None => {
                let comment = format!("cutover of {}, seen again", self.release().label());
                let ask = Ask::Change(assertion, comment);
                self.ask(ask, Waits::Asserted(moved.moves))
            }
        })
    }

    fn asserted(&mut self, moves: Vec<AliasMove>, outcome: ChangeOutcome) -> Next<CutoverReply> {
        let moved = Moved {
            moves,
            change_id: None,
        };
        match outcome {
            ChangeOutcome::Applied(id) => self.ask(Ask::WaitInSync(id), Waits::InSync(moved)),
            // A later release has moved the aliases meanwhile. Its change is the younger one.
            ChangeOutcome::Refused(_) => moved.live(),
        }
    }
}

/// What decisions need of these rows.
pub(super) fn known(rows: &Rows) -> KnownHosts {
    let known = |(at, row): (&Fqdn, &Arc<CandidateRow>)| (at.clone(), row.known());
    rows.iter().map(known).collect()
}

fn peers_moved(moved: &[Component]) -> Next<CutoverReply> {
    let moved: Vec<&str> = moved.iter().map(Component::as_str).collect();
    let moved = moved.join(", ");
    let reason = format!("{moved} went live beside this release while it was tested");
    Next::Done(CutoverReply::PeersMoved { reason })
}

/// Where it is not known what an alias pointed to before.
fn moves_of(request: &CutoverRequest) -> Vec<AliasMove> {
    let candidates = request.candidates.iter();
    let moved = candidates.map(|candidate| AliasMove {
        component: candidate.component.clone(),
        alias: alias(&candidate.component, &request.domain),
        to: candidate.hostname.clone(),
        from: None,
    });
    moved.collect()
}

#[cfg(test)]
#[path = "cutover_tests.rs"]
mod tests;
