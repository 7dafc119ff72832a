//! Plan release: what is asked for, what a roll-back brings back, and the reservation.

use crate::act::{Act, How};
use crate::cast::{commit, domain, peers, repository};
use crate::release::{Brought, Plan, Reservation, Seen, Stage, Why};
use crate::rules::Rule;
use crate::scenario::Asks;
use crate::shared::{Printed, Shared};
use crate::world::World;
use pipeline::live::live_hostnames;
use pipeline::look::{Look, NoWayBack};
use pipeline::names::{Commit, Component, Fqdn, Ticket, hostname};
use pipeline::plan::{ComponentPlan, Health, Observed, Resolved, Terms, observe, plan_component};
use pipeline::proof::{Set, needed};
use pipeline::records::ZoneView;
use pipeline::rows::{AliasRow, CandidateRow, CandidateState, ReleaseOutcome};
use pipeline::version::Version;
use pipeline::wire::Planned;
use std::collections::{BTreeMap, BTreeSet};

impl Act<'_> {
    /// `Planner::plan` up to the reservation, when the zone was looked at: the rows, each once.
    pub(crate) fn plan(&mut self, zone: &ZoneView) {
        let look = self.look(zone);
        let resolved = match self.resolved(&look) {
            Ok(resolved) => resolved,
            Err(why) if why.may_pass() => return self.goes(Stage::Plan),
            Err(_) => {
                crate::check::has_no_way_back(self.world(), &look);
                return self.goes(Stage::Ended); // nothing was reserved
            }
        };
        self.check_back(&look, &resolved);
        let proven = self.is_rollback()
            && resolved.iter().all(|one| known_before(&look, one))
            && is_proven(&self.state.world, &changed(&resolved));
        let observe = |one: Resolved| self.observed(&look, one);
        let seen = Seen {
            observed: resolved.into_iter().map(observe).collect(),
            proven,
            again: false,
        };
        self.begin_confirm(zone, seen);
    }

    pub(crate) fn terms(&self, seen: &Seen) -> Terms<'static> {
        Terms {
            ticket: self.ticket(),
            domain: domain(),
            proven: seen.proven,
            force: matches!(self.program.asks, Asks::Restart(_)),
        }
    }

    /// `Planner::look`.
    fn look(&self, zone: &ZoneView) -> Look {
        let world = &self.state.world;
        let mut aliases: BTreeMap<Component, AliasRow> = world.aliases.0.clone();
        if !self.rules.keep(Rule::OneLook) {
            // The row's answer counts, whatever DNS said before.
            let live = live_hostnames(zone, domain());
            aliases.retain(|component, row| match live.get(component) {
                Some(at) => {
                    row.hostname = at.clone();
                    true
                }
                None => false,
            });
        }
        let names = Look::hostnames(zone, &aliases, domain());
        let row = |at: Fqdn| Some((at.clone(), world.row(&at)?.clone()));
        Look {
            domain: domain().clone(),
            zone: zone.clone(),
            hosts: names.into_iter().filter_map(row).collect(),
            aliases,
        }
    }

    /// `asked` and `Planner::resolve`.
    fn resolved(&self, look: &Look) -> Result<Vec<Resolved>, NoWayBack> {
        let resolved = |component, commit, back| Resolved {
            component,
            version: Version::Head,
            commit,
            repository: repository(),
            credentials: None,
            back,
        };
        let each = |names: &[&str], commit: &dyn Fn(&Component) -> Option<Commit>| {
            let names = names.iter().map(|name| crate::cast::component(name));
            let one = |component: Component| {
                let commit = commit(&component)?;
                Some(resolved(component, commit, None))
            };
            names.filter_map(one).collect()
        };
        Ok(match &self.program.asks {
            Asks::These(names) => each(names, &|_| Some(commit(self.ticket()))),
            Asks::As(names, ticket) => each(names, &|_| Some(commit(Ticket(*ticket)))),
            Asks::Restart(names) => each(names, &|one| look.live_commit(one).cloned()),
            Asks::Sweep | Asks::Keep => Vec::new(), // they plan nothing
            Asks::TakeBack => {
                let back = look.take_back()?.back.into_iter();
                back.map(|(one, to)| resolved(one, to.commit.clone(), Some(to)))
                    .collect()
            }
        })
    }

    fn check_back(&mut self, look: &Look, resolved: &[Resolved]) {
        for one in resolved.iter().filter(|one| one.back.is_some()) {
            if let Some(at) = look.live_at(&one.component) {
                crate::check::goes_back(self.world(), &at, &one.commit);
            }
        }
    }

    /// `Planner::observe`, `Planner::ask_instances`.
    fn observed(&self, look: &Look, resolved: Resolved) -> Observed {
        let world = &self.state.world;
        let plain = hostname(&resolved.component, &resolved.commit, domain());
        let mut observed = observe(look, resolved, world.row(&plain));
        let to_ask: Vec<Fqdn> = observed.to_ask(true).cloned().collect();
        for at in to_ask {
            let health = match world.is_well(&at) {
                true => Health::Well,
                false => Health::Ill("it does not run".into()),
            };
            observed.found(&at, &health);
        }
        observed
    }

    /// `Planner::reserve`, `Planner::candidates`: reads the rows that it takes over.
    pub(crate) fn plan_rows(&mut self, seen: &Shared<Printed<Seen>>) {
        let terms = self.terms(seen);
        let plan = |one: &Observed| match plan_component(one.clone(), &terms) {
            ComponentPlan::Release(planned) => Some(planned),
            ComponentPlan::AlreadyLive(_) => None,
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
            let at = one.hostname.as_ref()?;
            let brought = Brought {
                component: one.component.clone(),
                commit: one.commit.clone(),
                hostname: at.clone(),
                replaces: one.replaces.clone(),
            };
            let fresh = self.row(&brought);
            components.push(brought);
            match self.state.world.row(at).filter(|_| one.warm) {
                None => new.push(fresh),
                Some(seen) if self.may_take_over(seen) => {
                    let next = CandidateRow {
                        ticket: fresh.ticket,
                        state: CandidateState::Healthy,
                        launched_by: Some(seen.launched()),
                        taken_from: Some(seen.ticket),
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
        self.record(self.ticket(), ReleaseOutcome::Running);
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
            one.warm = false;
        }
        self.goes(Stage::PlanRows(Shared::new(Printed(next))));
    }
}

/// Whether it is recorded what it talked to.
fn known_before(look: &Look, one: &Resolved) -> bool {
    let back = one.back.as_ref();
    let row = back.and_then(|back| look.hosts.get(&back.hostname));
    row.is_some_and(|row| row.commit == one.commit && row.recipe.is_some())
}

fn changed(resolved: &[Resolved]) -> Set {
    let version = |one: &Resolved| (one.component.clone(), one.commit.clone());
    resolved.iter().map(version).collect()
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
