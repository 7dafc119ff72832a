//! The keeper's executions, the processes of its function, and what it looks after.

use crate::{Cloud, Component, Ended, Execution, machine, processes_with};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ec2::types::Filter;
use std::path::PathBuf;

/// More than there are in a few minutes.
const NEWEST: i32 = 100;

impl Cloud {
    /// The newest executions of the keeper that failed.
    pub async fn keeps_that_failed(&self) -> Vec<Ended> {
        let list = self.steps.list_executions();
        let failed = aws_sdk_sfn::types::ExecutionStatus::Failed;
        let list = list
            .state_machine_arn(machine(self, "keep"))
            .status_filter(failed);
        let page = list.max_results(NEWEST).send().await;
        let page = page.expect("executions can be listed");
        let mut found = Vec::new();
        for one in page.executions() {
            let execution = Execution::from_arn(self, one.execution_arn());
            found.push(execution.end(std::time::Duration::from_secs(5)).await);
        }
        found
    }

    /// Kills the processes of the keeper's function; answers how many there were.
    pub fn kill_the_keeper(&self) -> usize {
        let name = format!(
            "AWS_LAMBDA_FUNCTION_NAME={}-keep",
            self.variable("CUTOVER_PROJECT")
        );
        let found = processes_with(&name);
        let pids = found.iter().filter_map(|line| line.split(' ').next());
        let killed = pids.filter(|pid| {
            let kill = std::process::Command::new("kill")
                .args(["-9", pid])
                .status();
            kill.is_ok_and(|status| status.success())
        });
        killed.count()
    }
}

/// EC2 has announced the end of an instance, for as long as this is held (local/ministack/machines.py).
#[derive(Debug)]
pub struct Retirement(PathBuf);

impl Retirement {
    pub fn announced(cloud: &Cloud, id: &str) -> Self {
        let folder = cloud.root.join(".local/faults");
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join(format!("{id}.retires"));
        std::fs::write(&file, "").expect("the file is written");
        Self(file)
    }
}

impl Drop for Retirement {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // of an instance that has ended it says nothing
    }
}

impl Component {
    /// What the keeper forgets in an hour is forgotten. Whoever has read its notes reads them again.
    pub async fn launches_are_forgotten(&self) {
        let text = |text: String| AttributeValue::S(text);
        let forgotten = self.cloud.rows.update_item();
        let forgotten = forgotten
            .table_name(self.cloud.variable("CUTOVER_TABLE"))
            .key("pk", text(format!("target#{}", self.target)))
            .key("sk", text("keeper".into()))
            .update_expression("REMOVE launched ADD turn :one")
            .condition_expression("attribute_exists(launched)")
            .expression_attribute_values(":one", AttributeValue::N("1".into()));
        forgotten.send().await.expect("there are notes");
    }

    /// The public addresses of its instances on its target that are up, sorted.
    pub async fn addresses(&self) -> Vec<String> {
        let by = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let asked = self.cloud.machines.describe_instances();
        let asked = asked
            .filters(by("tag:cutover:component", &self.name))
            .filters(by("tag:cutover:target", self.target))
            .filters(by("instance-state-name", "running"));
        let seen = asked.send().await.expect("instances can be described");
        let all = seen.reservations().iter().flat_map(|one| one.instances());
        let mut found: Vec<String> = all
            .filter_map(|one| one.public_ip_address().map(str::to_owned))
            .collect();
        found.sort();
        found
    }

    /// Where the record of what is live leads, sorted.
    pub async fn led_to(&self) -> Vec<String> {
        let live = self.live().await;
        let records = self.records().await.into_iter();
        let mut own = records.filter(|(name, _)| *name == live.hostname);
        let mut found = own.next().map(|(_, values)| values).unwrap_or_default();
        found.sort();
        found
    }

    /// Ends instances without looking what becomes of them.
    pub async fn kill(&self, ids: &[String]) {
        let ended = self.cloud.machines.terminate_instances();
        let ended = ended.set_instance_ids(Some(ids.to_vec()));
        ended.send().await.expect("the instances are ended");
    }
}
