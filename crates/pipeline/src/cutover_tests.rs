use super::*;
use crate::live::{Known, LiveVersion};
use crate::names::{Commit, hostname};
use expect_test::{Expect, expect};
use std::collections::BTreeMap;

fn domain() -> Domain {
    Domain::new("stage.myproj.com").unwrap()
}

fn component(name: &str) -> Component {
    Component::new(name).unwrap()
}

fn commit_of(ticket: u64) -> Commit {
    Commit::new(format!("{ticket:040x}").chars().rev().collect::<String>()).unwrap()
}

fn host(name: &str, ticket: u64) -> Fqdn {
    hostname(&component(name), &commit_of(ticket), &domain())
}

/// `api` talks to `ui`, in the tests that have a read-set; nobody else talks to anybody.
fn request(ticket: u64, names: &[&str], read_set: ReadSet) -> CutoverRequest {
    let candidate = |name: &&str| Candidate {
        component: component(name),
        commit: commit_of(ticket),
        hostname: host(name, ticket),
        peers: read_set.keys().cloned().collect(),
        replaces: BTreeSet::new(),
    };
    CutoverRequest {
        ticket: Ticket(ticket),
        domain: domain(),
        alias_ttl: 60,
        hostname_ttl: 60,
        candidates: names.iter().map(candidate).collect(),
        read_set,
        test_dependents: true,
        replaces: Default::default(),
    }
}

fn read(name: &str, ticket: u64) -> LiveVersion {
    LiveVersion {
        hostname: host(name, ticket),
        ticket: Some(Ticket(ticket)),
    }
}

fn known(ticket: u64, peers: &[&str]) -> Known {
    Known {
        ticket: Ticket(ticket),
        commit: commit_of(ticket),
        peers: peers.iter().map(|peer| component(peer)).collect(),
        confirmed_by: None,
    }
}

/// A zone in which these candidates are published and these are live.
fn zone(published: &[(&str, u64)], live: &[(&str, u64)]) -> (ZoneView, KnownHosts) {
    let mut records = Vec::new();
    let mut tickets = KnownHosts::new();
    for (name, ticket) in published.iter().chain(live) {
        let ttl = if live.contains(&(*name, *ticket)) {
            60
        } else {
            candidate_ttl(60)
        };
        records.push(Record::addresses(
            host(name, *ticket),
            vec!["10.0.0.1".into()],
            ttl,
        ));
        tickets.insert(host(name, *ticket), known(*ticket, &[]));
    }
    records.extend(live.iter().map(|(name, ticket)| {
        Record::cname(alias(&component(name), &domain()), &host(name, *ticket), 60)
    }));
    (ZoneView::new(records), tickets)
}

fn check(request: &CutoverRequest, (zone, tickets): &(ZoneView, KnownHosts), expected: Expect) {
    expected.assert_eq(&match plan_cutover(request, zone, tickets) {
        CutoverPlan::AlreadyDone => "AlreadyDone".into(),
        CutoverPlan::AlreadyLive { at } => {
            let at: Vec<&str> = at.iter().map(|(_, at)| at.as_str()).collect();
            format!("AlreadyLive: {}", at.join(", "))
        }
        CutoverPlan::Commit { moves, batch } => {
            let moves: Vec<String> = moves
                .iter()
                .map(|m| format!("{} to {}", m.alias, m.to))
                .collect();
            format!("{}; {} changes", moves.join(", "), batch.0.len())
        }
        CutoverPlan::Superseded { component, by } => format!("Superseded: {component} by {by}"),
        CutoverPlan::Confirmed { component, by } => format!("Confirmed: {component} by {by}"),
        CutoverPlan::PeersMoved { moved } => format!("PeersMoved: {moved:?}"),
        CutoverPlan::Refused { reason } => format!("Refused: {reason}"),
    });
}

#[test]
fn a_first_deployment_creates_the_alias() {
    check(
        &request(1, &["api"], ReadSet::new()),
        &zone(&[("api", 1)], &[]),
        expect!["api.stage.myproj.com to api-100000000000.stage.myproj.com; 4 changes"],
    );
}

/// What is live is of release 1; release 5 asked for it once more.
fn confirmed_by_5() -> (ZoneView, KnownHosts) {
    let (zone, mut tickets) = zone(&[("api", 4), ("api", 6)], &[("api", 1)]);
    let live = tickets.get_mut(&host("api", 1)).unwrap();
    live.confirmed_by = Some(Ticket(5));
    (zone, tickets)
}

