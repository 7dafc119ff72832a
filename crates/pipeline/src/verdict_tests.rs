use super::*;
use crate::names::{Component, SuiteName};
use crate::reason::Reason;
use crate::wire::FailedStage;
use expect_test::expect;

fn failure(component: Option<&str>, stage: &str, error: &str, cause: &str) -> Failure {
    Failure {
        component: component.map(|name| Component::new(name).unwrap()),
        failed: FailedStage {
            stage: stage.into(),
            error: error.into(),
            cause: cause.into(),
        },
    }
}

fn still() -> Vec<StillLive> {
    vec![(
        Fqdn::new("api.stage.myproj.com").unwrap(),
        Some(Fqdn::new("api-3f2a9c1b04de.stage.myproj.com").unwrap()),
    )]
}

#[test]
fn a_failed_build_names_component_stage_and_reason_and_what_users_see() {
    let failure = failure(
        Some("api"),
        "Build",
        "BuildFailed",
        r#"{"errorType":"BuildFailed","errorMessage":"`make dist` exited with 2; log: s3://b/logs/stage-r4/api/build.log"}"#,
    );
    let happened = FailedRelease {
        failures: &[failure],
        still: &still(),
        ..FailedRelease::default()
    };
    let verdict = verdict(&happened, "stage-r4");
    assert_eq!(verdict.error, "BuildFailed");
    expect!["api.stage.myproj.com still points at api-3f2a9c1b04de.stage.myproj.com. api, Build: `make dist` exited with 2; log: s3://b/logs/stage-r4/api/build.log. Release stage-r4 was not released; its candidates were discarded."].assert_eq(&verdict.cause);
}

/// The sample of the README and of docs/errors.md.
#[test]
fn failed_unit_tests_say_first_what_users_see_and_then_where_the_log_is() {
    let failure = failure(
        Some("api"),
        "Unit tests | Build",
        "UnitTestsFailed",
        r#"{"errorType":"UnitTestsFailed","errorMessage":"unit tests of 3f2a9c1b04de: `make test` exited with code 2 after 1.3 s, saying: 1 of 7 wrong; log: s3://<bucket>/logs/stage-r42/api/unit-tests.log"}"#,
    );
    let still = [(
        Fqdn::new("api.stage.myproj.com").unwrap(),
        Some(Fqdn::new("api-0123456789ab.stage.myproj.com").unwrap()),
    )];
    let happened = FailedRelease {
        failures: &[failure],
        still: &still,
        ..FailedRelease::default()
    };
    expect!["api.stage.myproj.com still points at api-0123456789ab.stage.myproj.com. api, Unit tests | Build: unit tests of 3f2a9c1b04de: `make test` exited with code 2 after 1.3 s, saying: 1 of 7 wrong; log: s3://<bucket>/logs/stage-r42/api/unit-tests.log. Release stage-r42 was not released; its candidates were discarded."]
        .assert_eq(&verdict(&happened, "stage-r42").cause);
}

#[test]
fn a_release_that_is_live_after_all_says_what_went_wrong_and_that_it_is_live() {
    let lost = failure(
        None,
        "Deploy (cutover)",
        "AccessDenied",
        r#"{"errorType":"AccessDenied","errorMessage":"route53:GetChange: AccessDenied"}"#,
    );
    expect!["stage-r4 is live: the aliases had moved before this failed, as DNS shows. Deploy (cutover): route53:GetChange: AccessDenied."].assert_eq(&live_after_all(&[lost], "stage-r4"));
}

#[test]
fn failed_suites_are_all_named() {
    let red = |suite: &str, outcome| SuiteReply {
        component: Component::new("api").unwrap(),
        companion: suite == "zap",
        suite: SuiteName::new(suite).unwrap(),
        outcome,
        reason: Reason::new(&format!("failed: {suite} said no")),
        remark: Reason::default(),
        command_seconds: 1.0,
        tests: 1,
        failures: 1,
        log: String::new(),
    };
    let tests = [
        red("smoke", SuiteOutcome::Failed),
        red("zap", SuiteOutcome::TimedOut),
        red("ok", SuiteOutcome::Passed),
    ];
    let happened = FailedRelease {
        tests: &tests,
        ..FailedRelease::default()
    };
    let verdict = verdict(&happened, "stage-r4");
    assert_eq!(verdict.error, "IntegrationTestsFailed");
    assert!(
        verdict.cause.contains("suite smoke failed")
            && verdict.cause.contains(
                "api (the live version, tested beside this release), Integration tests: suite zap failed"
            )
            && !verdict.cause.contains("suite ok")
    );
}

