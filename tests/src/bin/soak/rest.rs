//! What must be true when nothing runs: one version of each component, and nothing else.

use crate::ledger::Ledger;
use crate::world::{TARGET, World};
use aws_sdk_ec2::types::{Filter, Instance};
use end_to_end::{Component, processes_with, until};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// From an ended instance to its last process gone, on a busy machine.
const GONE: Duration = Duration::from_secs(30);

/// Looks when nothing runs.
#[derive(Debug, Default)]
pub struct Rest {
    /// Ended instances that were found without processes.
    gone: BTreeSet<String>,
}

/// An instance of the target that is not ended: the release that launched it.
type Standing = BTreeMap<String, String>;

impl Rest {
    /// Everything that is wrong.
    pub async fn look(&mut self, world: &World, ledger: &Ledger) -> Vec<String> {
        let (standing, ended) = instances(world).await;
        let mut wrong = releases(ledger);
        let mut live = BTreeSet::new();
        for component in world.family.all() {
            wrong.extend(serial(component, ledger).await);
            wrong.extend(records(component, &standing).await);
            wrong.extend(recorded(component).await);
            live.insert(component.live().await.hostname);
        }
        let stands = |state: &str| !matches!(state, "retired" | "discarded");
        let left = ledger
            .candidates
            .iter()
            .filter(|one| stands(&one.state) && !live.contains(&one.hostname));
        wrong.extend(left.map(|one| format!("a candidate is left: {one:?}")));
        wrong.extend(self.processes(&standing, ended).await);
        wrong
    }

    /// Ended instances have none, and the others have some.
    async fn processes(&mut self, standing: &Standing, ended: BTreeSet<String>) -> Vec<String> {
        let mut wrong = Vec::new();
        for id in ended {
            if self.gone.contains(&id) {
                continue;
            }
            let gone = until(GONE, async || processes_with(&id).is_empty().then_some(())).await;
            match gone {
                Some(()) => drop(self.gone.insert(id)),
                None => wrong.push(format!(
                    "processes of the ended instance {id}: {:?}",
                    processes_with(&id)
                )),
            }
        }
        let silent = standing.keys().filter(|id| processes_with(id).is_empty());
        wrong.extend(silent.map(|id| format!("the instance {id} has no process")));
        wrong
    }
}

fn releases(ledger: &Ledger) -> Vec<String> {
    let runs = ledger
        .releases
        .values()
        .filter(|one| one.outcome == "running");
    runs.map(|one| format!("r{} has ended and is recorded as running", one.ticket))
        .collect()
}

/// What is live is what the live release with the highest ticket brought: so say the table, DNS
/// and the service.
async fn serial(component: &Component, ledger: &Ledger) -> Vec<String> {
    let name = &component.name;
    let last = ledger
        .live()
        .filter(|one| one.brings.contains_key(name))
        .last();
    let last = last.expect("the first release brought all");
    let (commit, hostname) = &last.brings[name];
    let row = component.alias_row().await;
    let alias = component
        .records()
        .await
        .into_iter()
        .find(|(at, _)| *at == component.alias());
    let answer = component.get("/version").await;
    let said = answer
        .as_ref()
        .map(|said| said["commit"].as_str().unwrap_or_default());
    let agree = row["commit"] == **commit
        && row["hostname"] == **hostname
        && row["ticket"] == last.ticket
        && alias.as_ref().map(|(_, to)| to.as_slice()) == Some(std::slice::from_ref(hostname))
        && said == Ok(commit);
    let found = || {
        format!(
            "{name} should be {commit} at {hostname}, brought by r{}; its row says {} at {} by r{}, its alias {alias:?}, its answer {said:?}",
            last.ticket, row["commit"], row["hostname"], row["ticket"]
        )
    };
    if agree { Vec::new() } else { vec![found()] }
}

/// Its alias, the hostname behind it, and its names in releases that launched what stands.
async fn records(component: &Component, standing: &Standing) -> Vec<String> {
    let live = component.live().await.hostname;
    let is_needed = |name: &str, to: &[String]| {
        let label = name.split('.').next().unwrap_or_default();
        let ticket = label.strip_prefix(&format!("{}-r", component.name));
        let release = format!("{TARGET}-r{}", ticket.unwrap_or_default());
        name == component.alias()
            || name == live
            || (standing.values().any(|one| *one == release) && *to == [component.alias()])
    };
    let all = component.records().await;
    let left = all.iter().filter(|(name, to)| !is_needed(name, to));
    left.map(|(name, to)| format!("a record is left: {name} {to:?}"))
        .collect()
}

/// Exactly the recorded instances stand.
async fn recorded(component: &Component) -> Vec<String> {
    let mut recorded = component.live().await.instances;
    recorded.sort();
    let found = component.instances().await;
    if found == recorded {
        return Vec::new();
    }
    let name = &component.name;
    vec![format!(
        "instances of {name}: {found:?} stand, {recorded:?} are recorded"
    )]
}

/// Those that stand, and the ids of those that ended.
async fn instances(world: &World) -> (Standing, BTreeSet<String>) {
    let names = world.family.all().map(|one| one.name.clone());
    let of_us = Filter::builder()
        .name("tag:cutover:component")
        .set_values(Some(names.to_vec()));
    let asked = world.cloud.machines.describe_instances();
    let seen = asked.filters(of_us.build()).send().await;
    let seen = seen.expect("instances can be described");
    let (mut standing, mut ended) = (Standing::new(), BTreeSet::new());
    for one in seen.reservations().iter().flat_map(|some| some.instances()) {
        let id = one.instance_id().unwrap_or_default().to_owned();
        let state = one.state().and_then(|state| state.name());
        match state.map(|name| name.as_str()) {
            Some("shutting-down" | "terminated") => drop(ended.insert(id)),
            _ => drop(standing.insert(id, launched_by(one))),
        }
    }
    (standing, ended)
}

fn launched_by(instance: &Instance) -> String {
    let tags = instance.tags().iter();
    let tag = tags.filter(|tag| tag.key() == Some("cutover:release"));
    tag.filter_map(|tag| tag.value()).collect()
}
