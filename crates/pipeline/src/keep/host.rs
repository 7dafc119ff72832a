//! What becomes of one hostname.

use super::fit::{Fit, Machine, fit_of};
use super::left;
use super::{KeepLook, NOBODY, PER_INSTANCE_AND_HOUR, leads_to, listed};
use crate::manifest::RunSection;
use crate::names::{Domain, alias};
use crate::records::{Batch, Change, Record, RecordType};
use crate::rows::CandidateRow;
use crate::wire::Instance;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be done at one hostname.
#[derive(Debug, Clone, Default)]
pub(super) struct HostPlan {
    pub(super) fits: Vec<(String, Fit)>,
    pub(super) batch: Batch,
    /// Instances that are to be replaced and are not yet.
    pub(super) lost: Vec<String>,
    /// What its rows are to say, where that differs.
    pub(super) instances: Option<Vec<Instance>>,
    pub(super) ends: Vec<String>,
    /// What leaves the record now and runs, or is not in it and nobody knows since when.
    pub(super) leave: Vec<String>,
    /// What is in the record, or will be.
    pub(super) stay: BTreeSet<String>,
    /// Seconds that what leaves stays after its change is INSYNC.
    pub(super) stays: i64,
    pub(super) says: Vec<String>,
    pub(super) waits: bool,
    /// How many of those that should run serve.
    pub(super) serving: usize,
}

pub(super) fn run_of(row: &CandidateRow) -> Option<&RunSection> {
    row.recipe.as_ref()?.manifest.run.as_ref()
}

/// How many instances should run.
pub(super) fn wanted(row: &CandidateRow) -> usize {
    run_of(row).map_or(1, |run| usize::from(run.instances.number()))
}

pub(super) fn unhealthy_for(row: &CandidateRow) -> i64 {
    seconds(run_of(row).map(|run| run.unhealthy_for.duration().as_secs()))
}

pub(super) fn start_timeout(row: &CandidateRow) -> i64 {
    seconds(run_of(row).map(|run| run.start_timeout.duration().as_secs()))
}

fn seconds(limit: Option<u64>) -> i64 {
    limit
        .and_then(|limit| i64::try_from(limit).ok())
        .unwrap_or(i64::MAX)
}

/// How each instance of the hostname is: those of its row, and all others of it that are up.
pub(super) fn fits(look: &KeepLook, row: &CandidateRow) -> Vec<(String, Fit)> {
    let machines: BTreeMap<&str, &Machine> =
        look.behind(row).map(|one| (one.id.as_str(), one)).collect();
    let own: BTreeSet<&str> = row.instances.iter().map(|one| one.id.as_str()).collect();
    let serving = serving(look, row);
    let serves = |one: &Machine| {
        let address = one.address.as_deref();
        address.is_some_and(|at| serving.contains(at))
    };
    // Only what the keeper has launched comes without having been in the row.
    let leaves = |one: &Machine| {
        let was_there = one.replaces.is_none() || look.notes.left.contains_key(&one.id);
        was_there && !own.contains(one.id.as_str()) && !serves(one)
    };
    let fit = |id: &str| match machines.get(id) {
        None => Fit::Gone("is not there any more".into()),
        Some(one) if leaves(one) => Fit::Leaves,
        Some(one) => fit_of(look, row, one, serves(one)),
    };
    let others = machines.values().filter(|one| one.is_up());
    let others = others
        .map(|one| one.id.as_str())
        .filter(|id| !own.contains(id));
    let all = row
        .instances
        .iter()
        .map(|one| one.id.as_str())
        .chain(others);
    all.map(|id| (id.to_owned(), fit(id))).collect()
}

fn serving<'a>(look: &'a KeepLook, row: &CandidateRow) -> BTreeSet<&'a str> {
    let record = look.zone.get(&row.hostname);
    let record = record.filter(|record| record.kind == RecordType::A);
    record
        .into_iter()
        .flat_map(|record| record.values.iter().map(String::as_str))
        .collect()
}

/// Decides of one hostname.
pub(super) fn plan_host(look: &KeepLook, row: &CandidateRow) -> HostPlan {
    let fits = fits(look, row);
    let host = Host {
        look,
        row,
        fits: &fits,
    };
    let chosen = host.chosen();
    let mut plan = HostPlan {
        serving: chosen.len(),
        waits: fits
            .iter()
            .any(|(_, fit)| matches!(fit, Fit::Starts | Fit::Failing(_))),
        ..HostPlan::default()
    };
    host.record(&chosen, &mut plan);
    let after = host.instances(&chosen);
    host.leave(&after, &mut plan);
    plan.lost = host.lost(&after);
    plan.ends = host.ends(&after, &chosen, &plan.leave);
    if !plan.ends.is_empty() {
        plan.says.push(format!(
            "{}: {} ends",
            row.hostname,
            listed(plan.ends.iter())
        ));
    }
    if after != row.instances {
        let ids = after.iter().map(|one| &one.id);
        plan.says.push(format!(
            "{}: its instances are {}",
            row.hostname,
            listed(ids)
        ));
        plan.instances = Some(after);
    }
    plan.fits = fits;
    plan
}

