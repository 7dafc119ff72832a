//! Terminate previous, Discard candidates: taking a hostname and its instances away.
//!
//! An instance that an alias points to is never touched. The look at DNS and the removal are one
//! batch: it asserts the alias as observed and deletes the hostname exactly as observed, and a
//! cutover changes both, so one of the two always loses. Instances are ended only after their
//! hostname is gone; after that no cutover can bring them back, since its batch names the record.

use crate::names::{Component, Domain, Fqdn, Ticket, alias};
use crate::records::{Batch, Record, RecordType, ZoneView};
use crate::rows::{CandidateRow, CandidateState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A hostname that is to go.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leaving {
    /// Whose.
    pub component: Component,
    /// Which.
    pub hostname: Fqdn,
    /// The release that it belongs to.
    pub ticket: Ticket,
    /// The release that launched its instances: an earlier one, where a roll-back took them over.
    pub launched: Ticket,
    /// What its row says afterwards.
    pub becomes: CandidateState,
}

impl Leaving {
    /// What a row says of a hostname that is to go.
    pub fn of(row: &CandidateRow, becomes: CandidateState) -> Self {
        Self {
            component: row.component.clone(),
            hostname: row.hostname.clone(),
            ticket: row.ticket,
            launched: row.launched(),
            becomes,
        }
    }
}

/// What becomes of a hostname when a release of these components is live and has drained; `None`: it
/// is left alone.
///
/// Everything of theirs with a lower ticket is retired: the previous one, what an earlier run did not
/// get to, what was live and never recorded, and what is still being tested and can not go live any
/// more. Never the release's own: where a later one has moved the alias on, some resolver may still
/// remember it, and that one ends it after its drain. The companions of the release are discarded.
pub fn ends_after(row: &CandidateRow, ticket: Ticket, components: &[Component]) -> Option<Leaving> {
    if row.state.is_gone() {
        return None;
    }
    if row.companion {
        return (row.ticket == ticket).then(|| Leaving::of(row, CandidateState::Discarded));
    }
    let earlier = row.ticket < ticket && components.contains(&row.component);
    earlier.then(|| Leaving::of(row, CandidateState::Retired))
}

/// A companion of a release that was taken back: the release that took it back ends it.
pub fn is_companion_of(row: &CandidateRow, ticket: Ticket) -> Option<Leaving> {
    let is_its_own = row.companion && row.ticket == ticket && !row.state.is_gone();
    is_its_own.then(|| Leaving::of(row, CandidateState::Discarded))
}

/// Whether a release that is given up ends this hostname of its own (or, where an alias points to
/// it, finds that it is live after all).
///
/// What some resolver may still remember as live is not for it to end: instances that it took over,
/// and what was live, which its record's TTL tells, until a later release moved the alias on. That one
/// ends it after its drain, or the component's next one does.
pub fn is_discarded(row: &CandidateRow, zone: &ZoneView, hostname_ttl: u32) -> bool {
    let was_live = zone
        .get(&row.hostname)
        .is_some_and(|record| record.ttl == hostname_ttl);
    points_at(zone, &row.hostname) || !(was_live || row.launched_by.is_some())
}

/// Whether a deploy that failed ends what its release launched under the name, of which this is the
/// row.
///
/// As long as the name is the release's, Discard does. Once it was given up, nobody looks for
/// instances that came after that. What a later release took over is that one's.
pub fn ends_late_launch(row: Option<&CandidateRow>, ticket: Ticket) -> bool {
    row.is_none_or(|row| {
        let is_taken_over = row.ticket != ticket && row.launched() == ticket;
        !row.is_held_by(ticket) && !is_taken_over
    })
}

/// What will be taken away, complete.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RetirePlan {
    /// Applied before any instance is ended; empty where no record is left.
    pub batch: Batch,
    /// Whose instances end after the batch.
    pub retire: Vec<Leaving>,
    /// Who stays, because an alias points there.
    pub keep: Vec<Leaving>,
}

/// Decides what may go. `standing` tells, of every hostname that still has instances, the release
/// that launched them: its peer names go with the last of them.
pub fn plan_retire(
    leaving: &[Leaving],
    domain: &Domain,
    zone: &ZoneView,
    standing: &BTreeMap<Fqdn, Ticket>,
) -> RetirePlan {
    let mut plan = RetirePlan::default();
    for one in leaving {
        if points_at(zone, &one.hostname) {
            plan.keep.push(one.clone());
            continue;
        }
        // A CNAME there is not a hostname's record.
        let record = zone.get(&one.hostname);
        if let Some(record) = record
            .filter(|record| record.kind == RecordType::A)
            .cloned()
        {
            if let Some(live) = zone.get(&alias(&one.component, domain)).cloned() {
                plan.batch.assert(live);
            }
            plan.batch.delete(record);
        }
        plan.retire.push(one.clone());
    }
    for ticket in orphaned(&plan, standing) {
        for record in zone.records().filter(|record| {
            is_peer_name_of(&record.name, ticket, domain) && is_within(record, domain)
        }) {
            plan.batch.delete(record.clone());
        }
    }
    plan
}

