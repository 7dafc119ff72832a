//! Releases, and roll-backs.

use crate::act::{Act, Ground, LIMIT, ended, hangs, stop, wait_for_late};
use crate::fault::Fault;
use crate::fleet::Fleet;
use crate::place::{made, removed};
use crate::plan::{calls, name, plan as planned};
use crate::scenario::Scenario;
use crate::verdict;
use end_to_end::{Cloud, Ended, Execution, Place, Service, Traffic, Vpcs, until};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

/// First releases on a target until another is made: each leaves a component that is live.
const FIRSTS: u64 = 8;

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

pub struct Releases {
    scenario: Scenario,
    fleet: Fleet,
    worker: String,
    /// Of first releases, and how many it has had.
    own: Option<(Place, Vpcs)>,
    firsts: u64,
    /// A version that fails its users does so as long as its file is there.
    shut: TempDir,
    /// A newer version that is on its way.
    older: Option<(Execution, String)>,
}

impl Ground for Releases {
    async fn new(cloud: &Cloud, scenario: Scenario, worker: &str) -> Self {
        let shut = TempDir::with_prefix("faults-shut-").expect("a folder");
        let what = format!("f-{}-{worker}", scenario.name());
        if scenario == Scenario::First {
            let own = made(cloud, scenario, worker).await;
            return Self {
                scenario,
                fleet: Fleet::new(cloud, &what, own.0.name, 0).await,
                worker: worker.to_owned(),
                own: Some(own),
                firsts: 0,
                shut,
                older: None,
            };
        }
        let count = 1 + usize::from(scenario.has_a_user());
        let mut fleet = Fleet::live(cloud, &what, target(scenario), count).await;
        if scenario == Scenario::Back {
            // Something to go back to.
            fleet.goes_live(0).await;
        }
        Self {
            scenario,
            fleet,
            worker: worker.to_owned(),
            own: None,
            firsts: 0,
            shut,
            older: None,
        }
    }

    async fn act(&mut self, fault: Option<&Fault>) -> Act {
        if let Err(wrong) = self.anew().await {
            return Act {
                wrong,
                ..Act::default()
            };
        }
        let name = name();
        let cloud = self.fleet.components[0].cloud.clone();
        let traffic: Vec<Traffic> = self.fleet.components.iter().map(Traffic::on).collect();
        let plan = planned(&cloud, std::slice::from_ref(&name), fault);
        let (execution, brought) = self.begin(&name).await;
        let is_stopped = stop(&execution, fault).await;
        let ended = ended(&execution).await;
        self.open();
        let brought = self.overtaken(brought, ended.as_ref()).await;
        let is_met = is_stopped || plan.is_met();
        if is_met && wait_for_late(fault).await {
            // As its schedule does, every 15 minutes.
            let target = self.fleet.components[0].target;
            let swept = cloud.cutover(&["sweep", "--target", target]).await;
            drop(swept);
        }
        let mut act = Act {
            is_met,
            ..Act::default()
        };
        match &ended {
            Some(ended) => {
                act.ended(ended);
                act.wrong = verdict::look(&self.fleet, self.scenario, ended, &brought).await;
            }
            None => act.hangs(hangs(&execution).await),
        }
        verdict::answers(&self.fleet, self.scenario, traffic, &brought, &mut act).await;
        if act.wrong.is_empty() {
            self.fleet.look().await;
        }
        act.calls = calls(&plan);
        // A sweep of it comes after its end, and has scenarios of its own.
        act.calls.retain(|call| !call.function.ends_with("-sweep"));
        act.states = execution.lasting_states().await.into_iter().collect();
        act
    }

    async fn close(self) -> Vec<String> {
        match &self.own {
            Some((place, _)) => removed(place).await,
            None => Vec::new(),
        }
    }
}

impl Releases {
    /// Of first releases: another component, and now and then another target.
    async fn anew(&mut self) -> Result<(), Vec<String>> {
        let Some((place, _)) = &self.own else {
            return Ok(());
        };
        let (cloud, number) = (place.cloud.clone(), self.firsts);
        if number > 0 && number.is_multiple_of(FIRSTS) {
            let wrong = removed(place).await;
            if !wrong.is_empty() {
                return Err(wrong);
            }
            let name = format!("{}{number}", self.worker);
            self.own = Some(made(&cloud, self.scenario, &name).await);
        }
        self.firsts += 1;
        let target = self.own.as_ref().expect("it was made").0.name;
        let what = format!("f-{}-{}-{number}", self.scenario.name(), self.worker);
        self.fleet = Fleet::new(&cloud, &what, target, 1).await;
        Ok(())
    }

