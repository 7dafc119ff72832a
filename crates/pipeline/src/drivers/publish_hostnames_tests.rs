use super::super::testing::{asks, at, component, release, row, rows, zone};
use super::*;
use crate::rows::CandidateRow;
use crate::version::Version;
use crate::wire::{Instance, LaunchOutcome, PeersReply};
use expect_test::{Expect, expect};

fn asked(proven: bool) -> PublishRequest {
    let api = row("api", 'c', 42);
    PublishRequest {
        release: Release {
            proven,
            ..release()
        },
        components: vec![Deployed {
            component: component("api"),
            version: Version::Head,
            commit: api.commit,
            hostname: api.hostname,
            companion: false,
            artifact_sha256: String::new(),
            instances: vec![Instance {
                id: "i-1".into(),
                address: "10.0.0.1".into(),
            }],
            launch_template_version: String::new(),
            how: LaunchOutcome::Launched,
        }],
        peers: PeersReply::default(),
    }
}

fn check(proven: bool, answers: Vec<Answer>, last: usize, expected: Expect) {
    let lines = asks(PublishHostnames::new(asked(proven)), answers);
    let from = lines.len() - last;
    expected.assert_eq(&lines[from..].join("\n"));
}

fn own() -> Answer {
    Answer::Rows(rows(&[row("api", 'c', 42)]))
}

fn applied() -> Answer {
    Answer::Changed(ChangeOutcome::Applied("C1".into()))
}

#[test]
fn it_publishes_and_waits_until_every_name_server_answers() {
    let all = vec![Answer::Zone(zone("a")), own(), applied(), Answer::Done];
    check(
        false,
        all,
        5,
        expect![[r#"
        looks at the zone
        reads 1 rows of hostnames
        applies its batch (hostnames of stage-r42)
        waits until C1 is INSYNC
        PublishReply { suites: [], skipped: [] }"#]],
    );
}

#[test]
fn what_an_earlier_try_has_published_is_waited_for_all_the_same() {
    let all = vec![Answer::Zone(zone("ac")), own(), applied(), Answer::Done];
    check(
        false,
        all,
        3,
        expect![[r#"
            applies its batch (hostnames of stage-r42, seen again)
            waits until C1 is INSYNC
            PublishReply { suites: [], skipped: [] }"#]],
    );
}

#[test]
fn what_comes_back_proven_and_is_published_is_left_as_it_is() {
    let all = vec![Answer::Zone(zone("ac")), own()];
    check(
        true,
        all,
        1,
        expect!["PublishReply { suites: [], skipped: [] }"],
    );
}

#[test]
fn a_name_that_resolved_all_along_is_not_waited_for_in_a_roll_back() {
    // It was live, with a live one's TTL.
    let mut was_live = zone("ac");
    let record = was_live.get(&at("api", 'c')).cloned().unwrap();
    let mut batch = Batch::default();
    batch.swap(record.clone(), Record { ttl: 60, ..record });
    was_live.apply(&batch).unwrap();
    let all = vec![Answer::Zone(was_live), own(), applied()];
    check(
        true,
        all,
        2,
        expect![[r#"
        applies its batch (hostnames of stage-r42)
        PublishReply { suites: [], skipped: [] }"#]],
    );
}

#[test]
fn a_candidate_that_is_not_its_own_any_more_is_not_published() {
    let leaving = CandidateRow {
        state: CandidateState::Leaving,
        ..row("api", 'c', 42)
    };
    check(
        false,
        vec![Answer::Zone(zone("a")), Answer::Rows(rows(&[leaving]))],
        1,
        expect![
            "CandidateGone: api-cccccccccccc.stage.myproj.com is not a healthy candidate of stage-r42 any more"
        ],
    );
}

#[test]
fn a_record_that_came_between_look_and_batch_is_looked_at() {
    let refused = Answer::Changed(ChangeOutcome::Refused("it exists".into()));
    let all = vec![Answer::Zone(zone("a")), own(), refused];
    check(false, all, 1, expect!["looks at the zone"]);
}

#[test]
fn a_candidate_that_is_given_up_between_two_looks_is_not_published_by_the_second() {
    let refused = Answer::Changed(ChangeOutcome::Refused("it exists".into()));
    let leaving = CandidateRow {
        state: CandidateState::Leaving,
        ..row("api", 'c', 42)
    };
    let look = Answer::Zone(zone("a"));
    let second = vec![look.clone(), Answer::Rows(rows(&[leaving]))];
    let all = [vec![look, own(), refused], second].concat();
    let lines = asks(PublishHostnames::new(asked(false)), all);
    assert!(
        lines.last().unwrap().starts_with("CandidateGone: "),
        "{lines:?}"
    );
}
