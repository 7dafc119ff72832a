//! The keeper: what should run does run.
//!
//! For each alias of a target it looks at the instances behind the hostname that the alias leads to. One that is
//! gone or ill is replaced by the very same launch template version: healthy first, then in the record by
//! compare-and-swap, then in the rows, and then the old one ends: at once if it does not run, else when nobody
//! remembers its address. It decides from one look, so whoever runs after a crash, or beside another, decides the
//! same.
//!
//! | what is behind the hostname | its address | what follows |
//! |---|---|---|
//! | well | in the record | |
//! | well, and EC2 has announced its end | stays until the replacement is well | a replacement |
//! | does not answer 200, not yet for `[run] unhealthy_for` | stays | another look |
//! | the same for longer | goes; where none is well, all that run are in the record | a replacement |
//! | stopped, ended or not listed | goes at once, also the last one: EC2 gives it to others | a replacement |
//! | started again with another address, and well | in the record | no replacement; one that boots ends |

mod act;
mod fit;
mod host;
mod launching;
mod left;
mod notes;
#[cfg(test)]
pub(crate) mod testing;
mod told;
mod whose;

pub use act::Act;
pub use fit::{Fit, Health, Machine};
pub use launching::{LAUNCHES_OF_A_LOOK, Replacement, STAND_BACK};
pub use left::Left;
pub(crate) use left::in_question as changes_in_question;
pub use notes::{Ailing, Done, KeeperRow, Launch};
pub use told::{KeepReply, KeepRequest, Kept, Seen, Whom, Why};
pub use whose::row_of;

use crate::drivers::Rows;
use crate::live::live_hostnames;
use crate::names::{Domain, Fqdn, Target, Ticket, release_label};
use crate::records::{Batch, RecordType, ZoneView};
use crate::rows::CandidateRow;
use crate::wire::Instance;
use host::HostPlan;
use launching::Lost;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where a hostname leads whose only instance is gone: nobody has an address of this block
/// (<https://www.rfc-editor.org/rfc/rfc5737>), so users of the alias find nobody, and not whoever gets the address
/// from EC2 next.
pub const NOBODY: &str = "192.0.2.1";

/// So many replacements in an hour for each instance of a component that should run. Who needs more is ill for a
/// reason that another launch does not mend.
pub const PER_INSTANCE_AND_HOUR: usize = 3;

/// All that is decided on.
#[derive(Debug, Clone, Hash)]
pub struct KeepLook {
    /// The target.
    pub target: Target,
    /// Its domain.
    pub domain: Domain,
    /// Looked at before all else.
    pub zone: ZoneView,
    /// What stands.
    pub rows: Rows,
    /// What the keeper has noted.
    pub notes: KeeperRow,
    /// Instances of the target, those that have ended too as long as EC2 shows them.
    pub machines: Vec<Machine>,
    /// When they were looked at: seconds since 1970.
    pub at: i64,
    /// Those that were well at the look before, too.
    pub well_before: BTreeSet<String>,
    /// Releases whose executions run.
    pub running: BTreeSet<Ticket>,
    /// Changes that are INSYNC, of those that were asked for before the instances were looked at.
    pub in_sync: BTreeSet<String>,
    /// Of the record of what is live: the target's `HostnameTtl`.
    pub ttl: u32,
    /// Seconds beyond the TTL for which what leaves a record stays: the target's `DrainMargin`.
    pub margin: i64,
    /// How often this run has asked for a launch in the place of whom.
    pub tried: BTreeMap<String, u32>,
}

impl KeepLook {
    /// Nothing is known yet.
    pub fn of(target: Target, domain: Domain) -> Self {
        Self {
            target,
            domain,
            zone: ZoneView::default(),
            rows: Rows::new(),
            notes: KeeperRow::default(),
            machines: Vec::new(),
            at: 0,
            well_before: BTreeSet::new(),
            running: BTreeSet::new(),
            in_sync: BTreeSet::new(),
            ttl: 0,
            margin: 0,
            tried: BTreeMap::new(),
        }
    }

