//! What ended executions have left on a target, and what is to become of it.
//!
//! An execution that was stopped, that timed out or whose undo failed takes nothing away any more. The
//! sweeper looks at the zone, the rows, the instances and at how the executions stand, and plans what a
//! release's own stages would have done: Discard candidates for what never went live, Record cutover and
//! Terminate previous for what did. What an alias leads to, what a running release or its drain needs, and
//! what no release's row accounts for is left alone; the latter is named.

mod act;
mod builds;
mod look;
#[cfg(test)]
pub(crate) mod testing;
mod told;

pub(crate) use act::ended;
pub use builds::{BuildsPlan, OpenBuild, builders, plan_builds};
pub use look::{Launched, Look, SeenRelease};
pub use told::{Again, Cause, Drained, Run, SweepReply, SweepRequest, Swept, Whom};

use crate::connections::may_be_connected;
use crate::leftover::{came_late, late_peer_names, unclaimed};
use crate::live::live_hostnames;
use crate::names::{Component, Fqdn, Target, Ticket, release_label};
use crate::retire::{is_discarded, points_at};
use crate::rows::{CandidateRow, ReleaseOutcome};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Executions that one run asks Step Functions for: DescribeExecution has a bucket of 300 calls in the
/// large regions and 250 elsewhere, which fills with 15 and 10 a second
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>), and it is the account's.
pub const MOST_EXECUTIONS: usize = 40;

/// Releases that one run takes care of: each takes some seconds, and the function has minutes.
const MOST_JOBS: usize = 10;

/// Instances that one run ends of those that no row claims.
const MOST_INSTANCES: usize = 50;

/// Things of each kind that are named.
const MOST_NAMED: usize = 20;

/// So long after its cutover was recorded (seconds, beyond the drain) a release has drained in any case: its
/// change was INSYNC minutes after it was made, and no two clocks differ by so much.
const SURELY_IN_SYNC: i64 = 3600;

/// How an execution stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stands {
    /// It runs, or may.
    Runs,
    /// Nothing of it runs any more.
    Ended(Ending),
}

/// The error of an execution that `cutover cancel` has stopped.
pub const CANCELLED: &str = "Cancelled";

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ending {
    /// Somebody stopped it.
    Stopped,
    /// Somebody cancelled the release: by whom and why.
    Cancelled(String),
    /// It reached its time limit.
    TimedOut,
    /// In red, with this error.
    Failed(String),
    /// In green.
    Succeeded,
    /// Step Functions forgets an execution 90 days after its end.
    Forgotten,
}

impl Ending {
    /// As it is told of a release: a clause.
    pub fn clause(&self) -> String {
        match self {
            Self::Stopped => "its execution was stopped".into(),
            Self::Cancelled(cause) => format!("it was {cause}"),
            Self::TimedOut => "its execution reached its time limit".into(),
            Self::Failed(error) => format!("its execution failed ({error})"),
            Self::Succeeded => "its execution ended".into(),
            Self::Forgotten => "its execution ended long ago".into(),
        }
    }
}

/// One thing to do; each is done by the driver of the stage that would have done it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Job {
    /// A release that is dead gives up what it has, and its row says how it ended.
    Undo {
        /// Which.
        ticket: Ticket,
        /// How its execution ended.
        ending: Ending,
        /// Its hostnames that stand.
        hostnames: Vec<Fqdn>,
    },
    /// What was booted beside a release, only to be tested with it, ends.
    Companions {
        /// Of which.
        ticket: Ticket,
        /// Where they stand.
        hostnames: Vec<Fqdn>,
    },
    /// A release is live and has not drained: what was live before ends after that.
    Drain {
        /// Which.
        ticket: Ticket,
        /// Components of it that are live.
        components: Vec<Component>,
        /// What goes then.
        hostnames: Vec<Fqdn>,
    },
    /// A release is live and has drained: what was live before ends.
    Retire {
        /// Which.
        ticket: Ticket,
        /// Components of it that are live.
        components: Vec<Component>,
        /// What goes.
        hostnames: Vec<Fqdn>,
    },
    /// Records that came after what they lead to was gone.
    Records(Vec<Fqdn>),
    /// Instances of dead releases that no row claims.
    Instances(Vec<String>),
}

/// All that is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SweepPlan {
    /// In this order.
    pub jobs: Vec<Job>,
    /// What no release accounts for, in a sentence each.
    pub named: Vec<String>,
    /// Releases that are left for the next run.
    pub left: usize,
}

