use super::super::ChangeOutcome;
use super::super::testing::{asks, at, component, release, row, rows, tell, zone};
use super::*;
use crate::errors::ErrorName;
use crate::rows::CandidateState;
use expect_test::{Expect, expect};

fn asked() -> TerminateRequest {
    TerminateRequest {
        release: release(),
        components: vec![component("api")],
        companions_of: None,
        replaced: Default::default(),
    }
}

/// Release 42 is live at `b`, and `a` of release 7 was live before.
fn all() -> Rows {
    let live = |row: CandidateRow| CandidateRow {
        state: CandidateState::Live,
        ..row
    };
    rows(&[live(row("api", 'a', 7)), live(row("api", 'b', 42))])
}

fn first_look(condition: Condition) -> Vec<Answer> {
    vec![
        Answer::Rows(all()),
        Answer::Zone(zone("ba")),
        Answer::Conditions([(at("api", 'b'), condition)].into()),
    ]
}

fn look() -> Vec<Answer> {
    vec![Answer::Zone(zone("ba")), Answer::Rows(all())]
}

fn applied() -> Vec<Answer> {
    vec![Answer::Changed(ChangeOutcome::Applied("C1".into()))]
}

fn marked() -> Vec<Answer> {
    vec![Answer::Moved([at("api", 'a')].into())]
}

fn check(answers: &[Vec<Answer>], last: usize, expected: Expect) {
    let lines = asks(Terminate::new(asked()), answers.concat());
    let from = lines.len() - last;
    expected.assert_eq(&lines[from..].join("\n"));
}

