//! `cutover watch` as it is typed beside a push, where nothing else runs.

use crate::alone;
use end_to_end::{Cloud, Component, Service, until};
use serde_json::Value;
use std::time::Duration;

#[tokio::test]
async fn watch_without_an_argument_follows_the_release_that_begins_next() {
    let _turn = alone().await;
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "next", "dev").await;
    let sha = component.commit(&Service::good("1")).await;
    // What a test before has left running would be followed instead.
    let quiet = until(Duration::from_secs(120), async || {
        let typed = ["watch", "--begin-within", "1ms", "--timeout", "1ms"];
        let said = cloud.cutover(&typed).await;
        let is_quiet = ["no release runs", "no release has run yet"];
        let is_quiet = is_quiet.iter().any(|one| said.err.contains(one));
        is_quiet.then_some(said.code)
    });
    assert_eq!(quiet.await, Some(4), "nothing runs");

    // Typed first: a release here is over in three seconds, and one that has ended is not followed.
    let (said, ()) = tokio::join!(cloud.cutover(&["watch", "--json"]), component.push(&sha));

    let value: Value = serde_json::from_str(&said.good("watch")).expect("JSON");
    let name = value["execution"].as_str().unwrap_or_default();
    let expected = format!("{}-{}-dev-", component.name, &sha[..12]);
    assert!(name.starts_with(&expected), "{value}");
    assert_eq!(value["outcome"], "live");
}
