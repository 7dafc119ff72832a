//! Searches for what a component has left anywhere: instances, records, processes.

use crate::{Component, until};
use aws_sdk_ec2::types::Filter;
use std::time::Duration;

/// From an ended instance to its last process gone: a look of the instance host, SIGTERM, grace.
const GONE: Duration = Duration::from_secs(20);

impl Component {
    /// The component's instances that are not ended, on its target.
    pub async fn instances(&self) -> Vec<String> {
        let by = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let asked = self.cloud.machines.describe_instances();
        let asked = asked
            .filters(by("tag:cutover:component", &self.name))
            .filters(by("tag:cutover:target", self.target));
        let seen = asked.send().await.expect("instances can be described");
        let up = |one: &&aws_sdk_ec2::types::Instance| {
            let state = one
                .state()
                .and_then(|state| state.name())
                .map(|name| name.as_str().to_owned());
            !matches!(state.as_deref(), Some("shutting-down" | "terminated"))
        };
        let mut ids: Vec<String> = seen
            .reservations()
            .iter()
            .flat_map(|reservation| reservation.instances())
            .filter(up)
            .filter_map(|one| one.instance_id().map(str::to_owned))
            .collect();
        ids.sort();
        ids
    }

    /// Ends an instance as EC2 itself may at any time; returns when EC2 says so.
    pub async fn terminate(&self, id: &str) {
        let ended = self.cloud.machines.terminate_instances().instance_ids(id);
        ended.send().await.expect("the instance is ended");
        let gone = until(GONE, async || {
            (!self.instances().await.iter().any(|one| one == id)).then_some(())
        });
        assert!(gone.await.is_some(), "{id} is still up after {GONE:?}");
    }

    /// Every instance the component ever had on its target that the cloud still lists.
    pub async fn instances_ever(&self) -> Vec<String> {
        let filter = Filter::builder()
            .name("tag:cutover:component")
            .values(&self.name)
            .build();
        let seen = self
            .cloud
            .machines
            .describe_instances()
            .filters(filter)
            .send()
            .await
            .expect("instances can be described");
        let all = seen
            .reservations()
            .iter()
            .flat_map(|reservation| reservation.instances());
        all.filter_map(|one| one.instance_id().map(str::to_owned))
            .collect()
    }

    /// The component's records: name and values.
    pub async fn records(&self) -> Vec<(String, Vec<String>)> {
        let zone = self.zone().await;
        let mut pages = self
            .cloud
            .zones
            .list_resource_record_sets()
            .hosted_zone_id(zone);
        let mut found = Vec::new();
        loop {
            let page = pages.clone().send().await.expect("records can be listed");
            for record in page.resource_record_sets() {
                let name = record.name().trim_end_matches('.');
                let label = name.split('.').next().unwrap_or_default();
                if label == self.name || label.starts_with(&format!("{}-", self.name)) {
                    let values = record
                        .resource_records()
                        .iter()
                        .map(|one| one.value().trim_end_matches('.').to_owned());
                    found.push((name.to_owned(), values.collect()));
                }
            }
            let Some(next) = page.next_record_name().filter(|_| page.is_truncated()) else {
                return found;
            };
            pages = pages
                .start_record_name(next)
                .set_start_record_type(page.next_record_type().cloned());
        }
    }

    async fn zone(&self) -> String {
        let row = self
            .cloud
            .row(&format!("target#{}", self.target), "environment")
            .await
            .expect("the target is provisioned");
        row["zone_id"].as_str().expect("a zone").to_owned()
    }

    /// Panics unless exactly this commit stands; a process of what has ended may take its grace.
    pub async fn stands_alone(&self, sha: &str) {
        let ended = self.stands(sha).await;
        none_is_left_of(&ended.unwrap_or_else(|what| panic!("{what}"))).await;
    }

    /// What is wrong where not exactly this commit stands, or a process of another is left.
    pub async fn alone(&self, sha: &str) -> Result<(), String> {
        let ended = self.stands(sha).await?;
        let seen = Processes::now();
        let left: Vec<_> = ended.iter().flat_map(|id| seen.with(id)).collect();
        same("processes of what has ended", left, Vec::new())
    }

    /// What is wrong where anything of it stands, or a process is left.
    pub async fn nothing(&self) -> Result<(), String> {
        same("the instances", self.instances().await, Vec::new())?;
        same("the records", self.records().await, Vec::new())?;
        let (ended, seen) = (self.instances_ever().await, Processes::now());
        let left: Vec<_> = ended.iter().flat_map(|id| seen.with(id)).collect();
        same("processes of what has ended", left, Vec::new())
    }

