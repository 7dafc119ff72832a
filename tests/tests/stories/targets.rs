//! A whole environment: made, changed while it serves, torn down wherever one stops, made again.

use end_to_end::{Cloud, Component, Ended, Execution, Place, Service, Traffic, Vpcs, until};
use serde_json::{Value, json};
use std::time::Duration;

const RELEASED: Duration = Duration::from_secs(180);

pub fn outcome(ended: &Ended) -> &str {
    ended.output()["outcome"].as_str().unwrap_or_default()
}

pub fn says(ended: &Ended, error: &str, parts: &[&str]) {
    assert_eq!(
        (ended.status.as_str(), ended.error.as_str()),
        ("FAILED", error),
        "{ended:#?}"
    );
    for part in parts {
        assert!(ended.cause.contains(part), "not `{part}`: {}", ended.cause);
    }
}

#[tokio::test]
async fn a_target_is_made_and_used_and_changed_and_removed_and_made_again() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "life");
    assert_eq!(outcome(&place.provision(&[]).await), "provisioned");
    assert!(
        place.tagged().await.len() >= 8,
        "{:?}",
        place.tagged().await
    );
    let component = Component::new(&cloud, "life", place.name).await;
    let first = component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);
    let alias = component.alias_row().await;

    assert_eq!(outcome(&place.provision(&[]).await), "unchanged");
    let changed = place
        .provision(&[("DrainMargin", "2"), ("InstanceType", "t3.medium")])
        .await;
    assert_eq!(outcome(&changed), "updated");
    assert_eq!(changed.output()["outputs"]["DrainMargin"], "2");
    assert_eq!(component.alias_row().await, alias);
    component.stands_alone(&first).await;
    traffic.stop().await.without_failure().only(&first);
    let second = component.goes_live(&Service::good("2")).await;
    component.stands_alone(&second).await;

    let gone = place.teardown().await;
    assert_eq!(outcome(&gone), "torn_down");
    let removed = &gone.output()["removed"];
    let alias = component.alias();
    assert!(
        removed["records"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| *one == alias)),
        "{removed}"
    );
    assert_eq!(
        removed["instances"].as_array().map(Vec::len),
        Some(1),
        "{removed}"
    );
    place.left_nothing().await;

    assert_eq!(outcome(&place.provision(&[]).await), "provisioned");
    let ended = component
        .by_hand(json!({"component": component.name, "target": place.name}))
        .await;
    assert_eq!(
        ended.release(),
        format!("{}-r3", place.name),
        "the numbers go on"
    );
    component.stands_alone(&second).await;
    assert_eq!(outcome(&place.teardown().await), "torn_down");
    place.left_nothing().await;
}

#[tokio::test]
async fn the_name_servers_of_a_target_are_told_and_delegated_in_the_zone_above() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "name");
    let made = place.run(&place.wanted(&[])).await;
    let servers = made.output()["outputs"]["NameServers"].clone();
    let servers = servers.as_str().unwrap_or_default().to_owned();
    assert!(servers.split(',').count() > 1, "{servers}");
    let project = cloud.variable("CUTOVER_PROJECT");
    let again = ["target", "--project", project, "--target", place.name];
    let said = cloud.script("infra/deploy.sh", &again).await;
    let said = said.good("infra/deploy.sh target");
    for part in [servers.as_str(), "WARNING: public DNS does not know"] {
        assert!(said.contains(part), "not `{part}`: {said}");
    }

    let above = cloud.parent_zone().await;
    let parent = format!("--parameter=ParentZoneId={above}");
    let said = cloud
        .script("infra/deploy.sh", &[&again[..], &[&parent]].concat())
        .await
        .good("infra/deploy.sh target");
    assert!(said.contains(&above) && !said.contains("WARNING"), "{said}");
    let written = records_in(&cloud, &above).await;
    let ours = |record: &&Value| record["Name"] == format!("{}.", cloud.domain(place.name));
    let record = written.iter().find(ours).expect("a delegation");
    assert_eq!(
        (&record["Type"], &record["TTL"]),
        (&json!("NS"), &json!(300))
    );
    let listed = record["ResourceRecords"].as_array().expect("values").iter();
    let listed: Vec<&str> = listed.filter_map(|one| one["Value"].as_str()).collect();
    assert_eq!(listed.join(","), servers);

    place.teardown().await.output();
    place.left_nothing().await;
    let left = records_in(&cloud, &above).await;
    assert!(!left.iter().any(|record| ours(&record)), "{left:?}");
}

