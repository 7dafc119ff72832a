//! One instance that cannot be ended, or is not there, keeps no other.

use crate::tests::{answer, refusal, terminated};
use aws::CallKind;
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
