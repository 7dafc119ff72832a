//! Deploy (cutover) and Record cutover: what the state machine makes of the driver's reply.

use crate::act::{Act, How};
use crate::cast::release;
use crate::driving::{Driven, Driving};
use crate::release::{Brought, Stage, Why};
use crate::rules::Rule;
use crate::shared::Shared;
use pipeline::drivers::Cutover;
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::wire::{CutoverReply, CutoverStep, HostedComponent, Release, Tested};

impl Act<'_> {
    /// The stage begins, or runs again.
    pub(crate) fn cut(&mut self) {
        let driving = Driving::begin(Cutover::new(self.cutover_step()));
        self.goes(Stage::Cut(driving));
    }

    fn cutover_step(&self) -> CutoverStep {
        let run = self.run();
        let read_set = self.rules.keep(Rule::ReadSet);
        let mut release = Release {
            proven: run.plan.proven,
            rollback: self.is_rollback(),
            ..release(self.ticket())
        };
        release.settings.test_dependents = read_set && self.tests_dependents();
        CutoverStep {
            release,
            components: stand(&run.plan.components),
            companions: stand(&run.beside.companions),
            read_set: match read_set {
                true => run.beside.read_set.clone(),
                false => Default::default(),
            },
            tested: Tested {
                set: run.beside.set.clone(),
                skipped: Vec::new(),
                round: run.round.into(),
            },
        }
    }

    pub(crate) fn cut_step(&mut self, from: &Shared<Driving<Cutover>>, how: How) {
        if !from.looked {
            self.record_proofs_too_early();
        }
        match how {
            How::LateAgain | How::LateGivenUp => self.send_late(&from.ask),
            _ => match self.drive(from) {
                Driven::Pauses(driving) if how == How::Done => {
                    return self.goes(Stage::Cut(driving));
                }
                Driven::Done(reply) if how == How::Done => return self.has_cut(reply),
                _ => {}
            },
        }
        match how {
            How::Lost | How::LateAgain => self.cut(),
            _ => self.cannot_cut(),
        }
    }

    /// `Cut over?`
    fn has_cut(&mut self, reply: Result<CutoverReply, Fault>) {
        match reply {
            Ok(CutoverReply::Live { .. }) => self.drain(),
            Err(fault) if fault.name() == ErrorName::Unavailable => self.cut(),
            Ok(CutoverReply::AlreadyLive { already_live }) => {
                for one in already_live {
                    self.is_asked_for(&one.component);
                }
                self.cannot_cut();
            }
            Ok(CutoverReply::PeersMoved { .. }) if !self.run().found_live => self.peers_moved(),
            _ => self.cannot_cut(),
        }
    }

    /// It is not going to be live; or, where it was found live, a later release has moved on.
    fn cannot_cut(&mut self) {
        match self.run().found_live {
            true => self.drain(),
            false => self.take(Why::Discard),
        }
    }

    fn peers_moved(&mut self) {
        let run = &mut self.state.runs[self.who];
        if run.round < 3 && !run.plan.proven {
            run.round += 1;
            self.goes(Stage::Companions);
        } else {
            self.take(Why::Discard);
        }
    }

    /// What is true of its candidates.
    pub(crate) fn stayed_well(&self) -> bool {
        let is_back = self.run().back.is_some();
        let world = &self.state.world;
        let mut all = self.run().plan.components.iter();
        all.all(|one| match is_back {
            true => world.is_well(&one.hostname),
            false => world.stayed_well(&one.hostname),
        })
    }

    pub(crate) fn replaces_any(&self) -> bool {
        let components = &self.run().plan.components;
        components.iter().any(|one| one.replaces.is_some())
    }
}

/// Where these stand.
pub(crate) fn stand(all: &[Brought]) -> Vec<HostedComponent> {
    let stands = |one: &Brought| HostedComponent {
        component: one.component.clone(),
        hostname: one.hostname.clone(),
    };
    all.iter().map(stands).collect()
}
