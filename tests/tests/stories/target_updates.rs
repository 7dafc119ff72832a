//! What an update of a target changes, and what it leaves alone.

use crate::targets::outcome;
use end_to_end::{Cloud, Component, Execution, Place, Service, Vpcs};
use serde_json::json;
use std::time::Duration;

const RELEASED: Duration = Duration::from_secs(180);

/// CloudFormation leaves a launch template's default version at the first one for ever, and the
/// latest one is a release's. So neither is what the next release must boot from.
#[tokio::test]
#[ignore = "make test-long: a target of its own"]
async fn another_instance_type_reaches_the_next_release_and_a_roll_back_goes_back() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "type");
    assert_eq!(outcome(&place.provision(&[]).await), "provisioned");
    let component = Component::new(&cloud, "type", place.name).await;
    component.goes_live(&Service::good("1")).await;
    assert_eq!(place.types().await, ["t3.small"]);

    let bigger = [("InstanceType", "t3.medium")];
    let changed = place.provision(&bigger).await;
    assert_eq!(outcome(&changed), "updated");
    assert_eq!(place.types().await, ["t3.small"], "what is live stays");
    assert_eq!(outcome(&place.provision(&bigger).await), "unchanged");

    component.goes_live(&Service::good("2")).await;
    assert_eq!(place.types().await, ["t3.medium"]);
    let same = place.provision(&[]).await;
    assert_eq!(
        outcome(&same),
        "unchanged",
        "what releases add is no change of the target"
    );

    let back = json!({"component": component.name, "version": "previous", "target": place.name});
    let ended = Execution::start(&cloud, &back).await.end(RELEASED).await;
    assert_eq!(outcome(&ended), "live");
    assert_eq!(place.types().await, ["t3.small"], "as it ran before");
    component.goes_live(&Service::good("3")).await;
    assert_eq!(place.types().await, ["t3.medium"]);
    assert_eq!(outcome(&place.teardown().await), "torn_down");
    place.left_nothing().await;
}
