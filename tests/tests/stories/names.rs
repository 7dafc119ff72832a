//! What resolvers remember, and who is found by the world.

use crate::targets::outcome;
use end_to_end::{Cloud, Component, Execution, Place, Service, Vpcs};
use serde_json::json;
use std::time::Duration;

const RELEASED: Duration = Duration::from_secs(180);

/// Asks each peer once before it serves, as a service does that warms up its connections.
const EARLY: &str = r#"import os, urllib.request
for variable, url in sorted(os.environ.items()):
    if variable.startswith("T_") and variable.endswith("_URL"):
        try:
            urllib.request.urlopen(url + "/version", timeout=5).read()
            print("early:", url, "answers", flush=True)
        except Exception as error:
            print("early:", url, error, flush=True)
"#;

const PEERS: &str = r#"import os, urllib.request
with urllib.request.urlopen(os.environ["TARGET_URL"] + "/peers", timeout=10) as answer:
    print(answer.read().decode())
"#;

/// The peer's name leads to a hostname that is published only when all are healthy. Until then it is
/// missing, and resolvers remember that for as long as the zone says: 15 minutes, as Route 53 makes
/// zones.
#[tokio::test]
async fn a_service_that_looks_its_peer_up_while_it_starts_finds_it_in_its_suites() {
    let cloud = Cloud::up().await;
    let peer = Component::unregistered(&cloud, "late-peer", "stage").await;
    let early = Component::unregistered(&cloud, "early", "stage").await;
    for component in [&peer, &early] {
        component.follow("releases", "stage").await;
    }
    let mut service = Service::good("1");
    service.peers = vec![peer.name.clone()];
    let build = "mkdir -p dist && cat early.py server.py > dist/server.py && cp VERSION dist/ && echo built\n";
    service.files = vec![
        ("build.sh", build.into()),
        ("early.py", EARLY.into()),
        ("peers.py", PEERS.into()),
    ];
    service.add_suite("peers", "python3 peers.py");
    let versions = json!({
        &peer.name: peer.commit_and_push(&Service::good("1")).await,
        &early.name: early.commit_and_push(&service).await,
    });
    let input = json!({"versions": versions, "target": "stage"});
    let ended = Execution::start(&cloud, &input).await.end(RELEASED).await;
    assert_eq!(outcome(&ended), "live");
    let release = ended.release();
    let log = cloud
        .keys(&format!("logs/{release}/{}/instance-", early.name))
        .await;
    // Its last lines; the whole log is in pieces, in a folder beside it.
    let last_lines = log
        .iter()
        .filter_map(|key| key.rsplit('/').next())
        .filter(|name| name.starts_with("instance-"));
    assert_eq!(last_lines.count(), 1, "{log:?}");
}

#[tokio::test]
async fn a_target_that_nobody_delegates_to_is_provisioned_with_a_warning_that_says_what_to_set() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "alone");
    let made = place.run(&place.wanted(&[])).await;
    assert_eq!(outcome(&made), "provisioned");
    let servers = made.output()["outputs"]["NameServers"].as_str();
    let servers = servers.expect("name servers").to_owned();
    let warnings = made.output()["warnings"].as_array().expect("warnings");
    let said = warnings[0].as_str().unwrap_or_default();
    let domain = cloud.domain(place.name);
    let above = cloud.variable("CUTOVER_DOMAIN");
    let first = servers.split(',').next().unwrap_or_default();
    for part in [
        format!("public DNS does not know {domain}"),
        format!("In the zone of {above}, set the NS records of {domain} to "),
        first.trim_end_matches('.').to_owned(),
    ] {
        assert!(said.contains(&part), "not `{part}`: {said}");
    }
    let shown = cloud.cutover(&["target", "show", place.name]).await;
    let shown = shown.good("target show");
    for part in ["warning: public DNS does not know", "NameServers"] {
        assert!(shown.contains(part), "not `{part}`: {shown}");
    }

    let delegated = place.provision(&[]).await;
    assert_eq!(outcome(&delegated), "updated");
    assert_eq!(delegated.output()["warnings"], json!([]));
    let proven = delegated.output()["proven"].to_string();
    assert!(proven.contains("public DNS leads to the zone"), "{proven}");
    let shown = cloud.cutover(&["target", "show", place.name]).await;
    let shown = shown.good("target show");
    assert!(!shown.contains("warning"), "{shown}");
    assert_eq!(outcome(&place.teardown().await), "torn_down");
    place.left_nothing().await;
}