struct Host<'a> {
    look: &'a KeepLook,
    row: &'a CandidateRow,
    fits: &'a [(String, Fit)],
}

impl Host<'_> {
    fn machine(&self, id: &str) -> Option<&Machine> {
        self.look.behind(self.row).find(|one| one.id == id)
    }

    fn fit(&self, id: &str) -> Option<&Fit> {
        self.fits
            .iter()
            .find(|(one, _)| one == id)
            .map(|(_, fit)| fit)
    }

    fn with(&self, is_it: impl Fn(&Fit) -> bool) -> impl Iterator<Item = &Machine> {
        let ids = self.fits.iter().filter(move |(_, fit)| is_it(fit));
        ids.filter_map(|(id, _)| self.machine(id))
    }

    /// Where users are to be sent: what is well, those of the row first, and as long as that is not enough what may
    /// be well, or leaves and answers still.
    fn chosen(&self) -> Vec<Instance> {
        let well = self.with(|fit| *fit == Fit::Well);
        let retires = self.with(|fit| *fit == Fit::Retires);
        let failing = self.with(|fit| matches!(fit, Fit::Failing(_)));
        let leaves = self.with(|fit| *fit == Fit::Leaves);
        let leaves = leaves.filter(|one| one.answers());
        let all = well.chain(retires).chain(failing).chain(leaves);
        let all = all.filter_map(|one| {
            let address = one.address.clone()?;
            let id = one.id.clone();
            Some(Instance { id, address })
        });
        all.take(wanted(self.row)).collect()
    }

    /// The record follows. Where none is well, addresses stay as long as they are their instances'.
    fn record(&self, chosen: &[Instance], plan: &mut HostPlan) {
        let at = &self.row.hostname;
        let alias = alias(&self.row.component, &self.look.domain);
        let Some(record) = self
            .look
            .zone
            .get(at)
            .filter(|one| one.kind == RecordType::A)
        else {
            return self.lost_record(chosen, plan);
        };
        let mut addresses: Vec<String> = chosen.iter().map(|one| one.address.clone()).collect();
        if addresses.is_empty() {
            addresses = self.of_the_ill(record);
        }
        if addresses.is_empty() {
            addresses.push(NOBODY.into());
        }
        let new = Record::addresses(at.clone(), addresses, record.ttl);
        let leads = leads_to(&self.look.zone, &alias, at);
        let (true, Some(live)) = (leads && new != *record, self.look.zone.get(&alias)) else {
            return;
        };
        plan.batch.assert(live.clone());
        plan.batch.swap(record.clone(), new.clone());
        plan.says.push(match new.values.as_slice() {
            [nobody] if nobody == NOBODY => format!(
                "{at}: leads to nobody ({NOBODY}) until another instance is well: its address belongs to somebody else now"
            ),
            values => format!("{at}: leads to {} from now on", listed(values.iter())),
        });
    }

    /// Where none is well, all of the row that run: those that left as long as another was well may have been ill of
    /// what was asked of them, and the last one alone is asked the most.
    fn of_the_ill(&self, record: &Record) -> Vec<String> {
        let is_own = |one: &Machine| self.row.instances.iter().any(|own| own.id == one.id);
        let ill = self.with(|fit| matches!(fit, Fit::Ill(_) | Fit::Starts));
        let ill = ill.filter_map(|one| Some((one, one.address.clone()?)));
        let stay = ill.filter(|(one, at)| is_own(one) || record.values.contains(at));
        stay.map(|(_, at)| at).collect()
    }

    /// Somebody's tool has deleted it: users of the alias get no address at all.
    fn lost_record(&self, chosen: &[Instance], plan: &mut HostPlan) {
        let at = &self.row.hostname;
        let alias = alias(&self.row.component, &self.look.domain);
        let leads = leads_to(&self.look.zone, &alias, at) && !self.look.zone.has(at);
        let (true, Some(live)) = (leads && !chosen.is_empty(), self.look.zone.get(&alias)) else {
            return;
        };
        let addresses = chosen.iter().map(|one| one.address.clone()).collect();
        let new = Record::addresses(at.clone(), addresses, self.look.ttl);
        plan.batch.assert(live.clone());
        plan.says.push(format!(
            "{at}: had no record any more, and leads to {} again",
            listed(new.values.iter())
        ));
        plan.batch.create(new);
    }

    /// Who is not in the record any more after this look, and runs: as long as users may remember it.
    fn leave(&self, after: &[Instance], plan: &mut HostPlan) {
        let (look, row) = (self.look, self.row);
        let swapped = plan.batch.0.iter().find_map(|change| match change {
            Change::Create(record) if record.name == row.hostname => Some(record),
            _ => None,
        });
        let before = look.zone.get(&row.hostname);
        let leads_to = |record: Option<&Record>, one: &Machine| {
            let at = one.address.as_ref();
            record.is_some_and(|record| at.is_some_and(|at| record.values.contains(at)))
        };
        let drain = run_of(row).and_then(|run| run.drain.as_ref());
        let drain = drain.map_or(0, |drain| seconds(Some(drain.duration().as_secs())));
        let ttl = before.map_or(0, |record| i64::from(record.ttl));
        plan.stays = drain.max(ttl + look.margin);
        for one in look.behind(row).filter(|one| one.is_up()) {
            let is_named = |all: &[Instance]| all.iter().any(|own| own.id == one.id);
            let goes = is_named(&self.row.instances) && !is_named(after);
            let was_there = goes || self.fit(&one.id) == Some(&Fit::Leaves);
            let is_new = was_there && !look.notes.left.contains_key(&one.id);
            match (leads_to(before, one), leads_to(swapped.or(before), one)) {
                (_, true) => drop(plan.stay.insert(one.id.clone())),
                (true, false) => plan.leave.push(one.id.clone()),
                (false, false) if is_new => plan.leave.push(one.id.clone()),
                (false, false) => {}
            }
        }
        if !plan.leave.is_empty() {
            plan.says.push(format!(
                "{}: {} runs on for {} s at least, since users may remember its address",
                row.hostname,
                listed(plan.leave.iter()),
                plan.stays
            ));
        }
    }

    /// What the row is to say: what was replaced gives way to what replaced it, and an address follows. One that
    /// was launched for what the row does not name any more takes the place of whoever is lost.
    fn instances(&self, chosen: &[Instance]) -> Vec<Instance> {
        let is_named = |id: &str| self.row.instances.iter().any(|own| own.id == id);
        let mut spare: Vec<&Instance> = chosen.iter().filter(|one| !is_named(&one.id)).collect();
        let mut take_for = |id: &str| {
            let of = |one: &Instance| self.machine(&one.id)?.replaces.as_deref();
            let own = spare.iter().position(|one| of(one) == Some(id));
            let free = || spare.iter().position(|one| !of(one).is_some_and(is_named));
            let found = own.or_else(free)?;
            Some(spare.remove(found))
        };
        let now = |before: &Instance| {
            let itself = chosen.iter().find(|one| one.id == before.id);
            let is_lost = self.fit(&before.id).is_some_and(Fit::is_lost);
            let new = is_lost.then(|| take_for(&before.id)).flatten();
            new.or(itself).unwrap_or(before).clone()
        };
        self.row.instances.iter().map(now).collect()
    }

    /// What is to be replaced and has no replacement that is up.
    fn lost(&self, after: &[Instance]) -> Vec<String> {
        let up = |id: &str| self.look.behind(self.row).any(|one| self.replaces(one, id));
        let is_lost = |one: &&Instance| self.fit(&one.id).is_some_and(Fit::is_lost) && !up(&one.id);
        after
            .iter()
            .filter(is_lost)
            .map(|one| one.id.clone())
            .collect()
    }

    /// Whether this one boots in that one's place, and may become well.
    fn replaces(&self, one: &Machine, id: &str) -> bool {
        let may_be_well = match self.fit(&one.id) {
            Some(Fit::Ill(_)) => false,
            Some(Fit::Leaves) => one.answers(),
            _ => true,
        };
        one.is_up() && one.replaces.as_deref() == Some(id) && may_be_well
    }

    /// What the row will not name any more, and replacements that nothing needs. Never what users are sent to, or may
    /// remember.
    fn ends(&self, after: &[Instance], chosen: &[Instance], leave: &[String]) -> Vec<String> {
        let is_named = |id: &str| after.iter().chain(chosen).any(|one| one.id == id);
        let may_be_needed = |one: &Machine| {
            let of = one.replaces.as_deref().filter(|id| is_named(id));
            of.is_some_and(|id| self.fit(id) != Some(&Fit::Well) && self.replaces(one, id))
        };
        let is_ours = |one: &&Machine| one.can_end() && !one.release.is_empty();
        let members = self.look.behind(self.row).filter(is_ours);
        let ends = members.filter(|one| !is_named(&one.id) && !may_be_needed(one));
        let ends = ends.filter(|one| !leave.contains(&one.id) && left::may_end(self.look, one));
        ends.map(|one| one.id.clone()).collect()
    }
}

/// What is said when no more is launched.
pub(super) fn stopped(row: &CandidateRow, domain: &Domain) -> String {
    let most = wanted(row) * PER_INSTANCE_AND_HOUR;
    format!(
        "{} does not run as it should, and no other instance of {} is launched for the rest of the hour: {most} were, and none stayed well. `cutover logs --live {}` has what it says; release a version that runs, or roll back",
        alias(&row.component, domain),
        row.hostname,
        row.component
    )
}
