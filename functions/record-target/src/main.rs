//! Records a proven target where releases look it up, and protects its stack.

use pipeline::errors;
use pipeline::rows::EnvironmentRow;
use pipeline::target::TargetState;
use pipeline::target_stack::environment_of;
use pipeline::target_wire::{Operation, Provisioned, RecordTargetRequest, TargetPlan};
use registry::Registry;
use serde::Serialize;
use stacks::Stacks;
use stage::{Fault, Settings};
use std::collections::BTreeMap;

struct Recorder {
    registry: Registry,
    stacks: Stacks,
}

/// The row: what releases need, and what a person wants to know.
#[derive(Serialize)]
struct Row<'a> {
    state: TargetState,
    by: &'a str,
    stack: &'a str,
    protected: bool,
    recorded_at: String,
    outputs: &'a BTreeMap<String, String>,
    parameters: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    environment: EnvironmentRow,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = stage::sdk_config().await;
    let settings = Settings::from_env()?;
    let recorder = Recorder {
        registry: Registry::new(&config, &settings.table),
        stacks: Stacks::new(&config),
    };
    stage::run(async |request: RecordTargetRequest| recorder.record(request).await).await
}

impl Recorder {
    async fn record(&self, request: RecordTargetRequest) -> Result<Provisioned, Fault> {
        let RecordTargetRequest {
            plan,
            operation,
            proven,
        } = request;
        let Some(stack) = self.stacks.find(&plan.stack).await? else {
            return Err(closing(&plan));
        };
        let environment = environment_of(&stack.outputs)
            .map_err(|e| Fault::new(errors::TARGET_NOT_USABLE, format!("{}: {e}", plan.stack)))?;
        if stack.is_protected != plan.protected {
            self.stacks.protect(&plan.stack, plan.protected).await?;
        }
        let row = Row {
            state: TargetState::Ready,
            by: &plan.execution,
            stack: &plan.stack,
            protected: plan.protected,
            recorded_at: stage::now(),
            outputs: &stack.outputs,
            parameters: &stack.parameters,
            environment,
        };
        if !self.registry.open_target(&plan.target, &row).await? {
            return Err(closing(&plan));
        }
        Ok(Provisioned {
            outcome: outcome(operation).into(),
            target: plan.target,
            stack: plan.stack,
            protected: plan.protected,
            outputs: stack.outputs,
            proven,
        })
    }
}

fn outcome(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "provisioned",
        Operation::Update => "updated",
        _ => "unchanged",
    }
}

fn closing(plan: &TargetPlan) -> Fault {
    Fault::new(
        errors::TARGET_CLOSING,
        format!(
            "target: `{}` is being torn down since this began; provision it again once that has finished",
            plan.target
        ),
    )
}
