//! A client that asks the alias without pause and keeps count, as users would.

use crate::{Cloud, Component};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Between an answer and the next question: some 70 questions a second leave both cores to the
/// releases of the tests that run beside this one.
const BREATH: Duration = Duration::from_millis(12);

/// Fewer requests prove nothing.
const ENOUGH: u64 = 20;
/// For those; a busy machine answers a few in a second.
const ENOUGH_WITHIN: Duration = Duration::from_secs(30);

/// What the client saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub requests: u64,
    /// Anything but a 200 with a commit: when, and what it was.
    pub failures: Vec<String>,
    /// Those of them after the first answer.
    pub lapses: Vec<String>,
    /// Answers by commit.
    pub commits: BTreeMap<String, u64>,
    /// For how long it was asked.
    pub lasted: Duration,
}

/// A running client; or several at once, as `CLIENTS` says: eight ask about 500 times a second on an idle machine.
#[derive(Debug)]
pub struct Traffic {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    begun: Instant,
    clients: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// Begins to ask the component's alias through the gateway.
    pub fn on(component: &Component) -> Self {
        let (seen, stop) = (
            Arc::new(Mutex::new(Seen::default())),
            Arc::new(AtomicBool::new(false)),
        );
        let url = format!("{}/version", component.cloud.variable("CUTOVER_GATEWAY"));
        let begun = Instant::now();
        let clients = (0..clients()).map(|_| {
            let (seen, stopped) = (seen.clone(), stop.clone());
            tokio::spawn(ask_again_and_again(
                (client(), url.clone(), component.alias()),
                begun,
                seen,
                stopped,
            ))
        });
        let clients = clients.collect();
        Self {
            seen,
            stop,
            begun,
            clients,
        }
    }

    /// Ends it, once it has asked often enough to prove something, and answers what it saw.
    pub async fn stop(self) -> Seen {
        let enough = crate::until(ENOUGH_WITHIN, async || {
            (self.seen().requests > ENOUGH).then_some(())
        });
        let enough = enough.await.is_some();
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.expect("the client does not panic");
        }
        let mut seen = self.seen.lock().expect("counting does not panic").clone();
        seen.lasted = self.begun.elapsed();
        assert!(enough, "too few requests to prove anything: {seen:?}");
        seen
    }

    fn seen(&self) -> Seen {
        let seen = self.seen.lock();
        seen.expect("counting does not panic").clone()
    }
}

async fn ask_again_and_again(
    (client, url, host): (reqwest::Client, String, String),
    begun: Instant,
    seen: Arc<Mutex<Seen>>,
    stopped: Arc<AtomicBool>,
) {
    while !stopped.load(Ordering::Relaxed) {
        let asked = commit_at(&client, &url, &host).await;
        {
            let mut seen = seen.lock().expect("counting does not panic");
            seen.requests += 1;
            match asked {
                Ok(commit) => *seen.commits.entry(commit).or_default() += 1,
                Err(what) => {
                    seen.missed(format!("{:.2} s: {what}", begun.elapsed().as_secs_f64()));
                }
            }
        }
        tokio::time::sleep(BREATH).await;
    }
}

/// So many ask at once.
fn clients() -> usize {
    match std::env::var("CLIENTS") {
        Ok(text) => text.parse().expect("CLIENTS must be a number"),
        Err(_) => 1,
    }
}

impl Seen {
    fn missed(&mut self, what: String) {
        if !self.commits.is_empty() {
            self.lapses.push(what.clone());
        }
        self.failures.push(what);
    }

    /// When each failure was, after the client began, and what it was.
    pub fn failed(&self) -> impl Iterator<Item = (Duration, &str)> {
        let at = |said: &str| {
            let seconds = said.split(' ').next().and_then(|at| at.parse().ok());
            Duration::from_secs_f64(seconds.expect("a failure says when it was"))
        };
        self.failures
            .iter()
            .map(move |said| (at(said), said.as_str()))
    }

    /// Panics unless every single request was answered.
    pub fn without_failure(self) -> Self {
        assert!(
            self.failures.is_empty(),
            "{} of {} requests failed: {:#?}",
            self.failures.len(),
            self.requests,
            self.failures
        );
        self
    }

    /// Panics unless only this commit answered, every time.
    pub fn only(self, sha: &str) {
        let seen = self.without_failure();
        assert_eq!(seen.commits.keys().collect::<Vec<_>>(), [sha], "{seen:?}");
    }
}

impl Component {
    /// Asks the alias for a path, once.
    pub async fn get(&self, path: &str) -> Result<serde_json::Value, String> {
        ask(&self.cloud, &self.alias(), path).await
    }
}

/// Asks any name of the project for a path, once.
pub async fn ask(cloud: &Cloud, host: &str, path: &str) -> Result<serde_json::Value, String> {
    get(
        &client(),
        &format!("{}{path}", cloud.variable("CUTOVER_GATEWAY")),
        host,
    )
    .await
}

fn client() -> reqwest::Client {
    // Nothing here uses TLS, but the client wants to know how it would, and reads all certificates of the machine
    // unless it is given others. Fails if it knows already.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let builder = reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .timeout(Duration::from_secs(10));
    builder.build().expect("a client")
}

async fn commit_at(client: &reqwest::Client, url: &str, host: &str) -> Result<String, String> {
    let answer = get(client, url, host).await?;
    answer["commit"]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("no commit in {answer}"))
}

async fn get(client: &reqwest::Client, url: &str, host: &str) -> Result<serde_json::Value, String> {
    let answer = client
        .get(url)
        .header("host", host)
        .send()
        .await
        .map_err(|error| format!("{error:?}"))?;
    let status = answer.status();
    let text = answer
        .text()
        .await
        .map_err(|error| format!("{status}, then {error:?}"))?;
    if status != 200 {
        return Err(format!("{status}: {text}"));
    }
    serde_json::from_str(&text).map_err(|error| format!("{error} in {text}"))
}