async fn records_in(cloud: &Cloud, zone: &str) -> Vec<Value> {
    let asked = [
        "route53",
        "list-resource-record-sets",
        "--hosted-zone-id",
        zone,
        "--query",
        "ResourceRecordSets",
        "--output",
        "json",
    ];
    let said = cloud.aws(&asked).await.good("list-resource-record-sets");
    serde_json::from_str(&said).expect("JSON")
}

/// A target with a release, whose teardown is stopped in this state and run again; for each state.
async fn goes_on(what: &str, states: &[&str]) {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, what);
    let component = Component::new(&cloud, what, place.name).await;
    let sha = component.commit_and_push(&Service::good("1")).await;
    for state in states {
        let mut stopped = None;
        for _ in 0..TRIES {
            stopped = stopped_in(&place, &component, &sha, state).await;
            let again = place.teardown().await;
            assert_eq!(outcome(&again), "torn_down", "after {state}");
            place.left_nothing().await;
            if stopped.is_some() {
                break;
            }
        }
        let stopped = stopped.unwrap_or_else(|| panic!("{state} was over before each stop"));
        println!("stopped in {stopped}, having entered {state}");
    }
}

/// Some states take no time, and the teardown may have ended before it is stopped in one.
const TRIES: usize = 4;

/// Provisions, releases, and begins a teardown that is stopped in this state.
async fn stopped_in(
    place: &Place,
    component: &Component,
    sha: &str,
    state: &str,
) -> Option<String> {
    let made = place.provision(&[]).await;
    assert_eq!(outcome(&made), "provisioned", "before {state}");
    let input = json!({"component": component.name, "version": sha, "target": place.name});
    let live = component.by_hand(input).await;
    assert_eq!(outcome(&live), "live", "before {state}");
    let teardown = json!({"action": "teardown", "target": place.name});
    let first = place.start(&teardown).await;
    place.stop_in(&first, state).await
}

#[tokio::test]
#[ignore = "make test-long: a target of its own"]
async fn a_teardown_stopped_before_the_stack_goes_on_when_it_is_run_again() {
    let states = [
        "Plan target",
        "Close target",
        "Clear target",
        "Wait for instances",
    ];
    goes_on("stop", &states).await;
}

#[tokio::test]
#[ignore = "make test-long: a target of its own"]
async fn a_teardown_stopped_at_the_stack_or_after_it_goes_on_when_it_is_run_again() {
    let states = [
        "Delete stack",
        "Wait for deletion",
        "Look at deletion",
        "Forget target",
        "Prove nothing is left",
    ];
    goes_on("halt", &states).await;
}

#[tokio::test]
async fn a_teardown_waits_for_a_release_even_once_stopped_and_lets_no_other_begin() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "wait");
    place.provision(&[]).await.output();
    let component = Component::new(&cloud, "wait", place.name).await;
    let mut slow = Service::good("1");
    slow.add_suite("slow", "sleep 12");
    let sha = component.commit_and_push(&slow).await;
    let running = component.execution_of(&sha).await;
    let tested = until(RELEASED, async || {
        let states = place.entered(&running).await;
        states
            .iter()
            .any(|state| state == "Run suite")
            .then_some(())
    });
    assert!(tested.await.is_some(), "the suites begin");

    let input = json!({"action": "teardown", "target": place.name});
    let stopped = place.start(&input).await;
    assert_ne!(place.stop_in(&stopped, "Wait for releases").await, None);
    assert_eq!(running.status().await, "RUNNING", "no stop reaches it");
    let teardown = place.start(&input).await;
    let waits = until(RELEASED, async || {
        let states = place.entered(&teardown).await;
        states
            .iter()
            .any(|state| state == "Wait for releases")
            .then_some(())
    });
    assert!(waits.await.is_some(), "the teardown waits for the release");
    let input = json!({"component": component.name, "target": place.name});
    let refused = Execution::start(&cloud, &input).await.end(RELEASED).await;
    let sentence = format!(
        "target: `{}` is being torn down by execution {}; name another target",
        place.name, teardown.name
    );
    says(&refused, "TargetClosing", &[&sentence]);
    says(
        &place.provision(&[]).await,
        "TargetClosing",
        &["is being torn down", "run `cutover target teardown"],
    );

    assert_eq!(
        outcome(&running.end(RELEASED).await),
        "live",
        "the release ends as if nothing were"
    );
    assert_eq!(outcome(&teardown.end(RELEASED).await), "torn_down");
    place.left_nothing().await;
    let refused = Execution::start(&cloud, &input).await.end(RELEASED).await;
    says(
        &refused,
        "UnknownTarget",
        &["was never provisioned; provision it with `cutover target provision"],
    );
}

