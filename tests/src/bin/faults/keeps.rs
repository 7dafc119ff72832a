//! The keeper, while it replaces what has died.

use crate::act::{Act, Ground, LEFT, LIMIT, to_its_end, wait_for_late};
use crate::fault::Fault;
use crate::fleet::Fleet;
use crate::follow::Followed;
use crate::place::{made, removed};
use crate::plan::{calls, plan as planned};
use crate::scenario::Scenario;
use crate::verdict;
use end_to_end::{
    Cloud, Component, Ended, Execution, FaultPlan, Place, Traffic, Vpcs, holds, until,
};
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};

pub struct Keeps {
    /// Its own, since the keeper looks after a whole target.
    place: Place,
    fleet: Fleet,
    keeps: Followed,
    _one: Vpcs,
}

impl Ground for Keeps {
    async fn new(cloud: &Cloud, scenario: Scenario, worker: &str) -> Self {
        let (place, one) = made(cloud, scenario, worker).await;
        let what = format!("f-{}-{worker}", scenario.name());
        Self {
            fleet: Fleet::live(cloud, &what, place.name, 1).await,
            keeps: Followed::of(cloud, "keep").await,
            place,
            _one: one,
        }
    }

    async fn act(&mut self, fault: Option<&Fault>) -> Act {
        // Launched again, it may get a hostname that it had before.
        while self.is_used_up().await {
            self.fleet.restart(0).await;
        }
        let of_target = format!("{}-", self.place.name);
        self.keeps.rest(&of_target).await;
        self.is_free().await;
        let component = &self.fleet.components[0];
        let dead = component.live().await.instances;
        // An event has the instance, and what the keeper starts has the target.
        let marks = dead.iter().map(String::as_str).chain([self.place.name]);
        let marks: Vec<String> = marks.map(|mark| format!("\"{mark}\"")).collect();
        let plan = planned(&self.place.cloud, &marks, fault);
        let traffic = Traffic::on(component);
        component.kill(&dead).await;
        let mut act = Act::default();
        let ours = |name: &str, _: &Value| name.starts_with(&of_target);
        match self.keeps.next(ours).await {
            Some(keep) => self.follow(&keep, fault, &plan, &mut act).await,
            None => act.hangs("nothing was started for it".to_owned()),
        }
        act.calls = calls(&plan);
        // What the look of the next minute does is no part of it.
        drop(plan);
        act.wrong.extend(self.kept(&dead).await);
        if act.wrong.is_empty() {
            self.answers(traffic, &mut act).await;
        }
        act
    }

    async fn close(self) -> Vec<String> {
        removed(&self.place).await
    }
}

impl Keeps {
    /// Whether the keeper may not launch two more in this hour for the hostname: one may count that was not launched.
    async fn is_used_up(&self) -> bool {
        let (component, cloud) = (&self.fleet.components[0], &self.place.cloud);
        let pk = format!("target#{}", component.target);
        let notes = cloud.row(&pk, "keeper").await.unwrap_or_default();
        let live = component.live().await.hostname;
        let launched = notes["launched"].as_array().into_iter().flatten();
        launched.filter(|one| one["hostname"] == live).count() > 1
    }

    /// Waits until nobody is said to be at it: who may not take that note back leaves it for as long as it counts.
    async fn is_free(&self) {
        let pk = format!("target#{}", self.place.name);
        let free = until(LIMIT, async || {
            let notes = self
                .place
                .cloud
                .row(&pk, "keeper")
                .await
                .unwrap_or_default();
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let now = now.expect("a clock").as_secs();
            (notes["busy"].as_u64().unwrap_or_default() < now).then_some(())
        });
        free.await.expect("nobody is at it for ever");
    }

    async fn follow(
        &self,
        keep: &Execution,
        fault: Option<&Fault>,
        plan: &FaultPlan,
        act: &mut Act,
    ) {
        let Some(ended) = to_its_end(keep, fault, plan, act).await else {
            return;
        };
        act.wrong.extend(self.of_cause(&ended));
        if act.is_met {
            wait_for_late(fault).await;
        }
    }

    fn of_cause(&self, ended: &Ended) -> Vec<String> {
        verdict::unsaid(ended, "keep", &[("the target", &[self.place.name])])
    }

    /// The same version runs again, the record leads to it, and nothing else is left: with nobody's doing.
    async fn kept(&self, dead: &[String]) -> Option<String> {
        let (component, live) = (&self.fleet.components[0], self.fleet.live_of(0));
        let found = holds(LEFT, async || is_kept(component, live, dead).await);
        let wrong = found.await.err();
        wrong.map(|what| format!("{} after {LEFT:?}: {what}", component.name))
    }

    /// Nobody else's, also while nobody was there; and every one, once it is kept.
    async fn answers(&self, traffic: Traffic, act: &mut Act) {
        let (component, live) = (&self.fleet.components[0], self.fleet.live_of(0));
        let meanwhile = traffic.stop().await;
        let after = Traffic::on(component).stop().await;
        act.requests += meanwhile.requests + after.requests;
        if let Some(first) = after.failures.first() {
            let count = after.failures.len();
            act.wrong.push(format!(
                "{count} requests failed after it was kept: {first}"
            ));
        }
        let commits = meanwhile.commits.keys().chain(after.commits.keys());
        let others = commits.filter(|commit| *commit != live);
        act.wrong
            .extend(others.map(|commit| format!("it was answered by {commit}")));
    }
}

async fn is_kept(component: &Component, live: &str, dead: &[String]) -> Result<(), String> {
    let recorded = component.live().await.instances;
    if recorded.iter().any(|id| dead.contains(id)) || recorded.len() != dead.len() {
        return Err(format!(
            "recorded are {recorded:?}, and {dead:?} have ended"
        ));
    }
    component.alone(live).await?;
    let (led_to, up) = (component.led_to().await, component.addresses().await);
    if led_to != up {
        return Err(format!("its record leads to {led_to:?}, and up is {up:?}"));
    }
    let pk = format!("target#{}", component.target);
    let prefix = format!("candidate#{}-", component.name);
    let rows = component.cloud.rows_of(&pk, &prefix).await;
    let rows = rows.iter().map(|row| (&row["state"], &row["instances"]));
    let rows: Vec<_> = rows.collect();
    let recorded = &component.alias_row().await["instances"];
    match rows == [(&Value::from("live"), recorded)] {
        true => Ok(()),
        false => Err(format!(
            "recorded as live are {recorded}, its candidates' rows are {rows:?}"
        )),
    }
}
