//! The four components, and how a release of them is started.

use crate::harm::Timed;
use crate::harming::{Ends, Harmed, Kills, harm};
use crate::script::{Act, Flaw, Step, Who};
use end_to_end::{Cloud, Component, Ended, Execution, Family, Service, unique, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

/// The soak's own, so that the last release of it is one of these.
pub const TARGET: &str = "soak";
/// What a push of starts a release.
const BRANCH: &str = "releases";
/// Three rounds of tests beside three other releases, on two busy cores.
const LIMIT: Duration = Duration::from_secs(400);

/// ui passes beside every api but those that say that they break it.
const PICKY: &str = r#"import json, os, sys, urllib.request
seen = json.load(urllib.request.urlopen(os.environ["TARGET_URL"] + "/peer-versions", timeout=10))
print(seen)
sys.exit(any("breaks-ui" in version for version in seen.values()))
"#;

/// The four, alone on their target.
#[derive(Debug)]
pub struct World {
    pub cloud: Cloud,
    pub family: Family,
}

/// A release that ended.
#[derive(Debug)]
pub struct Run {
    pub step: Step,
    /// What it brought: component to commit.
    pub brought: BTreeMap<String, String>,
    pub ended: Ended,
}

/// What is asked, what it brings, and the name of its execution.
type Ready = (Step, BTreeMap<String, String>, String);

/// What was asked, what it brings, and its execution, which a push starts in its own time.
type Started = (Step, BTreeMap<String, String>, Option<Execution>);

impl World {
    /// All four live, by one release.
    pub async fn new() -> Self {
        let cloud = Cloud::up().await;
        let family = Family::new(&cloud, "soak", TARGET).await;
        let world = Self { cloud, family };
        let mut versions = world.family.commit_all("first").await;
        let ui = &world.family.ui;
        let sha = ui.commit_and_push(&world.service(Who::Ui, "first")).await;
        versions[&ui.name] = json!(sha);
        let ended = world.family.release(&versions).await;
        assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
        world
    }

    pub fn component(&self, who: Who) -> &Component {
        match who {
            Who::Ui => &self.family.ui,
            Who::Api => &self.family.api,
            Who::Msa => &self.family.msa,
            Who::Msb => &self.family.msb,
        }
    }

    /// Whom a component talks to, by name.
    pub fn peers(&self, component: &Component) -> Vec<String> {
        self.family.service(component, "").peers
    }

    fn service(&self, who: Who, version: &str) -> Service {
        let mut service = self.family.service(self.component(who), version);
        if who == Who::Ui {
            service.add_suite("picky", "python3 picky.py");
            service.files.push(("picky.py", PICKY.into()));
        }
        service
    }

    /// Makes the versions, then starts each release at its time and waits for the end of all; meanwhile harm is done.
    pub async fn play(
        &self,
        seed: u64,
        steps: Vec<Step>,
        harms: &[Timed],
        ends: &Ends,
    ) -> (Vec<Run>, Harmed) {
        let mut ready = Vec::new();
        for (n, step) in steps.into_iter().enumerate() {
            let brought = self.commit(&format!("{seed}.{n}"), &step).await;
            let name = self.name(n, &step, &brought);
            ready.push((step, brought, name));
        }
        let names: Vec<String> = ready.iter().map(|(_, _, name)| name.clone()).collect();
        let kills = Kills::plan(&self.cloud, harms, &names);
        let (runs, mut harmed) = tokio::join!(self.run(ready), harm(self, harms, &names, ends));
        for kill in kills.met() {
            let name = runs[kill.release].ended.name.clone();
            harmed.killed.insert(name, kill);
        }
        (runs, harmed)
    }

    async fn run(&self, ready: Vec<Ready>) -> Vec<Run> {
        let mut started: Vec<Started> = Vec::new();
        for (step, brought, name) in ready {
            if let Some(before) = started.last().filter(|_| step.is_aimed) {
                puts_candidates_up(&self.execution(before).await).await;
            }
            sleep(step.after).await;
            let execution = self.start(&step, &brought, &name).await;
            started.push((step, brought, execution));
        }
        let mut runs = Vec::new();
        for one in started {
            let ended = self.execution(&one).await.end(LIMIT).await;
            let (step, brought, _) = one;
            runs.push(Run {
                step,
                brought,
                ended,
            });
        }
        runs
    }

    /// Of its execution; how it begins, where a push starts it.
    fn name(&self, n: usize, step: &Step, brought: &BTreeMap<String, String>) -> String {
        match &step.act {
            Act::Push(who) => {
                let component = self.component(*who);
                component.name_of(&brought[&component.name])
            }
            _ => unique(&format!("soak-{n}-{}", milliseconds())),
        }
    }

    async fn commit(&self, version: &str, step: &Step) -> BTreeMap<String, String> {
        let mut brought = BTreeMap::new();
        for (n, who) in step.act.brings().iter().enumerate() {
            let flaw = step.flaw.filter(|_| n == 0);
            let (mark, component) = (flaw_mark(flaw), self.component(*who));
            let mut service = self.service(*who, &format!("{version}{mark}"));
            match flaw {
                Some(Flaw::Build) => service.build = "sh -c 'echo no compiler; exit 2'".into(),
                Some(Flaw::UnitTests) => service.unit_tests = "sh -c 'echo wrong; exit 1'".into(),
                Some(Flaw::BreaksUi) | None => {}
            }
            let sha = component.commit_and_push(&service).await;
            brought.insert(component.name.clone(), sha);
        }
        brought
    }

    /// Its execution, unless it is a push.
    async fn start(
        &self,
        step: &Step,
        brought: &BTreeMap<String, String>,
        name: &str,
    ) -> Option<Execution> {
        let input = match &step.act {
            Act::Push(who) => {
                let component = self.component(*who);
                component.push_to(&brought[&component.name], BRANCH).await;
                return None;
            }
            Act::Together(_) => json!({"target": TARGET, "versions": brought}),
            Act::TakeBack => json!({"target": TARGET, "version": "previous"}),
            Act::Previous(who) => previous(&self.component(*who).name),
        };
        Some(Execution::start_as(&self.cloud, name, &input).await)
    }

    async fn execution(&self, (step, brought, execution): &Started) -> Execution {
        if let Some(execution) = execution {
            return execution.clone();
        }
        let component = self.component(step.act.brings()[0]);
        component.execution_of(&brought[&component.name]).await
    }
}

/// Waits until it does, or has ended.
async fn puts_candidates_up(release: &Execution) {
    let seen = until(LIMIT, async || {
        let states = release.states().await;
        let seen = states.iter().any(|one| one == "Publish hostnames");
        (seen || release.status().await != "RUNNING").then_some(())
    });
    assert!(seen.await.is_some(), "{} does not end", release.name);
}

fn previous(component: &str) -> Value {
    json!({"component": component, "version": "previous", "target": TARGET})
}

pub fn milliseconds() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a clock").as_millis()
}

/// What a version says of its flaw: the suite of ui reads it.
fn flaw_mark(flaw: Option<Flaw>) -> &'static str {
    match flaw {
        Some(Flaw::BreaksUi) => " breaks-ui",
        Some(Flaw::Build) => " does not build",
        Some(Flaw::UnitTests) => " fails its unit tests",
        None => "",
    }
}
