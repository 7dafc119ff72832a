use super::super::testing::tell;
use super::*;
use crate::keep::testing::{NOW, gone, look, machine, replacement, zone};
use crate::keep::{Health, NOBODY};
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
    let asked = vec![Answer::Releases(vec![]), noted, applied, Answer::Done];
    let boots = replacement("i-9", "i-1", Health::Unknown);
    let answers = [dead, asked, polled(vec![gone("i-1"), boots])].concat();
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
        applies its batch (the keeper of stage lets records follow their instances)
        launches version 7 for api-aaaaaaaaaaaa.stage.myproj.com in the place of i-1
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
    let answers = [seen(&[NOBODY], both), vec![noted(), applied, noted()]].concat();
    check(
        driver,
        answers,
        expect![[r#"
        looks at the zone
        reads the rows of all hostnames that stand
        reads its notes
        looks at the instances of 1 hostnames
        takes a note, if the last one was its 0.
        applies its batch (the keeper of stage lets records follow their instances)
        records the instances of api-aaaaaaaaaaaa.stage.myproj.com
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
