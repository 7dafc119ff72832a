//! What the keeper remembers of a target, from look to look.

use super::host::HostPlan;
use super::launching::Replacement;
use super::left::{self, Left};
use super::{Fit, KeepLook};
use crate::names::{Component, Fqdn, Ticket};
use crate::rows::CandidateRow;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

/// Seconds for which launches count.
const HOUR: i64 = 3600;

/// Things that were done and are kept to be shown.
const SHOWN: usize = 20;

/// `target#<t>` / `keeper`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeeperRow {
    /// How often this was written. Of two keepers that read the same, one writes: the other looks again.
    #[serde(default)]
    pub turn: u64,
    /// Until when somebody is at it (seconds since 1970): a look starts no other. What an end has cut off is taken
    /// up after that.
    #[serde(default)]
    pub busy: i64,
    /// Instances that are not well, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ailing: BTreeMap<String, Ailing>,
    /// What was launched in the last hour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub launched: Vec<Launch>,
    /// Hostnames for which nothing more is launched, and since when (seconds since 1970).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stopped: BTreeMap<Fqdn, i64>,
    /// Which release had launched what ran there then.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stopped_of: BTreeMap<Fqdn, Ticket>,
    /// Instances that users are not sent to any more and that still run, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left: BTreeMap<String, Left>,
    /// What was done last, the newest at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Done>,
}

/// By what is decided on.
impl Hash for KeeperRow {
    fn hash<H: Hasher>(&self, to: &mut H) {
        (
            self.turn,
            self.busy,
            &self.ailing,
            &self.launched,
            &self.stopped,
            &self.stopped_of,
            &self.left,
        )
            .hash(to);
    }
}

/// An instance that is not well.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ailing {
    /// Whose.
    pub component: Component,
    /// Since when: seconds since 1970.
    pub since: i64,
    /// What is wrong: a predicate.
    pub why: String,
}

/// An instance that was launched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Launch {
    /// For which hostname.
    pub hostname: Fqdn,
    /// The release that had launched what ran there: one that launches the same commit again may have the same
    /// hostname, and begins anew. Not noted by early versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    /// In whose place.
    pub replaces: String,
    /// Which try this was.
    #[serde(default)]
    pub attempt: u32,
    /// The keeper's turn in which it was noted.
    #[serde(default)]
    pub turn: u64,
    /// When: seconds since 1970.
    pub at: i64,
    /// Whether EC2 has said that it has ended: it was one, and another may follow at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
}

impl Launch {
    /// Whether it is this one that was noted.
    pub fn is(&self, one: &Replacement) -> bool {
        let noted = (self.turn, self.at) == one.noted;
        noted && self.hostname == one.hostname && self.replaces == one.replaces
    }
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Done {
    /// RFC 3339.
    pub at: String,
    /// A sentence.
    pub what: String,
}

impl KeeperRow {
    /// Without what is over.
    pub(super) fn pruned(&self, look: &KeepLook) -> Self {
        let (mut notes, at) = (self.clone(), look.at);
        notes.left = left::pruned(&self.left, look);
        notes.launched.retain(|one| at - one.at < HOUR);
        notes.stopped.retain(|_, since| at - *since < HOUR);
        let stopped = &notes.stopped;
        notes.stopped_of.retain(|at, _| stopped.contains_key(at));
        notes
    }

    /// Notes how a hostname's instances are.
    pub(super) fn note(&mut self, row: &CandidateRow, host: &HostPlan, at: i64) {
        for (id, fit) in &host.fits {
            match fit {
                Fit::Failing(why) | Fit::Ill(why) | Fit::Gone(why) => {
                    let noted = self.ailing.entry(id.clone()).or_insert_with(|| Ailing {
                        component: row.component.clone(),
                        since: at,
                        why: String::new(),
                    });
                    noted.why = crate::reason::Reason::within(why, 200).to_string();
                }
                Fit::Well | Fit::Retires | Fit::Starts => {
                    self.ailing.remove(id);
                }
                Fit::Leaves => {}
            }
        }
    }

    /// The last launch in that one's place.
    pub(super) fn launches_of(&self, hostname: &Fqdn, replaces: &str) -> Option<&Launch> {
        let of = |one: &&Launch| one.hostname == *hostname && one.replaces == replaces;
        self.launched.iter().rev().find(of)
    }

    /// How many were launched for it in this hour. A release begins anew, also one that launches the same commit again.
    pub(super) fn count(&self, row: &CandidateRow) -> usize {
        let is_its = |one: &&Launch| {
            let same = one.ticket.is_none_or(|ticket| ticket == row.launched());
            same && one.hostname == row.hostname
        };
        self.launched.iter().filter(is_its).count()
    }

    /// Nothing more is launched for it; whether that is new.
    pub(super) fn stop(&mut self, row: &CandidateRow, at: i64) -> bool {
        let (hostname, ticket) = (&row.hostname, row.launched());
        let known = self.stopped_of.get(hostname);
        let is_known = known.is_none_or(|known| *known == ticket);
        let is_new = !(is_known && self.stopped.contains_key(hostname));
        if is_new {
            self.stopped.insert(hostname.clone(), at);
            self.stopped_of.insert(hostname.clone(), ticket);
        }
        is_new
    }

    /// EC2 has not launched this one: it does not count.
    pub fn take_back(&mut self, one: &Replacement) {
        self.launched.retain(|noted| !noted.is(one));
    }

    /// EC2 has launched this one, and it has ended.
    pub fn has_ended(&mut self, one: &Replacement) {
        let its = self.launched.iter_mut().filter(|noted| noted.is(one));
        its.for_each(|noted| noted.ended = true);
    }

    /// These left their records by this change.
    pub fn left_by(&mut self, ids: &[String], change: &str) {
        for id in ids {
            if let Some(left) = self.left.get_mut(id) {
                left.change = Some(change.to_owned());
            }
        }
    }

    /// Adds what is done now; what was long ago is forgotten.
    pub fn did(&mut self, sentences: &[String], at: &str) {
        self.done.extend(sentences.iter().map(|what| Done {
            at: at.to_owned(),
            what: crate::reason::Reason::within(what, 400).to_string(),
        }));
        let surplus = self.done.len().saturating_sub(SHOWN);
        self.done.drain(..surplus);
    }
}
