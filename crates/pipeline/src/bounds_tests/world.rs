//! All that a release passes on, as large as it is let through.

use super::*;
use crate::back::{BackReply, BackRequest};

/// A failed state's cause, of the worst text that Lambda can give.
pub(super) fn cause() -> String {
    json!({"errorMessage": Reason::new(&"\"".repeat(1 << 20)), "errorType": "IntegrationTestsFailed"}).to_string()
}

/// A reason of the worst text.
fn worst() -> String {
    Reason::new(&"\"".repeat(1 << 20)).to_string()
}

/// All that one release passes on, as large as it is let through.
pub(super) struct World {
    pub(super) release: Release,
    pub(super) prepared: Vec<Prepared>,
    pub(super) companions: Vec<Prepared>,
    pub(super) read_set: ReadSet,
    pub(super) set: Set,
}

impl World {
    pub(super) fn of(size: usize, shape: Shape, companion: Shape) -> Self {
        let release = release(size);
        let prepared: Vec<Prepared> = (0..size)
            .map(|n| built(prepared(&release, n, shape)))
            .collect();
        for one in &prepared {
            check_component(&release, one).unwrap();
        }
        let mut world = Self {
            release,
            prepared,
            companions: Vec::new(),
            read_set: ReadSet::new(),
            set: Set::new(),
        };
        for n in 0..400 {
            let mut next = built(self::prepared(&world.release, 100 + n, companion));
            next.planned.companion = true;
            let at = next.planned.stands_at().unwrap().clone();
            let (mut companions, mut read_set, mut set) = (
                world.companions.clone(),
                world.read_set.clone(),
                world.set.clone(),
            );
            read_set.insert(
                component(100 + n),
                Some(LiveVersion {
                    hostname: at,
                    ticket: Some(Ticket(99_999_999)),
                }),
            );
            set.insert(component(100 + n), commit(n));
            companions.push(next);
            if check_beside(&world.release, &companions, &read_set, &set).is_err() {
                break;
            }
            (world.companions, world.read_set, world.set) = (companions, read_set, set);
        }
        let brought = (0..size).map(|n| (component(n), commit(n)));
        world.set.extend(brought);
        world
    }

    pub(super) fn all(&self) -> Vec<Prepared> {
        self.prepared
            .iter()
            .chain(&self.companions)
            .cloned()
            .collect()
    }

    pub(super) fn deployed(&self) -> Vec<Deployed> {
        let deployed = |one: &Prepared| Deployed {
            component: one.planned.component.clone(),
            version: one.planned.version.clone(),
            commit: one.planned.commit.clone(),
            hostname: one.planned.stands_at().unwrap().clone(),
            companion: one.planned.companion,
            artifact_sha256: "a".repeat(64),
            instances: vec![
                Instance {
                    id: "i-0123456789abcdef0".into(),
                    address: "255.255.255.255".into()
                };
                one.manifest.service().unwrap().instances.number().into()
            ],
            launch_template_version: "12345".into(),
            how: LaunchOutcome::AlreadyLaunched,
        };
        self.all().iter().map(deployed).collect()
    }

    pub(super) fn peers(&self) -> PeersReply {
        let peers = self
            .all()
            .into_iter()
            .flat_map(|one| one.manifest.component.peers);
        PeersReply {
            change_id: Some("C".repeat(32)),
            urls: peers
                .map(|peer| {
                    (
                        peer.clone(),
                        url(
                            &peer_name(&peer, self.release.ticket, &self.release.domain),
                            8999,
                        ),
                    )
                })
                .collect(),
        }
    }

    pub(super) fn results(&self, suites: &[SuiteRun], outcome: SuiteOutcome) -> Vec<SuiteReply> {
        let said = reason(&"\"".repeat(1 << 20), suites.len() as u32);
        let passed = outcome == SuiteOutcome::Passed;
        let result = |one: &SuiteRun| SuiteReply {
            component: one.component.clone(),
            companion: true,
            suite: one.suite.clone(),
            outcome,
            reason: if passed {
                Reason::default()
            } else {
                said.clone()
            },
            remark: if passed {
                said.clone()
            } else {
                Reason::default()
            },
            command_seconds: 779.999,
            tests: 10_000_000,
            failures: 10_000_000,
            log: format!(
                "s3://{}/{}",
                "b".repeat(63),
                self.release
                    .log_key(&one.component, &format!("suite-{}", one.suite))
            ),
        };
        suites.iter().map(result).collect()
    }

