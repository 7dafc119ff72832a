//! What EC2 says of a launch, and where the instances are then.

use crate::Deployer;
use dns::Dns;
use fleet::{Fleet, Seen, first_subnet};
use health::Prober;
use pipeline::errors::{ErrorName, Fault, Named};
use pipeline::manifest::Manifest;
use pipeline::names::{Component, Project, Ticket};
use pipeline::rows::CandidateRow;
use pipeline::wire::{DeployRequest, LaunchOutcome};
use registry::Registry;
use replay::Replay;
use serde_json::json;
use stage::Settings;
use store::Store;

const COMMIT: &str = "3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b";
const HOSTNAME: &str = "api-3f2a9c1b04de.stage.myproj.com";
const SUBNETS: [&str; 2] = ["subnet-a", "subnet-b"];
const NO_ROOM: &str = "InsufficientInstanceCapacity";

fn deployer(replay: &Replay) -> Deployer {
    let config = replay.config();
    Deployer {
        region: "eu-west-1".into(),
        registry: Registry::new(&config, "myproj-cutover"),
        store: Store::new(&config, "bucket"),
        dns: Dns::new(&config),
        fleet: Fleet::new(&config),
        prober: Prober::new().unwrap(),
        settings: Settings {
            project: Project::new("myproj").unwrap(),
            table: "myproj-cutover".into(),
            bucket: "bucket".into(),
        },
    }
}

/// Of release 7, for so many instances.
fn request(instances: u16) -> DeployRequest {
    let text = format!(
        "[component]\nname='api'\n[build]\nunit_tests='true'\ncommand='true'\noutput='dist'\n[run]\ncommand='./x'\nport=8080\ninstances={instances}\n"
    );
    let manifest = Manifest::parse(&text, &Component::new("api").unwrap()).unwrap();
    let release = json!({
        "project": "myproj", "target": "stage", "ticket": 7, "execution": "push-1", "domain": "stage.myproj.com",
        "zone_id": "Z1", "launch_template_id": "lt-1", "subnet_ids": SUBNETS, "alias_ttl": 5, "hostname_ttl": 5,
        "drain_seconds": 10, "test_dependents": false, "skip_slow_scans": false, "size": 1,
    });
    let item = json!({
        "component": "api", "version": "HEAD", "commit": COMMIT, "repository": "https://git.example.com/api.git",
        "hostname": HOSTNAME, "source": {"key": "k", "sha256": "s", "bytes": 1}, "manifest": manifest,
    });
    let request = json!({"release": release, "item": item, "peers": {"urls": {}}});
    serde_json::from_value(request).unwrap()
}

/// The row of the hostname, as the release has reserved it.
fn row() -> CandidateRow {
    serde_json::from_value(json!({
        "component": "api", "commit": COMMIT, "hostname": HOSTNAME, "ticket": 7, "release": "stage-r7",
        "state": "planned",
    }))
    .unwrap()
}

/// The row after a first try in `SUBNETS[chosen()]` was refused.
fn noted() -> CandidateRow {
    CandidateRow {
        elsewhere: [(chosen().to_owned(), other().to_owned())].into(),
        ..row()
    }
}

fn chosen() -> &'static str {
    SUBNETS[first_subnet(HOSTNAME, 2)]
}

fn other() -> &'static str {
    SUBNETS[1 - first_subnet(HOSTNAME, 2)]
}

type Said = (u16, String);

fn refusal(code: &str) -> Said {
    let errors = format!("<Errors><Error><Code>{code}</Code><Message>m</Message></Error></Errors>");
    (
        400,
        format!("<Response>{errors}<RequestID>r</RequestID></Response>"),
    )
}

fn instance(id: &str, state: &str) -> String {
    format!(
        "<item><instanceId>{id}</instanceId><instanceState><name>{state}</name></instanceState></item>"
    )
}