#[test]
fn a_release_whose_candidates_a_later_one_ended_was_superseded() {
    let gone = failure(
        Some("api"),
        "Deploy (initial)",
        "CandidateGone",
        "it is gone",
    );
    let by = superseded_by(&Component::new("api").unwrap(), Ticket(9), Ticket(7));
    let happened = FailedRelease {
        failures: &[gone],
        superseded: Some(&by),
        ..FailedRelease::default()
    };
    let verdict = verdict(&happened, "stage-r7");
    assert_eq!(verdict.error, "Superseded");
    expect!["api: release r9 is later than r7 and is live; a newer version is never replaced by an older one. api, Deploy (initial): it is gone. Release stage-r7 was not released; its candidates were discarded."]
        .assert_eq(&verdict.cause);
    let unbuilt = failure(Some("api"), "Build", "BuildFailed", "no compiler");
    let happened = FailedRelease {
        failures: &[unbuilt],
        superseded: Some(&by),
        ..FailedRelease::default()
    };
    assert_eq!(super::verdict(&happened, "stage-r7").error, "BuildFailed");
}

#[test]
fn what_the_others_did_is_told() {
    let component = |name: &str| Component::new(name).unwrap();
    let happened = FailedRelease {
        failures: &[failure(Some("api"), "Build", "BuildFailed", "no compiler")],
        reached: &[
            (component("api"), false),
            (component("msa"), true),
            (component("msb"), true),
            (component("ui"), false),
        ],
        ..FailedRelease::default()
    };
    expect!["api, Build: no compiler. Of the others, msa and msb became healthy; ui had no instances yet. Release stage-r4 was not released; its candidates were discarded."]
        .assert_eq(&verdict(&happened, "stage-r4").cause);
}

#[test]
fn a_time_limit_says_so() {
    assert_eq!(
        message_of("States.Timeout", ""),
        "the stage did not end within its time limit"
    );
}

#[test]
fn a_function_that_was_killed_is_told_from_one_that_refused() {
    let killed = r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 59f8 Error: Runtime exited with error: signal: killed"}"#;
    expect!["the function ended without an answer (Runtime.ExitError): it ran out of time or memory, or crashed; see its log. RequestId: 59f8 Error: Runtime exited with error: signal: killed"]
        .assert_eq(&message_of("Runtime.ExitError", killed));
    for error in WITHOUT_AN_ANSWER {
        let said = message_of(error, "");
        assert!(
            said.starts_with("the function ended without an answer"),
            "{said}"
        );
    }
    let refused = r#"{"errorType":"BuildFailed","errorMessage":"no compiler"}"#;
    assert_eq!(message_of("BuildFailed", refused), "no compiler");
}

#[test]
fn a_release_that_came_to_no_plan_says_that_nothing_moved_and_where_it_failed() {
    let failed = |error: &str, cause: &str| failure(None, "Plan release", error, cause).failed;
    let killed = r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 59f8 Error: Runtime exited"}"#;
    expect!["No alias was moved and nothing was launched. Plan release: the function ended without an answer (Runtime.ExitError): it ran out of time or memory, or crashed; see its log. RequestId: 59f8 Error: Runtime exited."]
        .assert_eq(&unplanned(&failed("Runtime.ExitError", killed)));
    let refused =
        r#"{"errorType":"UnknownVersion","errorMessage":"api has no tag, branch or commit `v9`"}"#;
    expect!["No alias was moved and nothing was launched. Plan release: api has no tag, branch or commit `v9`."]
        .assert_eq(&unplanned(&failed("UnknownVersion", refused)));
}

