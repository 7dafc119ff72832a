//! Looks for a target in every place where it was: by tag, and by listing.

use dns::Dns;
use fleet::Fleet;
use pipeline::errors::Fault;
use pipeline::rows::Key;
use pipeline::target_clear::{Remains, remains};
use pipeline::target_stack::Settled;
use pipeline::target_wire::{Leftovers, TargetPlan, TargetRequest};
use registry::Registry;
use stacks::{Stacks, Tagged};
use stage::Settings;

struct Prover {
    registry: Registry,
    stacks: Stacks,
    tagged: Tagged,
    dns: Dns,
    fleet: Fleet,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let prover = Prover {
        registry: Registry::new(&config, &Settings::from_env()?.table),
        stacks: Stacks::new(&config),
        tagged: Tagged::new(&config),
        dns: Dns::new(&config),
        fleet: Fleet::new(&config),
    };
    stage::run(async |request: TargetRequest| prover.prove(request.plan).await).await
}

impl Prover {
    async fn prove(&self, plan: TargetPlan) -> Result<Leftovers, Fault> {
        let mut found = Leftovers::default();
        self.listed(&plan, &mut found).await?;
        let there = self.instances(&plan, &mut found).await?;
        for arn in self.tagged.of_target(&plan.project, &plan.target).await? {
            match remains(&arn, &there) {
                Remains::Ended => {}
                Remains::Kept => found.kept.push(arn),
                Remains::Left => found.left.push(arn),
            }
        }
        found.proven.push(format!(
            "tagged cutover:project={} and cutover:target={}: {} resources, {} kept on purpose",
            plan.project,
            plan.target,
            found.left.len(),
            found.kept.len()
        ));
        Ok(found)
    }

    async fn listed(&self, plan: &TargetPlan, found: &mut Leftovers) -> Result<(), Fault> {
        let stack = self.stacks.find(&plan.stack).await?;
        if let Some(stack) = stack.filter(|stack| stack.settled() != Settled::Gone) {
            found
                .left
                .push(format!("stack {} ({})", plan.stack, stack.status));
        }
        if self.dns.has_zone(&plan.domain).await? {
            found.left.push(format!("zone {}", plan.domain));
        }
        let mut rows = self.registry.keys_of_target(&plan.target).await?;
        rows.remove(&Key::ticket(&plan.target).sk);
        found.left.extend(
            rows.iter()
                .map(|sk| format!("row target#{} / {sk}", plan.target)),
        );
        found.proven.push(format!(
            "by name: no stack {}, no zone {}, no row of target#{} but its counter",
            plan.stack, plan.domain, plan.target
        ));
        Ok(())
    }

    async fn instances(
        &self,
        plan: &TargetPlan,
        found: &mut Leftovers,
    ) -> Result<Vec<String>, Fault> {
        let seen = self.fleet.of_target(&plan.project, &plan.target).await?;
        let (ended, there): (Vec<_>, Vec<_>) =
            seen.into_iter().partition(|one| one.state == "terminated");
        found.left.extend(
            there
                .iter()
                .map(|one| format!("instance {} ({})", one.id, one.state)),
        );
        found.proven.push(format!(
            "by listing: no instance but {} that have ended",
            ended.len()
        ));
        Ok(there.into_iter().map(|one| one.id).collect())
    }
}
