//! Roll back: a release that is live and not well takes itself back.

use crate::act::Act;
use crate::cast::{domain, peers};
use crate::release::{Back, Brought, Plan, Stage, Why};
use crate::rules::Rule;
use crate::shared::{Printed, Shared};
use pipeline::back::{BackPlan, Seen, plan_back, taken_over};
use pipeline::health::Condition;
use pipeline::live::{KnownHosts, ReadSet, live, read_set};
use pipeline::names::{Component, Fqdn, Ticket};
use pipeline::rows::{AliasRow, CandidateRow};
use pipeline::wire::{Release, Stands};
use std::collections::BTreeMap;

impl Act<'_> {
    /// The drain is over, or Watch release has seen in the middle of it what makes no difference here.
    pub(crate) fn drained(&mut self, moves: u8) {
        crate::check::drained(self.world(), moves);
        self.take(Why::Terminate);
    }

    /// `Switch::look_back`: one look.
    pub(crate) fn back_look(&mut self) {
        let world = &self.state.world;
        let aliases: Vec<AliasRow> = world.aliases.values().cloned().collect();
        let before = aliases.iter().filter_map(|row| row.previous.as_ref());
        let rows: BTreeMap<Fqdn, CandidateRow> = before
            .filter_map(|one| Some((one.hostname.clone(), world.row(&one.hostname)?.clone())))
            .collect();
        let condition = |at: &Fqdn| match world.is_well(at) {
            true => Condition::Well,
            false => Condition::Gone(String::new()),
        };
        let conditions = rows.keys().map(|at| (at.clone(), condition(at))).collect();
        let seen = Seen {
            zone: &world.zone,
            aliases: &aliases,
            rows: &rows,
            conditions: &conditions,
        };
        match plan_back(&release(self.program.ticket), &self.stand(), &seen) {
            BackPlan::GoBack { back, .. } => {
                self.goes(Stage::BackReserve(Shared::new(Printed(back))));
            }
            // Not where all of what was live before is there and well: then it must not stay.
            BackPlan::Stay { .. } => {
                let all = rows.keys().all(|at| self.state.world.is_well(at));
                self.world().broken.excused |= !all;
                self.stays();
            }
            BackPlan::MovedOn => self.stays(),
        }
    }

    fn stand(&self) -> Vec<Stands> {
        let components = self.run().plan.components.iter();
        let stands = |one: &Brought| Stands {
            component: one.component.clone(),
            hostname: one.hostname.clone(),
        };
        components.map(stands).collect()
    }

    /// `Switch::reserve`: a ticket that is later than all others, and the rows as they were seen.
    pub(crate) fn back_reserve(&mut self, seen: &[CandidateRow]) {
        let ticket = Ticket(10 + self.who as u64);
        let release = release(ticket);
        let next = |row: &CandidateRow| (row.clone(), taken_over(row, &release, ""));
        let rows: Vec<_> = seen.iter().map(next).collect();
        if !self.world().reserve(&[], &rows) {
            return self.goes(Stage::BackLook);
        }
        let brought = |row: &CandidateRow| Brought {
            component: row.component.clone(),
            commit: row.commit.clone(),
            hostname: row.hostname.clone(),
            replaces: None,
        };
        let components = seen.iter().map(brought).collect();
        let run = &mut self.state.runs[self.who];
        let failed = run.plan.components.clone();
        run.back = Some(Shared::new(Back { ticket, failed }));
        run.plan = Shared::new(Plan {
            components,
            proven: true,
        });
        run.found_live = false;
        self.goes(Stage::CutLook);
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
            .map(|one| (one.component.clone(), one.commit.clone()))
            .collect()
    }

    pub(crate) fn replaces(&self) -> BTreeMap<Component, Fqdn> {
        let back = self.run().back.as_ref();
        let back = back.filter(|_| self.rules.keep(Rule::BackReplaces));
        let failed = back.map(|back| back.failed.clone()).unwrap_or_default();
        let replaced = |one: Brought| (one.component, one.hostname);
        failed.into_iter().map(replaced).collect()
    }

    /// `Switch::step_back`: nothing is tested, so the read-set is of now.
    pub(crate) fn read_now(&self, known: &KnownHosts) -> ReadSet {
        let live = live(&self.state.world.zone, domain());
        let brings = self.run().plan.components.iter();
        let brings = brings.map(|one| (one.component.clone(), peers(&one.component).clone()));
        read_set(&brings.collect(), &live, known, self.tests_dependents())
    }

    /// The aliases stay where they are; only the companions end. What was reserved is for the next
    /// release of the components to end.
    pub(crate) fn stays(&mut self) {
        self.world().broken.excused |= self.state.runs[self.who].back.is_some();
        let run = &mut self.state.runs[self.who];
        run.plan = Shared::new(Plan::default());
        self.take(Why::Terminate);
    }
}

fn release(ticket: Ticket) -> Release {
    let value = serde_json::json!({
        "project": "p", "target": "stage", "ticket": ticket, "execution": "x",
        "domain": domain().as_str(), "zone_id": "Z", "launch_template_id": "",
        "subnet_ids": [], "alias_ttl": 60, "hostname_ttl": 60, "drain_seconds": 90,
        "skip_slow_scans": false, "size": 1
    });
    serde_json::from_value(value).expect("a release")
}
