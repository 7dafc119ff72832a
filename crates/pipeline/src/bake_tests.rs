use super::*;
use crate::names::{Commit, Domain, hostname};
use crate::rows::CandidateState;
use crate::testing;
use expect_test::{Expect, expect};

#[path = "bake_unseen_tests.rs"]
mod unseen;

fn component(name: &str) -> Component {
    Component::new(name).unwrap()
}

fn stands(name: &str) -> HostedComponent {
    let commit = Commit::new("b".repeat(40)).unwrap();
    let domain = Domain::new("stage.myproj.com").unwrap();
    HostedComponent {
        component: component(name),
        hostname: hostname(&component(name), &commit, &domain),
    }
}

fn request(before: Option<Before>) -> WatchRequest {
    let before = before.map(|before| (component("api"), before));
    WatchRequest {
        drained_for: None,
        reads_not_told: true,
        release: testing::release(),
        components: vec![stands("api")],
        before: BeforeReply {
            components: before.into_iter().collect(),
        },
        so_far: SoFar::default(),
        replaced: BTreeSet::new(),
    }
}

fn sight(condition: Condition, outside: Outside) -> Result<Sight, String> {
    Ok(Sight {
        inside: [(stands("api").hostname, Ok(condition))].into(),
        outside: [(component("api"), outside)].into(),
        moved_on: BTreeSet::new(),
    })
}

fn well() -> Result<Sight, String> {
    sight(Condition::Well, Outside::Well)
}

fn sick() -> Result<Sight, String> {
    sight(
        Condition::Unwell("instance i-1 answers 503".into()),
        Outside::Well,
    )
}

fn shut() -> Result<Sight, String> {
    let text = "api.stage.myproj.com:8080/healthz: 54.0.0.1 answers 400";
    sight(Condition::Well, Outside::Failing(text.into()))
}

fn throttled() -> Result<Sight, String> {
    Err("ec2:DescribeInstances: RequestLimitExceeded".into())
}

/// A look each three seconds, until there is a reply: at which it came, and what it says.
fn looks(request: &WatchRequest, mut next: impl FnMut(u64) -> Result<Sight, String>) -> String {
    let mut bake = Bake::new(request);
    for n in 0..100 {
        let at = Moment {
            now: &format!("t{}", n * 3),
            began: Duration::from_secs(n * 3),
            elapsed: Duration::from_secs(n * 3 + 2),
        };
        if let Some(reply) = bake.take(next(n), at) {
            let reply = serde_json::to_string(&reply).unwrap();
            return format!("look {}: {reply}", n + 1);
        }
    }
    "no end".into()
}

fn check(before: Before, next: impl FnMut(u64) -> Result<Sight, String>, expected: Expect) {
    expected.assert_eq(&looks(&request(Some(before)), next));
}