#[test]
fn records_go_first_then_rows_then_instances_after_one_more_look() {
    let ended = vec![Answer::Ended(vec!["i-1".into()])];
    let all = [
        first_look(Condition::Well),
        look(),
        applied(),
        marked(),
        look(),
        ended,
    ];
    let all = [all.concat(), vec![]];
    check(
        &all,
        11,
        expect![[r#"
        reads the rows of all hostnames that stand
        looks at the zone
        looks at the instances of 1
        looks at the zone
        reads the rows of all hostnames that stand
        applies its batch (stage-r42 takes away api-aaaaaaaaaaaa.stage.myproj.com)
        marks 1 rows as Leaving
        looks at the zone
        reads the rows of all hostnames that stand
        applies its batch (stage-r42 takes away api-aaaaaaaaaaaa.stage.myproj.com)
        Misconfigured: a driver was told what it had not asked for: Ended(["i-1"])"#]],
    );
}

#[test]
fn a_row_that_a_roll_back_took_meanwhile_is_left_with_its_instances() {
    let lost = vec![Answer::Moved(Default::default())];
    let all = [first_look(Condition::Well), look(), applied(), lost];
    let lines = asks(Terminate::new(asked()), all.concat());
    let last = lines.last().unwrap();
    assert!(last.contains("retired: [], instances: []"), "{last}");
}

/// How the live hostname is examined.
fn examined(terminate: &mut Terminate, live: CandidateRow) -> Tolerates {
    let all = rows(&[row("api", 'a', 7), live]);
    for answer in [Answer::Begin, Answer::Rows(all)] {
        terminate.next(answer, "").unwrap();
    }
    match terminate.next(Answer::Zone(zone("ba")), "").unwrap() {
        Next::Ask(Ask::Examine(_, tolerates)) => tolerates,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ends_count_only_from_a_known_moment_on() {
    let (own, taken_over) = (row("api", 'b', 42), row("api", 'b', 42));
    let taken_over = CandidateRow {
        launched_by: Some(crate::names::Ticket(3)),
        ..taken_over
    };
    let new = || Terminate::new(asked());
    assert_eq!(examined(&mut new(), own.clone()), Tolerates::OneEnd);
    assert_eq!(examined(&mut new(), taken_over), Tolerates::AnyEndOfHalf);
    let mut late = Terminate::late(asked());
    assert_eq!(examined(&mut late, own), Tolerates::AnyEndOfHalf);
}

#[test]
fn what_was_live_before_is_spared_where_what_replaced_it_is_not_well() {
    let gone = Condition::Gone("instance i-2 is terminated".into());
    let lines = asks(Terminate::new(asked()), [first_look(gone), look()].concat());
    let last = lines.last().unwrap();
    assert!(
        last.contains("spared: [Fqdn(\"api-aaaaaaaaaaaa.stage.myproj.com\")]"),
        "{last}"
    );
    assert!(last.contains("unwell: Some"), "{last}");
}

fn seen(condition: Condition) -> Vec<Answer> {
    let conditions = Answer::Conditions([(at("api", 'b'), condition)].into());
    vec![Answer::Done, Answer::Zone(zone("ba")), conditions]
}

#[test]
fn what_is_started_again_at_that_moment_is_looked_at_for_as_long_as_a_watch_is_patient() {
    let late = || Condition::Unwell("instance i-2 answers 503".into());
    let well = [first_look(late()), seen(late()), seen(Condition::Well)];
    let lines = asks(
        Terminate::new(asked()),
        [&well[..], &[look()]].concat().concat(),
    );
    assert_eq!(lines.iter().filter(|one| *one == "waits 5 s").count(), 2);
    assert!(
        lines.last().unwrap().starts_with("applies its batch"),
        "{lines:#?}"
    );

    let ill = [first_look(late()), seen(late()), seen(late()), look()];
    let lines = asks(Terminate::new(asked()), ill.concat());
    assert!(lines.last().unwrap().contains("unwell: Some"), "{lines:#?}");
}

#[test]
fn a_refused_batch_is_planned_again_on_another_look() {
    let refused = vec![Answer::Changed(ChangeOutcome::Refused("moved".into()))];
    check(
        &[first_look(Condition::Well), look(), refused],
        1,
        expect!["looks at the zone"],
    );
}

#[test]
fn a_publish_that_came_late_goes_with_the_second_look() {
    let all = [
        first_look(Condition::Well),
        look(),
        applied(),
        marked(),
        look(),
    ];
    check(
        &all,
        1,
        expect!["applies its batch (stage-r42 takes away api-aaaaaaaaaaaa.stage.myproj.com)"],
    );
}

#[test]
fn a_release_that_cannot_go_live_any_more_is_not_said_to_be_running() {
    // Release 8 was stopped while it was tested.
    let mut with_stopped = all();
    with_stopped.extend(rows(&[row("api", 'c', 8)]));
    let stands = || Answer::Rows(with_stopped.clone());
    let look = || vec![Answer::Zone(zone("bac")), stands()];
    let both = || Answer::Moved([at("api", 'a'), at("api", 'c')].into());
    let well = Answer::Conditions([(at("api", 'b'), Condition::Well)].into());
    let begin = vec![stands(), Answer::Zone(zone("bac")), well];
    let ended = vec![Answer::Ended(Vec::new()), both()];
    let marked = [applied(), vec![both()]].concat();
    let taken = [begin, look(), marked, look(), applied(), ended].concat();
    let mut driver = Terminate::new(asked());
    let lines = tell(&mut driver, taken);
    assert_eq!(
        lines.last().unwrap(),
        "records 1 releases as superseded",
        "{lines:?}"
    );
    let refused = Fault::new(ErrorName::Unavailable, "dynamodb did not answer");
    assert!(matches!(driver.call_failed(refused), Ok(Next::Done(_))));
}

/// What is to go, where release 41 had replaced `a`, which has a `drain`, and this one replaced that.
fn taken_with(replaced: &[Fqdn], now: &str) -> (Vec<Fqdn>, bool) {
    let mut connected = row("api", 'a', 7);
    let commit = connected.commit.clone();
    connected.recipe = Some(crate::testing::recipe("api", &commit, "drain='15m'"));
    connected.state = CandidateState::Live;
    connected.kept_until = Some("2026-03-01T12:15:00Z".into());
    let asked = TerminateRequest {
        replaced: replaced.iter().cloned().collect(),
        ..asked()
    };
    let mut terminate = Terminate::new(asked);
    for answer in [
        Answer::Begin,
        Answer::Rows(rows(&[connected, row("api", 'b', 42)])),
        Answer::Zone(zone("ba")),
        Answer::Conditions([(at("api", 'b'), Condition::Well)].into()),
        Answer::Zone(zone("ba")),
    ] {
        terminate.next(answer, now).unwrap();
    }
    let next = terminate.next(Answer::Rows(all()), now).unwrap();
    match next {
        Next::Done(done) => (done.reply.connected, false),
        next => {
            assert!(matches!(next, Next::Ask(Ask::Change(..))), "{next:?}");
            (terminate.reply.connected.clone(), true)
        }
    }
}

#[test]
fn what_an_earlier_release_keeps_for_its_connections_is_that_one_s_to_end() {
    let (early, late) = ("2026-03-01T12:03:00Z", "2026-03-01T12:15:00Z");
    assert_eq!(taken_with(&[], early), (vec![at("api", 'a')], false));
    assert_eq!(taken_with(&[at("api", 'a')], early), (vec![], true));
    assert_eq!(taken_with(&[], late), (vec![], true));
}
