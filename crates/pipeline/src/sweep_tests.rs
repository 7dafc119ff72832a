use super::testing::{at, look, release, row, stopped, with};
use super::*;
use crate::records::{Record, ZoneView};
use crate::rows::CandidateState::{Discarded, Healthy, Leaving, Live, Planned};
use crate::rows::ReleaseOutcome::{self, NotReleased, Running};
use crate::wire::Instance;
use expect_test::{Expect, expect};
use std::sync::Arc;

fn check(look: &Look, expected: Expect) {
    let target = Target::new("stage").unwrap();
    let plan = plan_sweep(look, &target);
    let jobs = plan.jobs.iter().map(|job| job.sentence(&target));
    let named = plan.named.iter().map(|one| format!("left alone: {one}"));
    let lines: Vec<String> = jobs.chain(named).collect();
    expected.assert_eq(&lines.join("\n"));
}

fn companion(digit: char, ticket: u64) -> CandidateRow {
    CandidateRow {
        companion: true,
        ..row("ui", digit, ticket, Healthy)
    }
}

#[test]
fn a_stopped_release_gives_up_its_candidates_and_companions() {
    let seen = look(&[row("api", 'b', 8, Healthy), companion('c', 8)]);
    let seen = with(seen, release(8, Running), stopped());
    check(
        &seen,
        expect![
            "stage-r8: its execution was stopped; its row gets to say how it ended, and api-bbbbbbbbbbbb.stage.myproj.com, ui-cccccccccccc.stage.myproj.com go"
        ],
    );
}

#[test]
fn a_stopped_release_of_which_nothing_stands_is_recorded_truly() {
    let seen = with(look(&[]), release(8, Running), stopped());
    check(
        &seen,
        expect![
            "stage-r8: its execution was stopped; its row gets to say how it ended, and nothing of it stands"
        ],
    );
}

#[test]
fn a_running_release_is_left_alone_with_all_that_it_has() {
    let seen = look(&[row("api", 'b', 8, Planned), companion('c', 8)]);
    let seen = with(seen, release(8, Running), Stands::Runs);
    check(&seen, expect![""]);
}

#[test]
fn a_release_whose_execution_was_not_asked_for_is_left_alone() {
    let mut seen = look(&[row("api", 'b', 8, Healthy), companion('c', 8)]);
    let one = release(8, Running);
    seen.releases.insert(one.row.ticket, one);
    check(&seen, expect![""]);
}

#[test]
fn what_is_live_and_all_that_was_taken_over_stays() {
    let taken = CandidateRow {
        launched_by: Some(Ticket(6)),
        ..row("api", 'c', 8, Healthy)
    };
    let seen = with(look(&[taken]), release(8, NotReleased), stopped());
    check(&seen, expect![""]);
}

#[test]
fn a_release_that_was_recorded_already_is_only_cleared_away() {
    let seen = with(look(&[]), release(8, NotReleased), stopped());
    check(&seen, expect![""]);
    let left = look(&[row("api", 'b', 8, Leaving)]);
    let seen = with(left, release(8, NotReleased), stopped());
    check(
        &seen,
        expect![
            "stage-r8: its execution was stopped; its row gets to say how it ended, and api-bbbbbbbbbbbb.stage.myproj.com goes"
        ],
    );
}

/// Release 7 is live in the place of `b` of release 6.
fn replaced() -> Look {
    let seen = look(&[row("api", 'b', 6, Live)]);
    let ended = Stands::Ended(Ending::Succeeded);
    with(seen, release(6, ReleaseOutcome::Live), ended)
}

#[test]
fn what_was_live_before_goes_when_its_drain_is_over() {
    check(
        &replaced(),
        expect![
            "stage-r7: it is live and its execution has ended; once nobody can remember what was before, api-bbbbbbbbbbbb.stage.myproj.com goes"
        ],
    );
    let mut seen = replaced();
    seen.drained.insert(Ticket(7));
    check(
        &seen,
        expect!["stage-r7: it is live and has drained, and api-bbbbbbbbbbbb.stage.myproj.com goes"],
    );
    let mut seen = replaced();
    seen.releases.get_mut(&Ticket(7)).unwrap().recorded = Some(90 + SURELY_IN_SYNC + 1);
    check(
        &seen,
        expect!["stage-r7: it is live and has drained, and api-bbbbbbbbbbbb.stage.myproj.com goes"],
    );
}

