//! The roles have what they need and the release says so when they do not: a permission is
//! taken away, a release runs, and it fails with the action's name and nothing moved.

use end_to_end::{Cloud, Component, Service, Traffic, WithoutPermission};
use tokio::sync::Mutex;

/// Roles are shared by all releases, so one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

async fn check(what: &str, function: &str, action: &str, stage: &str) {
    let _turn = ONE_AT_A_TIME.lock().await;
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, what, "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);

    let taken = WithoutPermission::of(&cloud, function, action).await;
    let (_, ended) = component.release(&Service::good("2")).await;
    taken.give_back().await;

    assert_eq!(
        (ended.status.as_str(), ended.error.as_str()),
        ("FAILED", "AccessDenied"),
        "{ended:#?}"
    );
    assert!(
        ended.cause.contains(action),
        "the cause does not name {action}: {}",
        ended.cause
    );
    assert!(
        stage.is_empty() || ended.cause.contains(stage),
        "the cause does not name {stage}: {}",
        ended.cause
    );
    component.stands_alone(&good).await;
    traffic.stop().await.only(&good);
    let restored = component.goes_live(&Service::good("3")).await;
    component.stands_alone(&restored).await;
}

#[tokio::test]
async fn a_cutover_that_may_not_change_records_moves_nothing() {
    check(
        "dns",
        "cutover",
        "route53:ChangeResourceRecordSets",
        "Deploy (cutover)",
    )
    .await;
}

#[tokio::test]
async fn a_push_of_artifacts_that_may_not_write_ends_the_release() {
    check("put", "push-artifacts", "s3:PutObject", "Push artifacts").await;
}

#[tokio::test]
async fn a_plan_that_may_not_draw_a_ticket_ends_the_release() {
    // Before there is a plan there is no list of stages in the cause: only the sentence itself.
    check("draw", "plan-release", "dynamodb:UpdateItem", "").await;
}
