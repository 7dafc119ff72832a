//! Sweep: what ended executions have left on a target goes.
//!
//! It looks, decides all at once ([`plan_sweep`]), and lets the drivers of the stages that should have done
//! it do each job. They look again before they change anything, so two sweepers, or a sweeper and a release,
//! do not hurt each other. A job that fails is told, and the others are done.

mod jobs;
mod telling;

use super::{Answer, Ask, Driver, Next, Rows};
use crate::errors::{ErrorName, Fault};
use crate::leftover::unclaimed;
use crate::names::{Fqdn, Ticket};
use crate::rows::{ActState, HistoryRow};
use crate::sweep::{Job, Look, MOST_EXECUTIONS, Run, SeenRelease, Swept, in_question, plan_sweep};
use crate::wire::Release;
use jobs::{Came, Doing};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// One look at a target, and what follows from it.
#[derive(Debug, Clone, Hash)]
pub struct Sweep {
    /// Only what every release of the target knows, but for the ticket: the newest.
    release: Release,
    mode: Mode,
    look: Arc<Look>,
    jobs: VecDeque<Job>,
    swept: Swept,
    /// By which the history knows what it does; nothing where nobody reads it.
    run: Option<Run>,
    /// What it does, as the history tells it, and the instances that have ended by it.
    telling: Option<HistoryRow>,
    ended: Vec<String>,
    waits: Waits,
}

/// What becomes of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It is carried out.
    Act,
    /// It is told.
    Tell,
}

/// What it waits for.
#[derive(Debug, Clone, Default, Hash)]
enum Waits {
    #[default]
    ToBegin,
    Zone,
    Rows,
    /// What is recorded of hostnames that have a record and do not stand.
    Past,
    Instances,
    Releases,
    Executions,
    /// It is told that this begins.
    ToldBegun(Box<Job>),
    /// It is told what came of the last one.
    ToldEnded,
    Job(Box<Doing>),
}

type Step = Result<Next<Swept>, Fault>;

impl Driver for Sweep {
    type Reply = Swept;

    fn release(&self) -> &Release {
        &self.release
    }

    fn next(&mut self, answer: Answer, now: &str) -> Step {
        match (std::mem::take(&mut self.waits), answer) {
            (Waits::ToBegin, Answer::Begin) => Ok(self.ask(Ask::View, Waits::Zone)),
            (Waits::Zone, Answer::Zone(zone)) => {
                self.look().zone = zone;
                Ok(self.ask(Ask::AllCandidates, Waits::Rows))
            }
            (Waits::Rows, Answer::Rows(rows)) => Ok(self.ask_past(rows)),
            (Waits::Past, Answer::Rows(rows)) => {
                self.look().past.extend(rows);
                Ok(self.ask(Ask::Instances, Waits::Instances))
            }
            (Waits::Instances, Answer::Instances(instances)) => {
                self.look().instances = instances;
                let mentioned = self.look.mentioned();
                Ok(self.ask(Ask::Releases(mentioned), Waits::Releases))
            }
            (Waits::Releases, Answer::Releases(found)) => Ok(self.ask_executions(found, now)),
            (Waits::Executions, Answer::Executions(found)) => {
                self.look().executions = found;
                Ok(self.plan(now))
            }
            (Waits::ToldBegun(job), Answer::Done) => Ok(self.begin(*job, now)),
            (Waits::ToldEnded, Answer::Done) => Ok(self.next_job(now)),
            (Waits::Job(doing), answer) => {
                if let Answer::Ended(ids) = &answer {
                    self.ended.extend(ids.iter().cloned());
                }
                let came = doing.next(answer, now);
                Ok(self.came(came, now))
            }
            (_, answer) => Err(answer.out_of_turn()),
        }
    }

    fn call_failed(&mut self, fault: Fault) -> Step {
        match std::mem::take(&mut self.waits) {
            Waits::Job(doing) => {
                let came = doing.call_failed(fault);
                Ok(self.came(came, ""))
            }
            Waits::ToldBegun(job) => Ok(self.untold(|sweep| sweep.begin(*job, ""))),
            Waits::ToldEnded => Ok(self.untold(|sweep| sweep.next_job(""))),
            _ => Err(fault),
        }
    }
}

