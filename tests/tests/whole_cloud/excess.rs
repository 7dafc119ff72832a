//! Whether a role has more than it needs: without any single action some release must end differently.

use crate::alone;
use crate::differing::{fails, shown, went_live};
use crate::search::{Without, give_back, search, take, unannounced};
use end_to_end::{
    Cloud, Component, Execution, NoSweeps, Service, Start, lost_push, tell_of_push, until,
};
use pipeline::stages::{RELEASE, WITHOUT_STATE, functions};
use serde_json::{Value, json};
use std::time::Duration;

const RELEASED: Duration = Duration::from_secs(180);

/// Which release shows that a function can do all that it has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// A push.
    Push,
    /// A push that starts nothing and is kept for a person.
    Lost,
    /// Two components, one with a peer and one with a private repository, and tags.
    Umbrella,
    /// The peer of a live component, tested beside its companion.
    Peer,
    /// One that is discarded.
    Red,
    /// One that cannot be planned.
    Unplanned,
    /// One whose instance ends at once.
    Crash,
    /// One that is discarded while its instance starts.
    Late,
    /// Taking the last release back.
    TakeBack,
    /// What is live already.
    Again,
    /// One that dies once it is live, and goes back by itself.
    Dying,
    /// A build that is only said to have run.
    Forged,
    /// Two components, and a record that came after its hostname was gone.
    LateRecord,
    /// One that is discarded, and such a record.
    RedLateRecord,
    /// A component whose commands run in containers.
    Container,
    /// A library, and a component that pins it.
    Pinned,
    /// A container that ends before it has left anything.
    Killed,
    /// A library, alone: its release has a row that says how it ended.
    Library,
}

/// Most functions are asked for all that they do by any release of two components.
fn shows(function: &str) -> &'static [Shows] {
    match function {
        "start-release" => &[Shows::Push, Shows::Lost],
        "plan-release" => &[Shows::Umbrella, Shows::TakeBack, Shows::Again],
        "plan-companions" => &[Shows::Peer],
        "deploy-initial" => &[Shows::Umbrella, Shows::Crash, Shows::Late],
        "prepare-command" => &[Shows::Container],
        "collect-command" => &[Shows::Container, Shows::Killed],
        "prepare-workspace" => &[Shows::Umbrella, Shows::Container, Shows::Pinned],
        "push-artifacts" => &[
            Shows::Umbrella,
            Shows::Forged,
            Shows::Library,
            Shows::Pinned,
        ],
        "terminate-previous" => &[Shows::Umbrella, Shows::LateRecord],
        "discard-candidates" => &[Shows::Red, Shows::Unplanned, Shows::RedLateRecord],
        "cutover" | "watch-release" => &[Shows::Umbrella, Shows::Dying],
        _ => &[Shows::Umbrella],
    }
}

struct Parts {
    peer: Component,
    component: Component,
    private: Component,
    /// A library.
    library: Component,
    /// The hostname of the first version, which is gone as soon as another is live.
    first: String,
    /// What Unit tests and Build of it were asked.
    built: Value,
}

#[tokio::test]
#[ignore = "takes some ten minutes: every action of every role, one after the other"]
async fn every_action_of_a_role_of_the_release_machine_is_needed_by_some_release() {
    let _turn = alone().await;
    let cloud = Cloud::up().await;
    // It would do what a function no longer may.
    let _unswept = NoSweeps::on(&cloud).await;
    let parts = parts(&cloud).await;
    let functions = [WITHOUT_STATE.to_vec(), functions(RELEASE)].concat();
    search(
        &cloud,
        &functions,
        shows,
        async |shows, without: Without<'_>| {
            let taken = take(&cloud, without).await;
            let mark = without.map_or("with all".into(), |(function, action)| {
                format!("without {function} {action}")
            });
            let differs = parts.differs(shows, &mark).await;
            give_back(taken).await;
            differs
        },
    )
    .await;
}

async fn parts(cloud: &Cloud) -> Parts {
    let peer = Component::new(cloud, "peer", "stage").await;
    peer.goes_live(&Service::good("1")).await;
    let component = Component::new(cloud, "excess", "stage").await;
    let private = Component::unregistered(cloud, "closed", "stage").await;
    private.open_with(&private.close().await).await;
    let library = Component::library(cloud, "pinned", "stage").await;
    let mut parts = Parts {
        peer,
        component,
        private,
        library,
        first: String::new(),
        built: Value::Null,
    };
    let sha = parts.component.goes_live(&parts.talking("1")).await;
    parts.first = parts.component.live().await.hostname;
    let execution = parts.component.execution_of(&sha).await;
    parts.built = execution.input_of("Unit tests").await;
    parts
}

impl Parts {
    /// A version of the component that talks to the peer.
    fn talking(&self, version: &str) -> Service {
        let mut service = Service::good(version);
        service.peers = vec![self.peer.name.clone()];
        service
    }

