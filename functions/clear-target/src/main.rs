//! Takes away what releases made on a target: what a stack cannot delete, or what would keep it from
//! being deleted. Names first, so that nobody is led to an instance that ends.

use dns::Dns;
use fleet::Fleet;
use pipeline::errors::Fault;
use pipeline::rows::Key;
use pipeline::target::TargetRow;
use pipeline::target_wire::{Cleared, TargetPlan, TargetRequest};
use registry::Registry;
use stacks::Stacks;
use stage::Settings;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use store::Store;

/// One call ends well before its state's limit; the state machine calls again.
const BUDGET: Duration = Duration::from_secs(600);

struct Clearer {
    config: aws_config::SdkConfig,
    registry: Registry,
    stacks: Stacks,
    dns: Dns,
    fleet: Fleet,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let clearer = Clearer {
        registry: Registry::new(&config, &Settings::from_env()?.table),
        stacks: Stacks::new(&config),
        dns: Dns::new(&config),
        fleet: Fleet::new(&config),
        config,
    };
    stage::run(async |request: TargetRequest| clearer.clear(request.plan).await).await
}

impl Clearer {
    async fn clear(&self, plan: TargetPlan) -> Result<Cleared, Fault> {
        let until = Instant::now() + BUDGET;
        let outputs = self.outputs(&plan).await?;
        let mut cleared = Cleared::default();
        if let Some(zone) = outputs.get("ZoneId") {
            cleared.records = self.dns.clear(zone, &plan.domain).await?;
        }
        (cleared.instances, cleared.ending) = self.end_instances(&plan).await?;
        let mut done = cleared.ending.is_empty();
        // An instance writes its log as long as it is there, and may write its data.
        if let (true, Some(bucket)) = (done, outputs.get("DataBucket")) {
            let swept = Store::new(&self.config, bucket)
                .sweep("", until, |_| true)
                .await?;
            (cleared.objects, done) = (swept.objects, swept.done);
        }
        cleared.done = done;
        Ok(cleared)
    }

    /// From the stack, else from the row: a deletion that stopped half-way leaves either.
    async fn outputs(&self, plan: &TargetPlan) -> Result<BTreeMap<String, String>, Fault> {
        let stack = self.stacks.find(&plan.stack).await?;
        let ours = stack.filter(|stack| stack.is_of(plan.project.as_str(), &plan.target));
        let mut outputs = ours.map(|stack| stack.outputs).unwrap_or_default();
        let row: Option<TargetRow> = self.registry.get(&Key::environment(&plan.target)).await?;
        if let Some(environment) = row.and_then(|row| row.environment) {
            outputs
                .entry("ZoneId".into())
                .or_insert(environment.zone_id);
        }
        Ok(outputs)
    }

    /// Those that were ended now, and those that have not ended yet: a subnet with an instance
    /// cannot be deleted.
    async fn end_instances(&self, plan: &TargetPlan) -> Result<(Vec<String>, Vec<String>), Fault> {
        let seen = self.fleet.of_target(&plan.project, &plan.target).await?;
        let there: Vec<_> = seen
            .into_iter()
            .filter(|one| one.state != "terminated")
            .collect();
        let is_ending = |state: &str| state == "shutting-down";
        let up = there.iter().filter(|one| !is_ending(&one.state));
        let up: Vec<String> = up.map(|one| one.id.clone()).collect();
        self.fleet.terminate(&up).await?;
        if !up.is_empty() {
            tracing::info!(instances = up.len(), "ended");
        }
        Ok((up, there.into_iter().map(|one| one.id).collect()))
    }
}
