//! Tries what a release will do on a target, without doing it.

use aws::{CallError, CallKind};
use dns::Dns;
use fleet::Fleet;
use pipeline::delegation::{Delegation, judge};
use pipeline::errors::{ErrorName, Fault};
use pipeline::launch_template::newest_own;
use pipeline::rows::EnvironmentRow;
use pipeline::target_stack::environment_of;
use pipeline::target_wire::{TargetPlan, TargetRequest, Usable};
use resolver::Resolver;
use stacks::Stacks;
use stage::Settings;
use std::collections::BTreeMap;
use store::Store;

/// A template has at most 10,000 versions, and EC2 shows 200 on a page:
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/create-launch-template.html>.
const PAGES: usize = 51;

struct Prover {
    config: aws_config::SdkConfig,
    stacks: Stacks,
    dns: Dns,
    fleet: Fleet,
    resolver: Resolver,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let prover = Prover {
        stacks: Stacks::new(&config),
        dns: Dns::new(&config),
        fleet: Fleet::new(&config),
        resolver: Resolver::new(Settings::optional("CUTOVER_DNS_SERVER")?)
            .map_err(|e| Fault::new(ErrorName::Misconfigured, e.to_string()))?,
        config,
    };
    stage::run(async |request: TargetRequest| prover.prove(request.plan).await).await
}

impl Prover {
    async fn prove(&self, plan: TargetPlan) -> Result<Usable, Fault> {
        let stack = self.stacks.find(&plan.stack).await?;
        let outputs = stack.map(|stack| stack.outputs).unwrap_or_default();
        let environment = environment_of(&outputs)
            .map_err(|e| Fault::new(ErrorName::TargetNotUsable, format!("{}: {e}", plan.stack)))?;
        let zone = self.dns.view(&environment.zone_id).await;
        let zone = zone.map_err(|e| not_usable(&plan, "the zone cannot be read", e))?;
        let mut proven = vec![format!(
            "the zone {} can be read: {} records of releases",
            environment.domain,
            zone.records().count()
        )];
        let template = &environment.launch_template_id;
        let version = self.version(&plan, template).await?;
        // One after the other: a target has few, and it is seldom done.
        for subnet in &environment.subnet_ids {
            let tried = self.fleet.could_launch(template, &version, subnet).await;
            let what = format!("no instance can be launched in {subnet}");
            tried.map_err(|e| not_usable(&plan, &what, e))?;
            proven.push(format!(
                "an instance can be launched in {subnet} (dry run of version {version} of the launch template)"
            ));
        }
        if let Some(bucket) = outputs.get("DataBucket") {
            let found = Store::new(&self.config, bucket).is_there().await;
            found.map_err(|e| {
                Fault::new(
                    ErrorName::TargetNotUsable,
                    format!("{}: its bucket cannot be reached: {e}", plan.stack),
                )
            })?;
            proven.push(format!("the bucket {bucket} is there"));
        }
        let mut warnings = Vec::new();
        match self.delegation(&environment, &outputs).await {
            Delegation::Works(sentence) => proven.push(sentence),
            Delegation::Warning(sentence) => warnings.push(sentence),
        }
        Ok(Usable {
            proven,
            launch_template_version: version,
            warnings,
        })
    }

    /// Asked of a resolver as everybody asks, since what Route 53 says of its own zone proves nothing.
    async fn delegation(
        &self,
        environment: &EnvironmentRow,
        outputs: &BTreeMap<String, String>,
    ) -> Delegation {
        let servers = outputs.get("NameServers").map(String::as_str);
        let servers: Vec<String> = servers
            .unwrap_or_default()
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        let answer = self.resolver.name_servers(&environment.domain).await;
        tracing::info!(?answer, "who has the zone, as public DNS says");
        judge(&environment.domain, &servers, &answer)
    }

    /// Looked up here, so that no release has to: the versions of releases may be thousands.
    async fn version(&self, plan: &TargetPlan, template: &str) -> Result<String, Fault> {
        let versions = self.fleet.template_versions(template, PAGES).await;
        let versions = versions
            .map_err(|e| not_usable(plan, "the versions of its launch template are unknown", e))?;
        let newest = newest_own(&versions).map(|number| number.to_string());
        newest.ok_or_else(|| {
            Fault::new(
                ErrorName::Unavailable,
                format!(
                    "EC2 does not show yet what CloudFormation made of the launch template {template} of {}; nothing was recorded. Provision again",
                    plan.stack
                ),
            )
        })
    }
}

/// What passes by itself keeps its own name, so that it is tried again.
fn not_usable(plan: &TargetPlan, what: &str, error: CallError) -> Fault {
    if error.kind == CallKind::Unavailable {
        return error.into();
    }
    Fault::new(
        ErrorName::TargetNotUsable,
        format!(
            "the stack {} is complete, but {what}: {error}; nothing was recorded, so no release goes there. Correct that and provision again, or tear it down",
            plan.stack
        ),
    )
}
