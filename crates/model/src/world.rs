//! What releases share: the zone, the table, the instances. Each change is one call of AWS.

use crate::cast::{domain, instance};
use crate::rules::{Rule, Rules};
use crate::shared::{Printed, Shared};
use pipeline::keep::KeeperRow;
use pipeline::live::live_hostnames;
use pipeline::names::{Commit, Component, Fqdn, Ticket};
use pipeline::proof::Proof;
use pipeline::records::{Batch, Change, ZoneView};
use pipeline::rows::{AliasRow, CandidateRow, CandidateState, ReleaseOutcome};
use pipeline::wire::Prepared;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The rows of candidates, by hostname.
#[derive(Debug, Clone, Default)]
pub struct Rows(pub BTreeMap<Fqdn, Arc<CandidateRow>>);

/// By what a release changes of them: the rest follows from component and commit.
impl Hash for Rows {
    fn hash<H: Hasher>(&self, to: &mut H) {
        for (at, row) in &self.0 {
            let healthy = (row.recipe.is_some(), &row.instances);
            let had = (row.launched_by, row.taken_from);
            (at, row.ticket, row.state as u8, had, healthy).hash(to);
        }
    }
}

/// Hostnames that resolvers may remember behind an alias.
#[derive(Debug, Clone, Default, Hash)]
pub struct Draining {
    /// How many aliases have moved.
    pub moves: u8,
    /// Which of these moves was away from it.
    pub from: BTreeMap<Fqdn, u8>,
}

/// One moment.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct World {
    /// Route 53.
    pub zone: Shared<ZoneView>,
    /// DynamoDB, `candidate#...`.
    pub rows: Shared<Rows>,
    /// DynamoDB, `alias#...`.
    pub aliases: Shared<Printed<BTreeMap<Component, AliasRow>>>,
    /// DynamoDB, `proof#...`.
    pub proofs: Shared<BTreeSet<Proof>>,
    /// EC2: the instances that run.
    pub up: Shared<BTreeSet<String>>,
    /// EC2: the instances that died by themselves.
    pub died: Shared<BTreeSet<String>>,
    /// EC2: what the keeper has launched, ended or not.
    pub used: Shared<BTreeSet<String>>,
    /// DynamoDB, `keeper`.
    pub notes: Shared<KeeperRow>,
    /// How often the keeper's clock was moved on: for as long as it stands back, and then for what left a record.
    pub clock: u8,
    /// EC2: instances whose end is announced.
    pub retiring: Shared<BTreeSet<String>>,
    /// What no keeper can see: instances that left a record while they ran, and at which time of that clock.
    pub remembered: Shared<BTreeMap<String, u8>>,
    /// S3: instances whose component has ended, and runs again, since it was found healthy.
    pub ended: Shared<BTreeSet<String>>,
    /// What no release can see: what really ran beside what when suites passed.
    pub passed: Shared<BTreeSet<Proof>>,
    /// And what aliases pointed to before a cutover since which no drain has passed.
    pub draining: Shared<Draining>,
    /// And, of each hostname that was live, what was live before it.
    pub before: Shared<BTreeMap<Fqdn, Commit>>,
    /// And the highest ticket that each alias has pointed to.
    pub newest: Shared<BTreeMap<Component, Ticket>>,
    /// And what a release that was given up has left to the next one of its component: some resolver may
    /// remember it as live.
    pub given_back: Shared<BTreeSet<Fqdn>>,
    /// DynamoDB, `release#...`: how far each got, where somebody asks.
    pub outcomes: Shared<Printed<BTreeMap<Ticket, ReleaseOutcome>>>,
    /// Whether somebody does.
    pub records_outcomes: bool,
    /// Invariants that are broken.
    pub broken: crate::check::Broken,
}

