use super::super::ChangeOutcome;
use super::super::testing::{self as of, rows, tell, zone};
use super::*;
use crate::errors::ErrorName;
use crate::rows::{Actor, CandidateState, ReleaseOutcome};
use crate::sweep::testing::{release, stopped};
use crate::sweep::{Ending, Stands};
use expect_test::{Expect, expect};

fn sweep(mode: Mode) -> Sweep {
    Sweep::new(of::release(), BTreeSet::new(), mode)
}

fn live() -> crate::rows::CandidateRow {
    crate::rows::CandidateRow {
        state: CandidateState::Live,
        ..of::row("api", 'a', 7)
    }
}

fn look(rows_: &[crate::rows::CandidateRow], digits: &str, stands: Stands) -> Vec<Answer> {
    vec![
        Answer::Zone(zone(digits)),
        Answer::Rows(rows(rows_)),
        Answer::Instances(Vec::new()),
        Answer::Releases(vec![
            release(7, ReleaseOutcome::Live),
            release(42, ReleaseOutcome::Running),
        ]),
        Answer::Executions([(Ticket(42), stands)].into()),
    ]
}

fn check(driver: &mut Sweep, answers: Vec<Answer>, last: usize, expected: Expect) {
    let lines = tell(driver, answers);
    expected.assert_eq(&lines[lines.len() - last..].join("\n"));
}

