//! The keeper's executions, the processes of its function, and what it looks after.

use crate::{Cloud, Component, Ended, Execution, machine, processes_with};
use aws_sdk_ec2::types::Filter;

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

impl Component {
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
