//! The roles have what they need and the release says so when they do not: a permission is
//! taken away, a release runs, and it fails with the action's name and nothing moved.

use end_to_end::{Cloud, Component, Ended, Service, Suite, Traffic, WithoutPermission, actions_of};
use serde_json::json;
use std::time::Duration;
use tokio::sync::Mutex;

/// Roles are shared by all releases, so one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// A component with something live, so that there is an alias to leave alone.
async fn live(cloud: &Cloud, what: &str) -> (Component, String) {
    let component = Component::new(cloud, what, "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    (component, good)
}

async fn check((component, good): (Component, String), function: &str, action: &str, stage: &str) {
    let traffic = Traffic::on(&component);

    let taken = WithoutPermission::of(&component.cloud, function, action).await;
    let (_, ended) = component.release(&Service::good("2")).await;
    taken.give_back().await;

    let how = (ended.status.as_str(), ended.error.as_str());
    assert_eq!(how, ("FAILED", "AccessDenied"), "{ended:#?}");
    for part in [action, stage] {
        assert!(
            ended.cause.contains(part),
            "the cause does not name {part}: {}",
            ended.cause
        );
    }
    component.stands_alone(&good).await;
    traffic.stop().await.only(&good);
}

#[tokio::test]
async fn a_release_without_one_permission_fails_by_the_actions_name_and_moves_nothing() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let cloud = Cloud::up().await;
    let (dns, put, draw) = tokio::join!(
        live(&cloud, "dns"),
        live(&cloud, "put"),
        live(&cloud, "draw")
    );
    let records = "route53:ChangeResourceRecordSets";
    check(dns, "cutover", records, "Deploy (cutover)").await;
    check(put, "push-artifacts", "s3:PutObject", "Push artifacts").await;
    // Before there is a plan, the cause is the sentence alone.
    check(draw, "plan-release", "dynamodb:UpdateItem", "").await;
    // What was taken was given back.
    let (restored, sha) = live(&cloud, "restored").await;
    restored.stands_alone(&sha).await;
}

const FUNCTIONS: &[&str] = &[
    "start-release",
    "plan-release",
    "prepare-workspace",
    "publish-peers",
    "unit-tests",
    "build",
    "push-artifacts",
    "deploy-initial",
    "publish-hostnames",
    "integration-tests",
    "cutover",
    "terminate-previous",
    "tag-release",
    "discard-candidates",
];

/// What Lambda itself does in the role's name; the local cloud does it without asking IAM.
const NOT_SEEN_HERE: &[&str] = &["logs:", "xray:", "sqs:"];

#[tokio::test]
#[ignore = "takes some ten minutes: every action of every role, one after the other"]
async fn every_single_action_of_every_role_is_needed_by_some_release() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let cloud = Cloud::up().await;
    let peer = Component::new(&cloud, "peer", "stage").await;
    peer.goes_live(&Service::good("1")).await;
    let component = Component::new(&cloud, "excess", "stage").await;
    let private = Component::unregistered(&cloud, "closed", "stage").await;
    private.open_with(&private.close().await).await;
    let parts = [&component, &peer, &private];
    let mut excess = Vec::new();
    for function in FUNCTIONS {
        let before = differs(parts, &format!("before {function}")).await;
        assert_eq!(
            before, None,
            "with every permission, before {function} loses one"
        );
        for action in actions_of(&cloud, function).await {
            if NOT_SEEN_HERE
                .iter()
                .any(|prefix| action.starts_with(prefix))
            {
                continue;
            }
            let mark = format!("{function} {action}");
            let taken = WithoutPermission::of(&cloud, function, &action).await;
            let differs = differs(parts, &format!("without {mark}")).await;
            taken.give_back().await;
            println!(
                "without {mark}: {}",
                differs.as_deref().unwrap_or("NOTHING CHANGES")
            );
            if differs.is_none() {
                excess.push(mark);
            }
        }
    }
    assert!(excess.is_empty(), "no release needs these: {excess:#?}");
}

/// One release that must go live, one that must be discarded, and one of a private repository that
/// must be tagged: in what they differ from that.
async fn differs([component, peer, private]: [&Component; 3], mark: &str) -> Option<String> {
    let started = Duration::from_secs(15);
    let mut service = Service::good(mark);
    service.peers = vec![peer.name.clone()];
    let good = component.release_if_started(&service, started).await;
    if !good.as_ref().is_some_and(went_live) {
        return Some(shown(good));
    }
    service.version = format!("{mark}, red");
    service.suites.push(Suite {
        name: "red",
        command: "false".into(),
        slow: false,
    });
    let bad = component.release_if_started(&service, started).await;
    let as_it_should = bad.as_ref().is_some_and(|ended| {
        ended.error == "IntegrationTestsFailed" && !ended.cause.contains("AccessDenied")
    });
    match as_it_should {
        true => is_not_tagged(private, mark).await,
        false => Some(shown(bad)),
    }
}

async fn is_not_tagged(private: &Component, mark: &str) -> Option<String> {
    let sha = private.commit(&Service::good(mark)).await;
    private.push_by_folder(&sha).await;
    let input = json!({"component": private.name, "version": sha, "target": "stage", "tag": true});
    let ended = private.by_hand(input).await;
    if !went_live(&ended) {
        return Some(shown(Some(ended)));
    }
    let tags = ended.output()["tag"].clone();
    (tags["tags"][0]["outcome"] != "pushed").then(|| tags.to_string())
}

fn went_live(ended: &Ended) -> bool {
    ended.status == "SUCCEEDED"
        && ended.output()["outcome"] == "live"
        && ended.output()["terminated"]["left_behind"].is_null()
}

fn shown(ended: Option<Ended>) -> String {
    match ended {
        None => "no release starts".into(),
        Some(ended) if ended.status == "SUCCEEDED" => ended.output()["terminated"].to_string(),
        Some(ended) => format!("{}: {}", ended.error, ended.cause),
    }
}