#[test]
fn what_may_have_connections_is_left_until_that_is_over() {
    let mut kept = row("api", 'b', 6, Live);
    let commit = kept.commit.clone();
    kept.recipe = Some(crate::testing::recipe("api", &commit, "drain='15m'"));
    kept.kept_until = Some("2026-03-01T12:15:00Z".into());
    let ended = Stands::Ended(Ending::Succeeded);
    let mut seen = with(look(&[kept]), release(6, ReleaseOutcome::Live), ended);
    seen.drained.insert(Ticket(7));
    seen.now = "2026-03-01T12:14:59Z".into();
    check(&seen, expect![""]);
    assert_eq!(in_question(&seen), BTreeSet::new());
    seen.now = "2026-03-01T12:15:00Z".into();
    assert_eq!(in_question(&seen), BTreeSet::from([Ticket(6), Ticket(7)]));
    check(
        &seen,
        expect!["stage-r7: it is live and has drained, and api-bbbbbbbbbbbb.stage.myproj.com goes"],
    );
}

/// An umbrella release may replace more than one run asks for, and bakes for an hour.
#[test]
fn what_was_not_asked_for_is_left_only_if_it_waits_for_nobody() {
    let left = |outcome, by| {
        let before = row("api", 'b', 6, Live);
        let mut seen = with(look(&[before]), release(7, ReleaseOutcome::Live), by);
        seen.releases.insert(Ticket(6), release(6, outcome));
        seen.unasked = BTreeSet::from([Ticket(6)]);
        plan_sweep(&seen, &Target::new("stage").unwrap()).left
    };
    assert_eq!(left(ReleaseOutcome::Live, Stands::Runs), 0);
    assert_eq!(left(ReleaseOutcome::Live, stopped()), 1);
    assert_eq!(left(ReleaseOutcome::Running, Stands::Runs), 1);
}

#[test]
fn what_a_drain_needs_is_left_alone() {
    let seen = with(replaced(), release(7, ReleaseOutcome::Live), Stands::Runs);
    check(&seen, expect![""]);
}

#[test]
fn an_earlier_release_that_is_tested_still_is_left_alone() {
    let seen = with(replaced(), release(6, Running), Stands::Runs);
    check(&seen, expect![""]);
}

#[test]
fn a_companion_of_what_is_live_and_over_goes_without_a_drain() {
    let seen = look(&[companion('c', 7)]);
    check(
        &seen,
        expect![
            "stage-r7: it has ended, and ui-cccccccccccc.stage.myproj.com goes, which was only tested beside it"
        ],
    );
    let seen = with(seen, release(7, ReleaseOutcome::Live), Stands::Runs);
    check(&seen, expect![""]);
}

