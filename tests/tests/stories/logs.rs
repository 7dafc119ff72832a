//! What a running service says, whole, also when its instance is no more.

use end_to_end::{Cloud, Component, Service, ask, until};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};

/// An instance ships after four seconds, on two busy cores.
const SHIPPED: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_live_service_s_log_is_whole_followed_and_outlives_its_instance() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "says", "stage").await;
    let sha = component.goes_live(&Service::good("1")).await;
    let instance = component.live().await.instances[0].clone();
    let live = ["logs", "--live", &component.name];

    let mut following = tokio::process::Command::new(cloud.root.join("target/debug/cutover"))
        .args(live)
        .arg("--follow")
        .envs(cloud.environment())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the command starts");
    let mut lines = BufReader::new(following.stdout.take().expect("its output")).lines();
    let mut arrives = async |wanted: &str| {
        let arrived = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if line.contains(wanted) {
                    return;
                }
            }
            panic!("it ended before {wanted}");
        };
        let in_time = tokio::time::timeout(SHIPPED, arrived).await;
        assert!(in_time.is_ok(), "{wanted} was not followed");
    };
    arrives(&format!("serving {sha}")).await;
    say(&component, "early").await;
    arrives("early").await;

    // Right before its end, so that only what is shipped at the end brings it.
    say(&component, "last-words").await;
    let end = cloud.machines.terminate_instances().instance_ids(&instance);
    end.send().await.expect("the instance ends");

    let whole = until(SHIPPED, async || {
        let said = cloud.cutover(&live).await.good("logs --live");
        said.contains("last-words").then_some(said)
    });
    let whole = whole.await.expect("what it said last is kept");
    let order = [&format!("serving {sha}"), "early", "last-words"].map(|text| whole.find(text));
    assert!(
        order.iter().all(Option::is_some) && order.is_sorted(),
        "{whole}"
    );
    let instance = format!("==> {instance}, ");
    assert!(whole.contains(&instance), "{whole}");
}

async fn say(component: &Component, what: &str) {
    let said = ask(
        &component.cloud,
        &component.alias(),
        &format!("/say/{what}"),
    )
    .await;
    said.expect("it answers");
}