    /// Exactly this commit: one alias to one hostname, the recorded instances, and nothing of any other
    /// version in EC2 or Route 53. Answers the instances that have ended.
    async fn stands(&self, sha: &str) -> Result<Vec<String>, String> {
        let live = self.live().await;
        same("what is recorded as live", live.commit.as_str(), sha)?;
        let mut recorded = live.instances.clone();
        recorded.sort();
        same("the instances", self.instances().await, recorded.clone())?;
        let records = self.records().await;
        let mut names = self.names_in(&records);
        names.sort();
        let mut own = vec![live.hostname.clone(), self.alias()];
        own.sort();
        same("the records", names, own)?;
        let alias = records.iter().find(|(name, _)| *name == self.alias());
        let values = alias.map(|(_, values)| values.clone());
        same(
            "where the alias points",
            values,
            Some(vec![live.hostname.clone()]),
        )?;
        let mut ended = self.instances_ever().await;
        ended.retain(|id| !recorded.contains(id));
        let seen = Processes::now();
        if let Some(blind) = recorded.iter().find(|id| seen.with(id).is_empty()) {
            return Err(format!("no process of the live instance {blind} is found"));
        }
        let answer = self.get("/version").await?;
        same(
            "who answers at the alias",
            answer["commit"].as_str(),
            Some(sha),
        )?;
        Ok(ended)
    }

    /// Whether no record is there but its alias and what that leads to.
    pub async fn has_its_own_records_alone(&self) -> bool {
        self.names_in(&self.records().await).len() == 2
    }

    /// What a dependent calls it points to its alias, for as long as the dependent stands; all but that.
    fn names_in(&self, records: &[(String, Vec<String>)]) -> Vec<String> {
        let is_peer_name = |(name, values): &&(String, Vec<String>)| {
            let label = name.split('.').next().unwrap_or_default();
            let release = label.strip_prefix(&format!("{}-r", self.name));
            release.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
                && *values == [self.alias()]
        };
        let others = records.iter().filter(|one| !is_peer_name(one));
        others.map(|(name, _)| name.clone()).collect()
    }

    /// Panics if anything of the component runs or resolves on its target.
    pub async fn left_nothing(&self) {
        assert_eq!(
            self.instances().await,
            Vec::<String>::new(),
            "instances of {}",
            self.name
        );
        assert_eq!(self.records().await, Vec::new(), "records of {}", self.name);
        none_is_left_of(&self.instances_ever().await).await;
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what}: {found:?} and not {expected:?}")),
    }
}

/// Waits until no process has the text in its command line, environment or working directory.
pub async fn no_process_is_left_of(mark: &str) {
    none_is_left_of(&[mark.to_owned()]).await;
}

/// The same for several texts.
async fn none_is_left_of(marks: &[String]) {
    let left = || {
        let seen = Processes::now();
        marks
            .iter()
            .flat_map(|mark| seen.with(mark))
            .collect::<Vec<_>>()
    };
    let gone = until(GONE, async || left().is_empty().then_some(())).await;
    assert!(
        gone.is_some(),
        "processes of {marks:?} after {GONE:?}: {:?}",
        left()
    );
}

/// Processes with the text in their command line, environment or working directory.
pub fn processes_with(mark: &str) -> Vec<String> {
    Processes::now().with(mark)
}

/// All processes at one moment but this one: what tells whose they are.
struct Processes(Vec<(String, Vec<u8>)>);

impl Processes {
    fn now() -> Self {
        let own = std::process::id().to_string();
        let entries = std::fs::read_dir("/proc")
            .expect("/proc can be read")
            .flatten();
        let pids = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()) && *name != own);
        Self(pids.map(|pid| (pid.clone(), marks(&pid))).collect())
    }

    fn with(&self, mark: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(_, marks)| memchr::memmem::find(marks, mark.as_bytes()).is_some())
            .map(|(pid, _)| format!("{pid} {}", command_line(pid)))
            .collect()
    }
}

// A process may end while it is looked at; then there is nothing to read, and nothing is left.
fn marks(pid: &str) -> Vec<u8> {
    let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let cwd = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
    [
        read("cmdline"),
        read("environ"),
        cwd.into_os_string().into_encoded_bytes(),
    ]
    .join(&0)
}

fn command_line(pid: &str) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
