//! What becomes of a target that cannot be made, or must not be removed.

use crate::targets::says;
use end_to_end::{Cloud, Component, Place, Service, Vpcs};
use serde_json::json;

async fn fails(what: &str, more: &[(&str, &str)], parts: &[&str]) {
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, what);
    says(
        &place.provision(more).await,
        "StackFailed",
        &[parts, &["nothing is left"]].concat(),
    );
    place.left_nothing().await;
}

#[tokio::test]
async fn a_block_of_addresses_that_no_network_can_have_leaves_nothing() {
    let _one = Vpcs::one().await;
    fails(
        "cidr",
        &[("VpcCidr", "10.0.0.0/8")],
        &["Vpc (AWS::EC2::VPC)", "The CIDR '10.0.0.0/8' is invalid."],
    )
    .await;
}

#[tokio::test]
async fn a_name_that_is_taken_leaves_nothing() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "name");
    let name = format!("{}-{}", cloud.variable("CUTOVER_PROJECT"), place.name);
    let data = r#"{"InstanceType": "t3.small"}"#;
    let taken = [
        "ec2",
        "create-launch-template",
        "--launch-template-name",
        &name,
        "--launch-template-data",
        data,
    ];
    cloud.aws(&taken).await.good("create-launch-template");
    let parts = [
        "LaunchTemplate (AWS::EC2::LaunchTemplate)",
        "Launch template name already in use.",
        "nothing is left",
    ];
    says(&place.provision(&[]).await, "StackFailed", &parts);
    place.left_nothing().await;
    cloud
        .aws(&[
            "ec2",
            "delete-launch-template",
            "--launch-template-name",
            &name,
        ])
        .await
        .good("delete-launch-template");
}

#[tokio::test]
#[ignore = "make test-long: a target of its own"]
async fn a_quota_that_is_used_up_leaves_nothing() {
    let _all = Vpcs::all().await;
    let cloud = Cloud::up().await;
    let mut made = Vec::new();
    while let Ok(one) = cloud
        .machines
        .create_vpc()
        .cidr_block("10.9.0.0/16")
        .send()
        .await
    {
        made.extend(one.vpc.and_then(|vpc| vpc.vpc_id));
        assert!(made.len() < 100, "there is no quota");
    }
    fails(
        "quota",
        &[],
        &[
            "Vpc (AWS::EC2::VPC)",
            "The maximum number of VPCs has been reached.",
        ],
    )
    .await;
    for id in made {
        cloud
            .machines
            .delete_vpc()
            .vpc_id(id)
            .send()
            .await
            .expect("an empty VPC goes");
    }
}

#[tokio::test]
#[ignore = "make test-long: a target of its own"]
async fn what_an_earlier_creation_left_half_made_is_removed_first() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "half");
    place.leave_half_made().await;
    let running = place.start(&place.wanted(&[])).await;
    let made = running.end(std::time::Duration::from_secs(240)).await;
    assert_eq!(made.output()["outcome"], "provisioned");
    let applied = place.entered(&running).await;
    let applied = applied.iter().filter(|state| *state == "Apply stack");
    assert_eq!(applied.count(), 2, "once to remove it, once to make it");
    place.teardown().await.output();
    place.left_nothing().await;
}

#[tokio::test]
async fn what_cloudformation_refuses_at_once_is_said_in_its_words() {
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "param");
    let ended = place.provision(&[("AliasTtl", "99999")]).await;
    says(&ended, "StackFailed", &["AliasTtl", "nothing was changed"]);
    let ended = place
        .run(&json!({"action": "provision", "target": place.name, "parameters": {"AliasTtl": 5}}))
        .await;
    says(
        &ended,
        "InputInvalid",
        &["parameters.AliasTtl: must be a string such as \"60\""],
    );
    place.left_nothing().await;
}

#[tokio::test]
#[ignore = "make test-long: a target of its own"]
async fn an_update_that_fails_leaves_what_is_live_as_it_was() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "back");
    place.provision(&[]).await.output();
    let component = Component::new(&cloud, "undone", place.name).await;
    let sha = component.goes_live(&Service::good("1")).await;
    let ended = place.provision(&[("ParentZoneId", "Z0NOTTHERE")]).await;
    says(
        &ended,
        "StackFailed",
        &["Delegation (AWS::Route53::RecordSet)", "It is rolled back"],
    );
    component.stands_alone(&sha).await;
    let ended = place.provision(&[("VpcCidr", "10.1.0.0/16")]).await;
    says(
        &ended,
        "InputInvalid",
        &["parameters.VpcCidr: is 10.0.0.0/16 and cannot become 10.1.0.0/16"],
    );
    component.stands_alone(&sha).await;
    place.teardown().await.output();
    place.left_nothing().await;
}

#[tokio::test]
async fn a_protected_target_goes_only_when_its_name_is_typed_twice_and_leaves_a_snapshot() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "prot");
    let made = place
        .provision(&[("Protected", "true"), ("Database", "true")])
        .await;
    assert_eq!(made.output()["protected"], true);
    assert!(
        made.output()["outputs"]["DatabaseSecret"]
            .as_str()
            .is_some_and(|arn| arn.contains(":secret:rds!db-"))
    );
    let stack = format!("{}-{}", cloud.variable("CUTOVER_PROJECT"), place.name);
    let said = cloud
        .aws(&["cloudformation", "delete-stack", "--stack-name", &stack])
        .await;
    assert!(
        said.err.contains("TerminationProtection is enabled"),
        "{}",
        said.err
    );

    let refused = cloud.cutover(&["target", "teardown", place.name]).await;
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    assert!(
        refused.words().contains("its name must be typed twice"),
        "{}",
        refused.out
    );
    let wrong = cloud
        .cutover(&["target", "teardown", place.name, "--confirm", "prod"])
        .await;
    assert_eq!(wrong.code, 2, "{}{}", wrong.out, wrong.err);
    let done = cloud
        .cutover(&["target", "teardown", place.name, "--confirm", place.name])
        .await;
    let said = done.good("target teardown");
    assert!(
        said.contains("  kept: arn:aws:rds:") && said.contains(":snapshot:"),
        "{said}"
    );
    let kept = place.tagged().await;
    assert!(
        kept.len() == 1 && kept[0].contains(":snapshot:"),
        "{kept:?}"
    );
    place.delete_snapshot(&kept[0]).await;
    place.left_nothing().await;
}