fn launched(id: &str) -> Said {
    let set = format!("<instancesSet>{}</instancesSet>", instance(id, "pending"));
    (
        200,
        format!("<RunInstancesResponse>{set}</RunInstancesResponse>"),
    )
}

fn listed(all: &[(&str, &str)]) -> Said {
    let all: String = all.iter().map(|(id, state)| instance(id, state)).collect();
    let set =
        format!("<reservationSet><item><instancesSet>{all}</instancesSet></item></reservationSet>");
    (
        200,
        format!("<DescribeInstancesResponse>{set}</DescribeInstancesResponse>"),
    )
}

fn written() -> Said {
    (200, "{}".into())
}

fn not_its_own() -> Said {
    let code = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
    (400, json!({"__type": code, "message": "m"}).to_string())
}

async fn spread(replay: &Replay, row: CandidateRow, wanted: u16) -> Result<Vec<Seen>, Fault> {
    let request = request(wanted);
    let spread = deployer(replay);
    spread.spread(&request, row, (wanted.into(), "7")).await
}

/// The subnet and the token of each launch that was asked for.
fn launches(replay: &Replay) -> Vec<(String, String)> {
    let asked = replay.asked().into_iter();
    let launches = asked.filter(|body| body.contains("Action=RunInstances"));
    let value = |body: &str, name: &str| {
        let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(key, _)| *key == name);
        found.map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    launches
        .map(|body| (value(&body, "SubnetId"), value(&body, "ClientToken")))
        .collect()
}

fn subnets(replay: &Replay) -> Vec<String> {
    launches(replay).into_iter().map(|(at, _)| at).collect()
}

#[tokio::test]
async fn where_the_chosen_zone_has_no_machine_it_is_launched_in_the_next_which_is_noted_before() {
    for code in [
        NO_ROOM,
        "InsufficientVolumeCapacity",
        "InsufficientFreeAddressesInSubnet",
        "Unsupported",
    ] {
        let replay = Replay::new([refusal(code), written(), launched("i-1")]);
        let seen = spread(&replay, row(), 1).await.unwrap();
        assert_eq!(seen[0].id, "i-1");
        assert_eq!(subnets(&replay), [chosen(), other()], "{code}");
        let note = &replay.asked()[1];
        let pair = format!("\"{}\":{{\"S\":\"{}\"}}", chosen(), other());
        assert!(note.contains(&pair), "{note}");
    }
}

#[tokio::test]
async fn a_second_try_is_answered_what_the_first_has_launched_though_the_chosen_zone_has_room_by_now()
 {
    let first = Replay::new([refusal(NO_ROOM), written(), (500, String::new())]);
    let lost = spread(&first, row(), 1).await.unwrap_err();
    assert_eq!(lost.name(), ErrorName::Unavailable);
    let second = Replay::new([launched("i-1")]);
    spread(&second, noted(), 1).await.unwrap();
    assert_eq!(launches(&second), launches(&first)[1..]);
}

#[tokio::test]
async fn where_the_noted_zone_has_no_room_either_the_chosen_one_is_asked_again() {
    let replay = Replay::new([refusal(NO_ROOM), written(), launched("i-1")]);
    spread(&replay, noted(), 1).await.unwrap();
    assert_eq!(subnets(&replay), [other(), chosen()]);
    let first = Replay::new([launched("i-1")]);
    spread(&first, row(), 1).await.unwrap();
    assert_eq!(launches(&first)[0], launches(&replay)[1]);
}

#[tokio::test]
async fn two_shares_in_one_zone_are_two_launches() {
    let replay = Replay::new([
        refusal(NO_ROOM),
        written(),
        launched("i-1"),
        launched("i-2"),
    ]);
    let seen = spread(&replay, row(), 2).await.unwrap();
    assert_eq!(seen.len(), 2);
    let asked = launches(&replay);
    assert_eq!(subnets(&replay), [chosen(), other(), other()]);
    assert_ne!(asked[1].1, asked[2].1);
}