impl Sweep {
    /// Of a target. `drained` are releases of it whose drain has been waited for.
    pub fn new(release: Release, drained: BTreeSet<Ticket>, mode: Mode) -> Self {
        Self {
            look: Arc::new(Look::at(release.domain.clone(), drained)),
            swept: Swept::of(&release.target, &Default::default()),
            release,
            mode,
            jobs: VecDeque::new(),
            run: None,
            telling: None,
            ended: Vec::new(),
            waits: Waits::ToBegin,
        }
    }

    /// It tells the history what it does, as this run.
    pub fn told_as(self, run: Option<Run>) -> Self {
        Self { run, ..self }
    }

    fn ask(&mut self, ask: Ask, waits: Waits) -> Next<Swept> {
        self.waits = waits;
        Next::Ask(ask)
    }

    fn look(&mut self) -> &mut Look {
        Arc::make_mut(&mut self.look)
    }

    fn ask_past(&mut self, rows: Rows) -> Next<Swept> {
        self.look().take_rows(rows);
        let Look {
            zone, domain, rows, ..
        } = &*self.look;
        let unclaimed: BTreeSet<Fqdn> = unclaimed(zone, domain, rows);
        match unclaimed.is_empty() {
            true => self.ask(Ask::Instances, Waits::Instances),
            false => self.ask(Ask::Candidates(unclaimed), Waits::Past),
        }
    }

    fn ask_executions(&mut self, found: Vec<SeenRelease>, now: &str) -> Next<Swept> {
        let by_ticket = found.into_iter().map(|one| (one.row.ticket, one));
        self.look().releases = by_ticket.collect();
        self.look().now = now.to_owned();
        let all = in_question(&self.look);
        // The newest first: by them is decided what those before them have left.
        let asked: BTreeSet<Ticket> = all.iter().rev().take(MOST_EXECUTIONS).copied().collect();
        self.look().unasked = all.difference(&asked).copied().collect();
        let asked = asked.into_iter();
        let asked: BTreeMap<Ticket, _> = asked
            .filter_map(|ticket| Some((ticket, self.look.releases.get(&ticket)?.row.clone())))
            .collect();
        match asked.is_empty() {
            true => self.plan(now),
            false => self.ask(Ask::Executions(asked), Waits::Executions),
        }
    }

    fn plan(&mut self, now: &str) -> Next<Swept> {
        self.look().now = now.to_owned();
        let plan = plan_sweep(&self.look, &self.release.target);
        self.swept = Swept::of(&self.release.target, &plan);
        self.release.ticket = self.look.newest();
        if self.mode == Mode::Act {
            self.jobs = plan.jobs.into();
        }
        self.next_job(now)
    }

    fn next_job(&mut self, now: &str) -> Next<Swept> {
        match self.jobs.pop_front() {
            None => Next::Done(self.swept.clone()),
            Some(job) => self.tell_begun(job, now),
        }
    }

    fn begin(&mut self, job: Job, now: &str) -> Next<Swept> {
        let came = Doing::begin(job, &self.release, &self.look, now);
        self.came(came, now)
    }

    /// What came of a step of a job.
    fn came(&mut self, came: Came, now: &str) -> Next<Swept> {
        let (state, what) = match came {
            Came::Asks(ask, doing) => return self.ask(ask, Waits::Job(doing)),
            Came::Nothing => (ActState::Moot, String::new()),
            Came::Stays(why) => (ActState::Moot, why),
            Came::Done(what) => {
                self.swept.did(&what);
                (ActState::Done, what)
            }
            Came::Drains(ticket) => {
                self.swept.draining.push(ticket);
                (ActState::Moot, String::new())
            }
            Came::Failed(name, why) => {
                self.swept.failed_at(&why);
                self.swept.may_pass |= name == ErrorName::Unavailable;
                (ActState::Failed, why)
            }
        };
        self.tell_ended(state, &what, now)
    }
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
