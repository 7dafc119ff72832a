//! The components that a worker releases again and again.

use crate::scenario::Scenario;
use end_to_end::{Cloud, Component, Execution, Service};
use serde_json::json;
use std::time::Duration;

/// Where they are. Its drain is as short as it gets.
const TARGET: &str = "stage";
/// A first release, beside eleven others.
const RELEASED: Duration = Duration::from_secs(300);

pub struct Ground {
    pub scenario: Scenario,
    /// What is released, and then who depends on it.
    pub components: Vec<Component>,
    /// What was live of each at the last look.
    pub live: Vec<String>,
    releases: u64,
}

impl Ground {
    /// Everything live.
    pub async fn new(cloud: &Cloud, scenario: Scenario, worker: &str) -> Self {
        let what = |role: &str| format!("flt-{}{role}-{worker}", scenario.name());
        let mut components = vec![made(cloud, &what("")).await];
        if scenario == Scenario::Peers {
            components.push(made(cloud, &what("-user")).await);
        }
        let mut ground = Self {
            scenario,
            components,
            live: Vec::new(),
            releases: 0,
        };
        for number in 0..ground.components.len() {
            let sha = ground.goes_live(number).await;
            ground.live.push(sha);
        }
        if scenario == Scenario::Back {
            // Something to go back to.
            ground.live[0] = ground.goes_live(0).await;
        }
        ground
    }

    /// How many releases it has begun.
    pub fn releases(&self) -> u64 {
        self.releases
    }

    async fn goes_live(&mut self, number: usize) -> String {
        let sha = self.commit(number, true).await;
        let component = &self.components[number];
        let input = json!({"component": component.name, "version": sha, "target": TARGET});
        let execution = Execution::start(&component.cloud, &input).await;
        let ended = execution.end(RELEASED).await;
        assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
        sha
    }

    async fn commit(&mut self, number: usize, is_good: bool) -> String {
        self.releases += 1;
        let mut service = Service::good(&self.releases.to_string());
        if number > 0 {
            service.peers = vec![self.components[0].name.clone()];
        }
        if !is_good {
            service.add_suite("red", "false");
        }
        let sha = self.components[number].commit(&service).await;
        self.components[number].push_by_folder(&sha).await;
        sha
    }

    /// Begins the scenario's release under this name, and answers its version.
    pub async fn begin(&mut self, name: &str) -> (Execution, String) {
        let version = match self.scenario {
            Scenario::Back => "previous".to_owned(),
            Scenario::Failing => self.commit(0, false).await,
            Scenario::One | Scenario::Peers => self.commit(0, true).await,
        };
        let released = &self.components[0];
        let previous = released.live().await.previous.unwrap_or_default();
        let brought = match self.scenario {
            Scenario::Back => previous,
            _ => version.clone(),
        };
        let input = json!({"component": released.name, "version": version, "target": TARGET});
        let execution = Execution::start_as(&released.cloud, name, &input).await;
        (execution, brought)
    }
}

async fn made(cloud: &Cloud, what: &str) -> Component {
    let component = Component::unregistered(cloud, what, TARGET).await;
    // A push of theirs starts no release.
    component.follow("releases", TARGET).await;
    component
}
