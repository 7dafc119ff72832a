//! Closes a target to new releases, and looks which ones still work on it.

use aws_sdk_sfn::types::ExecutionStatus;
use pipeline::target_wire::{Closed, TargetPlan, TargetRequest};
use registry::Registry;
use stage::{Fault, Settings, call_error};

struct Closer {
    registry: Registry,
    steps: aws_sdk_sfn::Client,
    machine: String,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = stage::sdk_config().await;
    let closer = Closer {
        registry: Registry::new(&config, &Settings::from_env()?.table),
        steps: aws_sdk_sfn::Client::new(&config),
        machine: Settings::variable("CUTOVER_STATE_MACHINE")?,
    };
    stage::run(async |request: TargetRequest| closer.close(request.plan).await).await
}

impl Closer {
    /// In this order: whoever reserves names on the target after the look sees that it is closed.
    async fn close(&self, plan: TargetPlan) -> Result<Closed, Fault> {
        self.registry
            .close_target(&plan.target, &plan.execution)
            .await?;
        let running = self.running().await?;
        let mut running = self.registry.executions_on(&plan.target, &running).await?;
        running.sort();
        Ok(Closed { running })
    }

    /// Executions, not rows: a release that is live still drains, and one that was stopped by hand
    /// is recorded as running for good.
    async fn running(&self) -> Result<Vec<String>, Fault> {
        let mut pages = self
            .steps
            .list_executions()
            .state_machine_arn(&self.machine)
            .status_filter(ExecutionStatus::Running)
            .into_paginator()
            .send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| call_error("states:ListExecutions", e))?;
            names.extend(page.executions.into_iter().map(|one| one.name));
        }
        Ok(names)
    }
}
