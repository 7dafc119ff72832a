//! The target that users see goes only on purpose, and leaves its data behind.

use crate::undisturbed;
use end_to_end::{Cloud, Component, Place, Service, Traffic, Vpcs};

#[tokio::test]
async fn prod_is_torn_down_only_when_confirmed_and_its_database_is_kept_as_a_snapshot() {
    let _turn = undisturbed().await;
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    // So that `make up` provisions prod again, should this test not come to its end.
    cloud.forget_deployed("targets");
    let place = Place::prod(&cloud);
    let changed = place.provision(&[("Database", "true")]).await;
    assert_eq!(
        changed.output()["protected"],
        true,
        "without being asked to"
    );
    let component = Component::new(&cloud, "prod", place.name).await;
    let sha = component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);

    let refused = cloud.cutover(&["target", "teardown", "prod"]).await;
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    let said = refused.words();
    for part in [
        "its name must be typed twice",
        "--confirm prod",
        "nothing was changed",
    ] {
        assert!(said.contains(part), "not `{part}`: {said}");
    }
    component.stands_alone(&sha).await;
    traffic.stop().await.only(&sha);

    let done = cloud
        .cutover(&["target", "teardown", "prod", "--confirm", "prod"])
        .await;
    let said = done.good("target teardown prod --confirm prod");
    let kept = place.tagged().await;
    let [snapshot] = kept.as_slice() else {
        panic!("what is left of prod must be its snapshot: {kept:?}");
    };
    assert!(
        snapshot.contains(":snapshot:") && said.contains(&format!("  kept: {snapshot}")),
        "{snapshot} is not named: {said}"
    );
    place.delete_snapshot(snapshot).await;
    place.left_nothing().await;

    let again = cloud.script("infra/deploy-local.sh", &[]).await;
    again.good("infra/deploy-local.sh");
    let next = component.goes_live(&Service::good("2")).await;
    component.stands_alone(&next).await;
}