    /// Begins the scenario's release under this name, and answers what it brings.
    async fn begin(&mut self, name: &str) -> (Execution, Brought) {
        let (mut input, brought) = match self.scenario {
            Scenario::Bake => self.shut_version().await,
            Scenario::Two => self.versions().await,
            Scenario::Back => {
                let previous = self.fleet.components[0].live().await.previous;
                let brought = vec![previous.expect("something to go back to")];
                (
                    json!({"component": self.fleet.components[0].name, "version": "previous"}),
                    brought,
                )
            }
            Scenario::Warm => self.drains().await,
            Scenario::Again => self.once_more().await,
            Scenario::Restart => {
                let live = self.fleet.live_of(0).to_owned();
                let component = &self.fleet.components[0].name;
                (
                    json!({"component": component, "version": live, "force": true}),
                    vec![live],
                )
            }
            _ => self.version().await,
        };
        let released = &self.fleet.components[0];
        input["target"] = json!(released.target);
        let execution = Execution::start_as(&released.cloud, name, &input).await;
        (execution, brought)
    }

    async fn version(&mut self) -> (Value, Brought) {
        let fails = self.scenario == Scenario::Failing;
        let change = |service: &mut Service| {
            if fails {
                service.add_suite("red", "false");
            }
        };
        let sha = self.fleet.commit(0, change).await;
        (
            json!({"component": self.fleet.components[0].name, "version": sha}),
            vec![sha],
        )
    }

    /// A version that passes its suites, and that users of its alias get no answer from.
    async fn shut_version(&mut self) -> (Value, Brought) {
        let file = self.shut_file(self.fleet.versions() + 1);
        std::fs::write(&file, "").expect("the file is written");
        let change = |service: &mut Service| {
            service.shut_by = Some(file);
            service.more_of_run = format!("bake = \"{BAKE}\"\n");
        };
        let sha = self.fleet.commit(0, change).await;
        (
            json!({"component": self.fleet.components[0].name, "version": sha}),
            vec![sha],
        )
    }

    /// What failed its users answers them from now on: it may be live still, where its roll-back was not possible.
    fn open(&self) {
        let _ = std::fs::remove_file(self.shut_file(self.fleet.versions()));
    }

    fn shut_file(&self, version: u64) -> PathBuf {
        self.shut.path().join(version.to_string())
    }

    async fn versions(&mut self) -> (Value, Brought) {
        let (mut versions, mut brought) = (Map::new(), Vec::new());
        for number in 0..self.scenario.brings() {
            let sha = self.fleet.commit(number, |_| ()).await;
            versions.insert(self.fleet.components[number].name.clone(), json!(sha));
            brought.push(sha);
        }
        (json!({"versions": versions}), brought)
    }

    /// A newer version is tested until it may go on, and what is live is asked for once more.
    async fn once_more(&mut self) -> (Value, Brought) {
        let [runs, go] = ["runs", "go"].map(|name| self.shut.path().join(name));
        for file in [&runs, &go] {
            let _ = std::fs::remove_file(file); // the last time's
        }
        let (at, line) = (self.shut.path().display(), "while [ ! -e");
        let line = format!("sh -c 'touch {at}/runs; {line} {at}/go ]; do sleep 0.1; done'");
        let change = |service: &mut Service| service.add_suite("held", line);
        let sha = self.fleet.commit(0, change).await;
        let release = self.fleet.release(0, &sha).await;
        let tested = until(LIMIT, async || runs.exists().then_some(()));
        tested.await.expect("a suite waits");
        self.older = Some((release, sha));
        let live = self.fleet.live_of(0).to_owned();
        (
            json!({"component": self.fleet.components[0].name, "version": live}),
            vec![live],
        )
    }

    /// What may be live by the end: the newer version only where what came after it did not end well.
    async fn overtaken(&mut self, brought: Brought, by: Option<&Ended>) -> Brought {
        let Some((older, sha)) = self.older.take() else {
            return brought;
        };
        std::fs::write(self.shut.path().join("go"), "").expect("the file is written");
        ended(&older).await.expect("it ends");
        match by.is_some_and(|by| by.status == "SUCCEEDED") {
            true => brought,
            false => vec![sha],
        }
    }

    /// A newer version is live, and what was before still drains: that is gone back to.
    async fn drains(&mut self) -> (Value, Brought) {
        let sha = self.fleet.commit(0, |_| ()).await;
        let release = self.fleet.release(0, &sha).await;
        let drains = until(LIMIT, async || {
            let states = release.states().await;
            let over = release.status().await != "RUNNING";
            (over || states.iter().any(|state| state == "Drain")).then_some(())
        });
        drains.await.expect("a release drains");
        let before = self.fleet.live[0].replace(sha);
        (
            json!({"component": self.fleet.components[0].name, "version": "previous"}),
            vec![before.expect("something was live")],
        )
    }
}
