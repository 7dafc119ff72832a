use super::super::ChangeOutcome;
use super::super::testing::{asks, at, component, release, row, rows, stands, zone};
use super::*;
use crate::rows::{CandidateState, Previous};
use crate::version::Version;
use expect_test::{Expect, expect};
use std::collections::BTreeSet;

#[path = "roll_back_waiting_tests.rs"]
mod waiting;

#[path = "roll_back_restart_tests.rs"]
mod restart;

/// Release 42 brought `b`, and `a` of release 7 was live before.
fn asked() -> BackRequest {
    BackRequest {
        release: release(),
        components: vec![stands("api", 'b')],
        unwell: "instance i-2 is terminated".into(),
        failed: BTreeSet::new(),
        execution_arn: String::new(),
        began: String::new(),
        entered: String::new(),
    }
}

fn alias_row() -> AliasRow {
    let live = row("api", 'b', 42);
    AliasRow {
        component: component("api"),
        commit: live.commit.clone(),
        hostname: live.hostname.clone(),
        instances: Vec::new(),
        version: Version::Head,
        release: live.release.clone(),
        ticket: live.ticket,
        execution: String::new(),
        since: String::new(),
        port: 8080,
        peers: Vec::new(),
        artifact_sha256: String::new(),
        launch_template_version: String::new(),
        previous: Some(Previous::of(&before())),
        brought_by: None,
        change_id: None,
        replaced: None,
        rolled_back: None,
    }
}

fn before() -> CandidateRow {
    CandidateRow {
        state: CandidateState::Live,
        ..row("api", 'a', 7)
    }
}

fn well() -> Answer {
    Answer::Conditions([(at("api", 'a'), Condition::Well)].into())
}

fn look() -> Vec<Answer> {
    vec![
        Answer::Plan(PlanFound::None),
        Answer::Zone(zone("ba")),
        Answer::Aliases(vec![alias_row()]),
        Answer::Rows(rows(&[before()])),
        well(),
    ]
}

fn taken() -> CandidateRow {
    CandidateRow {
        launched_by: Some(Ticket(7)),
        ..row("api", 'a', 43)
    }
}

fn reserved() -> Vec<Answer> {
    vec![Answer::Ticket(Ticket(43)), Answer::Reserved(true)]
}

/// Its own rows, and a look.
fn looks_to_move() -> Vec<Answer> {
    vec![
        Answer::Rows(rows(&[taken()])),
        Answer::Zone(zone("ba")),
        Answer::Rows(rows(&[row("api", 'b', 42), taken()])),
    ]
}

fn told() -> Vec<Answer> {
    vec![Answer::Done]
}

fn check(answers: &[Vec<Answer>], last: usize, expected: Expect) {
    let lines = asks(RollBack::new(asked()), answers.concat());
    let from = lines.len() - last;
    expected.assert_eq(&lines[from..].join("\n"));
}

