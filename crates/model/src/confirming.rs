//! What is live already and was asked for again: `Confirm`, as Plan release and Deploy (cutover) run it.

use crate::act::{Act, How};
use crate::cast::release;
use crate::driving::{Driven, Driving};
use crate::release::{Seen, Stage};
use crate::rules::Rule;
use crate::shared::{Printed, Shared};
use pipeline::drivers::{Confirm, Confirmed};
use pipeline::names::{Component, Fqdn, Ticket};
use pipeline::plan::{ComponentPlan, Observed, plan_component};
use pipeline::records::ZoneView;
use std::collections::BTreeSet;

impl Act<'_> {
    /// `Planner::confirm`, from the zone that the plan follows from.
    pub(crate) fn begin_confirm(&mut self, zone: &ZoneView, seen: Seen) {
        let world = &self.state.world;
        let live = self.already_live(&seen);
        let live = live.iter().filter_map(|(_, at)| world.row(at));
        let confirm = Confirm::of(&release(self.ticket()), zone.clone(), live);
        let seen = Shared::new(Printed(seen));
        match confirm {
            Some(confirm) => self.goes(Stage::Confirm(seen, Driving::begin(confirm))),
            None => self.goes(Stage::PlanRows(seen)),
        }
    }

    /// What a plan would leave as it is.
    fn already_live(&self, seen: &Seen) -> Vec<(Component, Fqdn)> {
        let plan = |one: &Observed| match plan_component(one.clone(), &self.terms(seen)) {
            ComponentPlan::AlreadyLive(live) => Some((live.component, live.hostname)),
            ComponentPlan::Release(_) => None,
        };
        seen.observed.iter().filter_map(plan).collect()
    }

    pub(crate) fn confirm_step(
        &mut self,
        seen: &Shared<Printed<Seen>>,
        from: &Shared<Driving<Confirm>>,
        how: How,
    ) {
        if how == How::LateAgain {
            self.send_late(&from.ask);
            return self.goes(Stage::Plan);
        }
        match self.drive(from) {
            _ if how == How::Lost => self.goes(Stage::Plan),
            Driven::Pauses(driving) => self.goes(Stage::Confirm(seen.clone(), driving)),
            Driven::Done(Ok(Confirmed::Stays)) => {
                for (component, _) in self.already_live(seen) {
                    self.is_asked_for(&component);
                }
                self.goes(Stage::PlanRows(seen.clone()));
            }
            Driven::Done(_) => self.goes(Stage::Plan),
        }
    }

    /// From here on, what was asked for before it may not replace it: invariant 3.
    pub(crate) fn is_asked_for(&mut self, component: &Component) {
        let ticket = self.ticket();
        self.world().newest.change(|all| {
            let newest = all.entry(component.clone()).or_insert(ticket);
            *newest = ticket.max(*newest);
        });
    }

    /// `Drive::confirm`. Without the rule nobody reads the notes.
    pub(crate) fn confirms(&mut self, by: Ticket, all: &[(Fqdn, Ticket)]) -> BTreeSet<Fqdn> {
        let keep = self.rules.keep(Rule::Confirm);
        let noted = all
            .iter()
            .filter(|(at, of)| !keep || self.state.world.confirm(at, *of, by));
        noted.map(|(at, _)| at.clone()).collect()
    }
}
