use super::super::testing::tell;
use super::*;
use crate::keep::testing::{NOW, gone, look, machine, replacement, zone};
use crate::keep::{Health, KeeperRow, NOBODY};
use crate::rows::ActState;
use expect_test::{Expect, expect};

/// Of a target whose only instance this is.
fn keep(mode: Keeping) -> Keep {
    Keep::new(super::super::testing::release(), mode)
}

fn seen(addresses: &[&str], machines: Vec<Machine>) -> Vec<Answer> {
    let rows = look(&["i-1"], &[], vec![]).rows;
    vec![
        Answer::Zone(zone(addresses)),
        Answer::Rows(rows),
        Answer::Keep(KeepAnswer::Notes(Box::default())),
        Answer::Keep(KeepAnswer::Machines(machines, NOW)),
    ]
}

fn polled(machines: Vec<Machine>) -> Vec<Answer> {
    vec![
        Answer::Done,
        Answer::Keep(KeepAnswer::Machines(machines, NOW + 1)),
    ]
}

/// It is launched.
fn up() -> Vec<Answer> {
    let launched = KeepAnswer::Launched(vec![LaunchOutcome::Up]);
    vec![Answer::Keep(launched)]
}

/// A row of the history is written.
fn told() -> Vec<Answer> {
    vec![Answer::Done]
}

fn check(mut driver: Keep, answers: Vec<Answer>, expected: Expect) {
    let asked: Vec<String> = tell(&mut driver, answers)
        .into_iter()
        .map(|line| line.chars().take(100).collect())
        .collect();
    expected.assert_eq(&asked.join("\n"));
}