/// Whether an alias (or anything else but a peer name of a release) points to the hostname.
fn points_at(zone: &ZoneView, hostname: &Fqdn) -> bool {
    zone.records().any(|record| {
        record.points_to().as_ref() == Some(hostname) && !is_any_peer_name(&record.name)
    }) || zone
        .all_foreign()
        .any(|one| one.leads_to.contains(hostname))
}

/// Whether it is a CNAME to a name of the target, as every peer name is.
fn is_within(record: &Record, domain: &Domain) -> bool {
    let to = record.points_to();
    to.is_some_and(|to| to.as_str().ends_with(&format!(".{domain}")))
}

/// Releases none of whose hostnames stays.
fn orphaned(plan: &RetirePlan, standing: &BTreeMap<Fqdn, Ticket>) -> Vec<Ticket> {
    let mut tickets: Vec<Ticket> = plan.retire.iter().map(|one| one.launched).collect();
    tickets.sort();
    tickets.dedup();
    tickets.retain(|ticket| {
        let others = standing
            .iter()
            .filter(|(_, t)| *t == ticket)
            .map(|(name, _)| name);
        let stays = |name: &Fqdn| !plan.retire.iter().any(|one| one.hostname == *name);
        !others.into_iter().any(stays) && !plan.keep.iter().any(|one| one.launched == *ticket)
    });
    tickets
}

fn is_peer_name_of(name: &Fqdn, ticket: Ticket, domain: &Domain) -> bool {
    name.as_str()
        .strip_suffix(domain.as_str())
        .is_some_and(|label| label.ends_with(&format!("-{ticket}.")))
}

