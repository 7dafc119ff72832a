use super::ending::{ending, ending_json, warnings};
use super::history::End;
use super::model::Model;
use super::recorded::{
    AWS_LIVE, AWS_UMBRELLA, LOCAL_COMPANION_FAILED, LOCAL_PEER_NOT_LIVE, LOCAL_ROLLED_BACK,
    LOCAL_SUITES_FAILED, LOCAL_UNIT_TESTS_FAILED, STARTED, replay,
};
use crate::text::{Colour, Screen};
use expect_test::{Expect, expect};
use serde_json::json;

const SCREEN: Screen = Screen {
    width: Some(80),
    height: None,
    colour: Colour::Plain,
};

fn check(model: &Model, expected: Expect) {
    expected.assert_eq(&ending(model, "api-HEAD-stage-mzx1", SCREEN));
}

fn ended(end: End) -> Model {
    let mut model = Model::default();
    (model.started, model.ended) = (Some(STARTED), Some((STARTED + 2000, end)));
    model.target = Some("prod".into());
    model
}

#[test]
fn a_release_that_is_live_says_what_serves_now_and_how_it_was_tested() {
    check(
        &replay(AWS_LIVE).0,
        expect![[r#"
            Released stage-r42 in 2m52s; the aliases moved after 1m21s.
              api.stage.myproj.com is now api-3f2a9c1b04de (before: api-0123456789ab)
              ui.stage.myproj.com is now ui-1b2c00000000 (nothing before)
              msa.stage.myproj.com was already msa-999999999999 (asked for v1)
              Tests: 3 passed (12 test cases), 0 failed, 1 skipped: api/zap
              Ended after the drain: api-0123456789ab (1 instance)
            Next: cutover status --target stage"#]],
    );
}

#[test]
fn a_release_that_failed_says_why_and_where_to_look() {
    check(
        &replay(LOCAL_UNIT_TESTS_FAILED).0,
        expect![[r#"
        Not released: UnitTestsFailed
          api, Unit tests: `make test` ended with exit code 2; its output is in
          logs/stage-r42/api/unit-tests.log. api.stage.myproj.localhost still points at
          api-0123456789ab.stage.myproj.localhost. Release stage-r42 was not released;
          its candidates were discarded.
        Next: cutover logs stage-r42 --component api --stage unit-tests"#]],
    );
    check(
        &replay(LOCAL_SUITES_FAILED).0,
        expect![[r#"
        Not released: IntegrationTestsFailed
          api, Integration tests: suite smoke failed. Release stage-r42 was not
          released; its candidates were discarded.
        Next: cutover logs stage-r42 --component api --stage integration-tests"#]],
    );
}

#[test]
fn a_failed_function_that_runs_no_command_points_at_its_own_log() {
    check(
        &replay(LOCAL_PEER_NOT_LIVE).0,
        expect![[r#"
        Not released: PeerNotLive
          api needs msa, and no msa is live on stage.
        Next: cutover logs api-HEAD-stage-mzx1 --stage publish-peers --function"#]],
    );
}

#[test]
fn what_is_left_behind_is_said_although_the_release_is_live() {
    let output = json!({"outcome": "live", "terminated": {"left_behind": "the previous instances could not all be ended"}, "cutover": {"note": "the answer was lost"}});
    check(
        &ended(End::Succeeded { output }),
        expect![[r#"
            Released api-HEAD-stage-mzx1 in 2.0s.
              Note: the answer was lost
              Note: the previous instances could not all be ended
            Next: cutover status --target prod"#]],
    );
}

#[test]
fn what_was_live_already_is_no_failure() {
    let output = json!({"outcome": "already_live", "target": "prod", "already_live": [{
        "component": "api", "version": "HEAD", "commit": "3f2a9c1b04de000000000000000000000000beef",
        "alias": "api.prod.myproj.com", "hostname": "api-3f2a9c1b04de.prod.myproj.com"}]});
    check(
        &ended(End::Succeeded { output }),
        expect![[r#"
        Already live on prod: nothing was launched.
          api.prod.myproj.com was already api-3f2a9c1b04de (asked for HEAD)"#]],
    );
}

#[test]
fn tags_of_what_was_live_already_are_told() {
    let output = json!({"outcome": "already_live", "target": "prod", "already_live": [{
        "component": "api", "version": "HEAD", "commit": "3f2a9c1b04de000000000000000000000000beef",
        "alias": "api.prod.myproj.com", "hostname": "api-3f2a9c1b04de.prod.myproj.com"}],
        "tag": {"tag": "release/prod/43", "tags": [{"component": "api", "outcome": "pushed", "reason": ""}]}});
    check(
        &ended(End::Succeeded { output }),
        expect![[r#"
        Already live on prod: nothing was launched.
          api.prod.myproj.com was already api-3f2a9c1b04de (asked for HEAD)
          Tagged release/prod/43: api"#]],
    );
}

#[test]
fn a_release_that_could_not_be_planned_points_at_the_plan() {
    let (error, cause) = (
        "VersionUnknown".into(),
        "api has no tag, branch or commit `v9`.".into(),
    );
    check(
        &ended(End::Failed { error, cause }),
        expect![[r#"
        Not released: VersionUnknown
          api has no tag, branch or commit `v9`.
        Next: cutover logs api-HEAD-stage-mzx1 --stage plan-release --function"#]],
    );
}

#[test]
fn a_stopped_or_late_release_says_that_something_may_be_left() {
    check(
        &ended(End::TimedOut),
        expect![[r#"
        Not released: timed out
          The release reached its time limit. Its candidates may still run: see `cutover
          status`.
        Next: cutover logs api-HEAD-stage-mzx1 --stage plan-release --function"#]],
    );
    check(
        &ended(End::Aborted {
            cause: "wrong branch.".into(),
        }),
        expect![[r#"
            Not released: stopped
              Somebody stopped the execution. wrong branch. Its candidates may still run.
            Next: cutover logs api-HEAD-stage-mzx1 --stage plan-release --function"#]],
    );
}

#[test]
fn an_output_of_another_version_is_shown_as_far_as_it_is_understood() {
    check(
        &ended(End::Succeeded {
            output: json!({"outcome": "live", "components": [{"new": 1}]}),
        }),
        expect![[r#"
            Released api-HEAD-stage-mzx1 in 2.0s.
            Next: cutover status --target prod"#]],
    );
    check(
        &ended(End::Succeeded {
            output: json!(null),
        }),
        expect![[r#"
            Released api-HEAD-stage-mzx1 in 2.0s.
            Next: cutover status --target prod"#]],
    );
}

#[test]
fn a_script_gets_the_outcome_in_one_object() {
    let (model, _) = replay(LOCAL_SUITES_FAILED);
    expect![[r#"{"cause":"api, Integration tests: suite smoke failed. Release stage-r42 was not released; its candidates were discarded.","error":"IntegrationTestsFailed","execution":"x","execution_arn":"arn:x","exit_code":1,"message":"api, Integration tests: suite smoke failed. Release stage-r42 was not released; its candidates were discarded.","outcome":"not_released","release":"stage-r42","seconds":3.5,"seconds_until_moved":null,"status":"FAILED","target":"stage"}"#]].assert_eq(&ending_json(&model, "x", "arn:x").to_string());
}

#[test]
fn an_umbrella_release_says_who_was_tested_beside_it_how_often_and_what_was_tagged() {
    check(
        &replay(AWS_UMBRELLA).0,
        expect![[r#"
            Released stage-r42 in 2m07s; the aliases moved after 34.0s.
              api.stage.myproj.com is now api-3f2a9c1b04de (before: api-0123456789ab)
              msa.stage.myproj.com is now msa-aaaaaaaaaaaa (before: msa-0123456789ab)
              msb.stage.myproj.com is now msb-bbbbbbbbbbbb (before: msb-0123456789ab)
              pay.stage.myproj.com is now pay-cccccccccccc (nothing before)
              ui.stage.myproj.com was already ui-1b2c00000000 (asked for HEAD)
              Tests: 5 passed (10 test cases), 0 failed, 1 skipped: pay/soak
              Tested beside it: ui 2c3d00000000
              Tested 2 times: what it talks to, or what talks to it, moved meanwhile
              Ended after the drain: api-0123456789ab, msa-0123456789ab, msb-0123456789ab
              and 2 companions (4 instances)
              Tagged release/stage/42: api, pay, ui (already there: msa)
            Next: cutover status --target stage"#]],
    );
}

#[test]
fn a_tag_that_is_not_there_is_a_warning_and_the_release_is_live_nevertheless() {
    let (model, _) = replay(AWS_UMBRELLA);
    expect!["warning: msb did not get the tag release/stage/42: https://git.example.com/team/msb.git refuses the credentials"].assert_eq(&warnings(&model).join("\n"));
    let output = json!({"outcome": "live", "tag": {"failed": "the tags could not be pushed: States.Timeout: "}});
    let model = ended(End::Succeeded { output });
    expect!["warning: the tags could not be pushed: States.Timeout: "]
        .assert_eq(&warnings(&model).join("\n"));
}

#[test]
fn tags_that_were_there_before_are_told_from_new_ones() {
    let tag = |outcomes: &[&str]| {
        let tags: Vec<_> = ["api", "ui"]
            .iter()
            .zip(outcomes)
            .map(|(component, outcome)| json!({"component": component, "outcome": outcome, "reason": "no"}))
            .collect();
        super::tags::tagged(&json!({"tag": {"tag": "release/stage/42", "tags": tags}}))
    };
    let shown = [
        tag(&["pushed", "pushed"]),
        tag(&["already_there", "pushed"]),
        tag(&["already_there", "already_there"]),
        tag(&["failed", "failed"]),
    ];
    let shown = shown.map(|line| line.unwrap_or_else(|| "nothing".into()));
    expect![[r#"
        Tagged release/stage/42: api, ui
        Tagged release/stage/42: ui (already there: api)
        Tagged release/stage/42 before: api, ui
        nothing"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn a_roll_back_says_that_its_set_was_not_tested_again_and_what_stays() {
    check(
        &replay(LOCAL_ROLLED_BACK).0,
        expect![[r#"
            Rolled back as stage-r43 in 1m38s; the aliases moved after 7.1s.
              api.stage.myproj.com is now api-0123456789ab (before: api-3f2a9c1b04de)
              msa.stage.myproj.com is now msa-0123456789ab (before: msa-aaaaaaaaaaaa)
              Stays, since nothing was live before it: pay
              Not tested again: all suites passed here before with these versions
              Ended after the drain: api-3f2a9c1b04de, msa-aaaaaaaaaaaa (2 instances)
            Next: cutover status --target stage"#]],
    );
}

#[test]
fn a_companion_that_does_not_boot_leaves_its_log_where_it_is_looked_for() {
    check(
        &replay(LOCAL_COMPANION_FAILED).0,
        expect![[r#"
        Not released: NotHealthy
          ui, Deploy (initial) of a companion, as it is live: not healthy in time.
        Next: cutover logs stage-r42 --component ui --stage deploy-initial"#]],
    );
}

#[test]
fn a_release_of_a_library_says_what_to_write_to_pin_it() {
    let commit = "3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b";
    let library = json!({"component": "gdal", "commit": commit, "artifact_sha256": "s", "built_by": "prod-r7"});
    let output = json!({"outcome": "libraries_released", "target": "prod", "libraries": [library],
        "already_live": [], "suites": [], "warnings": []});
    check(
        &ended(End::Succeeded { output }),
        expect![[r#"
            Released api-HEAD-stage-mzx1 in 2.0s.
              gdal can be pinned: gdal = { commit = "3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b" }
              Tests: the components have no suites.
            Next: cutover component list"#]],
    );
    let library =
        json!({"component": "gdal", "version": "v1", "commit": commit, "artifact_sha256": "s"});
    let output = json!({"outcome": "already_live", "target": "prod", "already_live": [],
        "already_built": [library]});
    check(
        &ended(End::Succeeded { output }),
        expect![[r#"
            Already released: nothing was built.
              gdal was released already: gdal = { commit = "3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b" }"#]],
    );
}