    /// The rows of what aliases lead to, as far as they say what they were booted from.
    pub fn live(&self) -> Vec<Arc<CandidateRow>> {
        let live = live_hostnames(&self.zone, &self.domain).into_iter();
        let rows = live.filter_map(|(component, at)| {
            let row = self.rows.get(&at)?;
            let is_kept = row.component == component && !row.state.is_leaving();
            (is_kept && host::run_of(row).is_some()).then(|| row.clone())
        });
        rows.collect()
    }

    /// The releases that own what is not as it should be: whether they run decides who mends it.
    pub fn in_question(&self) -> BTreeSet<Ticket> {
        let live = self.live();
        let plans = live.iter().map(|row| host::plan_host(self, row));
        let asks = plans.zip(&live).filter(|(plan, _)| !plan.lost.is_empty());
        asks.map(|(_, row)| row.ticket).collect()
    }

    /// What tells one look from another: a keeper that waits looks at the zone again when this changes.
    pub fn digest(&self) -> Vec<(String, String)> {
        let live = self.live();
        let fits = live.iter().flat_map(|row| host::fits(self, row));
        fits.map(|(id, fit)| (id, fit.word().to_owned())).collect()
    }
}

/// New instances of a hostname.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NewInstances {
    /// The row as it was seen.
    pub row: Arc<CandidateRow>,
    /// What it is to say.
    pub instances: Vec<Instance>,
}

/// All that is to be done, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct KeepPlan {
    /// What the keeper notes, before it launches anything.
    pub notes: KeeperRow,
    /// Of all hostnames; each asserts its alias.
    pub batch: Batch,
    /// What is launched.
    pub launches: Vec<Replacement>,
    /// What the rows are to say.
    pub rows: Vec<NewInstances>,
    /// What ends.
    pub ends: Vec<String>,
    /// What leaves a record by the batch, and runs.
    pub leave: Vec<String>,
    /// The same in sentences.
    pub says: Vec<String>,
    /// The same for the history: one for each hostname.
    pub acts: Vec<Act>,
    /// Whether something boots, may become well again, or is mended by somebody else; beside what is launched.
    pub waits: bool,
    /// Whether a change is known to be INSYNC by now, which is noted.
    pub learned: bool,
    /// Whether more is to be launched, so that the next look comes soon.
    pub soon: bool,
    /// Hostnames for which nothing is launched any more for this hour, and that were not told yet, with a sentence.
    pub stopped: Vec<(Fqdn, String)>,
    /// The same of all such hostnames, also of those that were told: who is told may have been killed since.
    pub given_up: BTreeMap<Fqdn, String>,
    /// How each component is.
    pub seen: Vec<Seen>,
}

impl KeepPlan {
    /// Whether anything is to be done or waited for.
    pub fn is_due(&self) -> bool {
        !self.says.is_empty() || self.waits || self.learned || !self.stopped.is_empty()
    }
}

/// Decides.
pub fn plan_keep(look: &KeepLook) -> KeepPlan {
    let mut plan = KeepPlan {
        notes: look.notes.pruned(look),
        ..KeepPlan::default()
    };
    plan.learned = left::is_news(&look.notes.left, &plan.notes.left);
    let live = look.live();
    let mut hosts: Vec<HostPlan> = live.iter().map(|row| host::plan_host(look, row)).collect();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for (row, host) in live.iter().zip(&mut hosts) {
        known.extend(host.fits.iter().map(|(id, _)| id.clone()));
        match plan.batch.has_room_for(host.batch.records()) {
            true => take(&mut plan, look, row, host),
            false => take_later(&mut plan, look, row, host),
        }
    }
    for (at, sentence) in launching::launch(&mut plan, look, lost(&live, &hosts)) {
        let its = live.iter().position(|row| row.hostname == at);
        its.into_iter()
            .for_each(|n| hosts[n].says.push(sentence.clone()));
    }
    for (row, host) in live.iter().zip(&hosts) {
        tell(&mut plan, look, row, host);
    }
    plan.notes.ailing.retain(|id, _| known.contains(id));
    plan.waits |= !left::in_question(&plan.notes.left, look.at).is_empty();
    let strays = strays(look, &live);
    if !strays.is_empty() {
        let says = format!(
            "{}: ended, since users are not sent there any more",
            strays.join(", ")
        );
        plan.acts.push(Act::strays(look, &strays, &says));
        plan.says.push(says);
        plan.ends.extend(strays);
    }
    plan
}

