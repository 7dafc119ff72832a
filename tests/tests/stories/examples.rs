//! The four example components, in three languages, released in the order of their peers.

use end_to_end::{Cloud, Component, Execution, sha_of};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// `api` is compiled, on a machine that is busy with other tests.
const RELEASED: Duration = Duration::from_secs(300);
const TARGET: &str = "dev";

/// Releases a version, which another run may have released already.
async fn release(cloud: &Cloud, component: &str, version: &str) {
    let input = json!({"component": component, "version": version, "target": TARGET});
    let ended = Execution::start(cloud, &input).await.end(RELEASED).await;
    let outcome = &ended.output()["outcome"];
    assert!(outcome == "live" || outcome == "already_live", "{ended:#?}");
}

async fn get(cloud: &Cloud, component: &str, path: &str) -> Value {
    let host = format!("{component}.{}", cloud.domain(TARGET));
    end_to_end::ask(cloud, &host, path)
        .await
        .unwrap_or_else(|error| panic!("{host}{path}: {error}"))
}

async fn live(cloud: &Cloud, component: &str) -> end_to_end::Live {
    cloud
        .live(TARGET, component)
        .await
        .unwrap_or_else(|| panic!("{component} is not live on {TARGET}"))
}

#[tokio::test]
async fn the_examples_go_live_and_a_running_dependent_follows_its_peer() {
    let cloud = Cloud::up().await;
    for component in ["msa", "msb", "api", "ui"] {
        release(&cloud, component, "HEAD").await;
    }
    for component in ["msa", "msb", "api", "ui"] {
        assert_eq!(
            get(&cloud, component, "/version").await["commit"],
            live(&cloud, component).await.commit
        );
    }
    assert_eq!(
        get(&cloud, "api", "/peer").await.pointer("/msa/commit"),
        Some(&json!(live(&cloud, "msa").await.commit))
    );
    let before = live(&cloud, "api").await;

    let newer = another_commit(&cloud, "msa").await;
    release(&cloud, "msa", &newer).await;

    let answered = end_to_end::until(Duration::from_secs(10), async || {
        let answer = get(&cloud, "api", "/peer").await;
        (answer.pointer("/msa/commit") == Some(&json!(newer))).then_some(())
    });
    assert!(
        answered.await.is_some(),
        "api still talks to another msa than {newer}: {}",
        get(&cloud, "api", "/peer").await
    );
    assert_eq!(live(&cloud, "api").await, before, "api was not touched");
}

/// One more commit of an example, on a branch that no target follows.
async fn another_commit(cloud: &Cloud, component: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("{}/{component}.git", cloud.variable("CUTOVER_GIT"));
    Component::git_in(folder.path(), &["clone", "--quiet", &url, "."]).await;
    let note = format!("{:?}\n", std::time::SystemTime::now());
    std::fs::write(folder.path().join("NOTE"), note).expect("a file");
    Component::git_in(folder.path(), &["add", "--all"]).await;
    Component::git_in(folder.path(), &["commit", "--quiet", "--message", "a note"]).await;
    let sha = sha_of(folder.path(), "HEAD").await;
    push(folder.path(), &url, &sha).await;
    sha
}

async fn push(folder: &Path, url: &str, sha: &str) {
    let branch = format!("HEAD:refs/heads/note-{}", &sha[..12]);
    Component::git_in(folder, &["push", "--quiet", url, &branch]).await;
}