    /// Every state, by name, as `release.asl.json` makes it.
    pub(super) fn states(&self) -> Vec<(&'static str, Value)> {
        let (release, all, peers) = (&self.release, self.all(), self.peers());
        let deployed = self.deployed();
        let (suites, skipped) = plan_suites(&all, &peers.urls, false);
        let red = self.results(&suites, SuiteOutcome::TimedOut);
        let green = self.results(&suites, SuiteOutcome::Passed);
        let failure = |one: &Prepared| {
            json!({"component": one.planned.component, "failed":
            {"stage": "Deploy (initial) of a companion, as it is live", "error": "IntegrationTestsFailed", "cause": cause()}})
        };
        let failures: Vec<Value> = all.iter().map(failure).collect();
        let stands = |of: bool| -> Vec<Value> {
            let those = deployed.iter().filter(|one| one.companion == of);
            those
                .map(|one| json!({"component": one.component, "hostname": one.hostname}))
                .collect()
        };
        let tested = json!({"set": self.set, "skipped": skipped, "round": 3});
        let released: Vec<Value> = self
            .prepared
            .iter()
            .map(|one| json!({"component": one.planned.component}))
            .collect();
        let discard = |failures: &[Value], tests: &[SuiteReply]| json!({"release": release, "components": released, "failures": failures, "tests": tests, "tested": tested});
        vec![
            ("Plan release", json!(self.plan())),
            ("Prepare workspaces", json!(self.prepared)),
            (
                "Plan companions",
                json!({"companions": self.companions, "read_set": self.read_set, "set": self.set}),
            ),
            ("Component pipelines' items", json!(all)),
            ("Component pipelines, all failed", json!(failures)),
            ("Component pipelines", json!(deployed)),
            (
                "Publish hostnames' arguments",
                json!({"release": release, "components": deployed, "peers": peers}),
            ),
            (
                "Publish hostnames",
                json!({"published": {"suites": suites, "skipped": skipped}, "skipped": skipped}),
            ),
            ("Integration tests, all failed", json!(red)),
            (
                "Deploy (cutover)'s arguments",
                json!({"release": release, "components": stands(false), "companions": stands(true), "read_set": self.read_set, "tested": tested, "tests": green}),
            ),
            (
                "Watch release's arguments",
                json!({"release": release, "components": stands(false), "before": {"components": self.of_all(json!({"was": "failing", "what": Reason::within(&worst(), 200)}))}, "so_far": self.watched()}),
            ),
            ("Roll back's arguments", json!(self.back())),
            ("Roll back", self.taken_back()),
            (
                "Terminate rolled back's arguments",
                json!({"release": release, "components": self.names(), "companions_of": release.ticket}),
            ),
            (
                "Discard candidates' arguments, pipelines failed",
                discard(&failures, &[]),
            ),
            (
                "Discard candidates' arguments, suites failed",
                discard(&[], &red),
            ),
            ("the output", self.output(&deployed, &green)),
        ]
    }

    /// Of all components, what is told of each.
    fn of_all(&self, what: Value) -> Value {
        let named = |one: Component| (one.to_string(), what.clone());
        Value::Object(self.names().into_iter().map(named).collect())
    }

    fn watched(&self) -> Value {
        let noticed = self.of_all(json!(Reason::within(&worst(), 300)));
        json!({"outcome": "unwell", "reason": worst(), "failed": self.names(), "looks": 66, "not_made": 66, "connected": self.names(), "connections_not_told": Reason::within(&worst(), 300), "noticed": noticed, "too_few": worst()})
    }

    /// What Roll back is asked where each of the release's instances is not well.
    fn back(&self) -> BackRequest {
        let stands = |one: &Prepared| HostedComponent {
            component: one.planned.component.clone(),
            hostname: one.planned.stands_at().unwrap().clone(),
        };
        BackRequest {
            release: self.release.clone(),
            components: self.prepared.iter().map(stands).collect(),
            unwell: worst(),
            failed: self.names().into_iter().collect(),
            execution_arn: "a".repeat(200),
            began: "2026-01-01T00:00:00.000Z".into(),
            entered: "2026-01-01T00:00:00.000Z".into(),
        }
    }

    /// What Roll back answers, the longest of its outcomes.
    fn taken_back(&self) -> Value {
        let back = self.back();
        let plan = PlanReply {
            stay: self.names(),
            ..self.plan()
        };
        let replies = [
            BackReply::rolled_back(&back, &plan),
            BackReply::stays(&back, &worst(), &back.failed),
            BackReply::moved_on(&back),
        ];
        json!(replies.iter().max_by_key(|reply| reply.cause.len()))
    }

    fn names(&self) -> Vec<Component> {
        let names = self.prepared.iter();
        names.map(|one| one.planned.component.clone()).collect()
    }

    fn plan(&self) -> PlanReply {
        let components = self.prepared.iter().map(|one| one.planned.clone());
        PlanReply {
            outcome: PlanOutcome::Release,
            release: self.release.clone(),
            components: components.collect(),
            libraries: vec![],
            already_live: vec![],
            already_built: vec![],
            stay: vec![],
        }
    }