#[test]
fn what_is_well_is_looked_at_once() {
    check(
        Before::Well,
        |_| well(),
        expect![[r#"look 1: {"outcome":"well","looks":1,"not_made":0}"#]],
    );
}

#[test]
fn what_fails_from_outside_only_is_given_up_after_ten_seconds_with_what_was_answered_since_when() {
    check(
        Before::Well,
        |_| shut(),
        expect![[
            r#"look 4: {"outcome":"unwell","reason":"api.stage.myproj.com:8080/healthz: 54.0.0.1 answers 400: 4 answers in a row since t0","failed":["api"],"looks":1,"not_made":0}"#
        ]],
    );
}

#[test]
fn an_instance_that_is_not_well_is_given_up_after_ten_seconds_too() {
    check(
        Before::Well,
        |_| sick(),
        expect![[
            r#"look 4: {"outcome":"unwell","reason":"instance i-1 answers 503: 12 answers in a row since t0","failed":["api"],"looks":1,"not_made":0}"#
        ]],
    );
}

#[test]
fn what_is_gone_is_not_waited_for() {
    let gone = |_| {
        sight(
            Condition::Gone("instance i-1 is terminated".into()),
            Outside::Well,
        )
    };
    check(
        Before::NotKnown { why: "x".into() },
        gone,
        expect![[
            r#"look 1: {"outcome":"unwell","reason":"instance i-1 is terminated","failed":["api"],"looks":1,"not_made":0}"#
        ]],
    );
}

#[test]
fn what_users_met_before_the_cutover_is_not_held_against_it_but_told() {
    let failing = Before::Failing {
        what: "api.stage.myproj.com has no address".into(),
    };
    check(
        failing,
        |_| shut(),
        expect![[
            r#"look 1: {"outcome":"well","looks":1,"not_made":0,"noticed":{"api":"api.stage.myproj.com:8080/healthz: 54.0.0.1 answers 400; so it was before the cutover: api.stage.myproj.com has no address"}}"#
        ]],
    );
    check(
        Before::New,
        |_| shut(),
        expect![[
            r#"look 1: {"outcome":"well","looks":1,"not_made":0,"noticed":{"api":"api.stage.myproj.com:8080/healthz: 54.0.0.1 answers 400; there was no alias before"}}"#
        ]],
    );
}

#[test]
fn one_sick_instance_of_many_is_told_and_nothing_else() {
    let limping = |_| {
        let why = "instance i-1 answers 503 (1 of 3 instances)";
        sight(Condition::Limping(why.into()), Outside::Well)
    };
    check(
        Before::Well,
        limping,
        expect![[
            r#"look 1: {"outcome":"well","looks":1,"not_made":0,"noticed":{"api":"instance i-1 answers 503 (1 of 3 instances)"}}"#
        ]],
    );
}

#[test]
fn a_look_that_could_not_be_made_is_made_again_and_interrupts_no_failure() {
    let then_well = |n| if n < 2 { throttled() } else { well() };
    check(
        Before::Well,
        then_well,
        expect![[r#"look 3: {"outcome":"well","looks":1,"not_made":0}"#]],
    );
    let between = |n| if n % 2 == 1 { throttled() } else { shut() };
    check(
        Before::Well,
        between,
        expect![[
            r#"look 5: {"outcome":"unwell","reason":"api.stage.myproj.com:8080/healthz: 54.0.0.1 answers 400: 3 answers in a row since t0","failed":["api"],"looks":1,"not_made":0}"#
        ]],
    );
}

#[test]
fn too_few_looks_are_told() {
    check(
        Before::Well,
        |_| throttled(),
        expect![[
            r#"look 21: {"outcome":"not_known","looks":0,"not_made":1,"too_few":"of 1 looks during the drain 1 showed nothing for sure, the last one because ec2:DescribeInstances: RequestLimitExceeded"}"#
        ]],
    );
    let unresolved = |_| sight(Condition::Well, Outside::NotMade("SERVFAIL".into()));
    check(
        Before::Well,
        unresolved,
        expect![[
            r#"look 21: {"outcome":"not_known","looks":0,"not_made":1,"too_few":"of 1 looks during the drain 1 showed nothing for sure, the last one because SERVFAIL"}"#
        ]],
    );
    let mut later = request(Some(Before::Well));
    later.so_far = SoFar {
        looks: 0,
        not_made: 1,
        too_few: Some("of 1".into()),
        ..SoFar::default()
    };
    expect![[r#"look 1: {"outcome":"well","looks":1,"not_made":1}"#]]
        .assert_eq(&looks(&later, |_| well()));
}

#[test]
fn what_comes_back_in_time_stays_and_is_told() {
    let back = |n| if n < 3 { shut() } else { well() };
    check(
        Before::Well,
        back,
        expect![[
            r#"look 4: {"outcome":"well","looks":1,"not_made":0,"noticed":{"api":"came back: api.stage.myproj.com:8080/healthz: 54.0.0.1 answers 400: 3 answers in a row since t0"}}"#
        ]],
    );
}

#[test]
fn what_fails_and_comes_back_for_ever_has_an_end() {
    let on_and_off = |n| {
        let (own, other) = match n % 2 {
            0 => (shut(), Condition::Well),
            _ => (well(), Condition::Unwell("instance i-2 answers 503".into())),
        };
        let mut sight = own?;
        sight.inside.insert(stands("ui").hostname, Ok(other));
        Ok(sight)
    };
    let mut both = request(Some(Before::Well));
    both.components.push(stands("ui"));
    expect![[r#"look 21: {"outcome":"not_known","looks":0,"not_made":1,"noticed":{"api":"failed when the look ended, for too short a time to tell: api.stage.myproj.com:8080/healthz: 54.0.0.1 answers 400: 1 answers in a row since t60","ui":"came back: instance i-2 answers 503: 3 answers in a row since t57"},"too_few":"of 1 looks during the drain 1 showed nothing for sure, the last one because api failed when the look ended, for too short a time to tell: api.stage.myproj.com:8080/healthz: 54.0.0.1 answers 400: 1 answers in a row since t60"}"#]]
        .assert_eq(&looks(&both, on_and_off));
}

/// Throttled for 50 s, and failing for less than ten when the look ends: that is not well.
#[test]
fn what_fails_still_when_the_look_ends_is_not_known() {
    let text = "failed when the look ended, for too short a time to tell: api.stage.myproj.com:8080/healthz: 54.0.0.1 answers 400: 3 answers in a row since t54";
    let at_last = |n| if n < 18 { throttled() } else { shut() };
    let request = request(Some(Before::Well));
    let reply = looks(&request, at_last);
    let (outcome, noticed) = (
        r#""outcome":"not_known""#,
        format!(r#""noticed":{{"api":"{text}"}}"#),
    );
    assert!(
        reply.contains(outcome) && reply.contains(&noticed),
        "{reply}"
    );
    // The end of the look shows nothing, and what was seen before it is told.
    let between = |n| if n == 18 { shut() } else { throttled() };
    let reply = looks(&request, between);
    let text = text.replace("3 answers", "1 answers");
    assert!(reply.contains(outcome) && reply.contains(&text), "{reply}");
}

#[test]
fn what_a_later_release_has_is_not_this_ones() {
    let moved_on = |_| {
        let mut sight = shut()?;
        sight.moved_on.insert(component("api"));
        Ok(sight)
    };
    check(
        Before::Well,
        moved_on,
        expect![[
            r#"look 1: {"outcome":"well","looks":1,"not_made":0,"noticed":{"api":"a later release has moved its alias on"}}"#
        ]],
    );
}

#[test]
fn a_row_that_is_leaving_or_has_another_ticket_is_a_later_releases() {
    let row = |ticket, state| CandidateRow {
        state,
        ..CandidateRow::planned(
            stands("api").hostname,
            component("api"),
            Commit::new("b".repeat(40)).unwrap(),
            (Ticket(ticket), String::new()),
        )
    };
    let moved = |ticket, state| {
        let row = row(ticket, state);
        has_moved_on(&stands("api"), Ticket(42), Some(&row), None)
    };
    assert!(!moved(42, CandidateState::Live));
    assert!(moved(43, CandidateState::Live));
    assert!(moved(42, CandidateState::Leaving));
    assert!(!has_moved_on(&stands("api"), Ticket(42), None, None));
}

fn not_read(request: &WatchRequest) -> Result<WatchReply, String> {
    let at = Moment {
        now: "t0",
        began: Duration::ZERO,
        elapsed: Duration::ZERO,
    };
    let reply = Bake::new(request).take(well(), at).unwrap();
    reply.with_connected(request, Err("s3:GetObject: SlowDown".to_owned()))
}

#[test]
fn a_look_is_not_lost_for_connections_that_could_not_be_read() {
    let request = request(Some(Before::Well));
    let reply = not_read(&request).unwrap();
    expect![[r#"{"outcome":"well","connections_not_told":"s3:GetObject: SlowDown","looks":1,"not_made":0}"#]]
        .assert_eq(&serde_json::to_string(&reply).unwrap());
}

#[test]
fn an_execution_that_cannot_be_told_so_is_given_the_error() {
    let mut earlier = request(Some(Before::Well));
    earlier.reads_not_told = false;
    assert_eq!(not_read(&earlier), Err("s3:GetObject: SlowDown".into()));
}