/// Releases whose executions have to be asked for: what is recorded as running, what has something that no
/// alias leads to, and what replaced that.
pub fn in_question(look: &Look) -> BTreeSet<Ticket> {
    let running = look.releases.values();
    let running = running.filter(|one| one.row.outcome == ReleaseOutcome::Running);
    let mut found: BTreeSet<Ticket> = running.map(|one| one.row.ticket).collect();
    let live = look.live();
    let kept = |row: &CandidateRow| may_be_connected(row, &look.now);
    for row in look.rows.values().filter(|row| !live.is(row) && !kept(row)) {
        found.insert(row.ticket);
        let by = live.replaced_by(row).map(|by| by.ticket);
        found.extend(by.filter(|by| row.ticket < *by));
    }
    found.extend(look.strays().filter_map(|one| look.ticket_of(one)));
    found.retain(|ticket| look.releases.contains_key(ticket));
    found
}

/// Whether there is nothing to do for it, however its execution stands: all that it has left was replaced by what
/// bakes or drains still. Of a release of many components those may be many.
fn waits_only(ticket: Ticket, look: &Look, live: &LiveRows<'_>) -> bool {
    let release = look.releases.get(&ticket);
    let is_running = release.is_none_or(|one| one.row.outcome == ReleaseOutcome::Running);
    let by = |row: &CandidateRow| live.replaced_by(row).map(|by| by.ticket);
    let left = || look.rows.values().filter(|row| !live.is(row));
    let has_replaced = left().any(|row| by(row) == Some(ticket));
    let has_strays = look.strays().any(|one| look.ticket_of(one) == Some(ticket));
    let waits = |row: &CandidateRow| {
        let by = by(row).filter(|by| row.ticket < *by && !row.companion);
        by.is_some_and(|by| look.executions.get(&by) == Some(&Stands::Runs))
    };
    let mut own = left().filter(|row| row.ticket == ticket);
    !is_running && !has_replaced && !has_strays && own.all(|row| waits(row))
}

/// Decides.
pub fn plan_sweep(look: &Look, target: &Target) -> SweepPlan {
    let mut plan = SweepPlan::default();
    let live = look.live();
    let undo = look.releases.values().rev();
    plan.jobs
        .extend(undo.filter_map(|one| undo_of(one, look, &live)));
    plan.jobs.extend(companions(look));
    plan.jobs.extend(replaced(look, &live));
    let unasked = look.unasked.iter();
    let unasked = unasked.filter(|ticket| !waits_only(**ticket, look, &live));
    plan.left = plan.jobs.len().saturating_sub(MOST_JOBS) + unasked.count();
    plan.jobs.truncate(MOST_JOBS);
    plan.jobs.extend(late_records(look));
    plan.jobs.extend(strays(look));
    plan.named = unaccounted(look, target);
    plan
}

/// What is dead and was never live: it is recorded as running, or something of it stands.
fn undo_of(one: &SeenRelease, look: &Look, live: &LiveRows<'_>) -> Option<Job> {
    let ending = look.ended(one.row.ticket)?;
    let hostnames: Vec<Fqdn> = look
        .rows
        .values()
        .filter(|row| row.ticket == one.row.ticket && !live.is(row))
        .filter(|row| row.companion || is_discarded(row, &look.zone, one.ttl()))
        .map(|row| row.hostname.clone())
        .collect();
    let is_due = match one.row.outcome {
        ReleaseOutcome::Running => true,
        ReleaseOutcome::NotReleased | ReleaseOutcome::AlreadyLive => !hostnames.is_empty(),
        ReleaseOutcome::Live | ReleaseOutcome::LibrariesReleased | ReleaseOutcome::RolledBack => {
            false
        }
    };
    is_due.then(|| Job::Undo {
        ticket: one.row.ticket,
        ending: ending.clone(),
        hostnames,
    })
}

/// Companions of releases that were live and are over: nobody remembers their addresses.
fn companions(look: &Look) -> impl Iterator<Item = Job> {
    let mut found: BTreeMap<Ticket, Vec<Fqdn>> = BTreeMap::new();
    for row in look.rows.values().filter(|row| row.companion) {
        let release = look.releases.get(&row.ticket);
        let was_live = release.is_some_and(|one| one.was_live());
        if was_live && look.ended(row.ticket).is_some() {
            let hostnames = found.entry(row.ticket).or_default();
            hostnames.push(row.hostname.clone());
        }
    }
    let job = |(ticket, hostnames)| Job::Companions { ticket, hostnames };
    found.into_iter().map(job)
}

