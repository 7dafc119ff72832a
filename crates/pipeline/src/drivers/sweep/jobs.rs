//! One job of a sweep, done by the driver of the stage that would have done it.

use super::super::take_down::{Step, TakeDown};
use super::super::{Answer, Ask, Cutover, Discard, Driver, Next, Terminate, Terminated};
use crate::errors::{ErrorName, Fault, Named as _};
use crate::names::{Component, Ticket, alias, release_label};
use crate::rows::ReleaseOutcome;
use crate::sweep::{Ending, Job, Look, SeenRelease};
use crate::wire::{
    CutoverReply, CutoverStep, DiscardReply, DiscardRequest, FailedStage, Failure, HostedComponent,
    Release, ReleasedComponent, TerminateReply, TerminateRequest, Tested,
};
use std::sync::Arc;

/// A job under way.
#[derive(Debug, Clone, Hash)]
pub(super) struct Doing {
    /// `stage-r42`, or what else it is about.
    about: String,
    /// The release that it is of; for records and instances the newest.
    release: Release,
    look: Arc<Look>,
    step: At,
}

/// Where it is.
#[derive(Debug, Clone, Hash)]
enum At {
    Undo(Box<Discard>),
    /// It was live after all.
    Record(Box<Cutover>),
    /// And took another release back.
    TakenBack,
    /// Its change is waited for, before its drain is.
    InSync(Ticket),
    Settle(Ticket, Box<Cutover>),
    End(Box<Terminate>),
    Records(Box<TakeDown>),
    Instances,
}

/// What came of a step.
pub(super) enum Came {
    /// This is needed.
    Asks(Ask, Box<Doing>),
    /// There was nothing to do any more.
    Nothing,
    /// It is not to be done now: a sentence that says why.
    Stays(String),
    /// This was done: a sentence.
    Done(String),
    /// It is INSYNC, and its drain is to be waited for.
    Drains(Ticket),
    /// It could not be done: a sentence.
    Failed(ErrorName, String),
}

impl Doing {
    /// The first step.
    pub(super) fn begin(job: Job, newest: &Release, look: &Arc<Look>, now: &str) -> Came {
        let of = |ticket: &Ticket| look.releases.get(ticket);
        match job {
            Job::Undo { ticket, ending, .. } => match of(&ticket) {
                None => Came::Nothing,
                Some(release) => {
                    let discard = Discard::of_dead(undo_of(release, &ending));
                    Self::of(release, look, At::Undo(Box::new(discard))).begun(now)
                }
            },
            Job::Companions { ticket, .. } => Self::end(of(&ticket), look, Vec::new(), now),
            Job::Retire {
                ticket, components, ..
            } => Self::end(of(&ticket), look, components, now),
            Job::Drain { ticket, .. } => Self::drain(of(&ticket), look, now),
            Job::Records(_) => {
                let (take_down, ask) = TakeDown::begin(newest.clone(), Vec::new());
                let at = At::Records(Box::new(take_down));
                Came::Asks(ask, Box::new(Self::about("late records", newest, look, at)))
            }
            Job::Instances(ids) => {
                let doing = Self::about("stray instances", newest, look, At::Instances);
                Came::Asks(Ask::EndInstances(ids), Box::new(doing))
            }
        }
    }

    fn about(about: &str, release: &Release, look: &Arc<Look>, step: At) -> Self {
        Self {
            about: about.to_owned(),
            release: release.clone(),
            look: look.clone(),
            step,
        }
    }

    fn of(release: &SeenRelease, look: &Arc<Look>, step: At) -> Self {
        let plan = &release.row.plan;
        Self::about(&plan.release.label(), &plan.release, look, step)
    }

    fn begun(self, now: &str) -> Came {
        self.next(Answer::Begin, now)
    }

    fn end(
        release: Option<&SeenRelease>,
        look: &Arc<Look>,
        components: Vec<Component>,
        now: &str,
    ) -> Came {
        let Some(release) = release else {
            return Came::Nothing;
        };
        let asked = TerminateRequest {
            release: release.row.plan.release.clone(),
            components,
            companions_of: Some(release.row.ticket),
            replaced: Default::default(),
        };
        let terminate = Terminate::late(asked);
        Self::of(release, look, At::End(Box::new(terminate))).begun(now)
    }

