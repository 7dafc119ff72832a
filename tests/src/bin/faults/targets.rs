//! Targets that are made and removed.

use crate::act::{Act, Ground, LIMIT, ended, hangs, stop, wait_for_late};
use crate::fault::Fault;
use crate::fleet::Fleet;
use crate::place;
use crate::plan::{calls, plan as planned};
use crate::scenario::Scenario;
use crate::verdict;
use end_to_end::{Cloud, Ended, FaultPlan, Place, Vpcs};
use serde_json::{Value, json};

pub struct Targets {
    scenario: Scenario,
    cloud: Cloud,
    worker: String,
    acts: u64,
    /// What is live on a target that is removed.
    fleet: Fleet,
    /// What must not be taken for another's: one whose end failed.
    stays: Option<Place>,
    _one: Vpcs,
}

impl Ground for Targets {
    async fn new(cloud: &Cloud, scenario: Scenario, worker: &str) -> Self {
        let what = format!("f-{}-{worker}", scenario.name());
        let fleet = Fleet::new(cloud, &what, "stage", 1).await;
        Self {
            scenario,
            cloud: cloud.clone(),
            worker: worker.to_owned(),
            acts: 0,
            fleet,
            stays: None,
            _one: Vpcs::one().await,
        }
    }

    async fn act(&mut self, fault: Option<&Fault>) -> Act {
        self.acts += 1;
        let name = format!("{}{:02}", self.worker, self.acts);
        let place = place::new(&self.cloud, self.scenario, &name);
        let input = self.ready(&place).await;
        let plan = planned(&self.cloud, &[format!("\"{}\"", place.name)], fault);
        let execution = place.start(&input).await;
        let mut act = Act::default();
        let is_stopped = stop(&execution, fault).await;
        act.is_met = is_stopped || plan.is_met();
        let ended = ended(&execution).await;
        act.is_met |= plan.is_met();
        act.states = execution.lasting_states().await.into_iter().collect();
        match ended {
            Some(ended) => {
                self.again(&place, &input, &ended, fault, plan, &mut act)
                    .await
            }
            None => act.hangs(hangs(&execution).await),
        }
        if act.wrong.is_empty() {
            act.wrong.extend(self.is_gone(&place).await);
        }
        if !act.wrong.is_empty() {
            self.stays = Some(place);
        }
        act
    }

    async fn close(self) -> Vec<String> {
        match &self.stays {
            Some(place) => place::removed(place).await,
            None => Vec::new(),
        }
    }
}

impl Targets {
    /// What the scenario begins with, and the input of what it does.
    async fn ready(&mut self, place: &Place) -> Value {
        if self.scenario == Scenario::Provision {
            let parent = self.cloud.parent_zone().await;
            return place.wanted(&[("ParentZoneId", parent.as_str())]);
        }
        place.provision(&[]).await.output();
        self.fleet.components[0].target = place.name;
        // A version of its own each time: what was built before leaves less behind, and less is deleted.
        let sha = self.fleet.commit(0, |_| ()).await;
        let released = self.fleet.release(0, &sha).await.end(LIMIT).await;
        assert_eq!(released.output()["outcome"], "live", "{released:#?}");
        json!({"action": "teardown", "target": place.name})
    }

    /// What its cause says; then the same once more, where it did not succeed or something came late.
    async fn again(
        &self,
        place: &Place,
        input: &Value,
        ended: &Ended,
        fault: Option<&Fault>,
        plan: FaultPlan,
        act: &mut Act,
    ) {
        act.ended(ended);
        let target = [("the target", &[place.name][..])];
        act.wrong.extend(verdict::unsaid(ended, "target", &target));
        let is_late = act.is_met && wait_for_late(fault).await;
        act.calls = calls(&plan);
        drop(plan);
        if ended.status != "SUCCEEDED" || is_late {
            let again = place.run(input).await;
            if again.status != "SUCCEEDED" {
                let why = (&again.error, &again.cause);
                act.wrong.push(format!("the same again fails: {why:?}"));
            }
        }
    }

    /// Nothing is left of it; of one that was made, once it is removed.
    async fn is_gone(&self, place: &Place) -> Vec<String> {
        if self.scenario == Scenario::Provision {
            let removed = place::removed(place).await;
            if !removed.is_empty() {
                return removed;
            }
        }
        place.left().await
    }
}
