//! The roles have what they need and the release says so when they do not: a permission is
//! taken away, a release runs, and it fails with the action's name and nothing moved.

use crate::alone;
use end_to_end::{Cloud, Component, Service, Suite, Traffic, WithoutPermission};

#[tokio::test]
async fn a_release_without_one_permission_fails_by_the_actions_name_and_moves_nothing() {
    let _turn = alone().await;
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "denied", "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);
    // Before there is a plan, the cause is the sentence alone.
    let cases = [
        ("plan-release", "dynamodb:UpdateItem", ""),
        ("deploy-initial", "ec2:RunInstances", "Deploy (initial)"),
    ];
    for (function, action, stage) in cases {
        let taken = WithoutPermission::of(&cloud, function, action).await;
        let (_, ended) = component.release(&Service::good(function)).await;
        taken.give_back().await;
        ended.is_denied(action, stage);
        component.stands_alone(&good).await;
    }
    traffic.stop().await.only(&good);
    // What was taken was given back.
    let next = component.goes_live(&Service::good("2")).await;
    component.stands_alone(&next).await;
}

#[tokio::test]
async fn a_release_that_cannot_see_its_cutover_through_is_live_and_says_so() {
    let _turn = alone().await;
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "blind", "stage").await;
    component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);
    // Both are needed after the batch: to record what is live, and to wait until it can be seen.
    for action in ["dynamodb:UpdateItem", "route53:GetChange"] {
        let taken = WithoutPermission::of(&cloud, "cutover", action).await;
        let (sha, ended) = component.release(&Service::good(action)).await;
        taken.give_back().await;
        let output = ended.output();
        let said = |what: &str| output["cutover"][what].as_str().unwrap_or_default();
        for part in ["Deploy (cutover): ", action, "is live."] {
            assert!(said("note").contains(part), "not `{part}`: {output:#}");
        }
        for part in ["Record cutover failed too: ", action, "believe DNS"] {
            assert!(
                said("not_recorded").contains(part),
                "not `{part}`: {output:#}"
            );
        }
        component.stands_alone(&sha).await;
    }
    let next = component.goes_live(&Service::good("2")).await;
    component.stands_alone(&next).await;
    traffic.stop().await.without_failure();
}

#[tokio::test]
async fn a_discard_that_is_denied_says_what_is_left_and_the_next_release_takes_it_away() {
    let _turn = alone().await;
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "undone", "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);
    let mut red = Service::good("2");
    red.suites.push(Suite {
        name: "red",
        command: "false".into(),
        slow: false,
    });
    let terminate = "ec2:TerminateInstances";
    let taken = WithoutPermission::of(&cloud, "discard-candidates", terminate).await;
    let (_, ended) = component.release(&red).await;
    taken.give_back().await;
    let failed = format!(
        "What failed before: {}, Integration tests: suite red.",
        component.name
    );
    assert_eq!(ended.error, "DiscardFailed", "{ended:#?}");
    for part in [
        "did not go live, and its candidates could not be discarded: ec2:TerminateInstances",
        "Left behind, until a release of the same components goes live: instances tagged cutover:release=stage-r",
        &failed,
    ] {
        assert!(ended.cause.contains(part), "not `{part}`: {}", ended.cause);
    }
    assert_eq!(component.live().await.commit, good);
    assert_eq!(component.instances().await.len(), 2, "one is left");
    traffic.stop().await.only(&good);

    let next = component.goes_live(&Service::good("3")).await;
    component.stands_alone(&next).await;
}
