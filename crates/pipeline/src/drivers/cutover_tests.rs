use super::super::testing::{asks, at, component, release, row, rows, stands, zone};
use super::*;
use crate::rows::AliasRow;
use crate::wire::Tested;
use expect_test::{Expect, expect};

fn asked() -> CutoverStep {
    CutoverStep {
        release: release(),
        components: vec![stands("api", 'b')],
        companions: Vec::new(),
        read_set: BTreeMap::new(),
        tested: Tested {
            set: [(component("api"), row("api", 'b', 42).commit)].into(),
            ..Tested::default()
        },
    }
}

fn well() -> Answer {
    Answer::Conditions([(at("api", 'b'), Condition::Well)].into())
}

fn passed() -> Answer {
    Answer::Evidence(Vec::new())
}

fn unwell() -> Answer {
    let why = "instance i-1 answers 503".into();
    Answer::Conditions([(at("api", 'b'), Condition::Unwell(why))].into())
}

/// Its own rows and the settling.
fn own() -> Vec<Answer> {
    vec![Answer::Rows(rows(&[row("api", 'b', 42)])), Answer::Done]
}

/// A look at a zone in which release 7 is live.
fn look() -> Vec<Answer> {
    let seen = rows(&[row("api", 'a', 7), row("api", 'b', 42)]);
    vec![Answer::Zone(zone("ab")), Answer::Rows(seen)]
}

fn applied() -> Answer {
    Answer::Changed(ChangeOutcome::Applied("C1".into()))
}

fn refused() -> Answer {
    Answer::Changed(ChangeOutcome::Refused("not as observed".into()))
}

fn recorded() -> Vec<Answer> {
    vec![
        Answer::Aliases(Vec::new()),
        Answer::Rows(rows(&[row("api", 'a', 7)])),
        Answer::Done,
        Answer::Moved([at("api", 'b')].into()),
        Answer::Done,
    ]
}

fn check(answers: &[Vec<Answer>], last: usize, expected: Expect) {
    let lines = asks(Cutover::new(asked()), answers.concat());
    let from = lines.len() - last;
    expected.assert_eq(&lines[from..].join("\n"));
}