#[test]
fn a_peer_that_is_not_live_is_told_in_a_sentence() {
    let of = |names: &[&str], known| {
        let names: Vec<Component> = names.iter().map(|n| Component::new(*n).unwrap()).collect();
        let names: Vec<&Component> = names.iter().collect();
        let (msa, stage) = (
            Component::new("msa").unwrap(),
            Target::new("stage").unwrap(),
        );
        peer_not_live(&names, &msa, &stage, known)
    };
    expect!["ui names the peer msa, which is not live on stage: release msa there first, or ui and msa together"]
        .assert_eq(&of(&["ui"], true));
    expect!["api, pay and ui name the peer msa, which is not live on stage: release msa there first, or api, pay, ui and msa together"]
        .assert_eq(&of(&["api", "pay", "ui"], true));
    expect!["api and ui name the peer msa, which is not a component of this project: correct [component] peers in their manifests, or add msa with `cutover component add`"]
        .assert_eq(&of(&["api", "ui"], false));
}

#[test]
fn of_many_aliases_it_is_told_that_none_moved() {
    let still: Vec<StillLive> = (0..98)
        .map(|n| (Fqdn::new(format!("c{n}.stage.myproj.com")).unwrap(), None))
        .collect();
    let failure = failure(Some("api"), "Build", "BuildFailed", &"x".repeat(20_000));
    let happened = FailedRelease {
        failures: &[failure],
        still: &still,
        ..FailedRelease::default()
    };
    let cause = verdict(&happened, "stage-r4").cause;
    assert!(cause.starts_with("None of its 98 aliases was moved: c0.stage.myproj.com and the others point where they did. api, Build: xxx"));
    assert!(cause.ends_with("… Release stage-r4 was not released; its candidates were discarded."));
    assert!(cause.chars().count() <= MAX_CAUSE);
}

#[test]
fn an_endless_cause_is_cut() {
    let failure = failure(None, "Plan release", "X", &"x".repeat(100_000));
    let happened = FailedRelease {
        failures: &[failure],
        ..FailedRelease::default()
    };
    let cause = verdict(&happened, "stage-r4").cause;
    assert!(cause.chars().count() <= MAX_CAUSE + 1);
}

#[test]
fn a_library_that_was_not_released_affects_nobody() {
    let failure = failure(Some("gdal"), "Unit tests | Build", "BuildFailed", "no");
    let gdal = Component::new("gdal").unwrap();
    let happened = FailedRelease {
        failures: &[failure],
        libraries: &[&gdal],
        ..FailedRelease::default()
    };
    expect!["Nothing that runs is affected: gdal is a library, and every component stays with the commit that it pins. gdal, Unit tests | Build: no. Release stage-r4 was not released."].assert_eq(&verdict(&happened, "stage-r4").cause);
}

#[test]
fn a_library_that_was_released_stays_so_when_its_user_fails() {
    let failure = failure(Some("api"), "Deploy (initial)", "NotHealthy", "no");
    let gdal = Tagged {
        component: Component::new("gdal").unwrap(),
        commit: crate::names::Commit::new("a".repeat(40)).unwrap(),
    };
    let happened = FailedRelease {
        failures: &[failure],
        still: &still(),
        released: &[gdal],
        ..FailedRelease::default()
    };
    expect!["api.stage.myproj.com still points at api-3f2a9c1b04de.stage.myproj.com. api, Deploy (initial): no. Release stage-r4 was not released; its candidates were discarded. The library gdal aaaaaaaaaaaa is released and stays so."].assert_eq(&verdict(&happened, "stage-r4").cause);
}

#[test]
fn libraries_that_are_all_released_are_not_said_not_to_be() {
    let failure = failure(None, "Record libraries", "AccessDenied", "no");
    let gdal = Tagged {
        component: Component::new("gdal").unwrap(),
        commit: crate::names::Commit::new("a".repeat(40)).unwrap(),
    };
    let happened = FailedRelease {
        failures: &[failure],
        released: &[gdal],
        ..FailedRelease::default()
    };
    expect!["Nothing that runs is affected: gdal is a library, and every component stays with the commit that it pins. Record libraries: no. Release stage-r4 did not come to its end. The library gdal aaaaaaaaaaaa is released and stays so."].assert_eq(&verdict(&happened, "stage-r4").cause);
}
