//! Stages that only IAM can stop: for one component of a release, for the release, for a target. What
//! is denied is one resource of the story's own, so that no other story lacks it.

use end_to_end::{
    Cloud, Component, Ended, Family, Place, Service, Traffic, Vpcs, WithoutPermission, until,
};
use serde_json::{Value, json};
use std::time::Duration;

/// What an ended execution has left is gone by then, with nobody's doing.
const SWEPT: Duration = Duration::from_secs(120);

#[tokio::test]
#[ignore = "make test-long: many releases"]
async fn four_that_a_denial_stops_stay_as_they_are_and_what_is_not_discarded_is_swept() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "barred");
    let made = place.provision(&[]).await;
    let zone = made.output()["outputs"]["ZoneId"].as_str();
    let zone = format!("arn:aws:route53:::hostedzone/{}", zone.expect("a zone"));
    let family = Family::new(&cloud, "barred", place.name).await;
    let first = family.commit_all("1").await;
    assert_eq!(family.release(&first).await.output()["outcome"], "live");
    let traffic = Traffic::on(&family.api);

    let bucket = cloud.variable("CUTOVER_BUCKET");
    let artifacts = format!("arn:aws:s3:::{bucket}/artifacts/{}/*", family.msa.name);
    let one = format!("{}, Push artifacts", family.msa.name);
    let cases = [
        (
            "push-artifacts",
            "s3:PutObject",
            artifacts.as_str(),
            one.as_str(),
        ),
        (
            "publish-hostnames",
            RECORDS,
            zone.as_str(),
            "Publish hostnames",
        ),
        ("cutover", RECORDS, zone.as_str(), "Deploy (cutover)"),
    ];
    for (function, action, resource, stage) in cases {
        let taken = WithoutPermission::on(&cloud, function, action, resource).await;
        let ended = family.release(&family.commit_all(function).await).await;
        taken.give_back().await;

        ended.is_denied(action, stage);
        for component in family.all() {
            assert!(ended.cause.contains(&component.name), "{}", ended.cause);
        }
        let others = family.all().map(|one| one.name.as_str());
        let others = others.iter().filter(|name| !stage.starts_with(**name));
        let mut others: Vec<&str> = others.copied().collect();
        others.sort_unstable();
        let last = others.pop().unwrap_or_default();
        let said = format!("{} and {last} became healthy", others.join(", "));
        assert!(ended.cause.contains(&said), "not `{said}`: {}", ended.cause);
        nothing_moved(&family, &first).await;
    }
    let unswept = WithoutPermission::on(&cloud, "sweep", RECORDS, &zone).await;
    not_discarded(&family.msb, &zone).await;
    unswept.give_back().await;
    swept(&family.msb, &zone).await;
    traffic.stop().await.without_failure();
    place.teardown().await.output();
    place.left_nothing().await;
}

/// A release whose candidates may not be discarded says what it leaves. Where nothing else does, the next
/// one takes it away.
async fn not_discarded(component: &Component, zone: &str) {
    let before = component.instances().await;
    discard_fails(component, zone, "red").await;
    assert_eq!(component.instances().await.len(), before.len() + 1);

    let next = component.commit(&Service::good("next")).await;
    component.push_to(&next, "topic").await;
    let ended = by_hand(component, &next).await;
    assert_eq!(ended.output()["outcome"], "live");
    component.stands_alone(&next).await;
}

/// And else the sweeper does, with nobody's doing.
async fn swept(component: &Component, zone: &str) {
    let live = component.live().await;
    let ended = discard_fails(component, zone, "red again").await;
    let gone = until(SWEPT, async || {
        (component.instances().await == live.instances).then_some(())
    });
    gone.await.expect("what Discard candidates left is swept");
    let recorded = until(SWEPT, async || {
        let row = component.cloud.release_of(component.target, &ended.name);
        let row = row.await.expect("the release has a row");
        (row["outcome"] == "not released").then_some(row)
    });
    let row = recorded.await.expect("how it ended is recorded");
    let cause = row["cause"].as_str().unwrap_or_default();
    assert!(
        cause.contains("its execution failed (DiscardFailed)"),
        "{cause}"
    );
    component.stands_alone(&live.commit).await;
}

async fn by_hand(component: &Component, version: &str) -> Ended {
    let (name, target) = (&component.name, component.target);
    let input = json!({"component": name, "version": version, "target": target});
    component.by_hand(input).await
}

async fn discard_fails(component: &Component, zone: &str, version: &str) -> Ended {
    let mut red = Service::good(version);
    red.add_suite("red", "false");
    let sha = component.commit(&red).await;
    component.push_to(&sha, "topic").await;
    let taken = WithoutPermission::on(&component.cloud, "discard-candidates", RECORDS, zone).await;
    let ended = by_hand(component, &sha).await;
    taken.give_back().await;
    assert_eq!(ended.error, "DiscardFailed", "{ended:#?}");
    let failed = format!(
        "What failed before: {}, Integration tests: suite red.",
        component.name
    );
    for part in [
        "did not go live. Discard candidates did not come to its end: route53:ChangeResourceRecordSets",
        "What it may have left goes at the next sweep, within minutes: instances tagged",
        &failed,
    ] {
        assert!(ended.cause.contains(part), "not `{part}`: {}", ended.cause);
    }
    ended
}

const RECORDS: &str = "route53:ChangeResourceRecordSets";

async fn nothing_moved(family: &Family, versions: &Value) {
    for component in family.all() {
        let live = versions[&component.name].as_str().expect("a commit");
        component.stands_alone(live).await;
    }
}

#[tokio::test]
async fn a_target_that_may_not_be_made_or_removed_says_which_permission_is_missing() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "closed");
    let stack = format!(
        "arn:aws:cloudformation:{}:{}:stack/{}-{}/*",
        cloud.variable("AWS_REGION"),
        cloud.variable("CUTOVER_ACCOUNT"),
        cloud.variable("CUTOVER_PROJECT"),
        place.name
    );
    let create = "cloudformation:CreateStack";
    let taken = WithoutPermission::on(&cloud, "apply-stack", create, &stack).await;
    let ended = place.provision(&[]).await;
    taken.give_back().await;
    ended.is_denied(create, "Apply stack: ");
    place.left_nothing().await;

    assert_eq!(
        place.provision(&[]).await.output()["outcome"],
        "provisioned"
    );
    let delete = "cloudformation:DeleteStack";
    let taken = WithoutPermission::on(&cloud, "delete-stack", delete, &stack).await;
    let ended = place.teardown().await;
    taken.give_back().await;
    for said in [
        "Delete stack: ",
        "run the same again and it goes on from here",
    ] {
        ended.is_denied(delete, said);
    }
    assert_eq!(place.teardown().await.output()["outcome"], "torn_down");
    place.left_nothing().await;
}
