//! Instances that users are not sent to any more, and that still run.
//!
//! What can still serve is not ended when its record moves: resolvers keep its address for the record's TTL. It stays
//! until nobody remembers it, as what a release has replaced does in the drain.

use super::host::HostPlan;
use super::{KeepLook, Machine};
use crate::names::Fqdn;
use crate::rows::CandidateRow;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So long after it was made (seconds) a change is INSYNC in any case, also where nobody knows which it was. The sweeper
/// counts on the same.
pub(crate) const SURELY_IN_SYNC: i64 = 3600;

/// Changes that one look asks Route 53 for, which takes five requests a second of an account.
const MOST_CHANGES: usize = 3;

/// An instance that its record does not lead to any more.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Left {
    /// The hostname.
    pub hostname: Fqdn,
    /// Since when: seconds since 1970.
    pub since: i64,
    /// Seconds that it stays after the change was INSYNC: the record's TTL and a margin, or its `drain`.
    pub stays: i64,
    /// The change of Route 53, unless who made it was ended before it could note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// When that was known to be INSYNC: seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_sync: Option<i64>,
}

impl Left {
    /// Whether nobody remembers it.
    pub(super) fn is_over(&self, at: i64) -> bool {
        let in_sync = self.in_sync.unwrap_or(self.since + SURELY_IN_SYNC);
        at >= in_sync + self.stays
    }

    fn is_in_question(&self, at: i64) -> bool {
        self.change.is_some() && self.in_sync.is_none() && !self.is_over(at)
    }
}

/// By id.
pub(super) type AllLeft = BTreeMap<String, Left>;

/// Changes that may not be INSYNC yet.
pub(crate) fn in_question(left: &AllLeft, at: i64) -> BTreeSet<String> {
    let asked = left.values().filter(|one| one.is_in_question(at));
    let changes: BTreeSet<String> = asked.filter_map(|one| one.change.clone()).collect();
    changes.into_iter().take(MOST_CHANGES).collect()
}

/// Without those that do not run any more, and with what is known of their changes.
pub(super) fn pruned(left: &AllLeft, look: &KeepLook) -> AllLeft {
    let runs = |id: &String, one: &Left| match look.machines.iter().find(|seen| seen.id == *id) {
        Some(seen) => seen.is_up(),
        // EC2 may not list it for a moment.
        None => !one.is_over(look.at),
    };
    let known = |(id, one): (&String, &Left)| {
        let mut one = one.clone();
        let is_known = one
            .change
            .as_ref()
            .is_some_and(|id| look.in_sync.contains(id));
        if is_known && one.in_sync.is_none() {
            one.in_sync = Some(look.at);
        }
        (id.clone(), one)
    };
    left.iter()
        .filter(|(id, one)| runs(id, one))
        .map(known)
        .collect()
}

/// Whether any of these is known to be INSYNC that was not before.
pub(super) fn is_news(before: &AllLeft, now: &AllLeft) -> bool {
    let is_new = |(id, one): (&String, &Left)| {
        let before = before.get(id);
        before.is_some_and(|before| before.in_sync != one.in_sync)
    };
    now.iter().any(is_new)
}

/// Whether it may be ended: it does not run, or nobody remembers it. What was never in the record is not noted.
pub(super) fn may_end(look: &KeepLook, one: &Machine) -> bool {
    let noted = look.notes.left.get(&one.id);
    !one.is_up() || noted.is_none_or(|noted| noted.is_over(look.at))
}

/// Notes who leaves the record. One that is in it is noted still until that is over: the batch by which it leaves may be
/// on its way, and was noted before. (Found by the model check.)
pub(super) fn note(left: &mut AllLeft, look: &KeepLook, row: &CandidateRow, host: &HostPlan) {
    left.retain(|id, one| !host.stay.contains(id) || !one.is_over(look.at));
    for id in &host.leave {
        let one = Left {
            hostname: row.hostname.clone(),
            since: look.at,
            stays: host.stays,
            change: None,
            in_sync: None,
        };
        left.insert(id.clone(), one);
    }
}
