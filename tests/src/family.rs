//! Four components that talk to each other: `ui` to `api`, `api` to `msa`; `msb` to nobody.

use crate::{Cloud, Component, Ended, Execution, Service};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// A release of all four, on two busy cores.
const RELEASED: Duration = Duration::from_secs(240);

/// The four of one test.
#[derive(Debug)]
pub struct Family {
    pub api: Component,
    pub ui: Component,
    pub msa: Component,
    pub msb: Component,
}

impl Family {
    /// Their repositories; no push of theirs starts a release.
    pub async fn new(cloud: &Cloud, what: &str, target: &'static str) -> Self {
        let made = async |name: &str| {
            let name = format!("{what}-{name}");
            let component = Component::unregistered(cloud, &name, target).await;
            component.follow("releases", target).await;
            component
        };
        Self {
            api: made("api").await,
            ui: made("ui").await,
            msa: made("msa").await,
            msb: made("msb").await,
        }
    }

    pub fn all(&self) -> [&Component; 4] {
        [&self.api, &self.ui, &self.msa, &self.msb]
    }

    /// A good version of one of them, with its peers.
    pub fn service(&self, component: &Component, version: &str) -> Service {
        let mut service = Service::good(version);
        service.peers = match &component.name {
            name if *name == self.ui.name => vec![self.api.name.clone()],
            name if *name == self.api.name => vec![self.msa.name.clone()],
            _ => Vec::new(),
        };
        service
    }

    /// A good version of each, pushed: component to commit.
    pub async fn commit_all(&self, version: &str) -> Value {
        let mut versions = Map::new();
        for component in self.all() {
            let sha = component
                .commit_and_push(&self.service(component, version))
                .await;
            versions.insert(component.name.clone(), json!(sha));
        }
        Value::Object(versions)
    }

    /// Releases these versions together and waits for the end.
    pub async fn release(&self, versions: &Value) -> Ended {
        let input = json!({"versions": versions, "target": self.api.target});
        let execution = Execution::start(&self.api.cloud, &input).await;
        execution.end(RELEASED).await
    }

    /// The same, and tags.
    pub async fn release_and_tag(&self, versions: &Value) -> Ended {
        let input = json!({"versions": versions, "target": self.api.target, "tag": true});
        let execution = Execution::start(&self.api.cloud, &input).await;
        execution.end(RELEASED).await
    }

    /// What the table says was tested by a release that went live.
    pub async fn set_of(&self, ended: &Ended) -> Value {
        let output = ended.output();
        let number = |name: &str| output[name].as_u64().expect("a number in the output");
        let sk = format!("set#{:08}#{}", number("ticket"), number("rounds"));
        let pk = format!("target#{}", self.api.target);
        let row = self.api.cloud.row(&pk, &sk).await;
        row.unwrap_or_else(|| panic!("there is no row {pk} / {sk}"))
    }

    /// Begins to ask `api` which commit it is and which `msa` it talks to.
    pub fn watch_pairs(&self) -> Watch {
        let (cloud, host, peer) = (
            self.api.cloud.clone(),
            self.api.alias(),
            self.msa.name.clone(),
        );
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let mut pairs = Vec::new();
            while stopped.try_recv().is_err() {
                let answer = crate::ask(&cloud, &host, "/peers").await;
                let answer = answer.unwrap_or_else(|error| panic!("{host}: {error}"));
                let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
                pairs.push((Instant::now(), text("commit"), text(&peer)));
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            Pairs(pairs)
        });
        Watch { stop, task }
    }
}

/// A running watch over pairs.
#[derive(Debug)]
pub struct Watch {
    stop: tokio::sync::oneshot::Sender<()>,
    task: JoinHandle<Pairs>,
}

impl Watch {
    pub async fn stop(self) -> Pairs {
        self.stop.send(()).expect("the watch runs");
        self.task.await.expect("every request was answered")
    }
}

/// When `api` was which commit and talked to which `msa`.
#[derive(Debug)]
pub struct Pairs(Vec<(Instant, String, String)>);

impl Pairs {
    /// For how long halves of two releases were seen together; panics if anything else was seen,
    /// or if the second was not seen whole in the end.
    pub fn mixed(&self, first: &Value, second: &Value, family: &Family) -> Duration {
        let is = |api: &str, msa: &str, of: &Value| {
            (of[&family.api.name] == api, of[&family.msa.name] == msa)
        };
        let mut mixed = Vec::new();
        for (at, api, msa) in &self.0 {
            match (is(api, msa, first), is(api, msa, second)) {
                ((true, true), _) | (_, (true, true)) => {}
                ((true, _), (_, true)) | ((_, true), (true, _)) => mixed.push(*at),
                _ => panic!("{api} beside {msa} is of neither release"),
            }
        }
        let (_, api, msa) = self.0.last().expect("something was seen");
        assert_eq!(is(api, msa, second), (true, true), "in the end: {self:?}");
        match (mixed.first(), mixed.last()) {
            (Some(begin), Some(end)) => *end - *begin,
            _ => Duration::ZERO,
        }
    }
}