fn is_any_peer_name(name: &Fqdn) -> bool {
    let label = name.as_str().split('.').next().unwrap_or_default();
    let last = label.rsplit('-').next().unwrap_or_default();
    last != label
        && last
            .strip_prefix('r')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::Foreign;
    use crate::names::{Commit, hostname, peer_name};

    fn domain() -> Domain {
        Domain::new("stage.myproj.com").unwrap()
    }

    fn component(name: &str) -> Component {
        Component::new(name).unwrap()
    }

    fn at(name: &str, digit: char) -> Fqdn {
        hostname(
            &component(name),
            &Commit::new(digit.to_string().repeat(40)).unwrap(),
            &domain(),
        )
    }

    fn leaving(digit: char, ticket: u64) -> Leaving {
        Leaving {
            component: component("api"),
            hostname: at("api", digit),
            ticket: Ticket(ticket),
            launched: Ticket(ticket),
            becomes: CandidateState::Retired,
        }
    }

    fn zone(live: char, hosts: &str) -> ZoneView {
        let mut records = vec![Record::cname(
            alias(&component("api"), &domain()),
            &at("api", live),
            60,
        )];
        records.extend(
            hosts
                .chars()
                .map(|h| Record::addresses(at("api", h), vec!["10.0.0.1".into()], 60)),
        );
        records.push(Record::cname(
            peer_name(&component("ui"), Ticket(1), &domain()),
            &alias(&component("ui"), &domain()),
            60,
        ));
        ZoneView::new(records)
    }

    #[test]
    fn an_instance_that_an_alias_points_to_is_never_touched() {
        let plan = plan_retire(
            &[leaving('a', 1)],
            &domain(),
            &zone('a', "a"),
            &BTreeMap::new(),
        );
        assert_eq!(
            (plan.retire.len(), plan.keep.len(), plan.batch.is_empty()),
            (0, 1, true)
        );
    }

    #[test]
    fn what_somebody_else_leads_to_an_instance_keeps_it() {
        let alias_record = Foreign {
            name: Fqdn::new("www.stage.myproj.com").unwrap(),
            kind: "A".into(),
            identifier: None,
            alias_target: Some(at("api", 'a').to_string()),
            leads_to: vec![at("api", 'a')],
        };
        let zone = zone('b', "ab").with_foreign([alias_record]);
        let plan = plan_retire(&[leaving('a', 1)], &domain(), &zone, &BTreeMap::new());
        assert_eq!((plan.retire.len(), plan.keep.len()), (0, 1));
    }

    #[test]
    fn a_name_of_somebody_else_is_not_taken_for_a_peer_name_or_a_hostname() {
        let elsewhere = Fqdn::new("elsewhere.example.com").unwrap();
        let theirs = [
            Record::cname(
                peer_name(&component("ui"), Ticket(1), &domain()),
                &elsewhere,
                60,
            ),
            Record::cname(at("api", 'a'), &elsewhere, 60),
        ];
        let plan = plan_retire(
            &[leaving('a', 1)],
            &domain(),
            &ZoneView::new(theirs),
            &BTreeMap::new(),
        );
        assert_eq!((plan.batch.is_empty(), plan.retire.len()), (true, 1));
    }

    #[test]
    fn the_previous_goes_with_its_hostname_and_its_peer_names() {
        let mut zone = zone('b', "ab");
        let plan = plan_retire(&[leaving('a', 1)], &domain(), &zone, &BTreeMap::new());
        zone.apply(&plan.batch).unwrap();
        assert!(zone.get(&at("api", 'a')).is_none());
        assert!(
            zone.get(&peer_name(&component("ui"), Ticket(1), &domain()))
                .is_none()
        );
    }

    #[test]
    fn peer_names_stay_while_another_hostname_of_their_release_stands() {
        let standing = BTreeMap::from([(at("msa", 'c'), Ticket(1))]);
        let plan = plan_retire(&[leaving('a', 1)], &domain(), &zone('b', "ab"), &standing);
        assert!(!format!("{:?}", plan.batch).contains("ui-r1"));
    }

    #[test]
    fn instances_that_a_roll_back_took_over_keep_the_peer_names_they_booted_with() {
        // The live hostname `b` belongs to release 3 and was launched by release 1, as `a` was.
        let standing = BTreeMap::from([(at("api", 'b'), Ticket(1))]);
        let plan = plan_retire(&[leaving('a', 1)], &domain(), &zone('b', "ab"), &standing);
        assert!(!format!("{:?}", plan.batch).contains("ui-r1"));
    }

    #[test]
    fn a_roll_back_between_the_look_and_the_removal_wins() {
        let seen = zone('b', "ab");
        let plan = plan_retire(&[leaving('a', 1)], &domain(), &seen, &BTreeMap::new());
        assert!(zone('a', "ab").apply(&plan.batch).is_err());
    }

    #[test]
    fn the_second_run_finds_nothing_left_to_remove() {
        let plan = plan_retire(
            &[leaving('a', 7)],
            &domain(),
            &zone('b', "b"),
            &BTreeMap::new(),
        );
        assert!(plan.batch.is_empty());
        assert_eq!(plan.retire.len(), 1, "its instances may still be there");
    }

    fn row(digit: char, ticket: u64, state: CandidateState) -> CandidateRow {
        CandidateRow {
            component: component("api"),
            commit: Commit::new(digit.to_string().repeat(40)).unwrap(),
            hostname: at("api", digit),
            ticket: Ticket(ticket),
            release: format!("stage-r{ticket}"),
            state,
            instances: Vec::new(),
            launch_template_version: String::new(),
            launched_by: None,
            companion: false,
            recipe: None,
            found_healthy: None,
        }
    }

    #[test]
    fn a_release_ends_what_is_earlier_and_its_companions_and_never_its_own_or_a_later_one() {
        let ends = |row: CandidateRow| {
            ends_after(&row, Ticket(5), &[component("api")]).map(|one| one.becomes)
        };
        use CandidateState::{Discarded, Healthy, Leaving, Live, Retired};
        for state in [Live, Healthy, Leaving] {
            assert_eq!(ends(row('a', 4, state)), Some(Retired));
            assert_eq!(ends(row('a', 5, state)), None);
            assert_eq!(ends(row('a', 6, state)), None);
        }
        assert_eq!(ends(row('a', 4, Retired)), None);
        let companion = |ticket| CandidateRow {
            companion: true,
            ..row('a', ticket, Healthy)
        };
        assert_eq!(ends(companion(5)), Some(Discarded));
        assert_eq!(ends(companion(4)), None, "its own release discards it");
    }

    #[test]
    fn a_deploy_ends_what_it_launched_for_a_name_that_is_given_up_and_not_what_was_taken_over() {
        use CandidateState::{Discarded, Healthy, Leaving, Live, Planned, Retired};
        let ends = |row: CandidateRow| ends_late_launch(Some(&row), Ticket(5));
        for state in [Planned, Healthy, Live] {
            assert!(!ends(row('a', 5, state)), "its own: Discard looks for it");
            assert!(ends(row('a', 6, state)), "a later one launched its own");
            let taken_over = CandidateRow {
                launched_by: Some(Ticket(5)),
                ..row('a', 6, state)
            };
            assert!(!ends(taken_over), "a roll-back has them");
        }
        for state in [Leaving, Retired, Discarded] {
            assert!(ends(row('a', 5, state)), "given up");
        }
        assert!(
            ends_late_launch(None, Ticket(5)),
            "the target was torn down"
        );
    }

    #[test]
    fn a_release_that_is_given_up_leaves_what_resolvers_may_remember() {
        let healthy = row('a', 5, CandidateState::Healthy);
        let record = |ttl| Record::addresses(at("api", 'a'), vec!["10.0.0.1".into()], ttl);
        let discarded =
            |row: &CandidateRow, ttl| is_discarded(row, &ZoneView::new([record(ttl)]), 60);
        assert!(discarded(&healthy, 59), "a candidate");
        assert!(!discarded(&healthy, 60), "it was live");
        let taken_over = CandidateRow {
            launched_by: Some(Ticket(1)),
            ..healthy.clone()
        };
        assert!(!discarded(&taken_over, 59));
        assert!(
            is_discarded(&healthy, &zone('a', "a"), 60),
            "live after all"
        );
        assert!(
            is_discarded(&healthy, &ZoneView::default(), 60),
            "unpublished"
        );
    }
}
