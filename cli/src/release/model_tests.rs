use super::cells::Line;
use super::recorded::{
    AWS_LIVE, AWS_RUNNING, LOCAL_PEER_NOT_LIVE, LOCAL_SUITES_FAILED, LOCAL_SUPERSEDED,
    LOCAL_UNIT_TESTS_FAILED, replay,
};
use crate::text::duration;
use expect_test::{Expect, expect};

pub fn check(recorded: &str, expected: Expect) {
    let (_, lines) = replay(recorded);
    let line = |line: &Line| format!("{} {} {}\n", duration(line.at), line.subject, line.text);
    expected.assert_eq(&lines.iter().map(line).collect::<String>());
}

#[test]
fn a_log_tells_two_components_apart_although_their_stages_overlap() {
    check(
        AWS_LIVE,
        expect![[r#"
            0.0s release Plan release started
            1.2s release Plan release finished 1.2s
            1.2s api Prepare workspace started
            1.2s ui Prepare workspace started
            1.9s ui Prepare workspace finished 0.7s
            2.4s api Prepare workspace finished 1.2s
            2.4s release Publish peers started
            2.9s release Publish peers finished 0.5s
            2.9s api Unit tests started
            2.9s api Build started
            2.9s ui Deploy (initial) started
            3.4s api Build: a try failed: Unavailable
            5.4s api Unit tests finished 2.5s
            12.9s api Build finished 10.0s
            12.9s api Push artifacts started
            13.4s api Push artifacts finished 0.5s
            13.4s api Deploy (initial) started
            14.0s ui Deploy (initial) finished 11.1s
            1m15s api Deploy (initial) finished 1m02s
            1m15s release Publish hostnames started
            1m16s release Publish hostnames finished 0.6s
            1m16s release Integration tests started
            1m16s api suite smoke started
            1m16s api suite load started
            1m16s ui suite smoke started
            1m17s ui suite smoke finished 1.1s
            1m18s api suite smoke finished 2.0s
            1m20s api suite load finished 4.5s
            1m20s release Integration tests finished 4.5s
            1m20s release Deploy (cutover) started
            1m21s release Deploy (cutover) finished 0.8s
            1m21s release Drain started
            2m51s release Drain finished 1m30s
            2m51s release Terminate previous started
            2m52s release Terminate previous finished 0.7s
        "#]],
    );
}

#[test]
fn without_links_between_events_the_names_in_them_tell() {
    check(
        LOCAL_SUITES_FAILED,
        expect![[r#"
              0.0s release Plan release started
              0.3s release Plan release finished 0.3s
              1.0s release Integration tests started
              1.0s api suite smoke started
              1.0s api suite load started
              1.0s web suite smoke started
              1.5s web suite smoke finished 0.5s
              2.0s api suite smoke failed after 1.0s
              3.0s api suite load failed after 2.0s
              3.0s release Discard candidates started
              3.5s release Discard candidates finished 0.5s
        "#]],
    );
}

#[test]
fn the_branch_that_failed_is_blamed_and_not_its_sibling() {
    check(
        LOCAL_UNIT_TESTS_FAILED,
        expect![[r#"
              0.0s release Plan release started
              0.3s release Plan release finished 0.3s
              0.3s api Prepare workspace started
              0.8s api Prepare workspace finished 0.5s
              0.8s api Unit tests started
              0.8s api Build started
              2.1s api Build finished 1.3s
              2.1s api Unit tests failed: UnitTestsFailed
              2.1s release Discard candidates started
              2.5s release Discard candidates finished 0.4s
        "#]],
    );
    let (model, _) = replay(LOCAL_UNIT_TESTS_FAILED);
    expect![[r#"[FailedStage { component: Some("api"), stage: "Unit tests" }]"#]]
        .assert_eq(&format!("{:?}", model.failed));
}

#[test]
fn a_try_that_is_repeated_is_not_a_failure() {
    let (model, _) = replay(AWS_LIVE);
    expect!["[] Done { took: 10000 }"]
        .assert_eq(&format!("{:?} {:?}", model.failed, model.rows[0].cells[2]));
}

#[test]
fn the_release_is_known_as_soon_as_it_is_planned() {
    let (model, _) = replay(AWS_RUNNING);
    expect![[r#"Some("stage-r42") Some("stage") None"#]].assert_eq(&format!(
        "{:?} {:?} {:?}",
        model.label, model.target, model.ended
    ));
}

#[test]
fn a_round_that_is_tested_again_is_not_a_failure_but_a_later_release_is() {
    check(
        LOCAL_SUPERSEDED,
        expect![[r#"
            0.0s release Plan release started
            0.3s release Plan release finished 0.3s
            1.0s release Plan companions started
            1.0s release Plan companions finished 0.0s
            1.0s release Integration tests started
            1.0s api suite smoke started
            1.5s api suite smoke finished 0.5s
            1.5s release Integration tests finished 0.5s
            1.5s release Deploy (cutover) started
            1.9s release Deploy (cutover) found that a peer moved, after 0.4s
            1.9s release Plan companions started (round 2)
            1.9s release Plan companions finished 0.0s
            1.9s release Integration tests started
            1.9s api suite smoke started
            2.2s api suite smoke finished 0.3s
            2.2s release Integration tests finished 0.3s
            2.2s release Deploy (cutover) started
            2.6s release Deploy (cutover) failed after 0.4s
            2.6s release Discard candidates started
            3.1s release Discard candidates finished 0.5s
        "#]],
    );
}

#[test]
fn a_failed_stage_of_the_whole_release_is_known_by_the_error_that_it_leaves() {
    check(
        LOCAL_PEER_NOT_LIVE,
        expect![[r#"
          0.0s release Plan release started
          0.3s release Plan release finished 0.3s
          0.3s release Publish peers started
          0.6s release Publish peers failed after 0.3s
          0.6s release Discard candidates started
          0.7s release Discard candidates finished 0.1s
    "#]],
    );
}