#[test]
fn what_is_only_to_be_told_is_not_done() {
    let both = [live(), of::row("api", 'b', 42)];
    check(
        &mut sweep(Mode::Tell),
        look(&both, "ab", stopped()),
        6,
        expect![[r#"
            looks at the zone
            reads the rows of all hostnames that stand
            looks at the target's instances
            reads 2 rows of releases, and the newest
            asks for the executions of 1
            Swept { target: Target("stage"), plan: ["stage-r42: its execution was stopped; its row gets to say how it ended, and api-bbbbbbbbbbbb.stage.myproj.com goes"], done: [], unaccounted: [], failed: [], may_pass: false, left: 0, untold: 0, unannounced: 0, draining: [] }"#]],
    );
}

#[test]
fn a_target_on_which_a_release_runs_is_looked_at_and_left() {
    let both = [live(), of::row("api", 'b', 42)];
    check(
        &mut sweep(Mode::Act),
        look(&both, "ab", Stands::Runs),
        1,
        expect![[
            r#"Swept { target: Target("stage"), plan: [], done: [], unaccounted: [], failed: [], may_pass: false, left: 0, untold: 0, unannounced: 0, draining: [] }"#
        ]],
    );
}

/// Discard candidates' own answers, for a release of which `b` stands.
fn undone(both: &[crate::rows::CandidateRow]) -> Vec<Answer> {
    let at = || [of::at("api", 'b')].into();
    let applied = |id: &str| Answer::Changed(ChangeOutcome::Applied(id.into()));
    vec![
        Answer::Rows(rows(both)),
        Answer::Names(at()),
        Answer::Zone(zone("ab")),
        Answer::Zone(zone("ab")),
        Answer::Rows(rows(both)),
        applied("C1"),
        Answer::Moved(at()),
        Answer::Zone(zone("ab")),
        Answer::Rows(rows(both)),
        applied("C2"),
        Answer::Ended(vec!["i-1".into()]),
        Answer::Moved(at()),
        Answer::Done,
    ]
}

#[test]
fn a_stopped_release_is_undone_and_recorded_only_if_it_is_said_to_run() {
    let both = [live(), of::row("api", 'b', 42)];
    let answers = [look(&both, "ab", stopped()), undone(&both)].concat();
    check(
        &mut sweep(Mode::Act),
        answers,
        4,
        expect![[r#"
            ends the instances of 1
            marks 1 rows as Discarded
            records 1 releases as superseded
            Swept { target: Target("stage"), plan: ["stage-r42: its execution was stopped; its row gets to say how it ended, and api-bbbbbbbbbbbb.stage.myproj.com goes"], done: ["stage-r42: api.stage.myproj.com still points at api-aaaaaaaaaaaa.stage.myproj.com. stage-r42: its execution was stopped before it had taken away what it had made. Release stage-r42 was not released; its candidates were discarded."], unaccounted: [], failed: [], may_pass: false, left: 0, untold: 0, unannounced: 0, draining: [] }"#]],
    );
}

#[test]
fn a_job_that_fails_is_told_and_the_others_are_done() {
    let both = [live(), of::row("api", 'b', 42)];
    let mut driver = sweep(Mode::Act);
    tell(&mut driver, look(&both, "ab", stopped()));
    let failed = driver.call_failed(Fault::new(ErrorName::AccessDenied, "no"));
    let Ok(Next::Done(swept)) = failed else {
        panic!("{failed:?}");
    };
    assert_eq!(swept.failed, ["stage-r42: no"]);
}

#[test]
fn a_look_that_fails_ends_it() {
    let mut driver = sweep(Mode::Act);
    tell(&mut driver, Vec::new());
    let failed = driver.call_failed(Fault::new(ErrorName::Unavailable, "later"));
    assert!(failed.is_err());
}

#[test]
fn what_was_live_before_is_left_until_the_change_that_replaced_it_is_in_sync() {
    let before = crate::rows::CandidateRow {
        state: CandidateState::Live,
        ..of::row("api", 'b', 6)
    };
    let mut answers = look(&[live(), before], "ab", Stands::Runs);
    let mut seven = release(7, ReleaseOutcome::Live);
    std::sync::Arc::make_mut(&mut seven.row).change_id = Some("C7".into());
    answers[3] = Answer::Releases(vec![release(6, ReleaseOutcome::Live), seven]);
    let ended = || Stands::Ended(Ending::Succeeded);
    answers[4] = Answer::Executions([(Ticket(6), ended()), (Ticket(7), stopped())].into());
    answers.push(Answer::Done);
    check(
        &mut sweep(Mode::Act),
        answers,
        2,
        expect![[r#"
            waits until C7 is INSYNC
            Swept { target: Target("stage"), plan: ["stage-r7: it is live and its execution has ended; once nobody can remember what was before, api-bbbbbbbbbbbb.stage.myproj.com goes"], done: [], unaccounted: [], failed: [], may_pass: false, left: 0, untold: 0, unannounced: 0, draining: [Ticket(7)] }"#]],
    );
}

fn run() -> Option<Run> {
    Some(Run {
        execution: "x1".into(),
        entered: "2026-03-01T12:00:00.192Z".into(),
    })
}

/// What it tells of a release that ended so, before and after it takes it back.
fn told_of(stands: Stands) -> [HistoryRow; 2] {
    let both = [live(), of::row("api", 'b', 42)];
    let mut driver = sweep(Mode::Act).told_as(run());
    let told = || vec![Answer::Done];
    let answers = [look(&both, "ab", stands), told(), undone(&both), told()].concat();
    let mut rows = Vec::new();
    let mut next = driver.next(Answer::Begin, "now").unwrap();
    for answer in answers {
        if let Next::Ask(Ask::Tell(row)) = next {
            rows.push(*row);
        }
        next = driver.next(answer, "now").unwrap();
    }
    assert!(matches!(next, Next::Done(_)), "{next:?}");
    rows.try_into().unwrap()
}

#[test]
fn the_history_is_told_before_a_job_and_what_came_of_it_and_it_is_the_same_row() {
    let [begun, done] = told_of(stopped());
    assert_eq!(begun.sort_key(), done.sort_key());
    expect!["history#2026-03-01T12:00:00#sweep-x1-undo-stage-r42"].assert_eq(&done.sort_key());
    assert_eq!((begun.state, done.state), (ActState::Begun, ActState::Done));
    assert_eq!(done.by, Actor::Sweeper);
    expect![[r#"
        api.stage.myproj.com still points at api-aaaaaaaaaaaa.stage.myproj.com. stage-r42: its execution was stopped before it had taken away what it had made. Release stage-r42 was not released; its candidates were discarded.
        its execution was stopped
        ["i-1"]"#]].assert_eq(&format!(
        "{}\n{}\n{:?}",
        done.what, done.why, done.instances
    ));
}

#[test]
fn what_a_cancelled_release_left_is_told_of_who_cancelled_it() {
    let by = Ending::Cancelled("cancelled by lee: typo".into());
    let [_, done] = told_of(Stands::Ended(by));
    assert_eq!(done.by, Actor::Cancel);
    assert_eq!(done.why, "it was cancelled by lee: typo");
}

#[test]
fn a_history_that_cannot_be_written_leaves_nothing_behind_and_is_counted() {
    let both = [live(), of::row("api", 'b', 42)];
    let mut driver = sweep(Mode::Act).told_as(run());
    tell(&mut driver, look(&both, "ab", stopped()));
    let denied = || Fault::new(ErrorName::AccessDenied, "no");
    let mut next = driver.call_failed(denied()).unwrap();
    for answer in undone(&both) {
        assert!(matches!(next, Next::Ask(_)), "{next:?}");
        next = driver.next(answer, "now").unwrap();
    }
    let Ok(Next::Done(swept)) = driver.call_failed(denied()) else {
        panic!("{next:?}");
    };
    assert_eq!((swept.untold, swept.done.len()), (2, 1));
}

#[test]
fn what_only_waits_for_a_drain_tells_nothing() {
    let job = Job::Drain {
        ticket: Ticket(7),
        components: Vec::new(),
        hostnames: Vec::new(),
    };
    let look = Look::at(of::release().domain, BTreeSet::new());
    let target = of::release().target;
    assert_eq!(job.act(&look, &target, &run().unwrap()), None);
}

/// By the newest it is decided what the others have left; and what they have left keeps being in question.
#[test]
fn of_very_many_executions_the_newest_are_asked_for() {
    let many: Vec<_> = (1..=45)
        .map(|n| release(n, ReleaseOutcome::Running))
        .collect();
    let mut driver = sweep(Mode::Act);
    let answers = [
        Answer::Begin,
        Answer::Zone(zone("a")),
        Answer::Rows(rows(&[live()])),
        Answer::Instances(Vec::new()),
    ];
    for answer in answers {
        driver.next(answer, "now").unwrap();
    }
    let next = driver.next(Answer::Releases(many), "now").unwrap();
    let Next::Ask(Ask::Executions(asked)) = next else {
        panic!("{next:?}");
    };
    let asked: Vec<u64> = asked.keys().map(|one| one.0).collect();
    assert_eq!(
        (asked.first(), asked.last(), asked.len()),
        (Some(&6), Some(&45), 40)
    );
}