/// What was live before a release that is over: all of its components with a lower ticket.
fn replaced(look: &Look, live: &LiveRows<'_>) -> impl Iterator<Item = Job> {
    let mut found: BTreeMap<Ticket, (BTreeSet<Component>, Vec<Fqdn>)> = BTreeMap::new();
    for row in look.rows.values().filter(|row| !row.companion) {
        let Some(by) = live.replaced_by(row).filter(|by| row.ticket < by.ticket) else {
            continue;
        };
        if may_be_connected(row, &look.now) {
            continue;
        }
        // What is being tested cannot go live any more, and finds that out by itself.
        if look.ended(row.ticket).is_none() || look.ended(by.ticket).is_none() {
            continue;
        }
        let (components, hostnames) = found.entry(by.ticket).or_default();
        components.insert(row.component.clone());
        hostnames.push(row.hostname.clone());
    }
    let job = |(ticket, (components, hostnames)): (Ticket, (BTreeSet<Component>, _))| {
        let components = components.into_iter().collect();
        match look.has_drained(ticket) {
            true => Job::Retire {
                ticket,
                components,
                hostnames,
            },
            false => Job::Drain {
                ticket,
                components,
                hostnames,
            },
        }
    };
    found.into_iter().map(job).collect::<Vec<_>>().into_iter()
}

fn late_records(look: &Look) -> Option<Job> {
    let unclaimed = unclaimed(&look.zone, &look.domain, &look.rows);
    let late = came_late(&unclaimed, &look.past).into_iter();
    let mut names: Vec<Fqdn> = late.map(|one| one.hostname).collect();
    let peers = late_peer_names(&look.zone, &look.domain, &look.standing(), look.newest());
    names.extend(peers.into_iter().map(|record| record.name));
    (!names.is_empty()).then_some(Job::Records(names))
}

/// Instances of dead releases that neither a row nor a record knows.
fn strays(look: &Look) -> Option<Job> {
    let is_dead = |one: &&Launched| {
        let ticket = look.ticket_of(one);
        ticket.is_some_and(|ticket| look.ended(ticket).is_some())
    };
    let ids = look.strays().filter(is_dead).map(|one| one.id.clone());
    let ids: Vec<String> = ids.take(MOST_INSTANCES).collect();
    (!ids.is_empty()).then_some(Job::Instances(ids))
}

/// What looks like a release's and is none's as far as is recorded.
fn unaccounted(look: &Look, target: &Target) -> Vec<String> {
    let no_release = |ticket: Ticket| !look.releases.contains_key(&ticket);
    let rows = look.rows.values().filter(|row| no_release(row.ticket));
    let rows = rows.map(|row| {
        let label = release_label(target, row.ticket);
        format!(
            "{}: its row says {label}, which is not recorded",
            row.hostname
        )
    });
    let records = unclaimed(&look.zone, &look.domain, &look.rows).into_iter();
    let records = records.filter(|at| !look.past.contains_key(at));
    let records =
        records.map(|at| format!("{at}: its record leads to addresses, and no row says whose"));
    let instances = look.strays().filter(|one| look.ticket_of(one).is_none());
    let instances = instances.map(|one| {
        let release = one.release.as_deref().unwrap_or("none");
        format!(
            "{}: an instance whose release ({release}) is not recorded",
            one.id
        )
    });
    let rows = rows.take(MOST_NAMED);
    let records = records.take(MOST_NAMED);
    rows.chain(records)
        .chain(instances.take(MOST_NAMED))
        .collect()
}

/// What the aliases lead to.
pub(crate) struct LiveRows<'a> {
    by_component: BTreeMap<Component, Fqdn>,
    look: &'a Look,
}

impl Look {
    pub(crate) fn live(&self) -> LiveRows<'_> {
        LiveRows {
            by_component: live_hostnames(&self.zone, &self.domain),
            look: self,
        }
    }
}

impl<'a> LiveRows<'a> {
    /// Whether an alias, or anything else that is no peer's name, leads there.
    fn is(&self, row: &CandidateRow) -> bool {
        points_at(&self.look.zone, &row.hostname)
    }

    /// What is live in its place.
    fn replaced_by(&self, row: &CandidateRow) -> Option<&'a CandidateRow> {
        let at = self.by_component.get(&row.component)?;
        let live = self.look.rows.get(at)?;
        (*at != row.hostname && !self.is(row)).then_some(live)
    }
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