#[test]
fn what_a_later_release_asked_for_once_more_is_replaced_by_those_after_it_only() {
    let world = confirmed_by_5();
    let alone = |ticket| request(ticket, &["api"], ReadSet::new());
    check(&alone(4), &world, expect!["Confirmed: api by r5"]);
    check(
        &alone(6),
        &world,
        expect!["api.stage.myproj.com to api-600000000000.stage.myproj.com; 5 changes"],
    );
}

#[test]
fn a_roll_back_by_itself_replaces_what_failed_whoever_asked_for_it_once_more() {
    let replaces = [(component("api"), host("api", 1))].into();
    let back = CutoverRequest {
        replaces,
        ..request(4, &["api"], ReadSet::new())
    };
    check(
        &back,
        &confirmed_by_5(),
        expect!["api.stage.myproj.com to api-400000000000.stage.myproj.com; 5 changes"],
    );
}

#[test]
fn a_later_release_moves_the_alias() {
    check(
        &request(2, &["api"], ReadSet::new()),
        &zone(&[("api", 2)], &[("api", 1)]),
        expect!["api.stage.myproj.com to api-200000000000.stage.myproj.com; 5 changes"],
    );
}

#[test]
fn an_older_release_never_replaces_a_newer_one() {
    check(
        &request(7, &["api"], ReadSet::new()),
        &zone(&[("api", 7)], &[("api", 9)]),
        expect!["Superseded: api by r9"],
    );
}

#[test]
fn a_retry_after_a_lost_answer_sees_that_it_is_done() {
    check(
        &request(2, &["api"], ReadSet::new()),
        &zone(&[], &[("api", 2)]),
        expect!["AlreadyDone"],
    );
}

#[test]
fn a_retry_is_done_even_when_a_later_release_moved_one_alias_on() {
    check(
        &request(2, &["api", "ui"], ReadSet::new()),
        &zone(&[("ui", 2)], &[("api", 2), ("ui", 3)]),
        expect!["AlreadyDone"],
    );
}

