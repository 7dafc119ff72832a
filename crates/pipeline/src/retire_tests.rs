use super::*;
use crate::foreign::Foreign;
use crate::names::{Commit, hostname, peer_name};

fn domain() -> Domain {
    Domain::new("stage.myproj.com").unwrap()
}

fn taker() -> Taker<'static> {
    static DOMAIN: std::sync::LazyLock<Domain> = std::sync::LazyLock::new(domain);
    Taker {
        ticket: Ticket(42),
        domain: &DOMAIN,
    }
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
        taker(),
        &zone('a', "a"),
        &BTreeMap::from([(at("api", 'a'), Ticket(1))]),
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
    let plan = plan_retire(&[leaving('a', 1)], taker(), &zone, &BTreeMap::new());
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
        taker(),
        &ZoneView::new(theirs),
        &BTreeMap::new(),
    );
    assert_eq!((plan.batch.is_empty(), plan.retire.len()), (true, 1));
}

#[test]
fn the_previous_goes_with_its_hostname_and_its_peer_names() {
    let mut zone = zone('b', "ab");
    let plan = plan_retire(&[leaving('a', 1)], taker(), &zone, &BTreeMap::new());
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
    let plan = plan_retire(&[leaving('a', 1)], taker(), &zone('b', "ab"), &standing);
    assert!(!format!("{:?}", plan.batch).contains("ui-r1"));
}

#[test]
fn instances_that_a_roll_back_took_over_keep_the_peer_names_they_booted_with() {
    // The live hostname `b` belongs to release 3 and was launched by release 1, as `a` was.
    let standing = BTreeMap::from([(at("api", 'b'), Ticket(1))]);
    let plan = plan_retire(&[leaving('a', 1)], taker(), &zone('b', "ab"), &standing);
    assert!(!format!("{:?}", plan.batch).contains("ui-r1"));
}

#[test]
fn a_roll_back_between_the_look_and_the_removal_wins() {
    let seen = zone('b', "ab");
    let plan = plan_retire(&[leaving('a', 1)], taker(), &seen, &BTreeMap::new());
    assert!(zone('a', "ab").apply(&plan.batch).is_err());
}

#[test]
fn the_second_run_finds_nothing_left_to_remove() {
    let plan = plan_retire(
        &[leaving('a', 7)],
        taker(),
        &zone('b', "b"),
        &BTreeMap::from([(at("api", 'b'), Ticket(1))]),
    );
    assert!(plan.batch.is_empty());
    assert_eq!(plan.retire.len(), 1, "its instances may still be there");
}

fn row(digit: char, ticket: u64, state: CandidateState) -> CandidateRow {
    CandidateRow {
        state,
        ..CandidateRow::planned(
            at("api", digit),
            component("api"),
            Commit::new(digit.to_string().repeat(40)).unwrap(),
            (Ticket(ticket), format!("stage-r{ticket}")),
        )
    }
}

#[test]
fn a_release_ends_what_is_earlier_and_its_companions_and_never_its_own_or_a_later_one() {
    let ends =
        |row: CandidateRow| ends_after(&row, Ticket(5), &[component("api")]).map(|one| one.becomes);
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
    let discarded = |row: &CandidateRow, ttl| is_discarded(row, &ZoneView::new([record(ttl)]), 60);
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

/// Several that were live earlier: an earlier release could not end the one before it.
#[test]
fn two_hostnames_of_a_component_assert_its_alias_once() {
    let mut zone = zone('c', "abc");
    let all = [leaving('a', 1), leaving('b', 2)];
    let plan = plan_retire(&all, taker(), &zone, &BTreeMap::new());
    assert_eq!(plan.retire.len(), 2);
    zone.apply(&plan.batch).unwrap();
    assert!(!zone.has(&at("api", 'a')) && !zone.has(&at("api", 'b')));
}

/// Of a release of very many that each talk to many.
#[test]
fn what_does_not_fit_a_batch_is_left_for_the_next_look() {
    let peers = (0..1200).map(|n| {
        let peer = component(&format!("peer-{n}"));
        let name = peer_name(&peer, Ticket(1), &domain());
        Record::cname(name, &alias(&peer, &domain()), 60)
    });
    let mut zone = ZoneView::new(zone('b', "ab").records().cloned().chain(peers));
    let of = |zone: &ZoneView| plan_retire(&[leaving('a', 1)], taker(), zone, &BTreeMap::new());
    let batches = (0..).map_while(|_| {
        let batch = of(&zone).batch;
        zone.apply(&batch).unwrap();
        (!batch.is_empty()).then_some(batch.0.len())
    });
    let batches: Vec<usize> = batches.collect();
    assert!(
        batches.len() > 1 && batches.iter().all(|size| *size <= 1000),
        "{batches:?}"
    );
    assert_eq!(batches.iter().sum::<usize>(), 1200 + 1 + 3, "{batches:?}");
}

#[test]
fn hostnames_that_do_not_fit_a_batch_stand_and_go_with_the_next() {
    let digits = "0123456789abcdef";
    let many = digits.chars().map(|digit| {
        let addresses = (0..90).map(|n| format!("10.0.0.{n}")).collect();
        Record::addresses(at("api", digit), addresses, 60)
    });
    let mut zone = ZoneView::new(many);
    let all: Vec<Leaving> = digits.chars().map(|digit| leaving(digit, 1)).collect();
    let mut gone = Vec::new();
    while gone.len() < digits.len() {
        let left: Vec<Leaving> = all
            .iter()
            .filter(|one| zone.has(&one.hostname))
            .cloned()
            .collect();
        let plan = plan_retire(&left, taker(), &zone, &BTreeMap::new());
        zone.apply(&plan.batch).unwrap();
        gone.push(plan.retire.len());
        assert!(!plan.retire.is_empty(), "{gone:?}");
        if zone.records().next().is_none() {
            break;
        }
    }
    assert_eq!(gone, [11, 5]);
}
