//! What an execution leaves that did not come to its end is gone within two minutes, with nobody's doing;
//! and nothing else is touched.

use end_to_end::{
    Cloud, Component, Execution, Family, Heard, Place, Service, Traffic, Vpcs, WithoutPermission,
    holds, sha_of, until,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A release on two busy cores, up to a state.
const REACHED: Duration = Duration::from_secs(180);

/// What an ended execution has left is gone by then.
const SWEPT: Duration = Duration::from_secs(120);

const LAUNCHES: &str = "Deploy (initial)";

/// A release of one version, which is stopped as soon as it has entered a state; where it launches, as soon as it has.
async fn stopped_in(component: &Component, version: &str, state: &str) -> Execution {
    let before = component.instances().await;
    let input =
        json!({"component": component.name, "version": version, "target": component.target});
    let execution = Execution::start(&component.cloud, &input).await;
    let entered = async || {
        let states = execution.states().await;
        states.iter().any(|one| one == state).then_some(())
    };
    let entered = until(REACHED, entered).await;
    entered.unwrap_or_else(|| panic!("{state} was never entered"));
    if state == LAUNCHES {
        let launched = async || (component.instances().await != before).then_some(());
        until(REACHED, launched).await.expect("it launches");
    }
    execution.stop().await;
    execution
}

/// Waits until only what is live stands of all of these and the release's row says how it ended; answers
/// that row.
async fn swept(execution: &Execution, components: &[&Component]) -> Value {
    let begun = Instant::now();
    let (cloud, target) = (&components[0].cloud, components[0].target);
    let is_swept = async || {
        for component in components {
            let mut live = component.live().await.instances;
            live.sort();
            if component.instances().await != live {
                return None;
            }
        }
        let row = cloud.release_of(target, &execution.name).await?;
        (row["outcome"] != "running").then_some(row)
    };
    let row = until(SWEPT, is_swept).await;
    let row = row.unwrap_or_else(|| panic!("{} is not swept after {SWEPT:?}", execution.name));
    println!("{} was swept after {:?}", execution.name, begun.elapsed());
    row
}

fn not_released(row: &Value) {
    assert_eq!(row["outcome"], "not released", "{row:#}");
    let cause = row["cause"].as_str().unwrap_or_default();
    for part in ["still points at", "its execution was stopped"] {
        assert!(cause.contains(part), "not `{part}`: {cause}");
    }
}

/// The history says of an act of this one what users have, why it was done, and what ended. Two sweeps may come at
/// once; then each says what it did.
async fn is_told(component: &Component, by: &str, why: &str) {
    let told = holds(SWEPT, async || {
        let acts = component.acts_of(by).await;
        let says = |one: &Value, key: &str, part: &str| one[key].to_string().contains(part);
        let is_it = |one: &Value| {
            let what = says(one, "what", "still points at") && says(one, "why", why);
            what && says(one, "instances", "i-") && one["state"] == "done"
        };
        match acts.iter().any(is_it) {
            true => Ok(()),
            false => Err(acts),
        }
    });
    told.await.unwrap_or_else(|acts| panic!("{acts:#?}"));
}

#[tokio::test]
async fn a_release_that_is_stopped_before_its_cutover_leaves_nothing_and_is_recorded_truly() {
    let cloud = Cloud::up().await;
    let family = Family::new(&cloud, "swept", "stage").await;
    let (api, msa) = (&family.api, &family.msa);
    let live = api.commit_and_push(&family.service(api, "1")).await;
    let first = msa.commit_and_push(&family.service(msa, "1")).await;
    let together = json!({&api.name: live, &msa.name: first});
    assert_eq!(family.release(&together).await.output()["outcome"], "live");
    let traffic = Traffic::on(msa);

    let folder = tempfile::tempdir().expect("a folder");
    for state in [LAUNCHES, "Publish hostnames", "Integration tests"] {
        let mut slow = family.service(msa, state);
        slow.add_suite("slow", "sleep 10");
        // It never serves, so the state lasts.
        slow.held_by = (state == LAUNCHES).then(|| folder.path().join("never"));
        let sha = msa.commit_and_push(&slow).await;
        let execution = stopped_in(msa, &sha, state).await;

        not_released(&swept(&execution, &[msa, api]).await);
        is_told(msa, "sweeper", "its execution was stopped").await;
        // What its functions were doing went on for a moment, and is found by the next look.
        let alone = async || msa.has_its_own_records_alone().await.then_some(());
        let alone = until(SWEPT, alone);
        alone.await.expect("no record is left");
    }
    traffic.stop().await.only(&first);
    msa.stands_alone(&first).await;
    api.stands_alone(&live).await;
    let status = cloud.cutover(&["status", "--target", "stage"]).await;
    let status = status.good("status");
    assert!(
        !status.contains(&format!("stopped by hand: {}", msa.name)),
        "{status}"
    );
}

#[tokio::test]
#[ignore = "make test-long: its kind is in make test already"]
async fn a_release_that_is_stopped_while_it_drains_is_live_and_what_was_before_ends() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "undrained", "lab").await;
    component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);
    let second = component.commit(&Service::good("2")).await;
    component.push_to(&second, "topic").await;

    let execution = stopped_in(&component, &second, "Drain").await;

    let row = swept(&execution, &[&component]).await;
    assert_eq!(row["outcome"], "live", "{row:#}");
    traffic.stop().await.without_failure();
    component.stands_alone(&second).await;
}