#[test]
fn it_looks_proves_moves_and_records_in_this_order() {
    let all = [
        own(),
        look(),
        vec![well(), passed(), Answer::Done, applied()],
        recorded(),
        vec![Answer::Done],
    ];
    check(
        &all,
        15,
        expect![[r#"
            reads 1 rows of hostnames
            lets 1 settle
            looks at the zone
            reads 2 rows of hostnames
            looks at the instances of 1
            reads the evidence of 0 suites
            records the tested set of stage-r42
            applies its batch (cutover of stage-r42)
            reads 1 rows of aliases
            reads 1 rows of hostnames
            records 1 aliases
            marks 1 rows as Live
            records r42 as live
            waits until C1 is INSYNC
            Live { change_id: Some("C1"), moves: [AliasMove { component: Component("api"), alias: Fqdn("api.stage.myproj.com"), to: Fqdn("api-bbbbbbbbbbbb.stage.myproj.com"), from: Some(Fqdn("api-aaaaaaaaaaaa.stage.myproj.com")) }] }"#]],
    );
}

#[test]
fn a_refused_batch_is_planned_again_on_another_look() {
    let first = [well(), passed(), Answer::Done, refused()].to_vec();
    check(&[own(), look(), first], 1, expect!["looks at the zone"]);
}

#[test]
fn the_same_batch_refused_three_times_is_refused_for_another_reason() {
    let once = [well(), passed(), Answer::Done, refused()].to_vec();
    let twice = [own(), look(), once.clone(), look(), once.clone()];
    check(&twice, 1, expect!["looks at the zone"]);
    let all = [&twice[..], &[look(), once]].concat();
    check(
        &all,
        1,
        expect![
            "CallRefused: route53:ChangeResourceRecordSets refused the change 3 times, although the zone is as it was looked at: not as observed"
        ],
    );
}

#[test]
fn a_zone_that_keeps_moving_ends_it_after_five_plans() {
    let mut all = vec![own()];
    for port in 1..=5 {
        // What is live is published at another address each time: so each batch is another one.
        let mut moving = zone("ab");
        let record = moving.get(&at("api", 'b')).cloned().unwrap();
        let mut batch = Batch::default();
        let other = crate::records::Record {
            values: vec![format!("10.0.0.{port}0")],
            ..record.clone()
        };
        batch.swap(record, other);
        moving.apply(&batch).unwrap();
        all.push(vec![Answer::Zone(moving), look()[1].clone()]);
        all.push(vec![well(), passed(), Answer::Done, refused()]);
    }
    check(
        &all,
        1,
        expect!["Unavailable: the zone kept changing during the cutover; nothing moved"],
    );
}

#[test]
fn nothing_moves_to_a_candidate_that_is_not_well() {
    check(
        &[own(), look(), vec![unwell()]],
        1,
        expect![
            "NotHealthy: the candidate api-bbbbbbbbbbbb.stage.myproj.com did not stay healthy: instance i-1 answers 503"
        ],
    );
}

#[test]
fn a_candidate_that_is_another_releases_by_now_ends_it() {
    let taken = Answer::Rows(rows(&[row("api", 'b', 43)]));
    check(
        &[vec![taken]],
        1,
        expect![
            "CandidateGone: api-bbbbbbbbbbbb.stage.myproj.com is not a candidate of stage-r42 any more"
        ],
    );
}

#[test]
fn what_was_given_up_meanwhile_does_not_go_live_though_its_record_is_there() {
    let leaving = CandidateRow {
        state: crate::rows::CandidateState::Leaving,
        ..row("api", 'b', 42)
    };
    let seen = rows(&[row("api", 'a', 7), leaving]);
    check(
        &[own(), vec![Answer::Zone(zone("ab")), Answer::Rows(seen)]],
        1,
        expect![
            "CandidateGone: api-bbbbbbbbbbbb.stage.myproj.com is not the release's any more: it was given up or given back, or another release has it"
        ],
    );
}

#[test]
fn a_moved_alias_whose_answer_was_lost_is_recorded_and_waited_for() {
    let moved = vec![
        Answer::Zone(zone("ba")),
        Answer::Rows(rows(&[row("api", 'b', 42)])),
        Answer::Aliases(Vec::new()),
        Answer::Done,
        Answer::Moved([at("api", 'b')].into()),
        Answer::Done,
        applied(),
        Answer::Done,
    ];
    check(
        &[own(), moved],
        7,
        expect![[r#"
        reads 1 rows of aliases
        records 1 aliases
        marks 1 rows as Live
        records r42 as live
        applies its batch (cutover of stage-r42, seen again)
        waits until C1 is INSYNC
        Live { change_id: None, moves: [AliasMove { component: Component("api"), alias: Fqdn("api.stage.myproj.com"), to: Fqdn("api-bbbbbbbbbbbb.stage.myproj.com"), from: None }] }"#]],
    );
}

fn same_commit() -> Vec<Answer> {
    let mut live = row("api", 'c', 41);
    live.commit = row("api", 'b', 42).commit;
    let at_c = Answer::Zone(zone("cb"));
    vec![at_c, Answer::Rows(rows(&[live, row("api", 'b', 42)]))]
}

/// As it is seen, healthy, confirmed, and then this.
fn confirmed(outcome: ChangeOutcome) -> Vec<Answer> {
    let well = Answer::Conditions([(at("api", 'c'), Condition::Well)].into());
    let noted = Answer::Moved([at("api", 'c')].into());
    vec![well, noted, Answer::Changed(outcome)]
}

#[test]
fn the_same_commits_of_another_release_are_already_live_if_they_are_well() {
    check(
        &[
            own(),
            same_commit(),
            confirmed(ChangeOutcome::Applied("C1".into())),
        ],
        4,
        expect![[r#"
            looks at the instances of 1
            confirms 1 rows as live
            applies its batch (stage-r42 found live what it asked for)
            AlreadyLive { already_live: [AlreadyLive { component: Component("api"), version: Head, commit: Commit("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"), alias: Fqdn("api.stage.myproj.com"), hostname: Fqdn("api-cccccccccccc.stage.myproj.com") }] }"#]],
    );
}

#[test]
fn what_moved_while_it_was_confirmed_is_looked_at_again() {
    let refused = ChangeOutcome::Refused("not as observed".into());
    check(
        &[
            own(),
            same_commit(),
            confirmed(refused),
            vec![Answer::Zone(zone("ab"))],
        ],
        2,
        expect![[r#"
            looks at the zone
            looks at the zone"#]],
    );
}

#[test]
fn it_gives_way_to_a_later_release_that_found_live_what_it_asked_for() {
    let live = CandidateRow {
        confirmed_by: Some(crate::names::Ticket(43)),
        ..row("api", 'a', 7)
    };
    let look = vec![Answer::Zone(zone("ab")), Answer::Rows(rows(&[live]))];
    check(
        &[own(), look],
        1,
        expect![[
            r#"Superseded { reason: "api: release r43 is later than r42, and what it asked for was live already; an older release does not replace it" }"#
        ]],
    );
}

#[test]
fn what_is_live_at_the_same_commits_and_not_well_is_replaced() {
    let gone = Condition::Gone("instance i-9 is terminated".into());
    let gone = vec![Answer::Conditions([(at("api", 'c'), gone)].into())];
    check(
        &[own(), same_commit(), gone, same_commit()],
        3,
        expect![[r#"
        looks at the zone
        reads 2 rows of hostnames
        looks at the instances of 1"#]],
    );
}

/// The alias's row as the driver writes it.
fn written(before: Vec<AliasRow>) -> AliasRow {
    let mut driver = Cutover::new(asked());
    let steps = [
        vec![Answer::Begin],
        own(),
        look(),
        vec![well(), passed(), Answer::Done, applied()],
        vec![Answer::Aliases(before)],
    ];
    for answer in steps.concat() {
        driver.next(answer, "now").unwrap();
    }
    let replaced = Answer::Rows(rows(&[row("api", 'a', 7)]));
    match driver.next(replaced, "now").unwrap() {
        Next::Ask(Ask::RecordAliases(mut rows)) => rows.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_row_says_what_was_live_before_and_which_change_moved_it() {
    let row = written(Vec::new());
    let previous = row.previous.clone().map(|one| (one.hostname, one.ticket.0));
    assert_eq!(previous, Some((at("api", 'a'), 7)));
    assert_eq!(row.replaced, row.previous);
    assert_eq!(
        (row.change_id.as_deref(), row.since.as_str()),
        (Some("C1"), "now")
    );
}

#[test]
fn a_second_try_leaves_what_the_first_recorded_of_before() {
    let first = AliasRow {
        since: "then".into(),
        change_id: Some("C0".into()),
        previous: None,
        replaced: None,
        ..written(Vec::new())
    };
    let row = written(vec![first]);
    assert_eq!((row.previous, row.replaced), (None, None));
    assert_eq!(
        (row.change_id.as_deref(), row.since.as_str()),
        (Some("C0"), "then")
    );
}

#[test]
fn what_is_replaced_is_noted_first_where_it_may_have_connections() {
    let mut driver = Cutover::new(asked());
    let before = [
        vec![Answer::Begin],
        own(),
        look(),
        vec![well(), passed(), Answer::Done, applied()],
        vec![Answer::Aliases(Vec::new())],
    ];
    for answer in before.concat() {
        driver.next(answer, "now").unwrap();
    }
    let mut replaced = row("api", 'a', 7);
    let commit = replaced.commit.clone();
    replaced.recipe = Some(crate::testing::recipe("api", &commit, "drain='15m'"));
    replaced.state = crate::rows::CandidateState::Live;
    let next = driver.next(Answer::Rows(rows(&[replaced])), "now").unwrap();
    let Next::Ask(Ask::KeepConnected(by, kept)) = next else {
        panic!("{next:?}");
    };
    let drain = std::time::Duration::from_secs(15 * 60);
    assert_eq!((by.0, kept), (42, vec![(at("api", 'a'), drain)]));
    let next = driver.next(Answer::Done, "now").unwrap();
    assert!(matches!(next, Next::Ask(Ask::RecordAliases(_))), "{next:?}");
}

#[test]
fn an_answer_to_another_ask_ends_it() {
    check(
        &[vec![Answer::Done]],
        1,
        expect!["Misconfigured: a driver was told what it had not asked for: Done"],
    );
}
