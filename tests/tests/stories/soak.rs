//! One interleaving of `make soak`, which no other test runs: what it reads of the releases (rows, log
//! lines, its own target) must be what they write.

use end_to_end::{Cloud, Place, Vpcs};
use std::time::Duration;

/// A target, a first release of four, and up to four that overlap.
const LIMIT: Duration = Duration::from_secs(300);

#[tokio::test]
#[ignore = "make test-long: a target, four components, and all that overlaps"]
async fn an_interleaving_on_a_target_of_its_own_is_looked_at_as_a_whole() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let soak = ["COUNT=1", "SEED=7", "local/soak.sh"];
    let said = cloud.script_within(LIMIT, "env", &soak).await;
    let place = Place {
        cloud,
        name: "soak",
    };
    let torn_down = place.teardown().await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.out.contains("violations                 0"),
        "{}",
        said.out
    );
    assert_eq!(torn_down.status, "SUCCEEDED", "{torn_down:?}");
}
