//! What the sweeper has looked at.

use super::{Ending, SURELY_IN_SYNC, Stands};
use crate::drivers::Rows;
use crate::names::{Domain, Fqdn, Ticket};
use crate::records::{RecordType, ZoneView};
use crate::rows::{ReleaseOutcome, ReleaseRow};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A release as it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenRelease {
    /// Its row.
    pub row: Arc<ReleaseRow>,
    /// Seconds since it was recorded how far it got; `None` where that cannot be told.
    pub recorded: Option<i64>,
}

impl SeenRelease {
    /// Whether users were sent to it.
    pub fn was_live(&self) -> bool {
        [ReleaseOutcome::Live, ReleaseOutcome::RolledBack].contains(&self.row.outcome)
    }

    pub(super) fn ttl(&self) -> u32 {
        self.row.plan.release.settings.hostname_ttl
    }
}

/// By what changes of a release while it is the same.
impl Hash for SeenRelease {
    fn hash<H: Hasher>(&self, to: &mut H) {
        (self.row.ticket, self.row.outcome as u8, self.recorded).hash(to);
    }
}

/// An instance of the target that is up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Launched {
    /// `i-...`
    pub id: String,
    /// The label of the release whose tag it has: `stage-r42`.
    pub release: Option<String>,
    /// The hostname that it was launched for, by its tag `Name`.
    pub name: Option<String>,
    /// Known once it has one.
    pub address: Option<String>,
}

/// All that is decided on.
#[derive(Debug, Clone, Hash)]
pub struct Look {
    /// The target's domain.
    pub domain: Domain,
    /// Looked at before all else: a row is there before its record.
    pub zone: ZoneView,
    /// What stands.
    pub rows: Rows,
    /// What is recorded of hostnames that have a record and do not stand.
    pub past: Rows,
    /// Looked at after the rows: an instance's row is there before it, and its release before that.
    pub instances: Vec<Launched>,
    /// Those that have anything that stands, and the newest.
    pub releases: BTreeMap<Ticket, SeenRelease>,
    /// How the executions of those in question stand.
    pub executions: BTreeMap<Ticket, Stands>,
    /// Those that were not asked for, since there are too many.
    pub unasked: BTreeSet<Ticket>,
    /// Releases that are known to have drained.
    pub drained: BTreeSet<Ticket>,
    /// When it was planned: RFC 3339.
    pub now: String,
}

impl Look {
    /// Nothing is known yet, but that these releases have drained.
    pub fn at(domain: Domain, drained: BTreeSet<Ticket>) -> Self {
        Self {
            domain,
            drained,
            zone: ZoneView::default(),
            rows: Rows::new(),
            past: Rows::new(),
            instances: Vec::new(),
            releases: BTreeMap::new(),
            executions: BTreeMap::new(),
            unasked: BTreeSet::new(),
            now: String::new(),
        }
    }

    /// What is gone may be among the rows, from before it had rows of its own.
    pub(crate) fn take_rows(&mut self, rows: Rows) {
        let (past, standing) = rows.into_iter().partition(|(_, row)| row.state.is_gone());
        (self.past, self.rows) = (past, standing);
    }

    /// The releases that something of this is of, as far as labels tell.
    pub(crate) fn mentioned(&self) -> BTreeSet<Ticket> {
        let rows = self.rows.values();
        let rows = rows.flat_map(|row| [row.ticket, row.launched()]);
        let labels = self
            .instances
            .iter()
            .filter_map(|one| one.release.as_deref());
        rows.chain(labels.filter_map(ticket_in)).collect()
    }

    /// How a release's execution ended; `None` where it runs or that is not known.
    pub(super) fn ended(&self, ticket: Ticket) -> Option<&Ending> {
        match self.executions.get(&ticket)? {
            Stands::Ended(ending) => Some(ending),
            Stands::Runs => None,
        }
    }

    /// Whether nobody can remember any more what was live before it.
    pub(super) fn has_drained(&self, ticket: Ticket) -> bool {
        let Some(release) = self.releases.get(&ticket) else {
            return false;
        };
        let drain = i64::from(release.row.plan.release.drain_seconds);
        let age = release.recorded.filter(|_| release.was_live());
        self.drained.contains(&ticket) || age.is_some_and(|age| age > drain + SURELY_IN_SYNC)
    }

    /// The last ticket that has a row: whatever is of a later release began after the look.
    pub(crate) fn newest(&self) -> Ticket {
        let last = self.releases.keys().next_back();
        last.copied().unwrap_or(Ticket(0))
    }

    /// Which release launched what stands.
    pub(super) fn standing(&self) -> BTreeMap<Fqdn, Ticket> {
        let standing = self.rows.values().filter(|row| !row.state.is_leaving());
        standing
            .map(|row| (row.hostname.clone(), row.launched()))
            .collect()
    }

    /// Instances that are up, that no row that stands claims and no record leads to.
    pub(super) fn strays(&self) -> impl Iterator<Item = &Launched> {
        let addresses: BTreeSet<&str> = self
            .zone
            .records()
            .filter(|record| record.kind == RecordType::A)
            .flat_map(|record| record.values.iter().map(String::as_str))
            .collect();
        let claimed: BTreeSet<(&str, Ticket)> = self
            .rows
            .values()
            .map(|row| (row.hostname.as_str(), row.launched()))
            .collect();
        // Whatever its tags say: anybody may edit them.
        let rows = self.rows.values();
        let named: BTreeSet<&str> = rows
            .flat_map(|row| row.instances.iter().map(|one| one.id.as_str()))
            .collect();
        self.instances.iter().filter(move |one| {
            let is_named = named.contains(one.id.as_str());
            let leads_there = one
                .address
                .as_deref()
                .is_some_and(|at| addresses.contains(at));
            let name = one.name.as_deref().zip(self.ticket_of(one));
            !leads_there && !is_named && !name.is_some_and(|name| claimed.contains(&name))
        })
    }

    /// The release that launched it, if that is recorded.
    pub(super) fn ticket_of(&self, one: &Launched) -> Option<Ticket> {
        let label = one.release.as_deref()?;
        let is_it = |release: &&SeenRelease| release.row.plan.release.label() == label;
        let release = self.releases.values().find(is_it)?;
        Some(release.row.ticket)
    }
}

/// The ticket in a release's label, whether there is such a release or not.
fn ticket_in(label: &str) -> Option<Ticket> {
    let (_, number) = label.rsplit_once("-r")?;
    Some(Ticket(number.parse().ok()?))
}
