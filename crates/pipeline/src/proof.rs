//! Proven sets: which versions passed their suites beside which.
//!
//! A set is proven when every component's suites passed against exactly the versions of its peers
//! in the set. So the record is kept per component and its peers: what a release does not touch
//! stays proven by the releases before it.

use crate::names::{Commit, Component};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Versions that are (or would be) live together.
pub type Set = BTreeMap<Component, Commit>;

/// One component against the versions of its peers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Proof {
    /// Whose suites.
    pub component: Component,
    /// Of which commit.
    pub commit: Commit,
    /// Beside which.
    pub peers: Set,
}

/// As it is written in a row's key, which may have 1,024 bytes: with at most
/// [`crate::manifest::MAX_PEERS`] peers it has fewer.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}#", self.component, self.commit.short())?;
        for (n, (peer, commit)) in self.peers.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{peer}@{}", commit.short())?;
        }
        Ok(())
    }
}

/// A peer that is not in the set: then nothing can be said of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{component} names the peer {peer}, which is not in the set")]
pub struct Incomplete {
    /// Who names it.
    pub component: Component,
    /// Who is missing.
    pub peer: Component,
}

/// What must have passed for one component of the set.
pub fn proof_of(
    set: &Set,
    component: &Component,
    peers: &BTreeSet<Component>,
) -> Result<Proof, Incomplete> {
    let version = |of: &Component| {
        set.get(of).cloned().ok_or_else(|| Incomplete {
            component: component.clone(),
            peer: of.clone(),
        })
    };
    Ok(Proof {
        component: component.clone(),
        commit: version(component)?,
        peers: peers
            .iter()
            .map(|peer| Ok((peer.clone(), version(peer)?)))
            .collect::<Result<_, _>>()?,
    })
}

/// What must have passed for these changes to a set to be proven: the changed components and those
/// that talk to them. `talks` has the peers of every component of the set.
pub fn needed(
    set: &Set,
    talks: &BTreeMap<Component, BTreeSet<Component>>,
    changed: &BTreeSet<Component>,
) -> Result<Vec<Proof>, Incomplete> {
    talks
        .iter()
        .filter(|(component, peers)| {
            set.contains_key(*component)
                && (changed.contains(*component) || peers.iter().any(|peer| changed.contains(peer)))
        })
        .map(|(component, peers)| proof_of(set, component, peers))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(name: &str) -> Component {
        Component::new(name).unwrap()
    }

    fn set(of: &[(&str, char)]) -> Set {
        of.iter()
            .map(|(name, digit)| {
                (
                    component(name),
                    Commit::new(digit.to_string().repeat(40)).unwrap(),
                )
            })
            .collect()
    }

    fn talks() -> BTreeMap<Component, BTreeSet<Component>> {
        BTreeMap::from([
            (component("ui"), BTreeSet::from([component("api")])),
            (component("api"), BTreeSet::from([component("msa")])),
            (component("msa"), BTreeSet::new()),
        ])
    }

    #[test]
    fn what_talks_to_a_changed_component_must_have_passed_beside_it() {
        let found = needed(
            &set(&[("ui", 'a'), ("api", 'b'), ("msa", 'c')]),
            &talks(),
            &BTreeSet::from([component("msa")]),
        )
        .unwrap();
        let found: Vec<String> = found.iter().map(Proof::to_string).collect();
        assert_eq!(
            found,
            ["api@bbbbbbbbbbbb#msa@cccccccccccc", "msa@cccccccccccc#"]
        );
    }

    #[test]
    fn a_set_without_one_of_the_peers_proves_nothing() {
        let error = needed(
            &set(&[("ui", 'a')]),
            &talks(),
            &BTreeSet::from([component("ui")]),
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "ui names the peer api, which is not in the set"
        );
    }

    #[test]
    fn the_longest_key_fits_a_sort_key() {
        let long = |n: usize| component(&format!("{}{n:02}", "c".repeat(28)));
        let peers: BTreeSet<Component> = (0..crate::manifest::MAX_PEERS).map(long).collect();
        let all: Set = peers
            .iter()
            .cloned()
            .chain([long(99)])
            .map(|c| (c, Commit::new("f".repeat(40)).unwrap()))
            .collect();
        let key = proof_of(&all, &long(99), &peers).unwrap().to_string();
        assert!(key.len() + "proof#".len() <= 1024, "{}", key.len());
    }
}
