//! The four example components, in three languages, released in the order of their peers.

use end_to_end::{Cloud, Component, Execution, program, sha_of};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// `api` is compiled, on a machine that is busy with other tests.
const RELEASED: Duration = Duration::from_secs(300);
const TARGET: &str = "dev";

/// These tests release the same components.
static TURN: Mutex<()> = Mutex::const_new(());

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
    let _turn = TURN.lock().await;
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

    let note = format!("{:?}\n", SystemTime::now());
    let newer = commit(&cloud, "msa", "NOTE", &note).await;
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

/// In the functions `api` is built by the test above, or by this one.
#[tokio::test]
#[ignore = "make test-long: two builds of Rust"]
async fn api_is_the_same_artifact_whatever_executor_builds_it() {
    let _turn = TURN.lock().await;
    let cloud = Cloud::up().await;
    release(&cloud, "msa", "HEAD").await;
    let boxed = is_built_in_a_container(&cloud, "api").await;
    release(&cloud, "api", "HEAD").await;
    let here = artifact(&cloud, "api", &live(&cloud, "api").await.commit).await;
    for (name, build) in [("here", &here), ("boxed", &boxed)] {
        let toolchain = build["toolchain"].as_str().expect("a toolchain");
        let is_container = toolchain.starts_with("codebuild ");
        assert_eq!(is_container, name == "boxed", "{build}");
    }
    assert_eq!(here["sha256"], boxed["sha256"], "{here}\n{boxed}");
}

/// Docs/testing.md says how to run it.
#[tokio::test]
#[ignore = "make test-long: it takes a minute, and api alone is built in a container by the test above"]
async fn all_four_examples_are_built_tested_and_released_by_codebuild() {
    let _turn = TURN.lock().await;
    let cloud = Cloud::up().await;
    for component in ["msa", "msb", "api", "ui"] {
        let built = is_built_in_a_container(&cloud, component).await;
        assert!(built["sha256"].is_string(), "{built}");
    }
    let peer = get(&cloud, "ui", "/peer").await;
    let api = live(&cloud, "api").await.commit;
    assert_eq!(peer.pointer("/api/commit"), Some(&json!(api)), "{peer}");
}

/// Releases the example with all its commands in containers, and answers its artifact.
async fn is_built_in_a_container(cloud: &Cloud, component: &str) -> Value {
    let machine = "\n[machine]\nkind = \"codebuild\"\n";
    let sha = commit(cloud, component, "cutover.toml", machine).await;
    release(cloud, component, &sha).await;
    assert_eq!(live(cloud, component).await.commit, sha);
    let answered = get(cloud, component, "/version").await;
    assert_eq!(answered["commit"], sha, "{answered}");
    artifact(cloud, component, &sha).await
}

/// What is recorded of a commit's artifact.
async fn artifact(cloud: &Cloud, component: &str, sha: &str) -> Value {
    let key = format!("artifacts/{component}/{component}-{sha}.json");
    let text = cloud.object(&key).await.expect("it was built");
    serde_json::from_str(&text).expect("JSON")
}

/// One more commit of an example with this at the end of a file, on a branch that no target follows. It has the
/// time of its parent, as an artifact's files have their commit's.
async fn commit(cloud: &Cloud, component: &str, file: &str, more: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("{}/{component}.git", cloud.variable("CUTOVER_GIT"));
    Component::git_in(folder.path(), &["clone", "--quiet", &url, "."]).await;
    let path = folder.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(&path, text + more).expect("a file");
    Component::git_in(folder.path(), &["add", "--all"]).await;
    let time = Component::git_in(folder.path(), &["log", "-1", "--format=%cI"]).await;
    let who = [
        "AUTHOR_NAME",
        "AUTHOR_EMAIL",
        "COMMITTER_NAME",
        "COMMITTER_EMAIL",
    ];
    let who = who.map(|name| (format!("GIT_{name}"), "test".to_owned()));
    let when = [("GIT_COMMITTER_DATE".to_owned(), time.trim().to_owned())];
    let commit = ["commit", "--quiet", "--message", "a test's"];
    let environment = [&who[..], &when].concat();
    let made = program(Path::new("git"), &commit, folder.path(), &environment).await;
    made.good("git commit");
    let sha = sha_of(folder.path(), "HEAD").await;
    push(folder.path(), &url, &sha).await;
    sha
}

async fn push(folder: &Path, url: &str, sha: &str) {
    let branch = format!("HEAD:refs/heads/note-{}", &sha[..12]);
    Component::git_in(folder, &["push", "--quiet", url, &branch]).await;
}

/// `crc` is built without a network and released; `sums` pins it, is built without a network too, and
/// loads it.
#[tokio::test]
async fn a_service_loads_the_library_that_it_pins_and_both_are_built_without_a_network() {
    let cloud = Cloud::up().await;
    let input = json!({"component": "crc", "version": "HEAD", "target": TARGET});
    let ended = Execution::start(&cloud, &input).await.end(RELEASED).await;
    let outcome = &ended.output()["outcome"];
    assert!(
        outcome == "libraries_released" || outcome == "already_live",
        "{ended:#?}"
    );
    release(&cloud, "sums", "HEAD").await;
    let said = get(&cloud, "sums", "/crc32?text=123456789").await;
    assert_eq!(said, json!({"crc32": "cbf43926"}));
}