#[test]
fn a_peer_that_moved_since_the_suites_ran_stops_the_cutover() {
    let read_set = ReadSet::from([(component("ui"), Some(read("ui", 1)))]);
    check(
        &request(3, &["api"], read_set),
        &zone(&[("api", 3)], &[("api", 1), ("ui", 2)]),
        expect![[r#"PeersMoved: [Component("ui")]"#]],
    );
}

#[test]
fn a_peer_that_did_not_move_is_asserted_in_the_batch() {
    let read_set = ReadSet::from([(component("ui"), Some(read("ui", 2)))]);
    check(
        &request(3, &["api"], read_set),
        &zone(&[("api", 3)], &[("api", 1), ("ui", 2)]),
        expect!["api.stage.myproj.com to api-300000000000.stage.myproj.com; 7 changes"],
    );
}

#[test]
fn a_component_that_depends_on_the_release_since_its_tests_stops_the_cutover() {
    let (zone, mut known_hosts) = zone(&[("msa", 3)], &[("msa", 1), ("api", 2)]);
    known_hosts.insert(host("api", 2), known(2, &["msa"]));
    let blind = request(3, &["msa"], ReadSet::new());
    check(
        &blind,
        &(zone.clone(), known_hosts.clone()),
        expect![[r#"PeersMoved: [Component("api")]"#]],
    );
    let off = CutoverRequest {
        test_dependents: false,
        replaces: Default::default(),
        ..blind
    };
    check(
        &off,
        &(zone, known_hosts),
        expect!["msa.stage.myproj.com to msa-300000000000.stage.myproj.com; 5 changes"],
    );
}

#[test]
fn a_cutover_between_the_look_and_the_batch_makes_the_batch_fail_even_of_a_component_not_asserted()
{
    let (seen, known_hosts) = zone(&[("api", 3), ("new", 2)], &[("api", 1)]);
    let plan = |ticket, name| match plan_cutover(
        &request(ticket, &[name], ReadSet::new()),
        &seen,
        &known_hosts,
    ) {
        CutoverPlan::Commit { batch, .. } => batch,
        other => panic!("{other:?}"),
    };
    let (mine, other) = (plan(3, "api"), plan(2, "new"));
    let mut zone = seen.clone();
    zone.apply(&other).unwrap();
    assert!(zone.apply(&mine).is_err());
}

#[test]
fn a_peer_that_went_and_came_back_meanwhile_has_moved() {
    let (zone, mut known_hosts) = zone(&[("api", 3)], &[("api", 1), ("ui", 2)]);
    known_hosts.insert(host("ui", 2), known(5, &[])); // a roll-back took it over
    let read_set = ReadSet::from([(component("ui"), Some(read("ui", 2)))]);
    check(
        &request(3, &["api"], read_set),
        &(zone, known_hosts),
        expect![[r#"PeersMoved: [Component("ui")]"#]],
    );
}

#[test]
fn a_discarded_candidate_cannot_go_live() {
    check(
        &request(3, &["api"], ReadSet::new()),
        &zone(&[], &[("api", 1)]),
        expect![
            "Refused: api-300000000000.stage.myproj.com is not published any more; its candidate was discarded"
        ],
    );
}

#[test]
fn an_alias_that_nobody_recorded_is_not_overwritten() {
    let (zone, _) = zone(&[("api", 3)], &[("api", 1)]);
    let tickets = KnownHosts::from([(host("api", 3), known(3, &[]))]);
    check(
        &request(3, &["api"], ReadSet::new()),
        &(zone, tickets),
        expect![
            "Refused: api.stage.myproj.com points to api-100000000000.stage.myproj.com, which no release of this project recorded; point it to a recorded hostname or remove it, then release again"
        ],
    );
}

/// The same request, of what another release (in the second place) brought.
fn same_commit_as(mut request: CutoverRequest, names: &[(&str, u64)]) -> CutoverRequest {
    for one in &mut request.candidates {
        let found = names
            .iter()
            .find(|(name, _)| one.component == component(name));
        if let Some((_, ticket)) = found {
            one.commit = commit_of(*ticket);
        }
    }
    request
}

#[test]
fn the_second_of_two_releases_of_one_commit_finds_the_first_live_whichever_ticket_is_higher() {
    let zone = zone(&[("api", 2), ("api", 7)], &[("api", 5)]);
    for ticket in [2, 7] {
        check(
            &same_commit_as(request(ticket, &["api"], ReadSet::new()), &[("api", 5)]),
            &zone,
            expect!["AlreadyLive: api-500000000000.stage.myproj.com"],
        );
    }
}

#[test]
fn what_is_to_be_replaced_is_not_already_live() {
    let mut again = same_commit_as(request(7, &["api"], ReadSet::new()), &[("api", 5)]);
    again.candidates[0].replaces.insert(host("api", 5));
    check(
        &again,
        &zone(&[("api", 7)], &[("api", 5)]),
        expect!["api.stage.myproj.com to api-700000000000.stage.myproj.com; 5 changes"],
    );
    check(
        &again,
        &zone(&[("api", 7)], &[("api", 6)]),
        expect!["api.stage.myproj.com to api-700000000000.stage.myproj.com; 5 changes"],
    );
    again.candidates[0].commit = commit_of(6);
    check(
        &again,
        &zone(&[("api", 7)], &[("api", 6)]),
        expect!["AlreadyLive: api-600000000000.stage.myproj.com"],
    );
}

#[test]
fn an_umbrella_release_moves_together_what_one_of_its_components_is_live_of() {
    let both = request(7, &["api", "ui"], ReadSet::new());
    check(
        &same_commit_as(both, &[("api", 5)]),
        &zone(&[("api", 7), ("ui", 7)], &[("api", 5), ("ui", 4)]),
        expect![
            "api.stage.myproj.com to api-700000000000.stage.myproj.com, ui.stage.myproj.com to ui-700000000000.stage.myproj.com; 9 changes"
        ],
    );
}

#[test]
fn forty_components_fit_one_batch() {
    let names: Vec<String> = (0..40)
        .map(|n| format!("component-with-a-long-name-{n:02}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let published: Vec<(&str, u64)> = names.iter().map(|name| (*name, 2)).collect();
    let live: Vec<(&str, u64)> = names.iter().map(|name| (*name, 1)).collect();
    let (zone, tickets) = zone(&published, &live);
    let CutoverPlan::Commit { batch, .. } =
        plan_cutover(&request(2, &names, ReadSet::new()), &zone, &tickets)
    else {
        panic!("a commit")
    };
    let characters: usize = batch
        .0
        .iter()
        .map(|c| match c {
            Change::Create(r) | Change::Delete(r) => {
                r.values.iter().map(String::len).sum::<usize>()
            }
        })
        .sum();
    assert!(
        batch.0.len() <= 1000 && characters <= 32_000,
        "{} changes, {characters} characters",
        batch.0.len()
    );
}

use crate::records::Change;

#[path = "cutover_order_tests.rs"]
mod order;

#[path = "cutover_foreign_tests.rs"]
mod foreign;
