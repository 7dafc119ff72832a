//! What does not depend on each other is read at the same time: all repositories of a release.

use end_to_end::{Cloud, Component, Execution, Service};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

/// Longer than one repository may take to answer, and a retry of it.
const PLANNED: Duration = Duration::from_secs(240);

/// Before the git server: once it is shut it lets nobody pass until two are there at the same time.
struct Turnstile {
    address: String,
    shut: Arc<AtomicBool>,
}

impl Turnstile {
    async fn before(git: &str) -> Self {
        let server = git.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (shut, both) = (Arc::new(AtomicBool::new(false)), Arc::new(Barrier::new(2)));
        let is_shut = shut.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (server, is_shut, both) = (server.clone(), is_shut.clone(), both.clone());
                tokio::spawn(async move {
                    if is_shut.load(Ordering::SeqCst) {
                        both.wait().await;
                        is_shut.store(false, Ordering::SeqCst);
                    }
                    let mut server = TcpStream::connect(server).await?;
                    copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        Self {
            address: format!("http://{address}"),
            shut,
        }
    }
}

#[tokio::test]
async fn a_plan_reads_all_repositories_at_once() {
    let cloud = Cloud::up().await;
    let turnstile = Turnstile::before(cloud.variable("CUTOVER_GIT")).await;
    let mut names = Vec::new();
    for what in ["side-one", "side-other"] {
        let component = Component::unregistered(&cloud, what, "stage").await;
        component.commit_and_push(&Service::good("1")).await;
        let url = format!("{}/{}.git", turnstile.address, component.name);
        let add = ["component", "add", &component.name, "--repository", &url];
        cloud.cutover(&add).await.good("cutover component add");
        names.push(component.name);
    }
    turnstile.shut.store(true, Ordering::SeqCst);

    let versions = json!({&names[0]: "HEAD", &names[1]: "no-such-tag"});
    let execution =
        Execution::start(&cloud, &json!({"versions": versions, "target": "stage"})).await;
    let ended = execution.end(PLANNED).await;

    assert_eq!(ended.error, "UnknownVersion", "{}", ended.cause);
    let named = format!("version: {} has no version `no-such-tag`", names[1]);
    assert!(ended.cause.contains(&named), "{}", ended.cause);
}
