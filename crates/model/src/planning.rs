//! Plan release: what is asked for, what a roll-back brings back, and the reservation.

use crate::act::{Act, How};
use crate::cast::{commit, domain, peers, repository};
use crate::release::{Brought, Plan, Reservation, Seen, Stage, Why};
use crate::rules::Rule;
use crate::scenario::Asks;
use crate::shared::{Printed, Shared};
use crate::world::World;
use pipeline::names::{Commit, Component, hostname};
use pipeline::plan::{Before, ComponentPlan, Observed, plan_component, plan_take_back};
use pipeline::proof::{Set, needed};
use pipeline::rows::{AliasRow, CandidateRow, CandidateState, Previous};
use pipeline::version::Version;
use pipeline::wire::Planned;
use std::collections::{BTreeMap, BTreeSet};

impl Act<'_> {
    /// `Planner::plan` up to the reservation: one look at zone, rows and proofs.
    pub(crate) fn plan(&mut self) {
        let observed = match &self.program.asks {
            Asks::These(names) => names.iter().map(|name| self.fresh(name)).collect(),
            Asks::TakeBack => self.before(),
        };
        if observed.is_empty() {
            return self.goes(Stage::Ended); // UnknownVersion; nothing was reserved
        }
        let known = |one: &Observed| self.known_before(one);
        let proven = self.is_rollback()
            && observed.iter().all(known)
            && is_proven(&self.state.world, &changed(&observed));
        let again = false;
        let seen = Seen {
            observed,
            proven,
            again,
        };
        self.goes(Stage::PlanRows(Shared::new(Printed(seen))));
    }

    fn fresh(&self, name: &str) -> Observed {
        let component = crate::cast::component(name);
        self.observe(component, commit(self.ticket()), None)
    }

    /// `Planner::last_release`, `Planner::left_of`.
    fn before(&self) -> Vec<Observed> {
        let world = &self.state.world;
        let rows: Vec<AliasRow> = world.aliases.values().cloned().collect();
        let back = plan_take_back(&rows, &world.zone, domain()).map_or(Vec::new(), |all| all.back);
        let observe = |(component, previous): (Component, Previous)| {
            let warm = world.row(&previous.hostname).is_some_and(|row| {
                row.state == CandidateState::Live
                    && row.ticket == previous.ticket
                    && row.commit == previous.commit
            });
            let before = Before {
                hostname: previous.hostname,
                launch_template_version: previous.launch_template_version,
                warm,
            };
            self.observe(component, previous.commit, Some(before))
        };
        back.into_iter().map(observe).collect()
    }

    /// `Planner::observe`.
    fn observe(&self, component: Component, commit: Commit, before: Option<Before>) -> Observed {
        let world = &self.state.world;
        let live = world.live().remove(&component);
        let plain = hostname(&component, &commit, domain());
        Observed {
            live: live.map(|at| (at.clone(), world.row(&at).map(|row| row.commit.clone()))),
            plain_name_taken: !world.is_free(&plain) || world.zone.get(&plain).is_some(),
            component,
            version: Version::Head,
            commit,
            repository: repository(),
            credentials: None,
            before,
        }
    }

    /// Whether it is recorded what it talked to.
    fn known_before(&self, one: &Observed) -> bool {
        let row = one.before.as_ref();
        row.and_then(|before| self.state.world.row(&before.hostname))
            .is_some_and(|row| row.commit == one.commit && row.recipe.is_some())
    }

    /// `Planner::reserve`, `Planner::candidates`: reads the rows that it takes over.
    pub(crate) fn plan_rows(&mut self, seen: &Shared<Printed<Seen>>) {
        let plan = |one: &Observed| {
            let (ticket, proven) = (self.ticket(), seen.proven);
            match plan_component(one.clone(), ticket, domain(), proven) {
                ComponentPlan::Release(planned) => Some(planned),
                ComponentPlan::AlreadyLive(_) => None,
            }
        };
        let planned: Vec<Planned> = seen.observed.iter().filter_map(plan).collect();
        if planned.is_empty() {
            return self.goes(Stage::Ended); // already live
        }
        let Some(reservation) = self.reservation(&planned, seen.proven) else {
            return self.plan_again(seen);
        };
        let reservation = Shared::new(Printed(reservation));
        self.goes(Stage::Reserve(seen.clone(), reservation));
    }

    /// `None` where what was to be taken over is not there any more.
    fn reservation(&self, planned: &[Planned], proven: bool) -> Option<Reservation> {
        let (mut new, mut taken_over, mut components) = (Vec::new(), Vec::new(), Vec::new());
        for one in planned {
            let brought = Brought {
                component: one.component.clone(),
                commit: one.commit.clone(),
                hostname: one.hostname.clone(),
            };
            let fresh = self.row(&brought, false);
            components.push(brought);
            match self.state.world.row(&one.hostname).filter(|_| one.warm) {
                None => new.push(fresh),
                Some(seen) if self.may_take_over(seen) => {
                    let next = CandidateRow {
                        ticket: fresh.ticket,
                        state: CandidateState::Healthy,
                        launched_by: Some(seen.launched()),
                        ..seen.clone()
                    };
                    taken_over.push((seen.clone(), next));
                }
                Some(_) => return None,
            }
        }
        let plan = Plan { components, proven };
        Some(Reservation {
            plan,
            new,
            taken_over,
        })
    }

    fn may_take_over(&self, row: &CandidateRow) -> bool {
        row.state == CandidateState::Live || !self.rules.keep(Rule::TakeOverLive)
    }

    /// `Registry::reserve`.
    pub(crate) fn reserve(
        &mut self,
        seen: &Shared<Printed<Seen>>,
        reservation: &Reservation,
        how: How,
    ) {
        let Reservation {
            plan,
            new,
            taken_over,
        } = reservation;
        if !self.world().reserve(new, taken_over) {
            return self.plan_again(seen);
        }
        self.state.runs[self.who].plan = Shared::new(plan.clone());
        match how {
            How::GivenUp if self.rules.keep(Rule::UndoPlan) => self.take(Why::Discard),
            How::GivenUp => self.goes(Stage::Ended), // caught by `Not released`
            _ => self.goes(Stage::Companions),
        }
    }

    /// Somebody was first with a name, or took away what was to be taken over.
    fn plan_again(&mut self, seen: &Seen) {
        if seen.again {
            return self.goes(Stage::Plan); // Unavailable: the stage runs again
        }
        let mut next = Seen {
            again: true,
            ..seen.clone()
        };
        for one in &mut next.observed {
            one.plain_name_taken = true;
            one.before.iter_mut().for_each(|before| before.warm = false);
        }
        self.goes(Stage::PlanRows(Shared::new(Printed(next))));
    }
}

fn changed(observed: &[Observed]) -> Set {
    let version = |one: &Observed| (one.component.clone(), one.commit.clone());
    observed.iter().map(version).collect()
}

/// `Planner::proven`: whether what is live, with these in it, has passed its suites.
pub(crate) fn is_proven(world: &World, changed: &Set) -> bool {
    let live = world.live();
    let commit = |at| world.row(at).map(|row| row.commit.clone());
    let version = |(component, at): (&Component, _)| Some((component.clone(), commit(at)?));
    let mut set: Set = live.iter().filter_map(version).collect();
    set.extend(changed.clone());
    let talks: BTreeMap<Component, BTreeSet<Component>> = set
        .keys()
        .map(|component| (component.clone(), peers(component).clone()))
        .collect();
    let changed = changed.keys().cloned().collect();
    needed(&set, &talks, &changed)
        .is_ok_and(|proofs| proofs.iter().all(|one| world.proofs.contains(one)))
}
