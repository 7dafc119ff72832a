use super::frame::frame;
use super::model::Model;
use super::recorded::{
    AWS_LIVE, AWS_RUNNING, AWS_UMBRELLA, LOCAL_COMPANION_FAILED, LOCAL_LIVE, LOCAL_ROLLED_BACK,
    LOCAL_SUITES_FAILED, LOCAL_SUPERSEDED, LOCAL_UNIT_TESTS_FAILED, STARTED, replay,
    replay_until_deploy,
};
use crate::text::{Colour, Screen};
use expect_test::{Expect, expect};

const LATER: i64 = STARTED + 12_345;

fn plain(width: usize) -> Screen {
    Screen {
        width: Some(width),
        height: None,
        colour: Colour::Plain,
    }
}

fn check(recorded: &str, screen: Screen, expected: Expect) {
    check_at(&replay(recorded).0, LATER, screen, expected);
}

fn check_at(model: &Model, now: i64, screen: Screen, expected: Expect) {
    let lines = frame(model, "api-HEAD-stage-mzx1", now, screen);
    let widest = lines
        .iter()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    assert!(
        screen.colour == Colour::Ansi || Some(widest) <= screen.width,
        "{widest} columns"
    );
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn a_wide_terminal_shows_every_stage_by_its_name() {
    check(
        AWS_RUNNING,
        plain(120),
        expect![[r#"
        stage-r42  api-HEAD-stage-mzx1  12.3s
                  Prepare   Unit            Push      Deploy    Integration Deploy            Terminate
        component workspace tests   Build   artifacts (initial) tests       (cutover) Drain   previous
        api       ✓ 1.2s    ✓ 2.5s  ▸ 9.4s  ·         ·         ·           ·         ·       ·
        ui        ✓ 0.7s    –       –       –         ▸ 9.4s    ·           ·         ·       ·"#]],
    );
    check(
        AWS_LIVE,
        plain(120),
        expect![[r#"
        stage-r42  api-HEAD-stage-mzx1  2m52s
                  Prepare   Unit            Push      Deploy    Integration Deploy            Terminate
        component workspace tests   Build   artifacts (initial) tests       (cutover) Drain   previous
        api       ✓ 1.2s    ✓ 2.5s  ✓ 10.0s ✓ 0.5s    ✓ 1m02s   ✓ 2/2 4.5s  ✓ 0.8s    ✓ 1m30s ✓ 0.7s
        ui        ✓ 0.7s    –       –       –         ✓ 11.1s   ✓ 1/1 1.1s  ✓ 0.8s    ✓ 1m30s ✓ 0.7s"#]],
    );
}

#[test]
fn the_local_clouds_history_gives_the_same_table() {
    check(
        LOCAL_LIVE,
        plain(120),
        expect![[r#"
        stage-r42  api-HEAD-stage-mzx1  7.1s
                  Prepare   Unit            Push      Deploy    Integration Deploy            Terminate
        component workspace tests   Build   artifacts (initial) tests       (cutover) Drain   previous
        api       ✓ 0.3s    ✓ 1.0s  ✓ 2.0s  ✓ 0.0s    ✓ 1.5s    ✓ 2/2 1.0s  ✓ 0.0s    ✓ 2.0s  ✓ 0.0s
        ui        ✓ 0.3s    –       –       –         ✓ 1.5s    ✓ 2/2 1.0s  ✓ 0.0s    ✓ 2.0s  ✓ 0.0s"#]],
    );
}

#[test]
fn a_terminal_of_80_columns_shows_every_stage() {
    check(
        AWS_LIVE,
        plain(80),
        expect![[r#"
            stage-r42  api-HEAD-stage-mzx1  2m52s
                Prepare Unit    Build   Push    Deploy  Tests   Cutover Drain   Ended
            api ✓ 1.2s  ✓ 2.5s  ✓ 10.0s ✓ 0.5s  ✓ 1m02s ✓ 4.5s  ✓ 0.8s  ✓ 1m30s ✓ 0.7s
            ui  ✓ 0.7s  –       –       –       ✓ 11.1s ✓ 1.1s  ✓ 0.8s  ✓ 1m30s ✓ 0.7s"#]],
    );
}

#[test]
fn a_narrow_terminal_shows_the_stage_that_matters() {
    check(
        AWS_RUNNING,
        plain(40),
        expect![[r#"
            stage-r42  api-HEAD-stage-mzx1  12.3s
            api Build ▸ 9.4s
            ui  Deploy (initial) ▸ 9.4s"#]],
    );
    check(
        LOCAL_UNIT_TESTS_FAILED,
        plain(40),
        expect![[r#"
            stage-r42  api-HEAD-stage-mzx1  2.5s
            api Unit tests ✗ 1.3s"#]],
    );
}

#[test]
fn what_failed_and_what_was_left_undone_look_different() {
    check(
        LOCAL_UNIT_TESTS_FAILED,
        plain(120),
        expect![[r#"
        stage-r42  api-HEAD-stage-mzx1  2.5s
                  Prepare   Unit            Push      Deploy    Integration Deploy            Terminate
        component workspace tests   Build   artifacts (initial) tests       (cutover) Drain   previous
        api       ✓ 0.5s    ✗ 1.3s  ✓ 1.3s  ·         ·         ·           ·         ·       ·"#]],
    );
    check(
        LOCAL_SUITES_FAILED,
        plain(120),
        expect![[r#"
        stage-r42  api-HEAD-stage-mzx1  3.5s
                  Prepare   Unit            Push      Deploy    Integration Deploy            Terminate
        component workspace tests   Build   artifacts (initial) tests       (cutover) Drain   previous
        api       ·         ·       ·       ·         ·         ✗ 0/2 2.0s  ·         ·       ·
        web       ·         ·       ·       ·         ·         ✓ 1/1 0.5s  ·         ·       ·"#]],
    );
}

#[test]
fn a_later_release_shows_where_this_one_ended() {
    check(
        LOCAL_SUPERSEDED,
        plain(120),
        expect![[r#"
            stage-r42  api-HEAD-stage-mzx1  round 2  3.1s
                      Prepare   Unit            Push      Deploy    Integration Deploy            Terminate
            component workspace tests   Build   artifacts (initial) tests       (cutover) Drain   previous
            api       ·         ·       ·       ·         ·         ✓ 1/1 0.3s  ✗ 0.4s    ·       ·"#]],
    );
}

#[test]
fn colours_change_nothing_but_the_colours() {
    let screen = Screen {
        colour: Colour::Ansi,
        ..plain(120)
    };
    let (model, _) = replay(LOCAL_UNIT_TESTS_FAILED);
    let coloured = frame(&model, "x", LATER, screen).join("\n");
    let mut stripped = String::new();
    let mut parts = coloured.split('\x1b');
    stripped += parts.next().unwrap();
    for part in parts {
        stripped += part.split_once('m').unwrap().1;
    }
    assert!(coloured.contains("\x1b[31m✗"), "{coloured}");
    assert_eq!(stripped, frame(&model, "x", LATER, plain(120)).join("\n"));
}

#[test]
fn a_low_terminal_shows_what_needs_a_look_and_says_how_much_it_leaves_out() {
    let (model, _) = replay(AWS_RUNNING);
    let mut many = model.clone();
    many.rows.clear();
    for i in 0..40 {
        let mut row = model.rows[if i == 37 { 0 } else { 1 }].clone();
        row.component = format!("c{i}");
        if i != 37 {
            row.cells = Default::default();
        }
        many.rows.push(row);
    }
    let screen = Screen {
        height: Some(9),
        ..plain(80)
    };
    let lines = frame(&many, "x", LATER, screen);
    assert!(lines.len() < 9, "{}", lines.len());
    expect![[r#"
        stage-r42  x  12.3s
            Prepare Unit    Build   Push    Deploy  Tests   Cutover Drain   Ended
        c37 ✓ 1.2s  ✓ 2.5s  ▸ 9.4s  ·       ·       ·       ·       ·       ·
        c0  ·       ·       ·       ·       ·       ·       ·       ·       ·
        c1  ·       ·       ·       ·       ·       ·       ·       ·       ·
        … and 37 more components"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn before_the_first_event_there_is_only_a_title() {
    assert_eq!(frame(&Model::default(), "x", LATER, plain(80)), ["x  0.0s"]);
}

#[test]
fn companions_have_rows_of_their_own_and_only_end_with_the_release() {
    check(
        AWS_UMBRELLA,
        plain(120),
        expect![[r#"
        stage-r42  api-HEAD-stage-mzx1  round 2  2m07s
                       Prepare   Unit            Push      Deploy    Integration Deploy            Terminate
        component      workspace tests   Build   artifacts (initial) tests       (cutover) Drain   previous
        api            ✓ 0.5s    –       –       –         ✓ 5.0s    ✓ 1/1 1.0s  ✓ 0.5s    ✓ 1m30s ✓ 1.0s
        msa            ✓ 0.6s    –       –       –         ✓ 6.0s    ✓ 1/1 1.5s  ✓ 0.5s    ✓ 1m30s ✓ 1.0s
        msb            ✓ 0.7s    –       –       –         ✓ 7.0s    ✓ 1/1 2.0s  ✓ 0.5s    ✓ 1m30s ✓ 1.0s
        pay            ✓ 0.8s    –       –       –         ✓ 8.0s    ✓ 1/1 2.5s  ✓ 0.5s    ✓ 1m30s ✓ 1.0s
        ui (companion) –         –       –       –         ✓ 5.0s    ✓ 1/1 7.0s  –         –       ✓ 1.0s"#]],
    );
    check(
        AWS_UMBRELLA,
        plain(80),
        expect![[r#"
        stage-r42  api-HEAD-stage-mzx1  round 2  2m07s
            Prepare Unit    Build   Push    Deploy  Tests   Cutover Drain   Ended
        api ✓ 0.5s  –       –       –       ✓ 5.0s  ✓ 1.0s  ✓ 0.5s  ✓ 1m30s ✓ 1.0s
        msa ✓ 0.6s  –       –       –       ✓ 6.0s  ✓ 1.5s  ✓ 0.5s  ✓ 1m30s ✓ 1.0s
        msb ✓ 0.7s  –       –       –       ✓ 7.0s  ✓ 2.0s  ✓ 0.5s  ✓ 1m30s ✓ 1.0s
        pay ✓ 0.8s  –       –       –       ✓ 8.0s  ✓ 2.5s  ✓ 0.5s  ✓ 1m30s ✓ 1.0s
        +ui –       –       –       –       ✓ 5.0s  ✓ 7.0s  –       –       ✓ 1.0s
        + companion: live, tested beside this release"#]],
    );
    check(
        LOCAL_COMPANION_FAILED,
        plain(120),
        expect![[r#"
        stage-r42  api-HEAD-stage-mzx1  9.5s
                       Prepare   Unit            Push      Deploy    Integration Deploy            Terminate
        component      workspace tests   Build   artifacts (initial) tests       (cutover) Drain   previous
        msa            ·         –       –       –         ✓ 3.5s    ·           ·         ·       ·
        ui (companion) –         –       –       –         ✗ 7.5s    ·           ·         ·       ·"#]],
    );
}

#[test]
fn in_a_second_round_only_companions_boot_again() {
    let (model, _) = replay_until_deploy(AWS_UMBRELLA, "ui", 2);
    let now = STARTED + 25_000;
    check_at(
        &model,
        now,
        plain(120),
        expect![[r#"
            stage-r42  api-HEAD-stage-mzx1  round 2  25.0s
                           Prepare   Unit            Push      Deploy    Integration Deploy            Terminate
            component      workspace tests   Build   artifacts (initial) tests       (cutover) Drain   previous
            api            ✓ 0.5s    –       –       –         ✓ 5.0s    ·           ·         ·       ·
            msa            ✓ 0.6s    –       –       –         ✓ 6.0s    ·           ·         ·       ·
            msb            ✓ 0.7s    –       –       –         ✓ 7.0s    ·           ·         ·       ·
            pay            ✓ 0.8s    –       –       –         ✓ 8.0s    ·           ·         ·       ·
            ui (companion) –         –       –       –         ▸ 4.0s    ·           ·         ·       ·"#]],
    );
    check_at(
        &model,
        now,
        plain(60),
        expect![[r#"
            stage-r42  api-HEAD-stage-mzx1  round 2  25.0s
            api            Deploy (initial) ✓ 5.0s
            msa            Deploy (initial) ✓ 6.0s
            msb            Deploy (initial) ✓ 7.0s
            pay            Deploy (initial) ✓ 8.0s
            ui (companion) Deploy (initial) ▸ 4.0s"#]],
    );
}

#[test]
fn a_roll_back_shows_what_it_brings_back() {
    check(
        LOCAL_ROLLED_BACK,
        plain(120),
        expect![[r#"
        stage-r43  api-HEAD-stage-mzx1  1m38s
        brings back api 0123456789ab, msa 0123456789ab (proven: not tested again)
                  Prepare   Unit            Push      Deploy    Integration Deploy            Terminate
        component workspace tests   Build   artifacts (initial) tests       (cutover) Drain   previous
        api       ✓ 0.2s    –       –       –         ✓ 3.4s    –           ✓ 0.8s    ✓ 1m30s ✓ 0.9s
        msa       ✓ 0.2s    –       –       –         ✓ 4.4s    –           ✓ 0.8s    ✓ 1m30s ✓ 0.9s"#]],
    );
}
