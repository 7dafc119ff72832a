//! Records a proven target where releases look it up, and protects its stack.

use dns::Dns;
use pipeline::apex::plan_apex;
use pipeline::errors::{ErrorName, Fault};
use pipeline::rows::EnvironmentRow;
use pipeline::target::{MadeOf, TargetState, outcome};
use pipeline::target_stack::environment_of;
use pipeline::target_wire::{Provisioned, RecordTargetRequest, TargetPlan};
use registry::{Opened, Registry};
use serde::Serialize;
use stacks::Stacks;
use stage::Settings;
use std::collections::BTreeMap;

struct Recorder {
    registry: Registry,
    dns: Dns,
    stacks: Stacks,
}

/// The row: what releases need, and what a person wants to know.
#[derive(Serialize)]
struct Row<'a> {
    state: TargetState,
    by: &'a str,
    stack: &'a str,
    protected: bool,
    template: &'a str,
    recorded_at: String,
    outputs: &'a BTreeMap<String, String>,
    parameters: &'a BTreeMap<String, String>,
    warnings: &'a [String],
    #[serde(flatten)]
    environment: EnvironmentRow,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let recorder = Recorder {
        registry: Registry::new(&config, &settings.table),
        dns: Dns::new(&config),
        stacks: Stacks::new(&config),
    };
    stage::run(async |request: RecordTargetRequest| recorder.record(request).await).await
}

fn environment(stack: &str, outputs: &BTreeMap<String, String>) -> Result<EnvironmentRow, Fault> {
    environment_of(outputs)
        .map_err(|e| Fault::new(ErrorName::TargetNotUsable, format!("{stack}: {e}")))
}

impl Recorder {
    async fn record(&self, request: RecordTargetRequest) -> Result<Provisioned, Fault> {
        let plan = request.plan;
        let (template, warnings) = (request.template, request.warnings);
        let launch_template_version = request.launch_template_version;
        let Some(stack) = self.stacks.find(&plan.stack).await? else {
            return Err(closing(&plan));
        };
        let environment = EnvironmentRow {
            launch_template_version: launch_template_version.clone(),
            ..environment(&plan.stack, &stack.outputs)?
        };
        if stack.is_protected != plan.protected {
            self.stacks.protect(&plan.stack, plan.protected).await?;
        }
        self.forget_quickly(&environment).await?;
        let row = Row {
            state: TargetState::Ready,
            by: &plan.execution,
            stack: &plan.stack,
            protected: plan.protected,
            template: &template,
            recorded_at: aws::now(),
            outputs: &stack.outputs,
            parameters: &stack.parameters,
            warnings: &warnings,
            environment,
        };
        let Opened::Now(before) = self.registry.open_target(&plan.target, &row).await? else {
            return Err(closing(&plan));
        };
        let now = MadeOf {
            template,
            parameters: stack.parameters,
            protected: plan.protected,
            launch_template_version,
        };
        Ok(Provisioned {
            outcome: outcome(request.operation, before.as_ref(), &now),
            target: plan.target,
            stack: plan.stack,
            protected: plan.protected,
            outputs: stack.outputs,
            proven: request.proven,
            warnings,
        })
    }

    /// Route 53 makes zones that let a missing name be remembered for 15 minutes; no template can say
    /// otherwise.
    async fn forget_quickly(&self, environment: &EnvironmentRow) -> Result<(), Fault> {
        let (zone, domain) = (&environment.zone_id, &environment.domain);
        let seen = self.dns.apex(zone, domain).await?;
        let wanted = plan_apex(&seen, environment.settings.alias_ttl);
        tracing::info!(?wanted, "planned");
        if wanted.is_empty() {
            return Ok(());
        }
        Ok(self.dns.write_apex(zone, domain, &wanted).await?)
    }
}

fn closing(plan: &TargetPlan) -> Fault {
    Fault::new(
        ErrorName::TargetClosing,
        format!(
            "target: `{}` is being torn down since this began; provision it again once that has finished",
            plan.target
        ),
    )
}