#[test]
fn records_that_came_late_go_and_those_of_nobody_are_named() {
    let mut seen = look(&[]);
    let record = |digit| Record::addresses(at("api", digit), vec!["10.0.0.9".into()], 59);
    let records = seen.zone.records().cloned();
    seen.zone = ZoneView::new(records.chain([record('b'), record('c')]));
    let gone = row("api", 'b', 6, Discarded);
    seen.past.insert(gone.hostname.clone(), Arc::new(gone));
    check(
        &seen,
        expect![[r#"
            records that came after what they lead to had gone: api-bbbbbbbbbbbb.stage.myproj.com goes
            left alone: api-cccccccccccc.stage.myproj.com: its record leads to addresses, and no row says whose"#]],
    );
}

fn instance(id: &str, release: &str, name: char, address: &str) -> Launched {
    Launched {
        id: id.into(),
        release: Some(release.into()),
        name: Some(at("api", name).to_string()),
        address: Some(address.into()),
    }
}

#[test]
fn instances_of_dead_releases_that_nothing_claims_go_and_those_of_nobody_are_named() {
    let mut seen = with(look(&[]), release(8, NotReleased), stopped());
    seen = with(seen, release(9, Running), Stands::Runs);
    seen.instances = vec![
        instance("i-live", "stage-r7", 'a', "10.0.0.1"),
        instance("i-led-to", "stage-r8", 'd', "10.0.0.1"),
        instance("i-dead", "stage-r8", 'b', "10.0.0.8"),
        instance("i-runs", "stage-r9", 'b', "10.0.0.9"),
        instance("i-nobody", "stage-r99", 'b', "10.0.0.7"),
    ];
    check(
        &seen,
        expect![[r#"
            instances of releases that ended, in no row and no record: i-dead goes
            left alone: i-nobody: an instance whose release (stage-r99) is not recorded"#]],
    );
}

#[test]
fn what_a_row_names_stays_whatever_its_tags_say() {
    let mut replaced = row("api", 'b', 8, Healthy);
    replaced.instances = vec![Instance {
        id: "i-renamed".into(),
        address: "10.0.0.8".into(),
    }];
    let mut seen = with(look(&[replaced]), release(8, NotReleased), stopped());
    seen.instances = vec![
        instance("i-renamed", "stage-r8", 'd', "10.0.0.8"),
        instance("i-stray", "stage-r8", 'd', "10.0.0.9"),
    ];
    let ids: Vec<&str> = seen.strays().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["i-stray"]);
}

#[test]
fn a_row_of_no_recorded_release_is_named() {
    let seen = look(&[row("api", 'b', 99, Healthy), companion('c', 98)]);
    check(
        &seen,
        expect![[r#"
            left alone: api-bbbbbbbbbbbb.stage.myproj.com: its row says stage-r99, which is not recorded
            left alone: ui-cccccccccccc.stage.myproj.com: its row says stage-r98, which is not recorded"#]],
    );
}

#[test]
fn those_are_asked_for_of_which_something_could_be_left_and_no_others() {
    let asked =
        |look: &Look| -> Vec<u64> { in_question(look).into_iter().map(|one| one.0).collect() };
    assert_eq!(
        asked(&look(&[])),
        [0; 0],
        "what is live alone is no question"
    );
    assert_eq!(asked(&replaced()), [6, 7]);
    let seen = with(look(&[]), release(8, Running), stopped());
    assert_eq!(asked(&seen), [8]);
    let mut seen = with(look(&[]), release(5, NotReleased), stopped());
    seen.instances = vec![instance("i-1", "stage-r5", 'b', "10.0.0.9")];
    assert_eq!(asked(&seen), [5]);
}

#[test]
fn a_run_takes_so_many_releases_and_says_what_is_left() {
    let mut seen = look(&[]);
    for ticket in 10..(10 + MOST_JOBS as u64 + 3) {
        seen = with(seen, release(ticket, Running), stopped());
    }
    let plan = plan_sweep(&seen, &Target::new("stage").unwrap());
    assert_eq!((plan.jobs.len(), plan.left), (MOST_JOBS, 3));
}

#[test]
fn an_input_is_an_event_or_what_somebody_typed() {
    let of = |input| Whom::parse(&input).map(|whom| (whom.cause, whom.dry_run));
    let event = serde_json::json!({"source": "aws.states", "detail": {"executionArn": "arn:x"}});
    assert_eq!(of(event), Ok((Cause::Ended("arn:x".into()), false)));
    let schedule = serde_json::json!({"source": "aws.events", "detail": {}});
    assert_eq!(of(schedule), Ok((Cause::Schedule, false)));
    let stage = Target::new("stage").unwrap();
    let typed = serde_json::json!({"target": "stage", "dry_run": true});
    assert_eq!(of(typed), Ok((Cause::Asked(Some(stage)), true)));
    assert_eq!(of(serde_json::json!({})), Ok((Cause::Asked(None), false)));
    let unknown = of(serde_json::json!({"targets": "stage"})).unwrap_err();
    assert!(unknown.contains("unknown field `targets`"), "{unknown}");
    assert!(of(serde_json::json!({"source": "aws.ec2"})).is_err());
    assert!(of(serde_json::json!({"source": "aws.states"})).is_err());
}

#[test]
fn another_look_comes_when_what_drains_has_drained() {
    let target = Target::new("stage").unwrap();
    let mut swept = Swept::of(&target, &SweepPlan::default());
    assert_eq!(
        SweepReply::of(vec![(swept.clone(), 90)], Vec::new()).again,
        None
    );
    swept.draining.push(Ticket(7));
    let reply = SweepReply::of(vec![(swept.clone(), 90)], Vec::new());
    let drained = vec![Drained {
        target,
        ticket: Ticket(7),
    }];
    let again = Again {
        seconds: 90,
        drained,
    };
    assert_eq!((reply.again, reply.failed), (Some(again), String::new()));
    swept.draining.clear();
    swept.failed_at("stage-r7: no");
    let reply = SweepReply::of(vec![(swept.clone(), 90)], Vec::new());
    assert_eq!(
        (reply.again, reply.failed.as_str()),
        (None, "stage-r7: no.")
    );
    swept.may_pass = true;
    let reply = SweepReply::of(vec![(swept, 0)], Vec::new());
    assert_eq!(reply.again.map(|again| again.seconds), Some(1));
}
