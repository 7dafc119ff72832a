//! What lasts longer than the usual drain: an event stream over a cutover.

use end_to_end::{Cloud, Component, Service, until};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(120);

/// How long the stream lasts here, in seconds: `STREAM=600` for the ten minutes that a person would see.
fn seconds() -> u64 {
    let asked = std::env::var("STREAM").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(65)
}

/// Follows a stream to its end: how many events came.
async fn follow(component: &Component) -> tokio::task::JoinHandle<u64> {
    let gateway = component.cloud.variable("CUTOVER_GATEWAY");
    let gateway = gateway.trim_start_matches("http://").trim_end_matches('/');
    let mut line = TcpStream::connect(gateway).await.expect("the gateway");
    let request = format!(
        "GET /stream/{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        seconds(),
        component.alias()
    );
    line.write_all(request.as_bytes()).await.expect("a request");
    tokio::spawn(async move {
        let mut text = Vec::new();
        // What was cut is told by what is missing.
        let _ = line.read_to_end(&mut text).await;
        String::from_utf8_lossy(&text).matches("data: ").count() as u64
    })
}

#[tokio::test]
#[ignore = "make test-long: a stream of 65 seconds"]
async fn a_stream_over_a_cutover_is_not_cut_and_what_served_it_ends_soon_after() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "stream", "stage").await;
    let mut service = Service::good("1");
    service.more_of_run = "drain = \"15m\"\n".into();
    component.goes_live(&service).await;

    service.version = "2".into();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("go");
    let wait = format!(
        "sh -c 'until [ -e {} ]; do sleep 0.2; done'",
        file.display()
    );
    service.add_suite("held", wait);
    let next = component.commit_and_push(&service).await;
    let running = component.execution_of(&next).await;
    let tests = until(LIMIT, async || {
        let states = running.states().await;
        states
            .iter()
            .any(|state| state == "Run suite")
            .then_some(())
    });
    tests.await.expect("its suites run");
    let stream = follow(&component).await;
    let began = Instant::now();
    std::fs::write(&file, "").expect("the file is written");
    let live = until(LIMIT, async || {
        (component.live().await.commit == next).then_some(())
    });
    live.await.expect("it goes live");
    let moved = began.elapsed();

    // A hotfix soon after it. What the first of the two has replaced is the first one's to end.
    service.version = "3".into();
    service.suites.clear();
    let hotfix = component.commit_and_push(&service).await;
    let second = component.execution_of(&hotfix).await;
    let live = until(LIMIT, async || {
        (component.live().await.commit == hotfix).then_some(())
    });
    live.await.expect("the hotfix goes live");

    let events = stream.await.expect("it does not panic");
    assert_eq!(events, seconds(), "cut after {:?}", began.elapsed());
    let ended_stream = began.elapsed();
    // More than the usual drain of 3 s, or nothing was kept.
    assert!(ended_stream - moved > Duration::from_secs(10), "{moved:?}");
    assert_eq!(running.status().await, "RUNNING", "it drains still");
    let ended = running.end(LIMIT).await;
    assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
    let after = began.elapsed() - ended_stream;
    println!(
        "live after {moved:?}, the stream's end after {ended_stream:?}, the release's {after:?} later"
    );
    let ended = second.end(LIMIT).await;
    assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
    component.stands_alone(&hotfix).await;
}
