//! Executions that nobody here starts: an event does, or the schedule.

use crate::act::LIMIT;
use aws_sdk_sfn::types::ExecutionStatus;
use end_to_end::{Cloud, Execution, machine, until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// From what they are for to their start. EC2's events are told again where their function failed, and a schedule
/// comes each minute.
const STARTED: Duration = Duration::from_secs(90);

/// More than are started in a few seconds.
const NEWEST: i32 = 50;

/// Of one machine, each once.
pub struct Followed {
    cloud: Cloud,
    machine: String,
    seen: BTreeSet<String>,
}

impl Followed {
    pub async fn of(cloud: &Cloud, what: &str) -> Self {
        let mut followed = Self {
            cloud: cloud.clone(),
            machine: machine(cloud, what),
            seen: BTreeSet::new(),
        };
        followed.seen = followed.newest().await.into_iter().collect();
        followed
    }

    /// Waits until none runs whose name begins like that; those that are there are none of the next.
    pub async fn rest(&mut self, prefix: &str) {
        let rests = until(LIMIT, async || {
            let list = self.cloud.steps.list_executions();
            let list = list.state_machine_arn(&self.machine);
            let running = list.status_filter(ExecutionStatus::Running).send().await;
            let running = running.expect("executions can be listed");
            let mut running = running.executions().iter();
            (!running.any(|one| one.name().starts_with(prefix))).then_some(())
        });
        rests
            .await
            .unwrap_or_else(|| panic!("{prefix}* runs for {LIMIT:?}"));
        self.seen.extend(self.newest().await);
    }

    /// The next one that is like that: its name and its input.
    pub async fn next(&mut self, is_it: impl Fn(&str, &Value) -> bool) -> Option<Execution> {
        until(STARTED, async || {
            let mut newest = self.newest().await;
            newest.retain(|arn| !self.seen.contains(arn));
            for arn in newest {
                let one = Execution::from_arn(&self.cloud, &arn);
                // It is listed before anything else is told of it.
                let Some(input) = one.input().await else {
                    continue;
                };
                self.seen.insert(arn);
                if is_it(&one.name, &input) {
                    return Some(one);
                }
            }
            None
        })
        .await
    }

    async fn newest(&self) -> Vec<String> {
        let list = self.cloud.steps.list_executions();
        let list = list.state_machine_arn(&self.machine).max_results(NEWEST);
        let page = list.send().await.expect("executions can be listed");
        let arns = page.executions().iter().map(|one| one.execution_arn());
        arns.map(str::to_owned).collect()
    }
}