#[test]
fn it_looks_reserves_moves_and_records_in_this_order() {
    let moved = vec![
        well(),
        Answer::Changed(ChangeOutcome::Applied("C1".into())),
        Answer::Aliases(vec![alias_row()]),
        Answer::Rows(rows(&[row("api", 'b', 42)])),
        Answer::Done,
        Answer::Moved([at("api", 'a')].into()),
        Answer::Done,
        Answer::Done,
    ];
    let all = [
        look(),
        reserved(),
        looks_to_move(),
        moved,
        vec![Answer::Done],
        told(),
    ];
    check(
        &all,
        21,
        expect![[r#"
            reads the plan of x-back
            looks at the zone
            reads 1 rows of aliases
            reads 1 rows of hostnames
            looks at the instances of 1
            draws a ticket
            reserves 1 names
            reads 1 rows of hostnames
            looks at the zone
            reads 2 rows of hostnames
            looks at the instances of 1
            applies its batch (cutover of stage-r43)
            reads 1 rows of aliases
            reads 1 rows of hostnames
            records 1 aliases
            marks 1 rows as Live
            records r43 as live
            waits until C1 is INSYNC
            records r42 as rolled back
            tells that back-stage-r42 is Done
            BackReply { outcome: RolledBack, ticket: Some(Ticket(43)), components: [Component("api")], error: "RolledBack", cause: "api.stage.myproj.com leads to api-aaaaaaaaaaaa.stage.myproj.com again, which ran all the time. Release stage-r42 had gone live and was taken back by Roll back as stage-r43, because instance i-2 is terminated. A push of these commits does not bring them again; a release by hand does.", unannounced: 0 }"#]],
    );
}

#[test]
fn where_its_rows_changed_hands_it_asks_first_whether_they_are_its_own_by_now() {
    let taken = vec![Answer::Ticket(Ticket(43)), Answer::Reserved(false)];
    check(&[look(), taken], 1, expect!["reads the plan of x-back"]);
}

#[test]
fn it_stays_where_the_rows_keep_changing_hands() {
    let taken = vec![Answer::Ticket(Ticket(43)), Answer::Reserved(false)];
    let once = [look(), taken].concat();
    check(
        &[once.clone(), once.clone(), once, told()],
        1,
        expect![[
            r#"BackReply { outcome: Stays, ticket: None, components: [], error: "DiedAfterCutover", cause: "Users of api are affected: release stage-r42 went live and is not healthy: instance i-2 is terminated. It was not taken back: what was live before kept changing hands.", unannounced: 0 }"#
        ]],
    );
}

#[test]
fn a_second_try_goes_on_where_the_first_was() {
    let release = Release {
        ticket: Ticket(43),
        ..release()
    };
    let back = Back {
        row: before(),
        again: None,
    };
    let plan = plan_of(release, &[back], Vec::new());
    let found = vec![Answer::Plan(PlanFound::Own(Box::new(plan)))];
    check(
        &[found, looks_to_move()],
        4,
        expect![[r#"
        reads 1 rows of hostnames
        looks at the zone
        reads 2 rows of hostnames
        looks at the instances of 1"#]],
    );
}

#[test]
fn it_stays_where_what_was_live_before_ends_in_this_moment() {
    let gone = Condition::Gone("instance i-1 is terminated".into());
    let gone = vec![Answer::Conditions([(at("api", 'a'), gone)].into())];
    check(
        &[look(), reserved(), looks_to_move(), gone, told()],
        1,
        expect![[
            r#"BackReply { outcome: Stays, ticket: None, components: [], error: "DiedAfterCutover", cause: "Users of api are affected: release stage-r42 went live and is not healthy: instance i-2 is terminated. It was not taken back: the candidate api-aaaaaaaaaaaa.stage.myproj.com did not stay healthy: instance i-1 is terminated. What was live before was not ended.", unannounced: 0 }"#
        ]],
    );
}

/// Its execution was stopped, and the sweeper gave back what it had taken over while its batch was refused.
#[test]
fn what_was_given_back_meanwhile_is_not_moved() {
    let refused = vec![
        well(),
        Answer::Changed(ChangeOutcome::Refused("the mark".into())),
    ];
    let given_back = vec![
        Answer::Zone(zone("ba")),
        Answer::Rows(rows(&[row("api", 'b', 42), before()])),
    ];
    check(
        &[
            look(),
            reserved(),
            looks_to_move(),
            refused,
            given_back,
            told(),
        ],
        4,
        expect![[r#"
            looks at the zone
            reads 2 rows of hostnames
            tells that back-stage-r42 is Failed
            BackReply { outcome: Stays, ticket: None, components: [], error: "DiedAfterCutover", cause: "Users of api are affected: release stage-r42 went live and is not healthy: instance i-2 is terminated. It was not taken back: api-aaaaaaaaaaaa.stage.myproj.com is not the release's any more: it was given up or given back, or another release has it. What was live before was not ended.", unannounced: 0 }"#]],
    );
}

#[test]
fn it_gives_way_to_a_later_release() {
    let mut moved_on = look();
    moved_on[1] = Answer::Zone(zone("cb"));
    check(
        &[moved_on, told()],
        1,
        expect![[
            r#"BackReply { outcome: Stays, ticket: None, components: [Component("api")], error: "Superseded", cause: "Users of api are sent to another release. Release stage-r42 had gone live before, and was not healthy: instance i-2 is terminated.", unannounced: 0 }"#
        ]],
    );
}

#[test]
fn it_replaces_what_failed_and_nothing_else() {
    let mut other = looks_to_move();
    other[1] = Answer::Zone(zone("cba"));
    other[2] = Answer::Rows(rows(&[row("api", 'c', 41)]));
    check(
        &[
            look(),
            reserved(),
            other,
            vec![Answer::Zone(zone("cba"))],
            told(),
        ],
        1,
        expect![[
            r#"BackReply { outcome: Stays, ticket: None, components: [], error: "Superseded", cause: "Users of api are sent to another release. Release stage-r42 had gone live before, and was not healthy: instance i-2 is terminated.", unannounced: 0 }"#
        ]],
    );
}

/// Where it was refused, and users still meet what failed, that is said.
#[test]
fn users_are_affected_only_where_they_are_sent_to_what_failed() {
    let mut other = looks_to_move();
    other[1] = Answer::Zone(zone("cba"));
    other[2] = Answer::Rows(rows(&[row("api", 'c', 41), taken()]));
    check(
        &[
            look(),
            reserved(),
            other,
            vec![Answer::Zone(zone("bca"))],
            told(),
        ],
        1,
        expect![[
            r#"BackReply { outcome: Stays, ticket: None, components: [], error: "DiedAfterCutover", cause: "Users of api are affected: release stage-r42 went live and is not healthy: instance i-2 is terminated. It was not taken back: api: release r41 is later than r43 and is live; a newer version is never replaced by an older one. What was live before was not ended.", unannounced: 0 }"#
        ]],
    );
}

#[test]
fn the_row_of_an_earlier_execution_of_the_same_name_gives_way() {
    let mut driver = RollBack::new(asked());
    let mut all = look();
    all[0] = Answer::Plan(PlanFound::Earlier(Ticket(3)));
    all.insert(0, Answer::Begin);
    for answer in all {
        driver.next(answer, "now").unwrap();
    }
    match driver.next(Answer::Ticket(Ticket(43)), "now").unwrap() {
        Next::Ask(Ask::Reserve(one)) => assert_eq!(one.earlier, Some(Ticket(3))),
        other => panic!("{other:?}"),
    }
}

/// The row of the history that it tells of.
fn tells(reply: &BackReply) -> crate::rows::HistoryRow {
    let asked = BackRequest {
        began: "2026-03-01T12:00:00.000Z".into(),
        entered: "2026-03-01T12:05:00.000Z".into(),
        ..asked()
    };
    asked.told(reply)
}

#[test]
fn a_second_try_of_a_roll_back_is_the_same_row_of_the_history_and_says_what_came_of_it() {
    let stays = tells(&BackReply::stays(
        &asked(),
        "it is not well either",
        &BTreeSet::new(),
    ));
    let moved_on = tells(&BackReply::moved_on(&asked()));
    assert_eq!(
        stays.sort_key(),
        "history#2026-03-01T12:05:00#back-stage-r42"
    );
    assert_eq!(stays.sort_key(), moved_on.sort_key());
    use crate::rows::ActState::{Failed, Moot};
    assert_eq!((stays.state, moved_on.state), (Failed, Moot));
    assert_eq!(stays.why, "instance i-2 is terminated");
    assert_eq!(stays.components, [component("api")]);
}

#[test]
fn a_history_that_cannot_be_written_does_not_hide_what_users_have() {
    let mut moved_on = look();
    moved_on[1] = Answer::Zone(zone("cb"));
    let mut driver = RollBack::new(asked());
    driver.next(Answer::Begin, "now").unwrap();
    for answer in moved_on {
        driver.next(answer, "now").unwrap();
    }
    let next = driver.call_failed(Fault::new(ErrorName::AccessDenied, "no"));
    assert!(matches!(next, Ok(Next::Done(_))), "{next:?}");
}
