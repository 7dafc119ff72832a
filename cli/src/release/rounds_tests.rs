use super::cells::Line;
use super::model::Model;
use super::model_tests::check;
use super::recorded::{
    AWS_UMBRELLA, LOCAL_COMPANION_FAILED, LOCAL_ROLLED_BACK, replay, replay_without_links,
};
use expect_test::expect;

#[test]
fn a_second_round_boots_and_tests_the_companions_anew() {
    check(
        AWS_UMBRELLA,
        expect![[r#"
        0.0s release Plan release started
        1.0s release Plan release finished 1.0s
        1.0s api Prepare workspace started
        1.0s msa Prepare workspace started
        1.0s msb Prepare workspace started
        1.0s pay Prepare workspace started
        1.5s api Prepare workspace finished 0.5s
        1.6s msa Prepare workspace finished 0.6s
        1.7s msb Prepare workspace finished 0.7s
        1.8s pay Prepare workspace finished 0.8s
        2.0s release Plan companions started
        2.5s release Plan companions finished 0.5s
        2.5s release Publish peers started
        3.0s release Publish peers finished 0.5s
        3.0s api Deploy (initial) started
        3.0s msa Deploy (initial) started
        3.0s msb Deploy (initial) started
        3.0s pay Deploy (initial) started
        3.0s ui (companion) Deploy (initial) started
        8.0s api Deploy (initial) finished 5.0s
        9.0s msa Deploy (initial) finished 6.0s
        10.0s msb Deploy (initial) finished 7.0s
        11.0s pay Deploy (initial) finished 8.0s
        12.0s ui (companion) Deploy (initial) finished 9.0s
        12.0s release Publish hostnames started
        12.5s release Publish hostnames finished 0.5s
        12.5s release Integration tests started
        12.5s api suite smoke started
        12.5s msa suite smoke started
        12.5s msb suite smoke started
        12.5s pay suite smoke started
        12.5s ui (companion) suite smoke started
        13.5s api suite smoke finished 1.0s
        14.0s msa suite smoke finished 1.5s
        14.5s msb suite smoke finished 2.0s
        15.0s pay suite smoke finished 2.5s
        19.5s ui (companion) suite smoke finished 7.0s
        19.5s release Integration tests finished 7.0s
        19.5s release Deploy (cutover) started
        20.0s release Deploy (cutover) found that a peer moved, after 0.5s
        20.0s release Plan companions started (round 2)
        20.5s release Plan companions finished 0.5s
        20.5s release Publish peers started
        21.0s release Publish peers finished 0.5s
        21.0s ui (companion) Deploy (initial) started
        26.0s ui (companion) Deploy (initial) finished 5.0s
        26.0s release Publish hostnames started
        26.5s release Publish hostnames finished 0.5s
        26.5s release Integration tests started
        26.5s api suite smoke started
        26.5s msa suite smoke started
        26.5s msb suite smoke started
        26.5s pay suite smoke started
        26.5s ui (companion) suite smoke started
        27.5s api suite smoke finished 1.0s
        28.0s msa suite smoke finished 1.5s
        28.5s msb suite smoke finished 2.0s
        29.0s pay suite smoke finished 2.5s
        33.5s ui (companion) suite smoke finished 7.0s
        33.5s release Integration tests finished 7.0s
        33.5s release Deploy (cutover) started
        34.0s release Deploy (cutover) finished 0.5s
        34.0s release Drain started
        2m04s release Drain finished 1m30s
        2m04s release Terminate previous started
        2m05s release Terminate previous finished 1.0s
        2m05s release Tag release started
        2m07s release Tag release finished 2.0s
    "#]],
    );
}

#[test]
fn rounds_and_companions_are_told_without_links_too() {
    let shown = |(model, lines): (Model, Vec<Line>)| {
        let lines: Vec<String> = lines.iter().map(|line| format!("{line:?}")).collect();
        (model.rows, lines.join("\n"))
    };
    assert_eq!(
        shown(replay_without_links(AWS_UMBRELLA)),
        shown(replay(AWS_UMBRELLA))
    );
}

#[test]
fn what_was_asked_for_and_is_live_already_is_no_row_until_it_is_a_companion() {
    let (model, _) = replay(AWS_UMBRELLA);
    let rows: Vec<String> = model.rows.iter().map(|row| row.name()).collect();
    expect!["api, msa, msb, pay, ui (companion)"].assert_eq(&rows.join(", "));
}

#[test]
fn a_roll_back_says_what_it_brings_back_as_soon_as_that_is_known() {
    check(
        LOCAL_ROLLED_BACK,
        expect![[r#"
        0.0s release Plan release started
        1.0s release Plan release finished 1.0s
        1.0s release brings back api 0123456789ab, msa 0123456789ab (proven: not tested again)
        1.0s api Prepare workspace started
        1.0s msa Prepare workspace started
        1.2s api Prepare workspace finished 0.2s
        1.2s msa Prepare workspace finished 0.2s
        1.2s release Plan companions started
        1.5s release Plan companions finished 0.3s
        1.5s release Publish peers started
        1.6s release Publish peers finished 0.1s
        1.6s api Deploy (initial) started
        1.6s msa Deploy (initial) started
        5.0s api Deploy (initial) finished 3.4s
        6.0s msa Deploy (initial) finished 4.4s
        6.0s release Publish hostnames started
        6.3s release Publish hostnames finished 0.3s
        6.3s release Integration tests started
        6.3s release Integration tests finished 0.0s
        6.3s release Deploy (cutover) started
        7.1s release Deploy (cutover) finished 0.8s
        7.1s release Drain started
        1m37s release Drain finished 1m30s
        1m37s release Terminate previous started
        1m38s release Terminate previous finished 0.9s
    "#]],
    );
    let (model, _) = replay(LOCAL_ROLLED_BACK);
    expect!["Some(7100)"].assert_eq(&format!("{:?}", model.moved));
}

#[test]
fn a_companion_that_does_not_boot_is_blamed_by_its_name() {
    check(
        LOCAL_COMPANION_FAILED,
        expect![[r#"
        0.0s release Plan release started
        1.0s release Plan release finished 1.0s
        1.0s release Plan companions started
        1.5s release Plan companions finished 0.5s
        1.5s msa Deploy (initial) started
        1.5s ui (companion) Deploy (initial) started
        5.0s msa Deploy (initial) finished 3.5s
        9.0s ui (companion) Deploy (initial) failed after 7.5s
        9.0s release Discard candidates started
        9.5s release Discard candidates finished 0.5s
    "#]],
    );
    let (model, _) = replay(LOCAL_COMPANION_FAILED);
    expect![[r#"[FailedStage { component: Some("ui"), stage: "Deploy (initial)" }]"#]]
        .assert_eq(&format!("{:?}", model.failed));
}
