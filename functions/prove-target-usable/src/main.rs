//! Tries what a release will do on a target, without doing it.

use dns::Dns;
use fleet::Fleet;
use pipeline::errors;
use pipeline::target_stack::environment_of;
use pipeline::target_wire::{TargetPlan, TargetRequest, Usable};
use stacks::Stacks;
use stage::{CallError, CallKind, Fault};
use store::Store;

struct Prover {
    config: aws_config::SdkConfig,
    stacks: Stacks,
    dns: Dns,
    fleet: Fleet,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = stage::sdk_config().await;
    let prover = Prover {
        stacks: Stacks::new(&config),
        dns: Dns::new(&config),
        fleet: Fleet::new(&config),
        config,
    };
    stage::run(async |request: TargetRequest| prover.prove(request.plan).await).await
}

impl Prover {
    async fn prove(&self, plan: TargetPlan) -> Result<Usable, Fault> {
        let stack = self.stacks.find(&plan.stack).await?;
        let outputs = stack.map(|stack| stack.outputs).unwrap_or_default();
        let environment = environment_of(&outputs)
            .map_err(|e| Fault::new(errors::TARGET_NOT_USABLE, format!("{}: {e}", plan.stack)))?;
        let zone = self.dns.view(&environment.zone_id).await;
        let zone = zone.map_err(|e| not_usable(&plan, "the zone cannot be read", e))?;
        let mut proven = vec![format!(
            "the zone {} can be read: {} records of releases",
            environment.domain,
            zone.records().count()
        )];
        for subnet in &environment.subnet_ids {
            let tried = self
                .fleet
                .could_launch(&environment.launch_template_id, subnet)
                .await;
            tried.map_err(|e| {
                not_usable(
                    &plan,
                    &format!("no instance can be launched in {subnet}"),
                    e,
                )
            })?;
            proven.push(format!("an instance can be launched in {subnet} (dry run)"));
        }
        if let Some(bucket) = outputs.get("DataBucket") {
            let found = Store::new(&self.config, bucket).is_there().await;
            found.map_err(|e| {
                Fault::new(
                    errors::TARGET_NOT_USABLE,
                    format!("{}: its bucket cannot be reached: {e}", plan.stack),
                )
            })?;
            proven.push(format!("the bucket {bucket} is there"));
        }
        Ok(Usable { proven })
    }
}

/// What passes by itself keeps its own name, so that it is tried again.
fn not_usable(plan: &TargetPlan, what: &str, error: CallError) -> Fault {
    if error.kind == CallKind::Unavailable {
        return error.into();
    }
    Fault::new(
        errors::TARGET_NOT_USABLE,
        format!(
            "the stack {} is complete, but {what}: {error}; nothing was recorded, so no release goes there. Mend it and provision again, or tear it down",
            plan.stack
        ),
    )
}
