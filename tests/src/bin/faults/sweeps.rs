//! Sweeps of what a stopped release has left.

use crate::act::{Act, Ground, LIMIT, to_its_end, wait_for_late};
use crate::fault::Fault;
use crate::fleet::Fleet;
use crate::follow::Followed;
use crate::place::{made, removed};
use crate::plan::{calls, name, plan as planned};
use crate::scenario::Scenario;
use crate::verdict;
use end_to_end::{Cloud, Ended, Execution, FaultPlan, Place, Traffic, Vpcs, until};
use serde_json::{Value, json};

/// Longer than it takes to be stopped meanwhile.
const SUITE: &str = "sleep 8";

pub struct Sweeps {
    scenario: Scenario,
    /// Its own, since a sweep is of a whole target.
    place: Place,
    fleet: Fleet,
    sweeps: Followed,
    /// What is released and stopped: its artifact is there after the first time.
    next: String,
    _one: Vpcs,
}

impl Ground for Sweeps {
    async fn new(cloud: &Cloud, scenario: Scenario, worker: &str) -> Self {
        let (place, one) = made(cloud, scenario, worker).await;
        let what = format!("f-{}-{worker}", scenario.name());
        let count = 1 + usize::from(scenario.has_a_user());
        let mut fleet = Fleet::live(cloud, &what, place.name, count).await;
        let next = fleet.commit(0, |service| service.add_suite("slow", SUITE));
        Self {
            next: next.await,
            sweeps: Followed::of(cloud, "sweep").await,
            scenario,
            place,
            fleet,
            _one: one,
        }
    }

    async fn act(&mut self, fault: Option<&Fault>) -> Act {
        let name = name();
        let cloud = self.place.cloud.clone();
        let traffic: Vec<Traffic> = self.fleet.components.iter().map(Traffic::on).collect();
        let plan = planned(&cloud, std::slice::from_ref(&name), fault);
        let (release, brought) = self.leave(&name).await;
        let mut act = Act::default();
        let told = |_: &str, input: &Value| input["detail"]["executionArn"] == release.arn.as_str();
        match self.sweeps.next(told).await {
            Some(sweep) => {
                self.follow((&sweep, &name), fault, &plan, &mut act).await;
            }
            None => act.hangs("no sweep was started for it".to_owned()),
        }
        act.calls = self.of_the_sweeper(&plan);
        drop(plan);
        let stopped = release.end(LIMIT).await;
        let wrong = verdict::look(&self.fleet, self.scenario, &stopped, &brought).await;
        act.wrong.extend(wrong);
        verdict::answers(&self.fleet, self.scenario, traffic, &brought, &mut act).await;
        if act.wrong.is_empty() {
            self.take_turns(&brought).await;
        }
        act
    }

    async fn close(self) -> Vec<String> {
        removed(&self.place).await
    }
}

impl Sweeps {
    /// Begins a release, and stops it where it leaves what the scenario is about.
    async fn leave(&self, name: &str) -> (Execution, Vec<String>) {
        let component = &self.fleet.components[0];
        let input =
            json!({"component": component.name, "version": self.next, "target": component.target});
        let release = Execution::start_as(&component.cloud, name, &input).await;
        let state = match self.scenario {
            Scenario::Undrained => "Drain",
            _ => "Integration tests",
        };
        let reached = until(LIMIT, async || {
            let states = release.states().await;
            states.iter().any(|one| one == state).then_some(())
        });
        reached
            .await
            .unwrap_or_else(|| panic!("{name} never came to {state}"));
        release.stop().await;
        (release, vec![self.next.clone()])
    }

    /// To its end, and the next one to its own, where something may be left.
    async fn follow(
        &self,
        (sweep, of): (&Execution, &str),
        fault: Option<&Fault>,
        plan: &FaultPlan,
        act: &mut Act,
    ) {
        let Some(ended) = to_its_end(sweep, fault, plan, act).await else {
            return;
        };
        act.wrong.extend(self.of_cause(&ended, of));
        let is_late = act.is_met && wait_for_late(fault).await;
        if ended.status != "SUCCEEDED" || is_late {
            // As its schedule does, every 15 minutes.
            let again = ["sweep", "--target", self.place.name];
            let again = self.place.cloud.cutover(&again).await;
            if again.code != 0 {
                act.wrong.push(format!("the next sweep fails: {again:?}"));
            }
        }
    }

    fn of_cause(&self, ended: &Ended, of: &str) -> Vec<String> {
        let whose = [self.place.name, of];
        verdict::unsaid(ended, "sweep", &[("the target or the release", &whose)])
    }

    fn of_the_sweeper(&self, plan: &FaultPlan) -> Vec<crate::fault::Call> {
        let project = self.place.cloud.variable("CUTOVER_PROJECT");
        let sweeper = format!("{project}-sweep");
        let calls = calls(plan).into_iter();
        calls.filter(|call| call.function == sweeper).collect()
    }

    /// What was live before is the next to be released, if another is now.
    async fn take_turns(&mut self, brought: &[String]) {
        let before = self.fleet.live_of(0).to_owned();
        self.fleet.look().await;
        if self.fleet.live_of(0) == brought[0] {
            self.next = before;
        }
    }
}