    /// Its drain begins when its change is INSYNC. Where it is not known which that was, Record cutover
    /// makes one that is INSYNC only after it.
    fn drain(release: Option<&SeenRelease>, look: &Arc<Look>, now: &str) -> Came {
        let Some(release) = release else {
            return Came::Nothing;
        };
        let ticket = release.row.ticket;
        match release.row.change_id.clone().filter(|_| release.was_live()) {
            Some(id) => {
                let doing = Self::of(release, look, At::InSync(ticket));
                Came::Asks(Ask::WaitInSync(id), Box::new(doing))
            }
            None => {
                let record = Box::new(record_of(release, look));
                Self::of(release, look, At::Settle(ticket, record)).begun(now)
            }
        }
    }

    /// Tells it what it asked for.
    pub(super) fn next(self, answer: Answer, now: &str) -> Came {
        let Self {
            about,
            release,
            look,
            step,
        } = self;
        let back = |step| {
            Box::new(Self {
                about: about.clone(),
                release: release.clone(),
                look: look.clone(),
                step,
            })
        };
        match step {
            At::Undo(mut discard) => match discard.next(answer, now) {
                Ok(Next::Ask(ask)) => Came::Asks(ask, back(At::Undo(discard))),
                Ok(Next::Done(reply)) => back(At::Undo(discard)).undone(reply, now),
                Err(fault) => failed(&about, &fault),
            },
            At::Record(mut cutover) => match cutover.next(answer, now) {
                Ok(Next::Ask(ask)) => Came::Asks(ask, back(At::Record(cutover))),
                Ok(Next::Done(reply)) => back(At::Record(cutover)).recorded(&reply),
                Err(fault) => failed(&about, &fault),
            },
            At::Settle(ticket, mut cutover) => match cutover.next(answer, now) {
                Ok(Next::Ask(ask)) => Came::Asks(ask, back(At::Settle(ticket, cutover))),
                Ok(Next::Done(CutoverReply::Live { .. })) => Came::Drains(ticket),
                Ok(Next::Done(_)) => Came::Nothing,
                Err(fault) => failed(&about, &fault),
            },
            At::End(mut terminate) => match terminate.next(answer, now) {
                Ok(Next::Ask(ask)) => Came::Asks(ask, back(At::End(terminate))),
                Ok(Next::Done(Terminated { reply, .. })) => ended(&about, &reply),
                Err(fault) => failed(&about, &fault),
            },
            At::Records(mut take_down) => match take_down.next(answer) {
                Ok(Step::Ask(ask)) => Came::Asks(ask, back(At::Records(take_down))),
                Ok(Step::Taken(_)) => Came::Done("late records went".into()),
                Err(fault) => failed(&about, &fault),
            },
            At::InSync(ticket) => Came::Drains(ticket),
            At::TakenBack => Came::Done(format!("{about}: it is live, and is recorded")),
            At::Instances => Came::Done("stray instances were ended".into()),
        }
    }

    /// What it asked for last could not be done.
    pub(super) fn call_failed(mut self, fault: Fault) -> Came {
        let Self { about, step, .. } = &mut self;
        match step {
            At::Undo(discard) => match discard.call_failed(fault) {
                Ok(Next::Ask(ask)) => Came::Asks(ask, Box::new(self)),
                Ok(Next::Done(reply)) => failed_to_record(about, &reply),
                Err(fault) => failed(about, &fault),
            },
            At::End(terminate) => match terminate.call_failed(fault) {
                Ok(Next::Ask(ask)) => Came::Asks(ask, Box::new(self)),
                Ok(Next::Done(done)) => ended(about, &done.reply),
                Err(fault) => failed(about, &fault),
            },
            _ => failed(about, &fault),
        }
    }