#[test]
fn a_look_at_an_idle_target_asks_four_things_and_writes_nothing() {
    check(
        keep(Keeping::Look),
        seen(&["10.0.0.1"], vec![machine("i-1")]),
        expect![[r#"
        looks at the zone
        reads the rows of all hostnames that stand
        reads its notes
        looks at the instances of 1 hostnames
        Kept { target: Target("stage"), turn: 0, components: [], plan: [], done: [], stopped: [], failed: []"#]],
    );
}

#[test]
fn the_record_comes_first_and_what_is_launched_is_noted_before() {
    let noted = Answer::Keep(KeepAnswer::Noted(true));
    let applied = Answer::Changed(ChangeOutcome::Applied("C1".into()));
    let dead = seen(&["10.0.0.1"], vec![gone("i-1")]);
    let asked = vec![Answer::Releases(vec![]), noted, Answer::Done, applied];
    let boots = replacement("i-9", "i-1", Health::Unknown);
    let polled = polled(vec![gone("i-1"), boots]);
    let answers = [dead, asked, up(), told(), polled].concat();
    check(
        keep(Keeping::Act),
        answers,
        expect![[r#"
            looks at the zone
            reads the rows of all hostnames that stand
            reads its notes
            looks at the instances of 1 hostnames
            reads 1 rows of releases, and the newest
            takes a note, if the last one was its 0.
            tells that keep-00000001-api-aaaaaaaaaaaa is Begun
            applies its batch (the keeper of stage lets records follow their instances)
            launches version 7 for api-aaaaaaaaaaaa.stage.myproj.com in the place of i-1
            tells that keep-00000001-api-aaaaaaaaaaaa is Done
            waits 1 s
            looks at the instances of 1 hostnames
            looks at the zone"#]],
    );
}

#[test]
fn a_replacement_that_is_well_goes_into_the_record_then_the_row() {
    let noted = || Answer::Keep(KeepAnswer::Noted(true));
    let mut driver = keep(Keeping::Act);
    let well = replacement("i-9", "i-1", Health::Well);
    let both = vec![gone("i-1"), well];
    driver.look.machines = both.clone();
    let applied = Answer::Changed(ChangeOutcome::Applied("C1".into()));
    let acts = vec![noted(), Answer::Done, applied, noted()];
    let answers = [seen(&[NOBODY], both), acts, told()].concat();
    check(
        driver,
        answers,
        expect![[r#"
            looks at the zone
            reads the rows of all hostnames that stand
            reads its notes
            looks at the instances of 1 hostnames
            takes a note, if the last one was its 0.
            tells that keep-00000001-api-aaaaaaaaaaaa is Begun
            applies its batch (the keeper of stage lets records follow their instances)
            records the instances of api-aaaaaaaaaaaa.stage.myproj.com
            tells that keep-00000001-api-aaaaaaaaaaaa is Done
            looks at the zone"#]],
    );
}

#[test]
fn who_is_late_with_its_note_looks_again_and_launches_nothing() {
    let dead = seen(&[NOBODY], vec![gone("i-1")]);
    let late = Answer::Keep(KeepAnswer::Noted(false));
    let answers = [dead, vec![Answer::Releases(vec![]), late]].concat();
    let mut driver = keep(Keeping::Act);
    let asked = tell(&mut driver, answers);
    assert_eq!(asked.last().unwrap(), "looks at the zone");
}

#[test]
fn who_may_not_change_a_record_says_why_and_is_busy_no_more() {
    let denied = Fault::new(ErrorName::AccessDenied, "denied");
    let told = vec![Ok(noted()), Ok(Answer::Done), Err(denied), Ok(Answer::Done)];
    let (rows, next) = tells(told);
    let last = rows.last().unwrap();
    assert_eq!(last.state, ActState::Failed);
    assert!(last.what.contains("denied"), "{}", last.what);
    match next {
        Next::Ask(Ask::Keep(KeepAsk::Note(turn, notes))) => {
            assert_eq!((turn, notes.turn, notes.busy), (1, 2, 0));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_is_tried_again_is_busy_still() {
    let mut driver = keep(Keeping::Act);
    (driver.noted, driver.waits) = (true, Waits::Changed);
    let passes = Fault::new(ErrorName::Unavailable, "throttled");
    assert!(driver.call_failed(passes).is_err());
}

#[test]
fn what_was_refused_is_told_though_the_note_fails_too() {
    let mut driver = keep(Keeping::Act);
    driver.waits = Waits::Released;
    driver.kept.failed_at("stage: the first");
    let denied = Fault::new(ErrorName::AccessDenied, "the second");
    match driver.call_failed(denied) {
        Ok(Next::Done(kept)) => assert_eq!(kept.failed.len(), 2, "{kept:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_comes_after_a_killed_one_takes_its_note_back() {
    let mut all_well = seen(&["10.0.0.1"], vec![machine("i-1")]);
    let notes = KeeperRow {
        turn: 7,
        busy: NOW + 1,
        ..KeeperRow::default()
    };
    all_well[2] = Answer::Keep(KeepAnswer::Notes(Box::new(notes)));
    let mut driver = keep(Keeping::Act);
    let asked = tell(&mut driver, all_well);
    assert_eq!(
        asked.last().unwrap(),
        "takes a note, if the last one was its 7."
    );
}

/// What it tells the history of a target whose only instance is dead, up to its first pause; and how it goes on.
fn tells(answers: Vec<Result<Answer, Fault>>) -> (Vec<HistoryRow>, Next<Kept>) {
    let mut driver = keep(Keeping::Act);
    let mut rows = Vec::new();
    let dead = seen(&["10.0.0.1"], vec![gone("i-1")]);
    let first = dead.into_iter().chain([Answer::Releases(vec![])]).map(Ok);
    let all = first.chain(answers);
    let mut next = driver.next(Answer::Begin, "2026-03-01T12:00:00Z").unwrap();
    for answer in all {
        if let Next::Ask(Ask::Tell(row)) = &next {
            rows.push((**row).clone());
        }
        next = match answer {
            Ok(answer) => driver.next(answer, "2026-03-01T12:00:00Z").unwrap(),
            Err(fault) => driver.call_failed(fault).unwrap(),
        };
    }
    if let Next::Ask(Ask::Tell(row)) = &next {
        rows.push((**row).clone());
    }
    (rows, next)
}

fn noted() -> Answer {
    Answer::Keep(KeepAnswer::Noted(true))
}

fn applied() -> Answer {
    Answer::Changed(ChangeOutcome::Applied("C1".into()))
}

#[test]
fn the_history_is_told_before_and_after_it_acts_and_it_is_the_same_row() {
    let answers = [vec![noted(), Answer::Done, applied()], up()].concat();
    let (rows, _) = tells(answers.into_iter().map(Ok).collect());
    let [begun, done] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(begun.sort_key(), done.sort_key());
    expect!["history#2026-03-01T12:00:00#keep-00000001-api-aaaaaaaaaaaa"]
        .assert_eq(&begun.sort_key());
    assert_eq!((begun.state, done.state), (ActState::Begun, ActState::Done));
    expect![[r#"
        api.stage.myproj.com: 0 of 1 instances serve. api-aaaaaaaaaaaa.stage.myproj.com: leads to nobody (192.0.2.1) until another instance is well: its address belongs to somebody else now; another instance of launch template version 7 is launched in the place of i-1
        i-1 is terminated
        ["i-1"]"#]].assert_eq(&format!(
        "{}\n{}\n{:?}",
        done.what, done.why, done.instances
    ));
}

#[test]
fn a_launch_that_ec2_refuses_is_told_as_failed_with_its_reason() {
    let refused = KeepAnswer::Launched(vec![LaunchOutcome::Refused("no room".into())]);
    let refused = Ok(Answer::Keep(refused));
    let answers = vec![
        Ok(noted()),
        Ok(Answer::Done),
        Ok(applied()),
        refused,
        Ok(noted()),
    ];
    let (rows, _) = tells(answers);
    let last = rows.last().unwrap();
    assert_eq!(last.state, ActState::Failed);
    assert!(last.what.contains("no room"), "{}", last.what);
}

#[test]
fn a_history_that_cannot_be_written_holds_up_no_repair_and_is_counted() {
    let denied = || Err(Fault::new(ErrorName::AccessDenied, "no"));
    let answers = vec![
        Ok(noted()),
        denied(),
        Ok(applied()),
        Ok(up().remove(0)),
        denied(),
    ];
    let (_, next) = tells(answers);
    assert!(matches!(next, Next::Ask(Ask::Wait(_))), "{next:?}");
    let mut driver = keep(Keeping::Act);
    driver.waits = Waits::ToldEnded;
    driver
        .call_failed(Fault::new(ErrorName::AccessDenied, "no"))
        .unwrap();
    assert_eq!(driver.kept.untold, 1);
}
