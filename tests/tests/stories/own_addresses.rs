//! A service that binds all addresses, as most do by default, answers for its own instance only.

use end_to_end::{Cloud, Component, Service, Traffic, ask};
use serde_json::json;
use std::collections::BTreeSet;

/// Serves as <https://docs.python.org/3/library/http.server.html> starts it: on all addresses.
const SERVER: &str = r#"import json, os
os.makedirs("www", exist_ok=True)
os.chdir("www")
open("healthz", "w").close()
with open("version", "w") as page:
    json.dump({"commit": os.environ["COMMIT"]}, page)
os.execvp("python3", ["python3", "-m", "http.server", os.environ["PORT"]])
"#;

fn version(name: &str) -> Service {
    let mut service = Service::good(name);
    service.files.push(("server.py", SERVER.into()));
    service
}

#[tokio::test]
async fn each_page_is_the_right_versions_though_all_bind_one_port_of_all_addresses() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "all", "stage").await;
    let mut neighbour = Component::new(&cloud, "beside", "stage").await;
    neighbour.port = component.port;
    let versions = [version("1"), version("other")];
    let (first, other) = tokio::join!(
        component.goes_live(&versions[0]),
        neighbour.goes_live(&versions[1]),
    );
    let traffics = (Traffic::on(&component), Traffic::on(&neighbour));

    let second = component.goes_live(&version("2")).await;
    let back = component
        .by_hand(json!({"component": component.name, "version": "previous", "target": "stage"}))
        .await;
    assert_eq!(back.status, "SUCCEEDED", "{back:#?}");
    let promoted = component
        .by_hand(json!({"component": component.name, "version": "live:stage", "target": "dev"}))
        .await;
    assert_eq!(promoted.status, "SUCCEEDED", "{promoted:#?}");

    let seen = traffics.0.stop().await.without_failure();
    let commits: BTreeSet<&String> = seen.commits.keys().collect();
    assert_eq!(commits, [&first, &second].into(), "{seen:?}");
    traffics.1.stop().await.only(&other);
    for target in ["stage", "dev"] {
        let host = format!("{}.{}", component.name, cloud.domain(target));
        let page = ask(&cloud, &host, "/version").await.expect("it is live");
        assert_eq!(page["commit"], first, "{target}");
    }
}