#[tokio::test]
async fn what_no_zone_has_room_for_is_tried_again_if_any_of_them_may_have_it_later() {
    let replay = Replay::new([refusal(NO_ROOM), written(), refusal("Unsupported")]);
    let error = spread(&replay, row(), 1).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::Unavailable);
    let text = error.to_string();
    for part in [
        "api at 3f2a9c1b04de: no subnet of stage",
        chosen(),
        other(),
        NO_ROOM,
        "Unsupported",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let replay = Replay::new([refusal("Unsupported"), written(), refusal("Unsupported")]);
    let error = spread(&replay, row(), 1).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::CallRefused);
}

#[tokio::test]
async fn nothing_is_launched_elsewhere_for_a_name_that_is_given_up() {
    let replay = Replay::new([refusal(NO_ROOM), not_its_own()]);
    let error = spread(&replay, row(), 1).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::CandidateGone);
    assert_eq!(launches(&replay).len(), 1);
}

#[tokio::test]
async fn what_another_zone_does_not_mend_is_asked_for_once() {
    let replay = Replay::new([refusal("VcpuLimitExceeded")]);
    let error = spread(&replay, row(), 1).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::CallRefused);
    assert_eq!(launches(&replay).len(), 1);
}

#[tokio::test]
async fn what_ended_already_is_launched_again_with_another_token() {
    let ended = || refusal("IdempotentInstanceTerminated");
    let replay = Replay::new([ended(), launched("i-2")]);
    spread(&replay, row(), 1).await.unwrap();
    let asked = launches(&replay);
    assert_eq!(asked[0].0, asked[1].0);
    assert_ne!(asked[0].1, asked[1].1);
    let replay = Replay::new([ended(), ended(), ended()]);
    let error = spread(&replay, row(), 1).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::NotHealthy);
}

/// The row of what release 5 has launched and the roll-back, release 7, takes over.
fn taken_over(ids: &[&str]) -> CandidateRow {
    let instances = ids
        .iter()
        .map(|id| json!({"id": id, "address": "203.0.113.1"}));
    CandidateRow {
        launched_by: Some(Ticket(5)),
        instances: serde_json::from_value(instances.collect()).unwrap(),
        launch_template_version: "3".into(),
        ..row()
    }
}

async fn take_over(
    replay: &Replay,
    ids: &[&str],
) -> Result<(String, Vec<Seen>, LaunchOutcome), Fault> {
    let request = request(2);
    deployer(replay).instances(&request, taken_over(ids)).await
}

#[tokio::test]
async fn a_roll_back_takes_over_what_the_row_names_and_not_what_the_keeper_has_replaced() {
    // i-0 has the same tags, is in no row any more and runs for those who remember it.
    let replay = Replay::new([listed(&[("i-1", "running"), ("i-2", "running")])]);
    let took = take_over(&replay, &["i-1", "i-2"]).await;
    let (version, seen, how) = took.unwrap();
    let ids: Vec<&str> = seen.iter().map(|one| one.id.as_str()).collect();
    assert_eq!((version.as_str(), ids), ("3", vec!["i-1", "i-2"]));
    assert_eq!(how, LaunchOutcome::AlreadyLaunched);
    let asked = replay.asked().remove(0);
    assert!(asked.contains("Filter.1.Name=instance-id"), "{asked}");
    assert!(!asked.contains("tag%3A"), "{asked}");
}

#[tokio::test]
async fn a_roll_back_whose_instances_have_ended_says_which_and_launches_none() {
    let replay = Replay::new([listed(&[("i-1", "running"), ("i-2", "shutting-down")])]);
    let error = take_over(&replay, &["i-1", "i-2"]).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::CandidateGone);
    let text = error.to_string();
    assert!(text.contains("run any more (i-2)"), "{text}");
    assert_eq!(replay.asked().len(), 1);

    let unrecorded = take_over(&Replay::new([listed(&[])]), &[]).await;
    assert_eq!(unrecorded.unwrap_err().name(), ErrorName::CandidateGone);
}
