use super::*;
use crate::live::{Known, Read};
use crate::names::{Commit, hostname};
use crate::retire::{Leaving, plan_retire};
use crate::rows::CandidateState;
use expect_test::{Expect, expect};
use proptest::prelude::*;
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
        hostname: host(name, ticket),
        peers: read_set.keys().cloned().collect(),
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

fn read(name: &str, ticket: u64) -> Read {
    Read {
        hostname: host(name, ticket),
        ticket: Some(Ticket(ticket)),
    }
}

fn known(ticket: u64, peers: &[&str]) -> Known {
    Known {
        ticket: Ticket(ticket),
        commit: commit_of(ticket),
        peers: peers.iter().map(|peer| component(peer)).collect(),
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
        CutoverPlan::Commit { moves, batch } => {
            let moves: Vec<String> = moves
                .iter()
                .map(|m| format!("{} to {}", m.alias, m.to))
                .collect();
            format!("{}; {} changes", moves.join(", "), batch.0.len())
        }
        CutoverPlan::Superseded { component, by } => format!("Superseded: {component} by {by}"),
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

/// Three releases over two components, their acts interleaved in any order, each possibly late:
/// planned on an old look at the zone, applied now.
#[derive(Debug, Clone, Copy)]
enum Act {
    Look(usize),
    Cut(usize),
    LookToDiscard(usize),
    Discard(usize),
    LookToRetire(usize),
    Retire(usize),
}

fn act() -> impl Strategy<Value = Act> {
    (0..3usize, 0..6u8).prop_map(|(who, what)| match what {
        0 => Act::Look(who),
        1 => Act::Cut(who),
        2 => Act::LookToDiscard(who),
        3 => Act::Discard(who),
        4 => Act::LookToRetire(who),
        _ => Act::Retire(who),
    })
}

#[derive(Default)]
struct World {
    zone: ZoneView,
    tickets: KnownHosts,
    seen: [Option<(ZoneView, KnownHosts)>; 3],
    discarding: [Option<crate::retire::RetirePlan>; 3],
    retiring: [Option<crate::retire::RetirePlan>; 3],
    live_order: Vec<(Fqdn, Ticket)>,
}

const RELEASES: [&[&str]; 3] = [&["api"], &["api", "ui"], &["ui"]];

impl World {
    fn new() -> Self {
        let published: Vec<(&str, u64)> = RELEASES
            .iter()
            .enumerate()
            .flat_map(|(n, names)| names.iter().map(move |name| (*name, n as u64 + 1)))
            .collect();
        let (zone, tickets) = zone(&published, &[]);
        Self {
            zone,
            tickets,
            ..Self::default()
        }
    }

    fn request(&self, who: usize) -> CutoverRequest {
        request(who as u64 + 1, RELEASES[who], ReadSet::new())
    }

    fn leaving(&self, who: usize) -> Vec<Leaving> {
        RELEASES[who]
            .iter()
            .map(|name| Leaving {
                component: component(name),
                hostname: host(name, who as u64 + 1),
                ticket: Ticket(who as u64 + 1),
                launched: Ticket(who as u64 + 1),
                becomes: CandidateState::Retired,
            })
            .collect()
    }

    fn step(&mut self, act: Act) {
        match act {
            Act::Look(who) => self.seen[who] = Some((self.zone.clone(), self.tickets.clone())),
            Act::Cut(who) => self.cut(who),
            Act::LookToDiscard(who) => {
                self.discarding[who] = Some(plan_retire(
                    &self.leaving(who),
                    &domain(),
                    &self.zone,
                    &BTreeMap::new(),
                ))
            }
            Act::Discard(who) => drop(
                self.discarding[who]
                    .take()
                    .map(|plan| self.zone.apply(&plan.batch)),
            ),
            Act::LookToRetire(who) => {
                let previous: Vec<Leaving> = (0..3)
                    .filter(|n| *n != who)
                    .flat_map(|n| self.leaving(n))
                    .filter(|l| self.live_order.iter().any(|(h, _)| *h == l.hostname))
                    .collect();
                self.retiring[who] = Some(plan_retire(
                    &previous,
                    &domain(),
                    &self.zone,
                    &BTreeMap::new(),
                ));
            }
            Act::Retire(who) => drop(
                self.retiring[who]
                    .take()
                    .map(|plan| self.zone.apply(&plan.batch)),
            ),
        }
    }

    fn cut(&mut self, who: usize) {
        let Some((zone, tickets)) = self.seen[who].take() else {
            return;
        };
        if let CutoverPlan::Commit { batch, moves } =
            plan_cutover(&self.request(who), &zone, &tickets)
            && self.zone.apply(&batch).is_ok()
        {
            self.live_order
                .extend(moves.into_iter().map(|m| (m.to, Ticket(who as u64 + 1))));
        }
    }

    fn assert_sound(&self) {
        for name in ["api", "ui"] {
            if let Some(host) = self.zone.points_to(&alias(&component(name), &domain())) {
                assert!(
                    self.zone.get(&host).is_some(),
                    "the alias of {name} points to {host}, which is gone"
                );
            }
            let mut last = Ticket(0);
            for (host, ticket) in self
                .live_order
                .iter()
                .filter(|(host, _)| host.as_str().starts_with(name))
            {
                assert!(*ticket > last, "{host} of {ticket} replaced {last}");
                last = *ticket;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_order_aliases_point_to_standing_instances_and_only_forward(acts in prop::collection::vec(act(), 0..60)) {
        let mut world = World::new();
        for act in acts {
            world.step(act);
            world.assert_sound();
        }
    }
}