    /// In what the release differs from what it is with every permission.
    async fn differs(&self, shows: Shows, mark: &str) -> Option<String> {
        match shows {
            Shows::Push => self.push(mark).await,
            Shows::Umbrella => self.umbrella(mark).await,
            Shows::Peer => self.release_of_the_peer(mark).await,
            Shows::Red => self.red(mark).await,
            Shows::Unplanned => self.unplanned().await,
            Shows::Crash => self.crash(mark).await,
            Shows::Late => self.late(mark).await,
            Shows::TakeBack => self.take_back(mark).await,
            Shows::Again => self.again().await,
            Shows::Lost => self.lost(mark).await,
            Shows::Dying => self.dying(mark).await,
            Shows::Forged => self.forged().await,
            Shows::Container => self.container(mark).await,
            Shows::Pinned => self.pinned(mark).await,
            Shows::Killed => self.killed(mark).await,
            Shows::Library => self.library().await,
            Shows::LateRecord => {
                self.publish_late().await;
                self.umbrella(mark).await
            }
            Shows::RedLateRecord => {
                self.publish_late().await;
                self.red(mark).await
            }
        }
    }

    async fn push(&self, mark: &str) -> Option<String> {
        let started = Duration::from_secs(15);
        let ended = self
            .component
            .release_if_started(&self.talking(mark), started)
            .await;
        (!ended.as_ref().is_some_and(went_live)).then(|| shown(ended))
    }

    async fn umbrella(&self, mark: &str) -> Option<String> {
        let (component, private) = (&self.component, &self.private);
        let sha = private.commit(&Service::good(mark)).await;
        private.push_by_folder(&sha).await;
        let other = component.commit(&self.talking(mark)).await;
        component.push_to(&other, "topic").await;
        let versions = json!({&component.name: other, &private.name: sha});
        let input = json!({"versions": versions, "target": "stage", "tag": true});
        let ended = component.by_hand(input).await;
        if !went_live(&ended) {
            return Some(shown(Some(ended)));
        }
        let tags = ended.output()["tag"].clone();
        let pushed = |n: usize| tags["tags"][n]["outcome"] == "pushed";
        (!pushed(0) || !pushed(1)).then(|| tags.to_string())
    }

    async fn release_of_the_peer(&self, mark: &str) -> Option<String> {
        let sha = self.peer.commit(&Service::good(mark)).await;
        self.peer.push_to(&sha, "topic").await;
        let input = json!({"component": self.peer.name, "version": sha, "target": "stage"});
        let ended = self.peer.by_hand(input).await;
        if !went_live(&ended) {
            return Some(shown(Some(ended)));
        }
        let companions = ended.output()["companions"].clone();
        (companions[0]["component"] != self.component.name).then(|| companions.to_string())
    }

    async fn red(&self, mark: &str) -> Option<String> {
        let mut service = self.talking(&format!("{mark}, red"));
        service.add_suite("red", "false");
        let (_, running) = self.begin(&service).await;
        fails(&running.end(RELEASED).await, "IntegrationTestsFailed", "")
    }

    async fn unplanned(&self) -> Option<String> {
        let input = json!({"component": self.component.name, "version": "no-such-tag"});
        fails(&self.component.by_hand(input).await, "UnknownVersion", "")
    }

    async fn again(&self) -> Option<String> {
        let input =
            json!({"component": self.peer.name, "version": "live:stage", "target": "stage"});
        let ended = self.peer.by_hand(input).await;
        let is_it = |output: &Value| output["outcome"] == "already_live";
        let same = ended.output.as_ref().is_some_and(is_it);
        (!same).then(|| shown(Some(ended)))
    }

    async fn lost(&self, mark: &str) -> Option<String> {
        tell_of_push(&self.component, mark).await;
        let (cloud, name) = (&self.component.cloud, &self.component.name);
        let kept = lost_push(cloud, name, Duration::from_secs(20)).await;
        let of_this = |kept: &Value| kept["requestPayload"]["detail"]["commitId"] == mark;
        (!kept.as_ref().is_some_and(of_this)).then(|| format!("kept: {kept:?}"))
    }

    async fn dying(&self, mark: &str) -> Option<String> {
        let (sha, running) = self.begin(&self.talking(&format!("{mark}, dying"))).await;
        let live = until(RELEASED, async || {
            let live = self.component.live().await;
            (live.commit == sha).then(|| live.instances[0].clone())
        });
        if let Some(instance) = live.await {
            self.component.terminate(&instance).await;
        }
        let said = format!("{} leads to ", self.component.alias());
        let differs = fails(&running.end(RELEASED).await, "RolledBack", &said);
        differs.or(unannounced(&running).await)
    }

    async fn forged(&self) -> Option<String> {
        let mut step = json!({"release": self.built["release"], "item": self.built["item"]});
        step["release"]["ticket"] = 999_999.into(); // which nothing was built for
        let answer = self.component.cloud.call("push-artifacts", &step).await;
        (answer["errorType"] != "EvidenceRefused").then(|| answer.to_string())
    }

