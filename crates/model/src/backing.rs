//! Roll back: a release that is live and not well takes itself back.

use crate::act::{Act, How};
use crate::cast::release;
use crate::cutting::stand;
use crate::driving::{Driven, Driving};
use crate::release::{Brought, Plan, Stage, Why};
use crate::rules::Rule;
use crate::scenario::Asks;
use crate::shared::Shared;
use pipeline::back::{BackOutcome, BackReply, BackRequest};
use pipeline::drivers::RollBack;
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::rows::AliasRow;
use std::collections::BTreeSet;

impl Act<'_> {
    /// The drain is over, or Watch release has seen in the middle of it what makes no difference here.
    pub(crate) fn drained(&mut self, moves: u8) {
        crate::check::drained(self.world(), moves);
        match self.program.asks == Asks::Sweep {
            true => self.sweep(),
            false => self.take(Why::Terminate),
        }
    }

    /// The stage begins, or runs again.
    pub(crate) fn go_back(&mut self) {
        let driving = Driving::begin(RollBack::new(self.back_request()));
        self.goes(Stage::Back(driving));
    }

    /// Without the rules it replaces whatever is live by then, or whatever of it still is.
    fn back_request(&self) -> BackRequest {
        let run = self.run();
        let back = run.back.as_ref();
        let mut failed =
            back.map_or_else(|| run.plan.components.clone(), |back| back.failed.clone());
        if back.is_some() && !self.rules.keep(Rule::BackReplaces) {
            let live = self.state.world.live();
            for one in &mut failed {
                let now = live.get(&one.component).cloned();
                one.hostname = now.unwrap_or_else(|| one.hostname.clone());
            }
        }
        BackRequest {
            release: release(self.program.ticket),
            components: stand(&failed),
            unwell: String::new(),
            failed: match self.rules.keep(Rule::BackFailed) {
                true => run.not_well.clone(),
                false => BTreeSet::new(),
            },
            execution_arn: String::new(),
            began: String::new(),
            entered: String::new(),
        }
    }

    pub(crate) fn back_step(&mut self, from: &Shared<Driving<RollBack>>, how: How) {
        let was_back = self.run().back.is_some();
        if let How::LateAgain | How::LateGivenUp = how {
            self.send_late(&from.ask);
        }
        let driven = match how {
            How::LateAgain => return self.go_back(),
            How::LateGivenUp => return self.stays(true),
            _ => self.drive(from),
        };
        let begins_anew = !was_back && self.run().back.is_some();
        match (how, driven) {
            (How::Lost, _) => self.go_back(),
            (How::GivenUp, _) => self.stays(true),
            (_, Driven::Pauses(_)) if begins_anew && !self.rules.keep(Rule::BackReplaces) => {
                self.go_back()
            }
            (_, Driven::Pauses(driving)) => self.goes(Stage::Back(driving)),
            (_, Driven::Done(reply)) => self.went_back(reply),
        }
    }

    fn went_back(&mut self, reply: Result<BackReply, Fault>) {
        match reply {
            Ok(reply) if reply.outcome == BackOutcome::RolledBack => self.drain(),
            Err(fault) if fault.name() == ErrorName::Unavailable => self.go_back(),
            // A later release has what failed; what was live before the rest ends after a drain.
            Ok(reply)
                if reply.error == ErrorName::Superseded.as_str()
                    && !reply.components.is_empty() =>
            {
                self.drain()
            }
            // It must not stay where all of what was live before is there and well.
            _ => self.stays(self.run().back.is_some() || !self.before_is_well()),
        }
    }

    /// Right before its batch: it is not tested beside what moved since.
    pub(crate) fn excuse(&mut self) {
        if self.run().back.is_some() {
            let proven = crate::planning::is_proven(&self.state.world, &self.set_back());
            self.world().broken.excused |= !proven;
        }
    }

    fn set_back(&self) -> pipeline::proof::Set {
        let components = self.run().plan.components.iter();
        components
            .map(|one: &Brought| (one.component.clone(), one.commit.clone()))
            .collect()
    }

    /// The aliases stay where they are; only the companions end. What was reserved is for the next
    /// release of the components to end.
    fn stays(&mut self, excused: bool) {
        self.world().broken.excused |= excused;
        let run = &mut self.state.runs[self.who];
        run.plan = Shared::new(Plan::default());
        self.take(Why::Terminate);
    }

    fn before_is_well(&self) -> bool {
        let world = &self.state.world;
        let own = &self.run().plan.components;
        let is_own = |row: &&AliasRow| own.iter().any(|one| one.component == row.component);
        let before = world.aliases.values().filter(is_own);
        let mut before = before.filter_map(|row| row.previous.as_ref());
        before.all(|one| world.row(&one.hostname).is_none() || world.is_well(&one.hostname))
    }
}