impl World {
    /// Nothing was ever released.
    pub fn empty() -> Self {
        Self {
            zone: Shared::new(ZoneView::default()),
            rows: Shared::new(Rows::default()),
            aliases: Shared::new(Printed(BTreeMap::new())),
            proofs: Shared::new(BTreeSet::new()),
            up: Shared::new(BTreeSet::new()),
            died: Shared::new(BTreeSet::new()),
            used: Shared::new(BTreeSet::new()),
            notes: Shared::new(KeeperRow::default()),
            clock: 0,
            retiring: Shared::new(BTreeSet::new()),
            remembered: Shared::new(BTreeMap::new()),
            ended: Shared::new(BTreeSet::new()),
            passed: Shared::new(BTreeSet::new()),
            draining: Shared::new(Draining::default()),
            before: Shared::new(BTreeMap::new()),
            newest: Shared::new(BTreeMap::new()),
            given_back: Shared::new(BTreeSet::new()),
            outcomes: Shared::new(Printed(BTreeMap::new())),
            records_outcomes: false,
            broken: crate::check::Broken::default(),
        }
    }

    /// Where each alias points.
    pub fn live(&self) -> BTreeMap<Component, Fqdn> {
        live_hostnames(&self.zone, domain())
    }

    /// One row.
    pub fn row(&self, at: &Fqdn) -> Option<&CandidateRow> {
        self.rows.0.get(at).map(Arc::as_ref)
    }

    /// `Dns::change`: whether the batch was applied.
    pub fn apply(&mut self, batch: &Batch, rules: Rules) -> bool {
        let mut zone = (*self.zone).clone();
        let applied = if rules.keep(Rule::ConditionalCreate) {
            zone.apply(batch).is_ok()
        } else {
            zone.apply(&upserting(batch, &self.zone)).is_ok()
        };
        if applied {
            crate::keeping::remember(self, &zone);
            self.zone = Shared::new(zone);
            crate::check::inspect(self);
        }
        applied
    }

    /// `Registry::reserve` and `reserve_companions`: all or none. A name is free where there is no
    /// row or one that is gone; a row is taken over only as it was seen.
    pub fn reserve(
        &mut self,
        new: &[CandidateRow],
        taken_over: &[(CandidateRow, CandidateRow)],
    ) -> bool {
        let free = |row: &CandidateRow| self.is_free(&row.hostname);
        let as_seen = |seen: &CandidateRow| {
            self.row(&seen.hostname)
                .is_some_and(|there| (there.ticket, there.state) == (seen.ticket, seen.state))
        };
        let fits = new.iter().all(free) && taken_over.iter().all(|(seen, _)| as_seen(seen));
        if fits {
            let rows = new.iter().chain(taken_over.iter().map(|(_, next)| next));
            self.rows.change(|all| {
                rows.for_each(|row| drop(all.0.insert(row.hostname.clone(), Arc::new(row.clone()))))
            });
        }
        fits
    }

    /// Whether a hostname may be reserved.
    pub fn is_free(&self, at: &Fqdn) -> bool {
        self.row(at).is_none_or(|there| there.state.is_gone())
    }

    /// `Registry::set_candidate`: `false` where it is not this ticket's any more, or has come further.
    pub fn set_candidate(&mut self, at: &Fqdn, ticket: Ticket, state: CandidateState) -> bool {
        let fits = self.row(at).is_some_and(|row| {
            let is_in_order = state.comes_from().contains(&row.state);
            row.ticket == ticket && (is_in_order || row.state.is_gone() && state.is_leaving())
        });
        // What is gone stays so, in a row of its own: `past#...`.
        if fits && !self.is_free(at) {
            self.change_row(at, |row| row.state = state);
        }
        fits
    }

    /// `Registry::confirm`.
    pub fn confirm(&mut self, at: &Fqdn, ticket: Ticket, by: Ticket) -> bool {
        let fits = self.row(at).is_some_and(|row| {
            let stands = CandidateState::Live.comes_from().contains(&row.state);
            row.ticket == ticket && stands && row.confirmed_by <= Some(by)
        });
        if fits {
            self.change_row(at, |row| row.confirmed_by = Some(by));
        }
        fits
    }

    /// The same without the rule: a row of this ticket, however far it has come.
    pub fn set_state(&mut self, at: &Fqdn, ticket: Ticket, state: CandidateState) {
        if self.row(at).is_some_and(|row| row.ticket == ticket) {
            self.change_row(at, |row| row.state = state);
        }
    }