    async fn container(&self, mark: &str) -> Option<String> {
        let mut service = self.talking(&format!("{mark}, in containers"));
        service.more_manifest = "\n[machine]\nkind = \"codebuild\"\n".into();
        let (_, running) = self.begin(&service).await;
        let ended = running.end(RELEASED).await;
        if !went_live(&ended) {
            return Some(shown(Some(ended)));
        }
        // A release does not depend on its quotas.
        let warnings = ended.output()["warnings"].to_string();
        warnings
            .contains("could not be looked at")
            .then_some(warnings)
    }

    async fn pinned(&self, mark: &str) -> Option<String> {
        let (library, component) = (&self.library, &self.component);
        let words = Service::library(&library.name, &mark.replace(' ', "-"));
        let pinned = library.commit(&words).await;
        library.push_to(&pinned, "topic").await;
        let service = self.talking(&format!("{mark}, with a library"));
        let sha = component
            .commit(&service.pinning(&library.name, &pinned))
            .await;
        component.push_to(&sha, "topic").await;
        let versions = json!({&component.name: sha, &library.name: pinned});
        let input = json!({"versions": versions, "target": "stage"});
        let ended = component.by_hand(input).await;
        (!went_live(&ended)).then(|| shown(Some(ended)))
    }

    async fn killed(&self, mark: &str) -> Option<String> {
        let mut service = self.talking(&format!("{mark}, killed"));
        service.more_manifest = "\n[machine]\nkind = \"codebuild\"\n".into();
        let kills = "for process in /proc/[0-9]*; do\n\
            if tr '\\0' ' ' <$process/cmdline | grep -q '^sh command.sh'; then kill -9 ${process#/proc/}; fi\ndone\n";
        service.files.push(("kill.sh", kills.into()));
        service.build = "sh kill.sh".into();
        let (_, running) = self.begin(&service).await;
        let said = "its container ended without saying how its command did";
        fails(&running.end(RELEASED).await, "BuildFailed", said)
    }

    async fn library(&self) -> Option<String> {
        let ended = self.library.release_library("stage").await;
        (ended.status != "SUCCEEDED").then(|| shown(Some(ended)))
    }

    /// The record of an instance that is gone long since.
    async fn publish_late(&self) {
        let cloud = &self.component.cloud;
        let row = cloud.row("target#stage", "environment").await;
        let zone = row.expect("the target is there")["zone_id"].clone();
        let record = json!({"Name": self.first, "Type": "A", "TTL": 1,
            "ResourceRecords": [{"Value": "192.0.2.1"}]});
        let batch = json!({"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]});
        let change = ["route53", "change-resource-record-sets", "--hosted-zone-id"];
        let zone = zone.as_str().expect("an id");
        let batch = ["--change-batch", &batch.to_string()];
        let change = [&change[..], &[zone], &batch].concat();
        cloud.aws(&change).await.good("change-resource-record-sets");
    }

    async fn crash(&self, mark: &str) -> Option<String> {
        let mut service = self.talking(&format!("{mark}, crashing"));
        service.start = Start::Crashing;
        let (_, running) = self.begin(&service).await;
        let said = "boom: this version cannot start";
        fails(&running.end(RELEASED).await, "NotHealthy", said)
    }

    async fn late(&self, mark: &str) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("serve");
        let mut service = self.talking(&format!("{mark}, late"));
        service.held_by = Some(file.clone());
        let before = self.component.instances().await;
        let (sha, running) = self.begin(&service).await;
        // It has looked for the log before there is one.
        let shipped = until(RELEASED, async || {
            if running.status().await != "RUNNING" {
                return Some(false);
            }
            let now = self.component.instances().await;
            let new = now.into_iter().find(|id| !before.contains(id))?;
            let keys = self.component.cloud.keys("logs/stage-r").await;
            keys.iter().any(|key| key.contains(&new)).then_some(true)
        });
        if shipped.await == Some(true) {
            self.component.mark_leaving(&sha).await;
        }
        std::fs::write(&file, "").expect("the file is written");
        fails(&running.end(RELEASED).await, "CandidateGone", "")
    }

    /// Starts a release of the component by hand.
    async fn begin(&self, service: &Service) -> (String, Execution) {
        let component = &self.component;
        let sha = component.commit(service).await;
        component.push_to(&sha, "topic").await;
        let input = json!({"component": component.name, "version": sha, "target": "stage"});
        (sha, Execution::start(&component.cloud, &input).await)
    }

    async fn take_back(&self, mark: &str) -> Option<String> {
        if let Some(difference) = self.umbrella(mark).await {
            return Some(difference);
        }
        let input = json!({"version": "previous", "target": "stage"});
        let ended = self.component.by_hand(input).await;
        (!went_live(&ended)).then(|| shown(Some(ended)))
    }
}
