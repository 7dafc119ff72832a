//! What Plan release looked at, each thing once, and what that says of a roll-back.
//!
//! The zone is looked at first, then the rows. A cutover may come between the two: then a row and
//! DNS disagree, and nothing is decided on them. An example: A is live, a roll-back looks at the zone
//! (A), B goes live and records itself (previous: A), the roll-back reads the row. "Back to A" would be
//! what it takes for live, and it would end without having done anything, while B stays live.

use crate::live::{KnownHosts, live_hostnames};
use crate::names::{Commit, Component, Domain, Fqdn, Ticket, alias};
use crate::records::ZoneView;
use crate::rows::{AliasRow, CandidateRow, Previous};
use std::collections::{BTreeMap, BTreeSet};

/// A target at one moment, as far as DNS and rows agree.
#[derive(Debug, Clone)]
pub struct Look {
    /// The target's domain.
    pub domain: Domain,
    /// Its records.
    pub zone: ZoneView,
    /// What is recorded as live, read after the records.
    pub aliases: BTreeMap<Component, AliasRow>,
    /// What is recorded of [`Look::hostnames`].
    pub hosts: BTreeMap<Fqdn, CandidateRow>,
}

/// Why nothing can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWayBack {
    /// DNS and the table differ: a cutover comes between the two looks, or never recorded itself.
    #[error(
        "{alias} does not point to what the table records ({recorded}), so what was live before is not known; release {component} by its version"
    )]
    Disagrees {
        /// Whose.
        component: Component,
        /// Its alias.
        alias: Fqdn,
        /// What the row says; `nothing` where there is none.
        recorded: String,
    },
    /// The target is empty.
    #[error("nothing is live on this target")]
    NothingLive,
    /// The component is not there.
    #[error("nothing of {0} is live there")]
    NotLive(Component),
    /// No other version was live before.
    #[error("release {release} was the first of {}; there is nothing to go back to", names(.components))]
    First {
        /// The release that brought what is live.
        release: Ticket,
        /// Of these.
        components: Vec<Component>,
    },
}

fn names(components: &[Component]) -> String {
    let names: Vec<&str> = components.iter().map(Component::as_str).collect();
    names.join(", ")
}

impl NoWayBack {
    /// Whether another look may show something else.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Disagrees { .. })
    }
}

/// What taking the target's last release back means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeBack {
    /// The release that is taken back.
    pub release: Ticket,
    /// What each component goes back to.
    pub back: Vec<(Component, Previous)>,
    /// Components that the release deployed for the first time: there is nothing to go back to, so
    /// they stay.
    pub stay: Vec<Component>,
}

impl Look {
    /// Whose rows belong to the look: what is live, and what a roll-back may bring back.
    pub fn hostnames(
        zone: &ZoneView,
        aliases: &BTreeMap<Component, AliasRow>,
        domain: &Domain,
    ) -> BTreeSet<Fqdn> {
        let previous = aliases.values().filter_map(|row| row.previous.as_ref());
        let previous = previous.map(|previous| previous.hostname.clone());
        live_hostnames(zone, domain)
            .into_values()
            .chain(previous)
            .collect()
    }

    /// What decisions need of the recorded hostnames.
    pub fn known(&self) -> KnownHosts {
        let known = |(at, row): (&Fqdn, &CandidateRow)| (at.clone(), row.known());
        self.hosts.iter().map(known).collect()
    }

    /// Where a component's alias points.
    pub fn live_at(&self, component: &Component) -> Option<Fqdn> {
        self.zone.points_to(&alias(component, &self.domain))
    }

    /// What runs where its alias points: DNS is the truth, not the alias's row.
    pub fn live_commit(&self, component: &Component) -> Option<&Commit> {
        let row = self.hosts.get(&self.live_at(component)?)?;
        Some(&row.commit)
    }

    /// What was live before a component's last version.
    pub fn back(&self, component: &Component) -> Result<Previous, NoWayBack> {
        let row = self.row(component)?;
        let row = row.ok_or_else(|| NoWayBack::NotLive(component.clone()))?;
        previous(row).cloned().ok_or_else(|| NoWayBack::First {
            release: row.brought(),
            components: vec![component.clone()],
        })
    }

    /// What the target's last release moved, and back to what. A release that only launched the same
    /// commit again moved nothing in this sense.
    pub fn take_back(&self) -> Result<TakeBack, NoWayBack> {
        let mut rows = Vec::new();
        for component in self.components() {
            rows.extend(self.row(&component)?);
        }
        let last = rows.iter().map(|row| row.brought()).max();
        let release = last.ok_or(NoWayBack::NothingLive)?;
        let (mut back, mut stay) = (Vec::new(), Vec::new());
        for row in rows.into_iter().filter(|row| row.brought() == release) {
            match previous(row) {
                Some(previous) => back.push((row.component.clone(), previous.clone())),
                None => stay.push(row.component.clone()),
            }
        }
        match back.is_empty() {
            true => Err(NoWayBack::First {
                release,
                components: stay,
            }),
            false => Ok(TakeBack {
                release,
                back,
                stay,
            }),
        }
    }

    /// Those with an alias that leads to a release, or with a row.
    fn components(&self) -> BTreeSet<Component> {
        let live = live_hostnames(&self.zone, &self.domain);
        let ours = live
            .into_iter()
            .filter(|(_, at)| self.hosts.contains_key(at));
        let recorded = self.aliases.keys().cloned();
        ours.map(|(component, _)| component)
            .chain(recorded)
            .collect()
    }

    /// A component's row, if DNS says the same.
    fn row(&self, component: &Component) -> Result<Option<&AliasRow>, NoWayBack> {
        let row = self.aliases.get(component);
        match (row.map(|row| &row.hostname), self.live_at(component)) {
            (recorded, real) if recorded == real.as_ref() => Ok(row),
            (recorded, _) => Err(NoWayBack::Disagrees {
                component: component.clone(),
                alias: alias(component, &self.domain),
                recorded: recorded.map_or_else(|| "nothing".into(), Fqdn::to_string),
            }),
        }
    }
}

/// Rows of earlier versions of the pipeline may name the live commit itself.
fn previous(row: &AliasRow) -> Option<&Previous> {
    let previous = row.previous.as_ref();
    previous.filter(|previous| previous.commit != row.commit)
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