    /// What is live after all is recorded as that.
    fn undone(self, reply: DiscardReply, now: &str) -> Came {
        let ticket = self.release.ticket;
        match (reply.live, self.look.releases.get(&ticket)) {
            (true, Some(release)) => {
                let record = Box::new(record_of(release, &self.look));
                Self::of(release, &self.look, At::Record(record)).begun(now)
            }
            _ => Came::Done(format!("{}: {}", self.about, reply.cause)),
        }
    }

    /// Where it was a roll-back by itself, the release that it took back was live before.
    fn recorded(mut self, reply: &CutoverReply) -> Came {
        let CutoverReply::Live { .. } = reply else {
            return Came::Nothing;
        };
        match taken_back(&self.release, &self.look) {
            None => Came::Done(format!("{}: it is live, and is recorded", self.about)),
            Some(ticket) => {
                let target = &self.release.target;
                let cause = format!(
                    "Release {} had gone live and was taken back as {}, whose execution ended before it could say so.",
                    release_label(target, ticket),
                    self.about
                );
                self.step = At::TakenBack;
                Came::Asks(Ask::RecordRolledBack(ticket, cause), Box::new(self))
            }
        }
    }
}

fn failed(about: &str, fault: &Fault) -> Came {
    Came::Failed(fault.name(), format!("{about}: {fault}"))
}

fn failed_to_record(about: &str, reply: &DiscardReply) -> Came {
    Came::Failed(ErrorName::Unavailable, format!("{about}: {}", reply.cause))
}

fn ended(about: &str, reply: &TerminateReply) -> Came {
    let gone: Vec<String> = reply
        .retired
        .iter()
        .chain(&reply.companions)
        .map(ToString::to_string)
        .collect();
    let spared: Vec<&str> = reply.spared.iter().map(|at| at.as_str()).collect();
    match (gone.is_empty(), spared.is_empty()) {
        (true, true) => Came::Nothing,
        (true, false) => Came::Stays(format!(
            "{about}: {} stay, since what replaced them is not well",
            spared.join(", ")
        )),
        (false, _) => Came::Done(format!("{about}: gone: {}", gone.join(", "))),
    }
}

fn undo_of(release: &SeenRelease, ending: &Ending) -> DiscardRequest {
    let plan = &release.row.plan;
    let error = match ending {
        Ending::Failed(error) => error.clone(),
        _ => "States.Aborted".to_owned(),
    };
    let failure = Failure {
        component: None,
        failed: FailedStage {
            stage: plan.release.label(),
            error,
            cause: format!(
                "{} before it had taken away what it had made",
                ending.clause()
            ),
        },
    };
    let released = |component: &Component| ReleasedComponent {
        component: component.clone(),
    };
    DiscardRequest {
        release: plan.release.clone(),
        components: plan
            .components
            .iter()
            .map(|one| released(&one.component))
            .collect(),
        libraries: plan.libraries.iter().map(Into::into).collect(),
        released: Vec::new(),
        failures: vec![failure],
        tests: Vec::new(),
        tested: None,
        already_live: Vec::new(),
    }
}

/// Record cutover, of the components that its aliases lead to: what a later release has moved on is that
/// one's. What was tested is recorded since before the batch.
fn record_of(release: &SeenRelease, look: &Look) -> Cutover {
    let plan = &release.row.plan;
    let live = plan.components.iter().filter(|one| {
        let alias = alias(&one.component, &look.domain);
        let at = look.zone.points_to(&alias);
        at.is_some() && at == one.hostname
    });
    let hosted = live.filter_map(HostedComponent::planned);
    Cutover::new(CutoverStep {
        release: plan.release.clone(),
        components: hosted.collect(),
        companions: Vec::new(),
        read_set: Default::default(),
        tested: Tested::default(),
    })
}

/// The release that this one took back by itself: of the same execution.
fn taken_back(release: &Release, look: &Look) -> Option<Ticket> {
    let own = look.releases.get(&release.ticket)?;
    let same = look.releases.values().rev().find(|one| {
        one.row.ticket < release.ticket && one.row.execution_arn == own.row.execution_arn
    })?;
    let was_live = same.row.outcome == ReleaseOutcome::Live;
    (was_live && release.rollback).then_some(same.row.ticket)
}
