//! Which of those that were lost are launched by one look.

use super::notes::{KeeperRow, Launch};
use super::{KeepLook, KeepPlan, PER_INSTANCE_AND_HOUR, host};
use crate::names::{Component, Fqdn, release_label};
use crate::rows::CandidateRow;
use std::sync::Arc;

/// Launches of one look, side by side. EC2 takes five calls of RunInstances at once and two a second after that
/// (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>), of a whole account; and between two
/// looks nobody puts into its record what has become well.
pub const LAUNCHES_OF_A_LOOK: usize = 4;

/// Seconds in which a launch that EC2 does not list yet is taken for one that was asked for.
pub(crate) const LISTED_WITHIN: i64 = 60;

/// Seconds that a component's own release has, while it runs, to send users back to what was live before. Watch
/// release looks every some seconds, and a roll-back takes less than a launch.
pub const STAND_BACK: i64 = 180;

/// An instance to launch in the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Replacement {
    /// Whose.
    pub component: Component,
    /// The hostname, its tag `Name`.
    pub hostname: Fqdn,
    /// The commit that it runs.
    pub commit: String,
    /// The label of the release whose instances these are.
    pub release: String,
    /// Its port.
    pub port: u16,
    /// The very same launch template version.
    pub version: String,
    /// In whose place.
    pub replaces: String,
    /// Which try this is, by which the subnet is chosen.
    pub attempt: u32,
    /// The keeper's turn in which it was noted, and when: the same for whoever tries it again.
    pub noted: (u64, i64),
    /// By which the subnet is chosen, too.
    pub place: usize,
}

impl Replacement {
    fn of(look: &KeepLook, row: &CandidateRow, noted: &Launch) -> Self {
        let own = |one: &crate::wire::Instance| one.id == noted.replaces;
        let run = host::run_of(row);
        Self {
            component: row.component.clone(),
            hostname: row.hostname.clone(),
            commit: row.commit.to_string(),
            release: release_label(&look.target, row.launched()),
            port: run.map_or(0, |run| run.port.number()),
            version: row.launch_template_version.clone(),
            replaces: noted.replaces.clone(),
            attempt: noted.attempt,
            noted: (noted.turn, noted.at),
            place: row.instances.iter().position(own).unwrap_or_default(),
        }
    }

    /// What is the same for the same note, and for no other: EC2 knows a token for at least a day after the end of
    /// what it launched (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Run_Instance_Idempotency.html>),
    /// and the keeper forgets in an hour. No two notes have the same turn; the time is for notes that were begun anew.
    pub fn token_of(&self, subnet: &str) -> String {
        let Self {
            release,
            hostname,
            replaces,
            noted: (turn, at),
            ..
        } = self;
        format!("keep\n{release}\n{hostname}\n{replaces}\n{turn}\n{at}\n{subnet}")
    }
}

/// One that was lost and has no replacement that is up.
pub(super) struct Lost<'a> {
    pub(super) row: &'a Arc<CandidateRow>,
    /// Which.
    pub(super) id: String,
    /// How many of its component serve.
    pub(super) serving: usize,
}

/// What was lost is launched, unless somebody else mends it or there was enough of that. Those come first that this
/// run has asked for least: what EC2 refuses holds nobody up. Then those of whom nothing serves. Answers the
/// hostnames with what is said of each.
pub(super) fn launch(plan: &mut KeepPlan, look: &KeepLook, lost: Vec<Lost>) -> Vec<(Fqdn, String)> {
    let mut lost = lost;
    lost.sort_by_key(|one| {
        let tried = look.tried.get(&one.id).copied().unwrap_or_default();
        (tried, one.serving > 0)
    });
    let mut said = Vec::new();
    for one in lost {
        if stands_back(look, &plan.notes, one.row) {
            // What retires only serves still, and the next look comes in any case.
            plan.waits |= plan.notes.ailing.contains_key(&one.id);
        } else if let Some(noted) = next(plan, look, &one) {
            said.push((one.row.hostname.clone(), sentence(&one)));
            plan.launches.push(Replacement::of(look, one.row, &noted));
        }
    }
    said
}

fn sentence(one: &Lost) -> String {
    let Lost { row, id, .. } = one;
    let version = &row.launch_template_version;
    format!(
        "{}: another instance of launch template version {version} is launched in the place of {id}",
        row.hostname
    )
}

/// The launch that is to be asked for: one that was asked for a moment ago and is not listed yet, or a new one.
fn next(plan: &mut KeepPlan, look: &KeepLook, one: &Lost) -> Option<Launch> {
    let row = one.row;
    let before = plan.notes.launches_of(&row.hostname, &one.id).cloned();
    let may_come = |one: &&Launch| !one.ended && look.at - one.at < LISTED_WITHIN;
    let asked = before.as_ref().filter(may_come).cloned();
    let most = host::wanted(row) * PER_INSTANCE_AND_HOUR;
    if asked.is_none() && plan.notes.count(row) >= most {
        let says = host::stopped(row, &look.domain);
        if plan.notes.stop(row, look.at) {
            plan.stopped.push((row.hostname.clone(), says.clone()));
        }
        plan.given_up.insert(row.hostname.clone(), says);
        return None;
    }
    if plan.launches.len() >= LAUNCHES_OF_A_LOOK {
        (plan.waits, plan.soon) = (true, true);
        return None;
    }
    asked.or_else(|| {
        let new = Launch {
            hostname: row.hostname.clone(),
            ticket: Some(row.launched()),
            replaces: one.id.clone(),
            attempt: before.map_or(0, |before| before.attempt + 1),
            turn: look.notes.turn + 1,
            at: look.at,
            ended: false,
        };
        plan.notes.launched.push(new.clone());
        Some(new)
    })
}

/// While its own release runs, that one brings users back to what was live before, which takes less than a launch.
/// It has its time for that: a release that only waits must not leave users without an instance. A release that has
/// not cut over touches neither the hostname nor its record, so it is no reason to wait.
fn stands_back(look: &KeepLook, notes: &KeeperRow, row: &CandidateRow) -> bool {
    let of_it = notes
        .ailing
        .values()
        .filter(|one| one.component == row.component);
    let first = of_it.map(|one| one.since).min().unwrap_or(look.at);
    look.running.contains(&row.ticket) && look.at - first < STAND_BACK
}
