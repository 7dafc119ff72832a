//! The same search for the roles of the target machine: a target is made, changed and removed without
//! each of their actions in turn.

use crate::alone;
use crate::search::{Without, give_back, search, take};
use end_to_end::{Cloud, Component, Ended, Execution, Place, Service, Vpcs, until};
use pipeline::stages::{TARGET, functions};
use serde_json::json;
use std::time::Duration;

const RELEASED: Duration = Duration::from_secs(180);

/// What shows that a function can do all that it has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// A target that cannot be made, and goes.
    Refused,
    /// One that is made.
    Made,
    /// One that is made where an earlier creation left its stack.
    MadeAnew,
    /// One that is changed, and protected from then on.
    Changed,
    /// A protected one in use that is removed.
    Removed,
    /// One that is removed while a release works on it.
    RemovedBusy,
}

/// Most functions are asked for all that they do when a target is torn down.
fn shows(function: &str) -> &'static [Shows] {
    match function {
        "plan-target" => &[Shows::Made, Shows::Removed],
        "apply-stack" => &[Shows::MadeAnew, Shows::Changed],
        "look-at-stack" => &[Shows::Made, Shows::Refused],
        "prove-target-usable" => &[Shows::Made],
        "record-target" => &[Shows::Made, Shows::Changed],
        "close-target" => &[Shows::RemovedBusy, Shows::Removed],
        _ => &[Shows::Removed],
    }
}

#[tokio::test]
#[ignore = "takes some ten minutes: every action of every role, one after the other"]
async fn every_action_of_a_role_of_the_target_machine_is_needed_by_some_target() {
    let _turn = alone().await;
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "excess");
    let component = Component::new(&cloud, "placed", place.name).await;
    component.commit_and_push(&Service::good("1")).await;
    let site = Site { place, component };
    search(
        &cloud,
        &functions(TARGET),
        shows,
        async |shows, without: Without<'_>| site.differs(shows, without).await,
    )
    .await;
}

struct Site {
    place: Place,
    component: Component,
}

impl Site {
    /// In what it ends differently without the permission; nothing is left then.
    async fn differs(&self, shows: Shows, without: Without<'_>) -> Option<String> {
        let place = &self.place;
        let running = self.prepare(shows).await;
        let taken = take(&place.cloud, without).await;
        let differs = match shows {
            Shows::Refused => {
                let ended = place.provision(&[("VpcCidr", "10.0.0.0/8")]).await;
                let parts = ["The CIDR '10.0.0.0/8' is invalid.", "nothing is left"];
                let as_it_should = parts.iter().all(|part| ended.cause.contains(part));
                (!as_it_should).then(|| shown(&ended))
            }
            Shows::Made | Shows::MadeAnew => ends(&place.provision(&[]).await, "provisioned"),
            Shows::Changed => ends(&self.change().await, "updated"),
            Shows::Removed | Shows::RemovedBusy => ends(&self.remove().await, "torn_down"),
        };
        give_back(taken).await;
        if let Some(running) = running {
            running.end(RELEASED).await;
        }
        // A removed target may be removed again; what was not, goes now.
        let gone = ends(&self.remove().await, "torn_down");
        assert_eq!(gone, None, "with every permission, after {without:?}");
        place.left_nothing().await;
        differs
    }

    async fn change(&self) -> Ended {
        let more = [("DrainMargin", "2"), ("Protected", "true")];
        self.place.provision(&more).await
    }

    async fn remove(&self) -> Ended {
        let name = self.place.name;
        let input = json!({"action": "teardown", "target": name, "confirm": name});
        self.place.run(&input).await
    }

    /// What there must be before; a release that still runs.
    async fn prepare(&self, shows: Shows) -> Option<Execution> {
        match shows {
            Shows::Refused | Shows::Made => return None,
            Shows::MadeAnew => {
                self.place.leave_half_made().await;
                return None;
            }
            _ => {}
        }
        self.place.provision(&[]).await.output();
        match shows {
            Shows::Removed => {
                self.change().await.output();
                self.release("main").await.end(RELEASED).await.output();
                self.fill().await;
                None
            }
            Shows::RemovedBusy => Some(self.work().await),
            _ => None,
        }
    }

    async fn release(&self, version: &str) -> Execution {
        let (component, target) = (&self.component.name, self.place.name);
        let input = json!({"component": component, "version": version, "target": target});
        Execution::start(&self.place.cloud, &input).await
    }

    /// A release that has come to its suites and stays there for a while.
    async fn work(&self) -> Execution {
        let mut slow = Service::good("slow");
        slow.add_suite("slow", "sleep 8");
        let sha = self.component.commit(&slow).await;
        self.component.push_to(&sha, "topic").await;
        let running = self.release(&sha).await;
        let tested = until(RELEASED, async || {
            let states = self.place.entered(&running).await;
            states.iter().any(|one| one == "Run suite").then_some(())
        });
        assert!(tested.await.is_some(), "the suites begin");
        running
    }

    /// Data of the target's own: an object that was written twice, and one that was deleted.
    async fn fill(&self) {
        let cloud = &self.place.cloud;
        let tagged = self.place.tagged().await;
        let bucket = tagged
            .iter()
            .find_map(|arn| arn.strip_prefix("arn:aws:s3:::"));
        let bucket = bucket.expect("the target has a bucket");
        for key in ["twice", "twice", "deleted"] {
            let put = ["s3api", "put-object", "--bucket", bucket, "--key", key];
            cloud.aws(&put).await.good("put-object");
        }
        let delete = [
            "s3api",
            "delete-object",
            "--bucket",
            bucket,
            "--key",
            "deleted",
        ];
        cloud.aws(&delete).await.good("delete-object");
    }
}

fn ends(ended: &Ended, outcome: &str) -> Option<String> {
    let as_it_should = ended.status == "SUCCEEDED" && ended.output()["outcome"] == outcome;
    (!as_it_should).then(|| shown(ended))
}

fn shown(ended: &Ended) -> String {
    match ended.status.as_str() {
        "SUCCEEDED" => ended.output().to_string(),
        _ => format!("{}: {}", ended.error, ended.cause),
    }
}
