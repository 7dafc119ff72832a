//! The roles have what they need and the release says so when they do not: a permission is
//! taken away, a release runs, and it fails with the action's name and nothing moved.

use crate::alone;
use end_to_end::{Cloud, Component, Ended, Service, Suite, Traffic, WithoutPermission, actions_of};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_release_without_one_permission_fails_by_the_actions_name_and_moves_nothing() {
    let _turn = alone().await;
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "denied", "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let traffic = Traffic::on(&component);
    // Before there is a plan, the cause is the sentence alone.
    let cases = [
        ("plan-release", "dynamodb:UpdateItem", ""),
        ("deploy-initial", "ec2:RunInstances", "Deploy (initial)"),
    ];
    for (function, action, stage) in cases {
        let taken = WithoutPermission::of(&cloud, function, action).await;
        let (_, ended) = component.release(&Service::good(function)).await;
        taken.give_back().await;
        ended.is_denied(action, stage);
        component.stands_alone(&good).await;
    }
    traffic.stop().await.only(&good);
    // What was taken was given back.
    let next = component.goes_live(&Service::good("2")).await;
    component.stands_alone(&next).await;
}

/// Which release shows that a function can do all that it has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// A push.
    Push,
    /// Two components, one with a peer and one with a private repository, and tags.
    Umbrella,
    /// The peer of a live component, tested beside its companion.
    Peer,
    /// One that is discarded.
    Red,
    /// Taking the last release back.
    TakeBack,
}

const FUNCTIONS: &[(&str, &[Shows])] = &[
    ("start-release", &[Shows::Push]),
    ("plan-release", &[Shows::Umbrella, Shows::TakeBack]),
    ("prepare-workspace", &[Shows::Umbrella]),
    ("plan-companions", &[Shows::Peer]),
    ("publish-peers", &[Shows::Umbrella]),
    ("unit-tests", &[Shows::Umbrella]),
    ("build", &[Shows::Umbrella]),
    ("push-artifacts", &[Shows::Umbrella]),
    ("deploy-initial", &[Shows::Umbrella]),
    ("publish-hostnames", &[Shows::Umbrella]),
    ("integration-tests", &[Shows::Umbrella]),
    ("cutover", &[Shows::Umbrella]),
    ("terminate-previous", &[Shows::Umbrella]),
    ("tag-release", &[Shows::Umbrella]),
    ("discard-candidates", &[Shows::Red]),
];

/// What Lambda itself does in the role's name; the local cloud does it without asking IAM.
const NOT_SEEN_HERE: &[&str] = &["logs:", "xray:", "sqs:"];

/// What the local cloud does not ask IAM for; on AWS RunInstances fails without them.
const NOT_ASKED_HERE: &[&str] = &["ec2:CreateTags", "iam:PassRole"];

struct Parts {
    peer: Component,
    component: Component,
    private: Component,
}

#[tokio::test]
#[ignore = "takes some ten minutes: every action of every role, one after the other"]
async fn every_single_action_of_every_role_is_needed_by_some_release() {
    let _turn = alone().await;
    let cloud = Cloud::up().await;
    let parts = parts(&cloud).await;
    let mut excess = Vec::new();
    for (function, shows) in FUNCTIONS {
        for one in *shows {
            let before = parts.differs(*one, &format!("before {function}")).await;
            assert_eq!(
                before, None,
                "with every permission, before {function} loses one"
            );
        }
        for action in actions_of(&cloud, function).await {
            let is_any = |of: &[&str]| of.iter().any(|prefix| action.starts_with(prefix));
            if is_any(NOT_SEEN_HERE) || is_any(NOT_ASKED_HERE) {
                continue;
            }
            let mark = format!("{function} {action}");
            let taken = WithoutPermission::of(&cloud, function, &action).await;
            let mut differs = None;
            for one in *shows {
                if differs.is_none() {
                    differs = parts.differs(*one, &format!("without {mark}")).await;
                }
            }
            taken.give_back().await;
            println!(
                "without {mark}: {}",
                differs.as_deref().unwrap_or("NOTHING CHANGES")
            );
            if differs.is_none() {
                excess.push(mark);
            }
        }
    }
    assert!(excess.is_empty(), "no release needs these: {excess:#?}");
}

async fn parts(cloud: &Cloud) -> Parts {
    let peer = Component::new(cloud, "peer", "stage").await;
    peer.goes_live(&Service::good("1")).await;
    let component = Component::new(cloud, "excess", "stage").await;
    let private = Component::unregistered(cloud, "closed", "stage").await;
    private.open_with(&private.close().await).await;
    let parts = Parts {
        peer,
        component,
        private,
    };
    parts.component.goes_live(&parts.talking("1")).await;
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
            Shows::TakeBack => self.take_back(mark).await,
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
        service.suites.push(Suite {
            name: "red",
            command: "false".into(),
            slow: false,
        });
        let sha = self.component.commit(&service).await;
        self.component.push_to(&sha, "topic").await;
        let input = json!({"component": self.component.name, "version": sha, "target": "stage"});
        let ended = self.component.by_hand(input).await;
        let as_it_should =
            ended.error == "IntegrationTestsFailed" && !ended.cause.contains("AccessDenied");
        (!as_it_should).then(|| shown(Some(ended)))
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

fn went_live(ended: &Ended) -> bool {
    ended.status == "SUCCEEDED"
        && ended.output()["outcome"] == "live"
        && ended.output()["terminated"]["left_behind"].is_null()
}

fn shown(ended: Option<Ended>) -> String {
    match ended {
        None => "no release starts".into(),
        Some(ended) if ended.status == "SUCCEEDED" => ended.output()["terminated"].to_string(),
        Some(ended) => format!("{}: {}", ended.error, ended.cause),
    }
}
