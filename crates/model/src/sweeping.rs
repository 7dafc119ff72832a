//! The sweeper: an actor that runs the function's own driver again and again, until a look that began when
//! nothing moved any more finds nothing to do.

use crate::act::{Act, How};
use crate::cast::{domain, release, repository};
use crate::driving::{Driven, Driving};
use crate::release::{Brought, Run, Stage};
use crate::rules::Rule;
use crate::scenario::Asks;
use crate::shared::Shared;
use pipeline::drivers::{Mode, Sweep};
use pipeline::errors::Fault;
use pipeline::names::{Fqdn, Ticket};
use pipeline::rows::{ReleaseOutcome, ReleaseRow};
use pipeline::sweep::{Ending, Launched, SeenRelease, Stands, Swept};
use pipeline::version::Version;
use pipeline::wire::{PlanOutcome, PlanReply, Planned};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Act<'_> {
    /// A look begins. Without the rule every release is taken to have drained.
    pub(crate) fn sweep(&mut self) {
        let drained = match self.rules.keep(Rule::SweepDrains) {
            true => self.run().swept.drained.clone(),
            false => self.state.world.outcomes.keys().copied().collect(),
        };
        let others = self.others_are_over();
        self.state.runs[self.who].then = None;
        self.state.runs[self.who].swept.calm = others;
        let sweep = Sweep::new(release(Ticket(0)), drained, Mode::Act);
        self.goes(Stage::Sweep(Driving::begin(sweep)));
    }

    fn others_are_over(&self) -> bool {
        let is_over =
            |(who, run): (usize, &Run)| who == self.who || matches!(run.stage, Stage::Ended);
        self.state.late.is_empty() && self.state.runs.iter().enumerate().all(is_over)
    }

    pub(crate) fn sweep_step(&mut self, from: &Shared<Driving<Sweep>>, how: How) {
        match how {
            How::LateAgain => self.send_late(&from.ask),
            _ => match self.drive(from) {
                Driven::Pauses(driving) if how == How::Done => {
                    return self.goes(Stage::Sweep(driving));
                }
                Driven::Done(reply) if how == How::Done => return self.swept(reply),
                _ => {}
            },
        }
        self.sweep();
    }

    /// `Another look?` The schedule comes in any case, so it begins anew where something moves still.
    fn swept(&mut self, reply: Result<Swept, Fault>) {
        let Ok(swept) = reply else {
            return self.sweep();
        };
        self.state.runs[self.who]
            .swept
            .drained
            .extend(&swept.draining);
        // Without the rule it would find the same for ever: a release of which only the row is left.
        let only_rows = swept
            .plan
            .iter()
            .all(|one| one.ends_with("nothing of it stands"));
        let records = self.rules.keep(Rule::SweepRecords) || !only_rows;
        let another = swept.wants_another() && records;
        match another || !self.run().swept.calm {
            true => self.drain(),
            false => self.goes(Stage::Ended),
        }
    }

    /// `Ask::PlannedNames`: of any release.
    pub(crate) fn planned_by(&self, ticket: Ticket) -> BTreeSet<Fqdn> {
        let plan = self.plans().remove(&ticket).unwrap_or_default();
        plan.into_iter().map(|one| one.hostname).collect()
    }

    /// What each release has reserved; one that takes itself back is two.
    fn plans(&self) -> BTreeMap<Ticket, Vec<Brought>> {
        let mut plans = BTreeMap::new();
        for (run, ticket) in self.state.runs.iter().zip(1..) {
            let own = run.plan.components.clone();
            match &run.back {
                None => drop(plans.insert(Ticket(ticket), own)),
                Some(back) => {
                    plans.insert(Ticket(ticket), back.failed.clone());
                    plans.insert(back.plan.release.ticket, own);
                }
            }
        }
        plans
    }

    /// Whose execution a release is of.
    fn run_of(&self, ticket: Ticket) -> Option<&Run> {
        let of = |run: &&Run| {
            let back = run.back.as_ref();
            back.is_some_and(|back| back.plan.release.ticket == ticket)
        };
        let own = usize::try_from(ticket.0).ok()?.checked_sub(1)?;
        self.state.runs.iter().find(of).or(self.state.runs.get(own))
    }

    /// `Ask::Releases`.
    pub(crate) fn releases(&self) -> Vec<SeenRelease> {
        let mut plans = self.plans();
        let seen = self.state.world.outcomes.iter();
        let seen = seen.map(|(ticket, outcome)| {
            let plan = plans.remove(ticket).unwrap_or_default();
            let row = self.release_row(*ticket, *outcome, &plan);
            SeenRelease {
                row: Arc::new(row),
                recorded: None,
            }
        });
        seen.collect()
    }

    fn release_row(&self, ticket: Ticket, outcome: ReleaseOutcome, plan: &[Brought]) -> ReleaseRow {
        let is_back = self.run_of(ticket).is_some_and(|run| {
            let back = run.back.as_ref();
            back.is_some_and(|back| back.plan.release.ticket == ticket)
        });
        let mut release = release(ticket);
        release.rollback = is_back;
        let execution = match self.run_of(ticket) {
            Some(run) if is_back => self.ticket_of(run),
            _ => ticket,
        };
        let plan = PlanReply {
            outcome: PlanOutcome::Release,
            release,
            components: plan.iter().map(planned).collect(),
            libraries: Vec::new(),
            already_live: Vec::new(),
            already_built: Vec::new(),
            stay: Vec::new(),
        };
        let execution = (execution.to_string(), execution.to_string());
        ReleaseRow {
            outcome,
            ..ReleaseRow::begun(plan, execution, String::new())
        }
    }

    fn ticket_of(&self, run: &Run) -> Ticket {
        let at = self
            .state
            .runs
            .iter()
            .position(|one| std::ptr::eq(one, run));
        Ticket(at.map_or(0, |at| at as u64 + 1))
    }

    /// `Ask::Executions`.
    pub(crate) fn executions(
        &self,
        these: &BTreeMap<Ticket, Arc<ReleaseRow>>,
    ) -> BTreeMap<Ticket, Stands> {
        let keeps = matches!(self.run().stage, Stage::Keep(_));
        let stands = |ticket: &Ticket| match self.run_of(*ticket) {
            _ if keeps && !self.rules.keep(Rule::KeepStandsBack) => Stands::Ended(Ending::Stopped),
            Some(run) if run.is_over() => Stands::Ended(Ending::Stopped),
            _ => Stands::Runs,
        };
        these.keys().map(|one| (*one, stands(one))).collect()
    }

    /// `Ask::Instances`.
    pub(crate) fn instances(&self) -> Vec<Launched> {
        let launched = |id: &String| {
            let (ticket, label) = id.split('+').next()?.split_once('/')?;
            let ticket = Ticket(ticket.strip_prefix('r')?.parse().ok()?);
            Some(Launched {
                id: id.clone(),
                release: Some(release(ticket).label()),
                name: Some(format!("{label}.{}", domain())),
                address: Some(id.clone()),
            })
        };
        self.state.world.up.iter().filter_map(launched).collect()
    }

    /// `Ask::RecordLive` and the like: of a scenario in which somebody asks.
    pub(crate) fn record(&mut self, ticket: Ticket, outcome: ReleaseOutcome) {
        use ReleaseOutcome::{Live, RolledBack, Running};
        if !self.state.world.records_outcomes {
            return;
        }
        let stays = match self.state.world.outcomes.get(&ticket) {
            None => outcome != Running,
            Some(RolledBack) => true,
            Some(Live) => ![Live, RolledBack].contains(&outcome),
            Some(_) => false,
        };
        if !stays {
            self.world()
                .outcomes
                .change(|all| all.0.insert(ticket, outcome));
        }
    }

    /// `Ask::RecordSuperseded`; without the rule the sweeper does not.
    pub(crate) fn record_superseded(&mut self, tickets: &BTreeSet<Ticket>) {
        let records = self.program.asks != Asks::Sweep || self.rules.keep(Rule::SweepRecords);
        for ticket in tickets {
            let recorded = self.state.world.outcomes.get(ticket);
            if records && recorded == Some(&ReleaseOutcome::Running) {
                self.record(*ticket, ReleaseOutcome::NotReleased);
            }
        }
    }
}

fn planned(one: &Brought) -> Planned {
    Planned {
        component: one.component.clone(),
        version: Version::Head,
        commit: one.commit.clone(),
        repository: repository(),
        hostname: Some(one.hostname.clone()),
        credentials: None,
        companion: false,
        warm: false,
        repeats: None,
        replaces: one.replaces.clone(),
    }
}
