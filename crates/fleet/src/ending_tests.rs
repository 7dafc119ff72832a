//! One instance that cannot be ended, or is not there, keeps no other.

use crate::Fleet;
use crate::tests::{answer, refusal, terminated};
use aws::{CallError, CallKind};
use replay::Replay;

fn ended() -> (u16, String) {
    answer("TerminateInstances", "<instancesSet/>")
}

/// What DescribeInstances lists.
fn listed(ids: &[&str]) -> (u16, String) {
    let one = |id: &&str| {
        format!(
            "<item><instanceId>{id}</instanceId><instanceState><name>running</name></instanceState></item>"
        )
    };
    let all: String = ids.iter().map(one).collect();
    let set = format!("<instancesSet>{all}</instancesSet>");
    answer(
        "DescribeInstances",
        &format!("<reservationSet><item>{set}</item></reservationSet>"),
    )
}

#[tokio::test]
async fn one_instance_that_is_gone_does_not_keep_the_others() {
    for code in ["InvalidInstanceID.NotFound", "UnauthorizedOperation"] {
        let listed = listed(&["i-1", "i-3"]);
        let replay = Replay::new([refusal(code), listed, ended(), refusal(code), ended()]);
        terminated(&replay, &["i-1", "i-2", "i-3"]).await.unwrap();
        let asked = replay.asked();
        assert!(asked[0].contains("InstanceId.3=i-3"), "{}", asked[0]);
        for (request, id) in asked[2..].iter().zip(["i-1", "i-2", "i-3"]) {
            assert!(request.contains(&format!("InstanceId.1={id}")), "{request}");
            assert!(!request.contains("InstanceId.2"), "{request}");
        }
    }
}

#[tokio::test]
async fn one_that_somebody_protects_does_not_keep_the_others_and_is_told() {
    let protected = || refusal("OperationNotPermitted");
    let listed = listed(&["i-1", "i-2", "i-3"]);
    let replay = Replay::new([protected(), listed, ended(), protected(), ended()]);
    let error = terminated(&replay, &["i-1", "i-2", "i-3"])
        .await
        .unwrap_err();
    assert!(error.is("OperationNotPermitted"), "{error}");
    assert_eq!(replay.asked().len(), 5);
}

#[tokio::test]
async fn what_may_not_be_ended_is_an_error_also_one_by_one() {
    let denied = || refusal("UnauthorizedOperation");
    let replay = Replay::new([denied(), listed(&["i-1"]), denied(), denied()]);
    let error = terminated(&replay, &["i-1", "i-2"]).await.unwrap_err();
    assert_eq!(error.kind, CallKind::Denied);
}

#[tokio::test]
async fn what_is_not_listed_yet_is_ended_too() {
    let unknown = refusal("InvalidInstanceID.NotFound");
    let replay = Replay::new([unknown, listed(&["i-1"]), ended(), ended()]);
    terminated(&replay, &["i-1", "i-2"]).await.unwrap();
    assert!(replay.asked()[3].contains("InstanceId.1=i-2"));
}

async fn fresh_terminated(replay: &Replay, ids: &[&str]) -> Result<(), CallError> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    Fleet::new(&replay.config()).terminate_fresh(&ids).await
}

#[tokio::test]
async fn what_was_launched_a_moment_ago_is_ended_as_soon_as_ec2_knows_it() {
    for code in ["InvalidInstanceID.NotFound", "UnauthorizedOperation"] {
        let unknown = || refusal(code);
        // All together, then each: `i-2` is not known, and then it is.
        let first = [unknown(), listed(&["i-1"]), ended(), unknown()];
        let second = [unknown(), listed(&[]), unknown()];
        let replay = Replay::new(first.into_iter().chain(second).chain([ended()]));
        fresh_terminated(&replay, &["i-1", "i-2"]).await.unwrap();
        let asked = replay.asked();
        assert_eq!(asked.len(), 8);
        let last = &asked[7];
        assert!(last.contains("InstanceId.1=i-2"), "{last}");
        assert!(!last.contains("InstanceId.2"), "{last}");
    }
}

#[tokio::test]
async fn what_stays_unknown_though_it_was_launched_may_run_on_and_that_is_told() {
    let unknown = || refusal("InvalidInstanceID.NotFound");
    let tries = (0..6).flat_map(|_| [unknown(), listed(&[]), unknown()]);
    let replay = Replay::new(tries);
    let error = fresh_terminated(&replay, &["i-1"]).await.unwrap_err();
    assert_eq!(replay.asked().len(), 18);
    assert_eq!(error.kind, CallKind::Unavailable);
    assert!(error.message.starts_with("i-1 may run on"), "{error}");
}

#[tokio::test]
async fn one_that_is_protected_is_told_when_the_others_have_ended() {
    let (unknown, protected) = (
        || refusal("InvalidInstanceID.NotFound"),
        || refusal("OperationNotPermitted"),
    );
    let first = [unknown(), listed(&["i-1"]), protected(), unknown()];
    let replay = Replay::new(first.into_iter().chain([ended()]));
    let error = fresh_terminated(&replay, &["i-1", "i-2"])
        .await
        .unwrap_err();
    assert!(error.is("OperationNotPermitted"), "{error}");
    assert_eq!(replay.asked().len(), 5);
}
