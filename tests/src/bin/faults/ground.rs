//! The components that a worker releases again and again.

use crate::scenario::Scenario;
use end_to_end::{Cloud, Component, Execution, Service, until};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tempfile::TempDir;

/// Where they are. Its drain is as short as it gets; for a roll-back to what drains it is long enough for one.
fn target(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::Warm => "lab",
        _ => "stage",
    }
}

/// What a release brings: a commit of each of the first components.
pub type Brought = Vec<String>;

/// How long a version is watched that fails its users: longer than it takes to see that, also on a busy machine.
const BAKE: &str = "1m";

/// A first release, beside eleven others.
const RELEASED: Duration = Duration::from_secs(300);

pub struct Ground {
    pub scenario: Scenario,
    /// What is released, and then who depends on it.
    pub components: Vec<Component>,
    /// What was live of each at the last look.
    pub live: Vec<String>,
    releases: u64,
    /// A version that fails its users does so as long as its file is there.
    shut: TempDir,
}

impl Ground {
    /// Everything live.
    pub async fn new(cloud: &Cloud, scenario: Scenario, worker: &str) -> Self {
        let what = |role: &str| format!("flt-{}{role}-{worker}", scenario.name());
        let mut components = vec![made(cloud, &what(""), target(scenario)).await];
        if scenario.has_a_user() {
            components.push(made(cloud, &what("-user"), target(scenario)).await);
        }
        let mut ground = Self {
            scenario,
            components,
            live: Vec::new(),
            releases: 0,
            shut: TempDir::with_prefix("faults-shut-").expect("a folder"),
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

    /// What is live by now.
    pub async fn look(&mut self) {
        for (number, component) in self.components.iter().enumerate() {
            self.live[number] = component.live().await.commit;
        }
    }

    async fn goes_live(&mut self, number: usize) -> String {
        let (execution, sha) = self.next(number).await;
        let ended = execution.end(RELEASED).await;
        assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
        sha
    }

    /// A release of its next version, which no fault meets.
    async fn next(&mut self, number: usize) -> (Execution, String) {
        let sha = self.commit(number, true).await;
        let component = &self.components[number];
        let input =
            json!({"component": component.name, "version": sha, "target": component.target});
        (Execution::start(&component.cloud, &input).await, sha)
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

    /// Begins the scenario's release under this name, and answers what it brings.
    pub async fn begin(&mut self, name: &str) -> (Execution, Brought) {
        let (mut input, brought) = match self.scenario {
            Scenario::Failing => self.version(false).await,
            Scenario::One | Scenario::Peers => self.version(true).await,
            Scenario::Bake => self.shut_version().await,
            Scenario::Two => self.versions().await,
            Scenario::Back => {
                let previous = self.components[0].live().await.previous;
                let brought = vec![previous.expect("something to go back to")];
                (
                    json!({"component": self.components[0].name, "version": "previous"}),
                    brought,
                )
            }
            Scenario::Warm => self.drains().await,
            Scenario::Restart => {
                let live = self.live[0].clone();
                let component = &self.components[0].name;
                (
                    json!({"component": component, "version": live, "force": true}),
                    vec![live],
                )
            }
        };
        let released = &self.components[0];
        input["target"] = json!(released.target);
        let execution = Execution::start_as(&released.cloud, name, &input).await;
        (execution, brought)
    }

    async fn version(&mut self, is_good: bool) -> (Value, Brought) {
        let sha = self.commit(0, is_good).await;
        (
            json!({"component": self.components[0].name, "version": sha}),
            vec![sha],
        )
    }

    /// A version that passes its suites, and that users of its alias get no answer from.
    async fn shut_version(&mut self) -> (Value, Brought) {
        self.releases += 1;
        let mut service = Service::good(&self.releases.to_string());
        let file = self.shut.path().join(&service.version);
        std::fs::write(&file, "").expect("the file is written");
        service.shut_by = Some(file);
        service.more_of_run = format!("bake = \"{BAKE}\"\n");
        let sha = self.components[0].commit(&service).await;
        self.components[0].push_by_folder(&sha).await;
        (
            json!({"component": self.components[0].name, "version": sha}),
            vec![sha],
        )
    }

    /// What failed its users answers them from now on: it may be live still, where its roll-back was not possible.
    pub fn open(&self) {
        let file = self.shut.path().join(self.releases.to_string());
        let _ = std::fs::remove_file(file);
    }

    async fn versions(&mut self) -> (Value, Brought) {
        let (mut versions, mut brought) = (Map::new(), Vec::new());
        for number in 0..self.scenario.brings() {
            let sha = self.commit(number, true).await;
            versions.insert(self.components[number].name.clone(), json!(sha));
            brought.push(sha);
        }
        (json!({"versions": versions}), brought)
    }

    /// A newer version is live, and what was before still drains: that is gone back to.
    async fn drains(&mut self) -> (Value, Brought) {
        let (release, sha) = self.next(0).await;
        let drains = until(RELEASED, async || {
            let states = release.states().await;
            let over = release.status().await != "RUNNING";
            (over || states.iter().any(|state| state == "Drain")).then_some(())
        });
        drains.await.expect("a release drains");
        let before = std::mem::replace(&mut self.live[0], sha);
        (
            json!({"component": self.components[0].name, "version": "previous"}),
            vec![before],
        )
    }
}

async fn made(cloud: &Cloud, what: &str, target: &'static str) -> Component {
    let component = Component::unregistered(cloud, what, target).await;
    // A push of theirs starts no release.
    component.follow("releases", target).await;
    component
}