#[tokio::test]
#[ignore = "make test-long: its kind is in make test already"]
async fn a_release_that_is_stopped_in_its_cutover_is_live_or_not_and_recorded_as_that() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "uncut", "stage").await;
    component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);
    let second = component.commit(&Service::good("2")).await;
    component.push_to(&second, "topic").await;

    let execution = stopped_in(&component, &second, "Deploy (cutover)").await;

    let row = swept(&execution, &[&component]).await;
    let is_live = async || {
        let at = component.records().await;
        let alias = at.into_iter().find(|(name, _)| *name == component.alias());
        let recorded = component.live().await;
        let (_, to) = alias.expect("the alias");
        (to == [recorded.hostname.clone()]).then_some(recorded.commit == second)
    };
    let live = until(SWEPT, is_live)
        .await
        .expect("the rows say what DNS says");
    let outcome = if live { "live" } else { "not released" };
    assert_eq!(row["outcome"], outcome, "{row:#}");
    traffic.stop().await.without_failure();
}

/// A record of this hostname, to an address where nothing answers.
async fn plant(component: &Component, label: &str, action: &str) {
    let pk = format!("target#{}", component.target);
    let row = component.cloud.row(&pk, "environment").await;
    let zone = row.expect("the target is there")["zone_id"].clone();
    let name = format!("{label}.{}", component.cloud.domain(component.target));
    let batch = json!({"Changes": [{"Action": action, "ResourceRecordSet": {
        "Name": name, "Type": "A", "TTL": 1, "ResourceRecords": [{"Value": "192.0.2.1"}]}}]});
    let change = ["route53", "change-resource-record-sets", "--hosted-zone-id"];
    let (zone, batch) = (zone.as_str().expect("an id"), batch.to_string());
    let change = [&change[..], &[zone, "--change-batch", &batch]].concat();
    let said = component.cloud.aws(&change).await;
    said.good("change-resource-record-sets");
}

