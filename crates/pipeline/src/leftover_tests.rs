use super::*;
use crate::names::{Commit, hostname, peer_name};
use crate::records::Record;

fn component(name: &str) -> Component {
    Component::new(name).unwrap()
}

fn row(name: &str, digit: char, ticket: u64, state: CandidateState) -> CandidateRow {
    let commit = Commit::new(digit.to_string().repeat(40)).unwrap();
    let domain = Domain::new("stage.myproj.com").unwrap();
    CandidateRow {
        state,
        ..CandidateRow::planned(
            hostname(&component(name), &commit, &domain),
            component(name),
            commit,
            (Ticket(ticket), format!("stage-r{ticket}")),
        )
    }
}

fn companion(ticket: u64, state: CandidateState) -> CandidateRow {
    CandidateRow {
        companion: true,
        ..row("ui", 'c', ticket, state)
    }
}

/// Whether release 8 of this component, which is live and has drained, ends a companion of `ui` that
/// release 7 booted.
fn is_ended_by(of: &str, companion: &CandidateRow, beside: &[CandidateRow]) -> bool {
    let all = beside.iter().chain([companion]);
    let ended = ends_left_companion(companion, all, Ticket(8), &[component(of)]);
    ended.is_some_and(|one| one.becomes == CandidateState::Discarded)
}

#[test]
fn a_companion_of_a_release_that_was_stopped_goes_with_its_candidate() {
    use CandidateState::{Healthy, Live, Planned};
    for state in [Planned, Healthy, Live] {
        let beside = [row("api", 'a', 7, state), row("api", 'b', 8, Live)];
        assert!(is_ended_by("api", &companion(7, Healthy), &beside));
    }
}

#[test]
fn a_companion_of_a_release_that_may_be_tested_at_this_moment_is_left_alone() {
    use CandidateState::{Discarded, Healthy, Live, Planned};
    let tested = [row("api", 'a', 7, Healthy), row("ui", 'b', 8, Live)];
    assert!(!is_ended_by("ui", &companion(7, Healthy), &tested));
    let later = [row("api", 'a', 9, Planned), row("api", 'b', 8, Live)];
    assert!(!is_ended_by("api", &companion(9, Healthy), &later));
    assert!(!is_ended_by("api", &companion(7, Discarded), &[]), "gone");
    assert!(!is_ended_by("ui", &row("ui", 'c', 7, Healthy), &[]));
}

#[test]
fn a_companion_whose_release_has_no_candidate_any_more_goes_whoever_comes() {
    use CandidateState::{Healthy, Leaving, Live, Planned};
    let live = row("ui", 'b', 8, Live);
    assert!(is_ended_by(
        "ui",
        &companion(7, Planned),
        std::slice::from_ref(&live)
    ));
    let going = [row("api", 'a', 7, Leaving), live.clone()];
    assert!(is_ended_by("ui", &companion(7, Healthy), &going));
    let tested = [row("api", 'a', 7, Healthy), live];
    assert!(is_ended_by("ui", &companion(7, Leaving), &tested), "begun");
}

#[test]
fn a_companion_of_what_a_roll_back_took_over_is_not_tested_any_more() {
    use CandidateState::{Healthy, Live};
    let back = CandidateRow {
        launched_by: Some(Ticket(7)),
        ..row("api", 'a', 9, Healthy)
    };
    let beside = [back, row("ui", 'b', 8, Live)];
    assert!(is_ended_by("ui", &companion(7, Healthy), &beside));
}

fn domain() -> Domain {
    Domain::new("stage.myproj.com").unwrap()
}

fn zone(names: &[Fqdn]) -> ZoneView {
    let record = |at: &Fqdn| Record::addresses(at.clone(), vec!["10.0.0.1".into()], 59);
    ZoneView::new(names.iter().map(record))
}

fn by_name(rows: &[CandidateRow]) -> BTreeMap<Fqdn, Arc<CandidateRow>> {
    let named = |row: &CandidateRow| (row.hostname.clone(), Arc::new(row.clone()));
    rows.iter().map(named).collect()
}

#[test]
fn a_record_that_came_when_its_row_was_gone_is_taken_and_no_other() {
    use CandidateState::{Discarded, Healthy};
    let gone = row("api", 'a', 7, Discarded);
    let stands = row("api", 'b', 9, Healthy);
    let somebody = Fqdn::new("www.stage.myproj.com").unwrap();
    let never = row("api", 'c', 1, Healthy).hostname;
    let zone = zone(&[
        gone.hostname.clone(),
        stands.hostname.clone(),
        somebody,
        never.clone(),
    ]);
    let asked = unclaimed(&zone, &domain(), &by_name(std::slice::from_ref(&stands)));
    assert_eq!(asked, [gone.hostname.clone(), never].into());
    let taken = came_late(&asked, &by_name(&[stands, gone.clone()]));
    assert_eq!(
        taken,
        [Leaving::of(&gone, Discarded)],
        "no release made the other"
    );
}