fn lost<'a>(live: &'a [Arc<CandidateRow>], hosts: &[HostPlan]) -> Vec<Lost<'a>> {
    let of = |(row, host): (&'a Arc<CandidateRow>, &HostPlan)| {
        let lost = |id: String| Lost {
            row,
            id,
            serving: host.serving,
        };
        host.lost.clone().into_iter().map(lost).collect::<Vec<_>>()
    };
    live.iter().zip(hosts).flat_map(of).collect()
}

fn take(plan: &mut KeepPlan, look: &KeepLook, row: &Arc<CandidateRow>, host: &HostPlan) {
    plan.notes.note(row, host, look.at);
    left::note(&mut plan.notes.left, look, row, host);
    plan.leave.extend(host.leave.iter().cloned());
    plan.seen.push(Seen::of(row, host));
    plan.waits |= host.waits;
    plan.batch.0.extend(host.batch.0.iter().cloned());
    plan.ends.extend(host.ends.iter().cloned());
    if let Some(instances) = host.instances.clone() {
        plan.rows.push(NewInstances {
            row: row.clone(),
            instances,
        });
    }
}

/// Of very many at once, as in the outage of a zone, all records do not fit one batch: the next look goes on.
fn take_later(plan: &mut KeepPlan, look: &KeepLook, row: &CandidateRow, host: &mut HostPlan) {
    plan.notes.note(row, host, look.at);
    plan.seen.push(Seen::of(row, host));
    host.says.clear();
    (plan.waits, plan.soon) = (true, true);
}

fn tell(plan: &mut KeepPlan, look: &KeepLook, row: &CandidateRow, host: &HostPlan) {
    if !host.says.is_empty() {
        plan.acts.push(Act::at(look, row, host, &host.says));
    }
    let gave_up = plan.stopped.iter().filter(|(at, _)| *at == row.hostname);
    let gave_up = gave_up.map(|(_, says)| Act::stopped(look, row, host, says));
    plan.acts.extend(gave_up);
    plan.says.extend(host.says.iter().cloned());
}

/// Replacements that came too late: the alias has moved on, and no row has them.
fn strays(look: &KeepLook, live: &[Arc<CandidateRow>]) -> Vec<String> {
    let is_live: BTreeSet<(String, &str)> = live
        .iter()
        .map(|row| {
            let label = release_label(&look.target, row.launched());
            (label, row.hostname.as_str())
        })
        .collect();
    let in_rows: BTreeSet<&str> = look
        .rows
        .values()
        .flat_map(|row| row.instances.iter().map(|one| one.id.as_str()))
        .collect();
    let addresses: BTreeSet<&str> = look
        .zone
        .records()
        .filter(|record| record.kind == RecordType::A)
        .flat_map(|record| record.values.iter().map(String::as_str))
        .collect();
    // Whoever takes its record away ends it, after a drain.
    let leads_there = |one: &Machine| {
        one.address
            .as_deref()
            .is_some_and(|at| addresses.contains(at))
    };
    let is_stray = |one: &&Machine| {
        let of_live = is_live.contains(&(one.release.clone(), one.name.as_str()));
        let is_known = of_live || in_rows.contains(one.id.as_str()) || leads_there(one);
        one.replaces.is_some() && one.is_up() && !is_known && left::may_end(look, one)
    };
    let strays = look.machines.iter().filter(is_stray);
    strays.map(|one| one.id.clone()).collect()
}

/// Hostnames with their components, as a message lists them.
pub(crate) fn listed<'a>(all: impl Iterator<Item = &'a String>) -> String {
    all.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Where an alias leads.
pub(crate) fn leads_to(zone: &ZoneView, alias: &Fqdn, at: &Fqdn) -> bool {
    zone.points_to(alias).as_ref() == Some(at)
}

#[cfg(test)]
#[path = "keep_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "keep/launching_tests.rs"]
mod launching_tests;

#[cfg(test)]
#[path = "keep/left_tests.rs"]
mod left_tests;