#[tokio::test]
async fn a_sweep_by_hand_takes_late_records_names_others_and_leaves_a_running_release_alone() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "sweep");
    let made = place.provision(&[]).await;
    let zone = made.output()["outputs"]["ZoneId"].as_str();
    let zone = format!("arn:aws:route53:::hostedzone/{}", zone.expect("a zone"));
    let component = Component::new(&cloud, "sweeps", place.name).await;
    let first = component.goes_live(&Service::good("1")).await;
    component.goes_live(&Service::good("2")).await;
    let late = format!("{}-{}", component.name, &first[..12]);
    let nobodys = format!("{}-{}", component.name, "0".repeat(12));
    // So that the schedule does not do it in between.
    let records = "route53:ChangeResourceRecordSets";
    let unswept = WithoutPermission::on(&cloud, "sweep", records, &zone).await;
    plant(&component, &late, "CREATE").await;
    plant(&component, &nobodys, "CREATE").await;
    let mut slow = Service::good("3");
    slow.add_suite("slow", "sleep 20");
    let third = component.commit_and_push(&slow).await;
    let running = component.execution_of(&third).await;
    let tested = async || {
        let states = running.states().await;
        states
            .iter()
            .any(|one| one == "Integration tests")
            .then_some(())
    };
    until(REACHED, tested).await.expect("its suites run");
    let up = component.instances().await;

    let sweep = ["sweep", "--json", "--target", place.name];
    let told = cloud.cutover(&[&sweep[..], &["--dry-run"]].concat()).await;
    let told: Value = serde_json::from_str(&told.good("sweep --dry-run")).expect("JSON");
    let domain = cloud.domain(place.name);
    let plan = format!("records that came after what they lead to had gone: {late}.{domain} goes");
    let named = format!("{nobodys}.{domain}: its record leads to addresses, and no row says whose");
    let expected = json!([{"target": place.name, "plan": [plan], "unaccounted": [named]}]);
    assert_eq!(told["targets"], expected);
    let labels = async || -> Vec<String> {
        let records = component.records().await.into_iter();
        records
            .map(|(name, _)| name.split('.').next().unwrap_or_default().to_owned())
            .collect()
    };
    assert!(labels().await.contains(&late), "a dry run does nothing");

    let denied = cloud.cutover(&sweep).await;
    assert_eq!(denied.code, 1, "{denied:?}");
    for part in ["LeftBehind", records] {
        assert!(denied.out.contains(part), "not `{part}`: {denied:?}");
    }
    unswept.give_back().await;
    cloud.cutover(&sweep).await.good("sweep");
    let left = labels().await;
    assert!(!left.contains(&late) && left.contains(&nobodys), "{left:?}");
    assert_eq!(
        component.instances().await,
        up,
        "a running release is left alone"
    );

    assert_eq!(running.end(REACHED).await.output()["outcome"], "live");
    assert_eq!(sha_of(component.folder(), "HEAD").await, third);
    plant(&component, &nobodys, "DELETE").await;
    component.stands_alone(&third).await;
    place.teardown().await.output();
    place.left_nothing().await;
}

#[tokio::test]
async fn a_release_that_is_cancelled_leaves_nothing_and_says_who_and_why() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "cancel", "stage").await;
    let heard = Heard::of(&component).await;
    let live = component.goes_live(&Service::good("1")).await;
    let mut slow = Service::good("2");
    slow.add_suite("slow", "sleep 100");
    let sha = component.commit_and_push(&slow).await;
    let execution = component.execution_of(&sha).await;
    let entered = async || {
        let states = execution.states().await;
        states.iter().any(|one| one == "Run suite").then_some(())
    };
    until(REACHED, entered).await.expect("its suites run");
    let release = cloud.release_of("stage", &execution.name).await;
    let release = release.expect("it has a row");
    let label = format!("stage-r{}", release["ticket"]);

    let begun = Instant::now();
    let arguments = ["cancel", &label, "--reason", "the wrong branch"];
    let said = cloud.cutover(&arguments).await.good("cancel");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    println!("cancelled and recorded after {:?}", begun.elapsed());
    for part in [
        "was cancelled: not released",
        "the wrong branch",
        "still points at",
    ] {
        assert!(said.contains(part), "not `{part}`: {said}");
    }
    let row = swept(&execution, &[&component]).await;
    let cause = row["cause"].as_str().unwrap_or_default();
    assert!(cause.contains("it was cancelled by "), "{cause}");
    is_told(&component, "cancel", "the wrong branch").await;
    let announced = until(SWEPT, async || {
        let pk = format!("target#{}", component.target);
        let rows = cloud.rows_of(&pk, "history#").await;
        let own = rows.iter().filter(|row| row["release"] == label);
        own.clone()
            .all(|row| row["unannounced"].is_null())
            .then_some(own.count())
    });
    assert!(announced.await.expect("all of it is announced") > 0);
    let heard = heard.stop().await;
    assert!(
        heard.iter().any(|event| event["by"] == "cancel"),
        "{heard:#?}"
    );
    component.stands_alone(&live).await;
    let again = cloud
        .cutover(&["cancel", &label])
        .await
        .good("cancel again");
    assert!(again.contains("had ended before: not released"), "{again}");
}
