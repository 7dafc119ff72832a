//! The roles have what they need and the release says so when they do not: a permission is taken
//! away, a release runs, and it names the action; nothing moved, or it is live.

use crate::alone;
use end_to_end::{Cloud, Component, Service, Traffic, WithoutPermission};

#[tokio::test]
async fn a_release_without_one_permission_says_so_by_the_actions_name() {
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

    // After the batch there is no way back: it is live, and says what it could not do.
    let action = "dynamodb:UpdateItem";
    let taken = WithoutPermission::of(&cloud, "cutover", action).await;
    let (live, ended) = component.release(&Service::good("unrecorded")).await;
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
    component.stands_alone(&live).await;
    // What was taken was given back.
    let next = component.goes_live(&Service::good("2")).await;
    component.stands_alone(&next).await;
}