    pub(super) fn output(&self, deployed: &[Deployed], green: &[SuiteReply]) -> Value {
        let domain = &self.release.domain;
        let (besides, released): (Vec<_>, Vec<_>) = deployed.iter().partition(|one| one.companion);
        let entry = |one: &Deployed| {
            let ids: Vec<&str> = one.instances.iter().map(|i| i.id.as_str()).collect();
            json!({"component": one.component, "version": one.version, "commit": one.commit, "hostname": one.hostname,
                "alias": alias(&one.component, domain), "artifact_sha256": one.artifact_sha256, "instances": ids, "how": one.how})
        };
        let moves: Vec<AliasMove> = released
            .iter()
            .map(|one| AliasMove {
                component: one.component.clone(),
                alias: alias(&one.component, domain),
                to: one.hostname.clone(),
                from: Some(one.hostname.clone()),
            })
            .collect();
        let ids: Vec<String> = deployed
            .iter()
            .flat_map(|one| &one.instances)
            .map(|i| i.id.clone())
            .collect();
        let terminated = TerminateReply {
            retired: released.iter().map(|one| one.hostname.clone()).collect(),
            instances: ids,
            kept: released.iter().map(|one| one.hostname.clone()).collect(),
            companions: besides.iter().map(|one| one.hostname.clone()).collect(),
            not_listed: 0,
            spared: released.iter().map(|one| one.hostname.clone()).collect(),
            connected: released.iter().map(|one| one.hostname.clone()).collect(),
            unwell: Some(worst()),
            failed: self.names().into_iter().collect(),
            old_versions: crate::wire::OldVersions {
                deleted: 200,
                failure: Some("x".repeat(500)),
            },
        };
        let tags: Vec<TagOutcome> = released
            .iter()
            .map(|one| TagOutcome {
                component: one.component.clone(),
                outcome: TagResult::AlreadyThere,
                reason: tag_reason(&"\"".repeat(1 << 20), released.len()),
            })
            .collect();
        json!({"outcome": "live", "target": self.release.target, "ticket": self.release.ticket, "release": self.release.label(),
            "components": released.iter().map(|one| entry(one)).collect::<Vec<_>>(), "already_live": [], "stay": [],
            "companions": besides.iter().map(|one| json!({"component": one.component, "commit": one.commit, "hostname": one.hostname})).collect::<Vec<_>>(),
            "proven_before": false, "suites": green, "skipped": [], "cutover": {"outcome": "live", "change_id": "C", "moves": moves, "note": worst(), "not_recorded": worst(), "not_watched": worst()},
            "watched": self.watched(), "terminated": terminated.within_bounds(), "rounds": 3, "tag": {"tag": "release/x/1", "tags": tags}})
    }

    pub(super) fn rows(&self) -> Vec<(&'static str, Value)> {
        let (suites, skipped) = plan_suites(&self.all(), &self.peers().urls, false);
        let tested = Tested {
            set: self.set.clone(),
            skipped,
            round: 3,
        };
        let red = self.results(&suites, SuiteOutcome::Failed);
        let released: Vec<Component> = self
            .prepared
            .iter()
            .map(|one| one.planned.component.clone())
            .collect();
        let one = &self.prepared[0];
        let plan = PlanReply {
            stay: self.names(), // of a roll-back, of what had nothing before
            ..self.plan()
        };
        vec![
            (
                "set",
                json!(SetRow::of(
                    &self.release,
                    &tested,
                    released,
                    &red,
                    "2026-01-01T00:00:00Z".into()
                )),
            ),
            (
                "release",
                json!(ReleaseRow {
                    ticket: Ticket(1),
                    execution: "e".repeat(80),
                    execution_arn: "a".repeat(200),
                    started: String::new(),
                    plan,
                    outcome: ReleaseOutcome::NotReleased,
                    cause: Some("\"".repeat(crate::verdict::MAX_CAUSE)),
                    ended: None,
                    change_id: None
                }),
            ),
            (
                "candidate",
                json!(CandidateRow {
                    state: CandidateState::Live,
                    instances: self.deployed()[0].instances.clone(),
                    launch_template_version: "1".into(),
                    recipe: Some(one.clone()),
                    found_healthy: None,
                    kept_until: Some(self.release.execution.clone()),
                    ..CandidateRow::planned(
                        one.planned.stands_at().unwrap().clone(),
                        component(0),
                        commit(0),
                        (Ticket(1), self.release.label()),
                    )
                }),
            ),
        ]
    }
}

pub(super) fn built(mut component: Prepared) -> Prepared {
    component.artifact = Some(largest_artifact(&component));
    component
}
