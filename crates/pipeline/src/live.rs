//! What is live beside a release: whom its tests use, and who has to be tested with it.

use crate::names::{Commit, Component, Domain, Fqdn, Ticket, alias_of};
use crate::records::ZoneView;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What was live beside a release when its suites ran (`None`: nothing). It holds every version that
/// the tests used and that the release does not bring itself.
pub type ReadSet = BTreeMap<Component, Option<LiveVersion>>;

/// One version that the tests used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LiveVersion {
    /// Where it stands.
    pub hostname: Fqdn,
    /// The release that it belongs to. A version that went and came back meanwhile (a roll-back took
    /// its instances over) has the same hostname and another ticket: some of the suites may have met
    /// the one in between. Absent where nobody recorded the hostname.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
}

/// What the table records of a hostname, from before it is published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Known {
    /// The release that put it up.
    pub ticket: Ticket,
    /// What it runs.
    pub commit: Commit,
    /// Whom it talks to.
    pub peers: BTreeSet<Component>,
    /// The latest release that found it live already, at the commit that it asked for.
    pub confirmed_by: Option<Ticket>,
}

/// Recorded hostnames.
pub type KnownHosts = BTreeMap<Fqdn, Known>;

/// Where each alias of the zone points.
pub fn live_hostnames(zone: &ZoneView, domain: &Domain) -> BTreeMap<Component, Fqdn> {
    zone.records()
        .filter_map(|record| Some((alias_of(&record.name, domain)?, record.points_to()?)))
        .collect()
}

/// What a release brings: its components and whom each talks to.
pub type Brings = BTreeMap<Component, BTreeSet<Component>>;

/// Live components that name one of the released ones as a peer and are not released themselves.
/// What nobody recorded is not this project's and depends on nothing.
pub fn dependents(
    brings: &Brings,
    live: &BTreeMap<Component, Fqdn>,
    known: &KnownHosts,
) -> BTreeSet<Component> {
    live.iter()
        .filter(|(component, _)| !brings.contains_key(*component))
        .filter(|(_, at)| {
            known
                .get(*at)
                .is_some_and(|one| one.peers.iter().any(|peer| brings.contains_key(peer)))
        })
        .map(|(component, _)| component.clone())
        .collect()
}

/// Every version beside the release that its tests use: the peers of its components, its
/// dependents (if they are tested) and their peers.
pub fn read_set(
    brings: &Brings,
    live: &BTreeMap<Component, Fqdn>,
    known: &KnownHosts,
    test_dependents: bool,
) -> ReadSet {
    let mut used: BTreeSet<Component> = brings.values().flatten().cloned().collect();
    if test_dependents {
        for dependent in dependents(brings, live, known) {
            if let Some(one) = live.get(&dependent).and_then(|at| known.get(at)) {
                used.extend(one.peers.iter().cloned());
            }
            used.insert(dependent);
        }
    }
    used.retain(|component| !brings.contains_key(component));
    used.into_iter()
        .map(|component| {
            let read = live.get(&component).map(|at| LiveVersion {
                hostname: at.clone(),
                ticket: known.get(at).map(|one| one.ticket),
            });
            (component, read)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{alias, hostname};
    use crate::records::Record;

    fn component(name: &str) -> Component {
        Component::new(name).unwrap()
    }

    fn domain() -> Domain {
        Domain::new("stage.myproj.com").unwrap()
    }

    fn at(name: &str) -> Fqdn {
        hostname(
            &component(name),
            &Commit::new("a".repeat(40)).unwrap(),
            &domain(),
        )
    }

    /// `ui` talks to `api`, `api` to `msa` and `msb`.
    fn world() -> (ZoneView, KnownHosts) {
        let talks: [(&str, &[&str]); 4] = [
            ("ui", &["api"]),
            ("api", &["msa", "msb"]),
            ("msa", &[]),
            ("msb", &[]),
        ];
        let records = talks
            .iter()
            .map(|(name, _)| Record::cname(alias(&component(name), &domain()), &at(name), 60));
        let known = talks.iter().map(|(name, peers)| {
            let known = Known {
                ticket: Ticket(1),
                commit: Commit::new("a".repeat(40)).unwrap(),
                peers: peers.iter().map(|peer| component(peer)).collect(),
                confirmed_by: None,
            };
            (at(name), known)
        });
        (ZoneView::new(records), known.collect())
    }

    fn check(brings: &[(&str, &[&str])], test_dependents: bool, expected: &str) {
        let (zone, known) = world();
        let brings: Brings = brings
            .iter()
            .map(|(name, peers)| {
                (
                    component(name),
                    peers.iter().map(|peer| component(peer)).collect(),
                )
            })
            .collect();
        let found = read_set(
            &brings,
            &live_hostnames(&zone, &domain()),
            &known,
            test_dependents,
        );
        let names: Vec<String> = found
            .iter()
            .map(|(name, at)| format!("{name}{}", if at.is_some() { "" } else { "?" }))
            .collect();
        assert_eq!(names.join(" "), expected);
    }

    #[test]
    fn a_release_uses_its_peers_its_dependents_and_their_peers() {
        check(&[("msa", &[])], true, "api msb");
        check(&[("api", &["msa", "msb"])], true, "msa msb ui");
        check(&[("api", &["msa"]), ("msa", &[])], true, "ui");
    }

    #[test]
    fn dependents_can_be_left_out() {
        check(&[("msa", &[])], false, "");
        check(&[("api", &["msa", "msb"])], false, "msa msb");
    }

    #[test]
    fn a_peer_that_is_not_live_is_in_the_read_set_as_absent() {
        check(&[("new", &["later"])], true, "later?");
    }

    #[test]
    fn only_aliases_are_live() {
        let (zone, _) = world();
        let mut records: Vec<Record> = zone.records().cloned().collect();
        records.push(Record::cname(
            Fqdn::new("msa-r7.stage.myproj.com").unwrap(),
            &at("msa"),
            60,
        ));
        records.push(Record::cname(
            Fqdn::new("last.cutover.stage.myproj.com").unwrap(),
            &at("msa"),
            60,
        ));
        assert_eq!(live_hostnames(&ZoneView::new(records), &domain()).len(), 4);
    }
}
