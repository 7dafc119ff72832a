//! An execution that was stopped leaves what it had made. Where the sweeper cannot take it, the component's
//! next release does.

use end_to_end::{Cloud, Execution, Family, Place, Vpcs, WithoutPermission, until};
use serde_json::json;
use std::time::Duration;

/// Two components, on two busy cores, up to their suites.
const TESTED: Duration = Duration::from_secs(180);

#[tokio::test]
async fn the_next_release_takes_what_a_stopped_one_left_and_its_companion() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "halted");
    let made = place.provision(&[]).await;
    let zone = made.output()["outputs"]["ZoneId"].as_str();
    let zone = format!("arn:aws:route53:::hostedzone/{}", zone.expect("a zone"));
    let records = "route53:ChangeResourceRecordSets";
    let unswept = WithoutPermission::on(&cloud, "sweep", records, &zone).await;
    let family = Family::new(&cloud, "halted", place.name).await;
    let (api, msa) = (&family.api, &family.msa);
    let live = api.commit_and_push(&family.service(api, "1")).await;
    let first = msa.commit_and_push(&family.service(msa, "1")).await;
    let together = json!({&api.name: live, &msa.name: first});
    assert_eq!(family.release(&together).await.output()["outcome"], "live");

    let mut slow = family.service(msa, "2");
    slow.add_suite("slow", "sleep 30");
    let stopped = msa.commit_and_push(&slow).await;
    let input = json!({"component": msa.name, "version": stopped, "target": msa.target});
    let execution = Execution::start(&cloud, &input).await;
    let is_tested = async || {
        let states = execution.states().await;
        let tested = states.iter().any(|state| state == "Integration tests");
        tested.then_some(())
    };
    until(TESTED, is_tested).await.expect("its suites run");
    execution.stop().await;
    for component in [api, msa] {
        let up = component.instances().await.len();
        assert_eq!(up, 2, "of {}: the live one, and one more", component.name);
    }

    let next = msa.commit_and_push(&family.service(msa, "3")).await;
    let ended = family.release(&json!({&msa.name: next})).await;

    assert_eq!(ended.output()["outcome"], "live");
    msa.stands_alone(&next).await;
    api.stands_alone(&live).await;
    unswept.give_back().await;
    // The suite's function goes on after its execution was stopped, and ends with a log.
    let log = format!("logs/{}-r2/{}/suite-slow.log", place.name, msa.name);
    let logged = until(TESTED, async || cloud.object(&log).await).await;
    logged.expect("the suite's log is written");
    place.teardown().await.output();
    place.left_nothing().await;
}