/// Step Functions lists executions with a delay, so a teardown that begins at the same moment does not
/// find the release in the list.
#[tokio::test]
async fn a_teardown_waits_for_a_release_that_is_not_listed_yet() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "lag");
    place.provision(&[]).await.output();
    let component = Component::new(&cloud, "lag", place.name).await;
    component.follow("releases", place.name).await;
    let sha = component.commit_and_push(&Service::good("1")).await;
    let input = json!({"component": component.name, "version": sha, "target": place.name});
    let running = Execution::start(&cloud, &input).await;
    let reserved = until(RELEASED, async || {
        let rows = place.rows().await;
        rows.iter()
            .any(|sk| sk.starts_with("release#"))
            .then_some(())
    });
    assert!(reserved.await.is_some(), "the release has its names");
    let teardown = place
        .start(&json!({"action": "teardown", "target": place.name}))
        .await;
    assert_eq!(outcome(&running.end(RELEASED).await), "live");
    assert_eq!(outcome(&teardown.end(RELEASED).await), "torn_down");
    let states = place.entered(&teardown).await;
    assert!(
        states.iter().any(|one| one == "Wait for releases"),
        "{states:?}"
    );
    place.left_nothing().await;
}

#[tokio::test]
#[ignore = "make test-long: a target of its own"]
async fn a_teardown_waits_for_what_has_the_targets_tag_and_goes_on_when_it_was_stopped_there() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "stray");
    place.provision(&[]).await.output();
    let bucket = place.stray_bucket().await;
    let teardown = place
        .start(&json!({"action": "teardown", "target": place.name}))
        .await;
    let stopped = place.stop_in(&teardown, "Wait for tags").await;
    assert_ne!(stopped, None, "nobody takes the bucket away");
    let tagged = place.tagged().await;
    assert_eq!(
        tagged,
        [format!("arn:aws:s3:::{bucket}")],
        "only that is left"
    );
    let remove = ["s3api", "delete-bucket", "--bucket", &bucket];
    cloud.aws(&remove).await.good("delete-bucket");
    assert_eq!(outcome(&place.teardown().await), "torn_down");
    place.left_nothing().await;
}

#[tokio::test]
async fn the_commands_show_a_target_from_first_to_last() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "cli");
    let parameters: Value = place.wanted(&[])["parameters"].clone();
    let parameters: Vec<String> = parameters
        .as_object()
        .expect("parameters")
        .iter()
        .map(|(key, value)| format!("--parameter={key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let mut typed = vec!["target", "provision", place.name];
    typed.extend(parameters.iter().map(String::as_str));
    let said = cloud.cutover(&typed).await.good("target provision");
    assert!(
        said.contains("Apply stack") && said.contains(&format!("{} is provisioned", place.name)),
        "{said}"
    );
    let said = cloud
        .cutover(&["target", "provision", place.name])
        .await
        .good("target provision again");
    assert!(said.contains("nothing was changed"), "{said}");
    let said = cloud.cutover(&["target", "list"]).await.good("target list");
    assert!(said.contains(place.name), "{said}");
    let said = cloud
        .cutover(&["target", "show", place.name])
        .await
        .good("target show");
    for part in [
        "ZoneId",
        "DataBucket",
        "costs",
        "0 instance(s) (t3.small, 8 GiB each)",
        "nothing is live",
    ] {
        assert!(said.contains(part), "not `{part}`: {said}");
    }
    let said = cloud
        .cutover(&["target", "teardown", place.name])
        .await
        .good("target teardown");
    assert!(
        said.contains("is torn down") && said.contains("AWS::EC2::VPC vpc-"),
        "{said}"
    );
    place.left_nothing().await;
    assert_eq!(cloud.cutover(&["target", "show", place.name]).await.code, 2);
}
