//! Components, and what is live of each.

use crate::act::LIMIT;
use end_to_end::{Cloud, Component, Execution, Service};
use serde_json::json;

pub struct Fleet {
    /// The first ones are released; the others talk to the first.
    pub components: Vec<Component>,
    /// What was live of each at the last look: none before its first release.
    pub live: Vec<Option<String>>,
    versions: u64,
}

impl Fleet {
    /// So many, of which nothing is live yet.
    pub async fn new(cloud: &Cloud, what: &str, target: &'static str, count: usize) -> Self {
        let mut components = Vec::new();
        for number in 0..count {
            let role = ["", "-user"][number.min(1)];
            let component = Component::unregistered(cloud, &format!("{what}{role}"), target).await;
            // A push of theirs starts no release.
            component.follow("releases", target).await;
            components.push(component);
        }
        Self {
            live: vec![None; count],
            components,
            versions: 0,
        }
    }

    /// The same, each with a version that is live.
    pub async fn live(cloud: &Cloud, what: &str, target: &'static str, count: usize) -> Self {
        let mut fleet = Self::new(cloud, what, target, count).await;
        for number in 0..count {
            fleet.goes_live(number).await;
        }
        fleet
    }

    /// How many versions there are.
    pub fn versions(&self) -> u64 {
        self.versions
    }

    /// What was live at the last look.
    pub fn live_of(&self, number: usize) -> &str {
        self.live[number].as_deref().expect("something is live")
    }

    /// Commits the next version, changed like that.
    pub async fn commit(&mut self, number: usize, change: impl FnOnce(&mut Service)) -> String {
        self.versions += 1;
        let mut service = Service::good(&self.versions.to_string());
        if number > 0 {
            service.peers = vec![self.components[0].name.clone()];
        }
        change(&mut service);
        let sha = self.components[number].commit(&service).await;
        self.components[number].push_by_folder(&sha).await;
        sha
    }

    /// Begins a release of a commit, which no fault meets.
    pub async fn release(&self, number: usize, sha: &str) -> Execution {
        let component = &self.components[number];
        let input =
            json!({"component": component.name, "version": sha, "target": component.target});
        Execution::start(&component.cloud, &input).await
    }

    /// Its next version is live.
    pub async fn goes_live(&mut self, number: usize) {
        let sha = self.commit(number, |_| ()).await;
        let ended = self.release(number, &sha).await.end(LIMIT).await;
        assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
        self.live[number] = Some(sha);
    }

    /// Launches again what is live.
    pub async fn restart(&self, number: usize) {
        let component = &self.components[number];
        let input = json!({"component": component.name, "version": self.live_of(number),
            "target": component.target, "force": true});
        let ended = Execution::start(&component.cloud, &input).await;
        let ended = ended.end(LIMIT).await;
        assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
    }

    /// What is live by now.
    pub async fn look(&mut self) {
        for (number, component) in self.components.iter().enumerate() {
            let live = component.cloud.live(component.target, &component.name);
            self.live[number] = live.await.map(|live| live.commit);
        }
    }
}