#[test]
fn what_an_alias_leads_to_is_not_unclaimed() {
    let live = row("api", 'a', 7, CandidateState::Retired).hostname;
    let mut zone = zone(std::slice::from_ref(&live));
    let mut batch = crate::records::Batch::default();
    batch.create(Record::cname(
        alias(&component("api"), &domain()),
        &live,
        60,
    ));
    zone.apply(&batch).unwrap();
    assert!(unclaimed(&zone, &domain(), &BTreeMap::new()).is_empty());
}

#[test]
fn one_run_takes_so_many_records_and_leaves_the_rest_to_the_next() {
    let commit = |n: usize| Commit::new(format!("{n:012x}{:028}", 0)).unwrap();
    let names = (0..MOST + 5).map(commit);
    let all: Vec<Fqdn> = names
        .map(|one| hostname(&component("api"), &one, &domain()))
        .collect();
    let most = unclaimed(&zone(&all), &domain(), &BTreeMap::new()).len();
    assert_eq!(most, MOST);
}

#[test]
fn peer_names_that_came_late_go_with_whoever_comes_next() {
    let domain = domain();
    let to = alias(&component("msa"), &domain);
    let name = |ticket| peer_name(&component("msa"), Ticket(ticket), &domain);
    let mine = Fqdn::new("msa-r2.stage.myproj.com").unwrap();
    let elsewhere = Fqdn::new("elsewhere.example.com").unwrap();
    let zone = ZoneView::new([
        Record::cname(name(7), &to, 60),
        Record::cname(name(8), &to, 60),
        Record::cname(name(99), &to, 60),
        Record::cname(mine, &elsewhere, 60),
    ]);
    let standing = [(row("api", 'b', 8, CandidateState::Live).hostname, Ticket(8))].into();
    let late = late_peer_names(&zone, &domain, &standing, Ticket(42));
    let late: Vec<Fqdn> = late.into_iter().map(|record| record.name).collect();
    assert_eq!(
        late,
        [name(7)],
        "not of what stands, later, or somebody's own"
    );
}

#[test]
fn only_what_was_never_live_is_called_superseded() {
    use CandidateState::{Healthy, Leaving, Live, Planned};
    let at = row("api", 'a', 7, Healthy).hostname;
    let published =
        |ttl| ZoneView::new([Record::addresses(at.clone(), vec!["10.0.0.1".into()], ttl)]);
    let is = |row: &CandidateRow, zone: &ZoneView| was_superseded(row, zone, 60);
    for state in [Planned, Healthy] {
        assert!(is(&row("api", 'a', 7, state), &published(59)));
        assert!(is(&row("api", 'a', 7, state), &ZoneView::default()));
    }
    assert!(
        !is(&row("api", 'a', 7, Healthy), &published(60)),
        "never recorded"
    );
    for state in [Live, Leaving] {
        assert!(!is(&row("api", 'a', 7, state), &published(59)));
    }
    assert!(!is(&taken_over(), &published(59)));
    assert!(!is(&companion(7, Healthy), &ZoneView::default()));
}

/// Taken over by a roll-back with ticket 9 from release 7, which had them from release 5.
fn taken_over() -> CandidateRow {
    CandidateRow {
        launched_by: Some(Ticket(5)),
        taken_from: Some(Ticket(7)),
        ..row("api", 'a', 9, CandidateState::Healthy)
    }
}

#[test]
fn what_a_roll_back_took_over_is_given_back_as_it_was() {
    let stage = Target::new("stage").unwrap();
    let before = CandidateRow {
        launched_by: Some(Ticket(5)),
        ..row("api", 'a', 7, CandidateState::Live)
    };
    assert_eq!(
        given_back(&taken_over(), Some(Ticket(8)), &stage),
        Some(before)
    );
    let launched = CandidateRow {
        taken_from: Some(Ticket(5)),
        ..taken_over()
    };
    let back = given_back(&launched, Some(Ticket(8)), &stage).unwrap();
    assert_eq!((back.ticket, back.launched_by), (Ticket(5), None));
}

#[test]
fn what_users_may_have_been_sent_to_meanwhile_keeps_its_ticket() {
    let stage = Target::new("stage").unwrap();
    for live in [None, Some(Ticket(9)), Some(Ticket(10))] {
        assert_eq!(given_back(&taken_over(), live, &stage), None, "{live:?}");
    }
    let unknown = CandidateRow {
        taken_from: None,
        ..taken_over()
    };
    assert_eq!(given_back(&unknown, Some(Ticket(8)), &stage), None);
}
