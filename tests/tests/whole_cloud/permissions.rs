//! The roles have what they need and the release says so when they do not: a permission is taken
//! away, a release runs, and it names the action; nothing moved, or it is live.

use crate::{PUSHES, RELEASES, STACKS};
use end_to_end::{
    Cloud, Component, Ended, Place, Service, Traffic, Vpcs, WithoutPermission, lost_push,
    tell_of_push,
};
use std::time::Duration;

#[tokio::test]
async fn a_release_without_one_permission_says_so_by_the_actions_name() {
    let _turn = RELEASES.write().await;
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
    for part in ["Deploy (cutover): ", action, " is live: "] {
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

/// Lambda keeps what failed in the name of the function's role.
#[tokio::test]
async fn a_push_that_could_not_be_started_is_kept_only_with_the_permission_to_send() {
    let _turn = PUSHES.write().await;
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "kept", "dev").await;
    let taken = WithoutPermission::of(&cloud, "start-release", "sqs:SendMessage").await;
    tell_of_push(&component, "lost").await;
    // Three tries with 1 and 2 seconds between them, and time for a busy machine.
    let lost = lost_push(&cloud, &component.name, Duration::from_secs(10)).await;
    taken.give_back().await;
    assert_eq!(lost, None);
    tell_of_push(&component, "kept").await;
    let kept = lost_push(&cloud, &component.name, Duration::from_secs(60)).await;
    let kept = kept.expect("it is kept");
    assert_eq!(kept["requestPayload"]["detail"]["commitId"], "kept");
}

/// What CloudFormation's role is for: a policy of it, an action, and what cannot be made or changed without.
const OF_STACKS: [(&str, &str, &str); 4] = [
    ("data", "s3:TagResource", "DataBucket"),
    (
        "network",
        "ec2:AuthorizeSecurityGroupIngress",
        "SecurityGroup",
    ),
    ("names", "route53:CreateHostedZone", "Zone"),
    ("data", "logs:CreateLogGroup", "DatabaseLog"),
];

#[tokio::test]
async fn a_target_is_made_with_the_permissions_of_the_stack_s_role_and_no_others() {
    let _turn = STACKS.write().await;
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "role");
    let denied = |ended: &Ended, action: &str, resource: &str| {
        assert_eq!(ended.error, "StackFailed", "{ended:#?}");
        for part in [resource, "is not authorized to perform: ", action] {
            assert!(ended.cause.contains(part), "not `{part}`: {}", ended.cause);
        }
    };
    for (policy, action, resource) in OF_STACKS {
        let taken = WithoutPermission::of_stacks(&cloud, policy, action).await;
        let ended = place.provision(&[("Database", "true")]).await;
        taken.give_back().await;
        denied(&ended, action, resource);
        place.left_nothing().await;
    }

    // What an update asks for: the database's secret is one more permission of the instances' role.
    place.provision(&[]).await.output();
    let taken = WithoutPermission::of_stacks(&cloud, "roles", "iam:ListRoleTags").await;
    let ended = place.provision(&[("Database", "true")]).await;
    taken.give_back().await;
    denied(&ended, "iam:ListRoleTags", "InstanceRole");
    place.provision(&[("Database", "true")]).await.output();
    place.teardown().await.output();
    place.left_nothing().await;
}