    /// `Registry::give_back`.
    pub fn give_back(&mut self, ticket: Ticket, before: CandidateRow) -> bool {
        let fits = self.row(&before.hostname).is_some_and(|row| {
            row.ticket == ticket && CandidateState::Live.comes_from().contains(&row.state)
        });
        if fits {
            self.rows
                .change(|all| all.0.insert(before.hostname.clone(), Arc::new(before)));
        }
        fits
    }

    /// `Registry::set_candidate_healthy`.
    pub fn set_candidate_healthy(&mut self, at: &Fqdn, ticket: Ticket, recipe: Prepared) -> bool {
        let fits = self.set_candidate(at, ticket, CandidateState::Healthy);
        if fits {
            let id = self.row(at).map(|row| instance(row.launched(), at).id);
            if let Some(id) = id {
                self.ended.change(|ended| ended.remove(&id));
            }
            self.change_row(at, |row| {
                row.instances = vec![instance(row.launched(), &row.hostname)];
                row.recipe = Some(recipe);
            });
        }
        fits
    }

    pub(crate) fn change_row(&mut self, at: &Fqdn, with: impl FnOnce(&mut CandidateRow)) {
        self.rows.change(|all| {
            if let Some(row) = all.0.get_mut(at) {
                with(Arc::make_mut(row));
            }
        });
    }

    /// `Registry::record_alias`: unless a later release has recorded itself.
    pub fn record_alias(&mut self, row: AliasRow) {
        let later = self.aliases.get(&row.component);
        if later.is_none_or(|there| there.ticket <= row.ticket) {
            self.aliases
                .change(|all| drop(all.0.insert(row.component.clone(), row)));
        }
    }

    /// `Fleet::of_release`, of those that are up.
    pub fn is_up(&self, launched: Ticket, at: &Fqdn) -> bool {
        self.up.contains(&instance(launched, at).id)
    }

    /// `Fleet::launch`: client tokens make it one however often it is called.
    pub fn launch(&mut self, launched: Ticket, at: &Fqdn) {
        self.up.change(|up| up.insert(instance(launched, at).id));
    }

    /// An instance dies by itself.
    pub fn dies(&mut self, id: &str) {
        self.up.change(|up| up.remove(id));
        self.died.change(|died| died.insert(id.to_owned()));
    }

    /// EC2 announces its end.
    pub fn retires(&mut self, id: &str) {
        self.retiring.change(|all| all.insert(id.to_owned()));
    }

    /// Its component ends, and is started again.
    pub fn restarts(&mut self, id: &str) {
        self.ended.change(|ended| ended.insert(id.to_owned()));
    }

    /// `Examiner::examine`, where any end is tolerated: its instance runs.
    pub fn is_well(&self, at: &Fqdn) -> bool {
        let is_up = |row: &CandidateRow| match row.instances.is_empty() {
            true => self.is_up(row.launched(), at),
            false => row.instances.iter().all(|one| self.up.contains(&one.id)),
        };
        self.row(at).is_some_and(is_up)
    }

    /// The same of a candidate, whose component may not have ended.
    pub fn stayed_well(&self, at: &Fqdn) -> bool {
        let ended = |row: &CandidateRow| self.ended.contains(&instance(row.launched(), at).id);
        self.is_well(at) && !self.row(at).is_some_and(ended)
    }

    /// `Takedown::end_instances`.
    pub fn end(&mut self, launched: Ticket, at: &Fqdn) {
        let id = instance(launched, at).id;
        let tagged = |one: &String| *one == id || one.starts_with(&format!("{id}+"));
        self.up.change(|up| up.retain(|one| !tagged(one)));
        crate::check::inspect(self);
    }
}

/// The batch as it would be if every CREATE were an UPSERT: what is there goes first.
fn upserting(batch: &Batch, zone: &ZoneView) -> Batch {
    let mut zone = zone.clone();
    let mut all = Batch::default();
    for change in &batch.0 {
        let there = match change {
            Change::Create(record) => zone.get(&record.name).cloned(),
            Change::Delete(_) => None,
        };
        let steps = there.map(Change::Delete).into_iter();
        let steps = Batch(steps.chain([change.clone()]).collect());
        let _ = zone.apply(&steps); // where this does not fit, the whole will not either
        all.0.extend(steps.0);
    }
    all
}
