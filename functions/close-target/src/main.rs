//! Closes a target to new releases, and looks which ones still work on it.

use aws::call_error;
use aws_sdk_sfn::types::ExecutionStatus;
use pipeline::closing::{Begun, Status, may_be_missing, still_works};
use pipeline::errors::Fault;
use pipeline::target_wire::{Closed, TargetPlan, TargetRequest};
use registry::Registry;
use stage::Settings;
use std::collections::BTreeSet;

/// Of the newest releases some may not be listed yet; so many are not begun in the minutes that may
/// take.
const NEWEST: i32 = 100;

struct Closer {
    registry: Registry,
    steps: aws_sdk_sfn::Client,
    machine: String,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
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
        let listed = self.running().await?;
        let mut running = self.registry.executions_on(&plan.target, &listed).await?;
        running.extend(self.unlisted(&plan, &listed).await?);
        running.sort();
        running.dedup();
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

    /// Releases that have reserved names on the target, and that the list does not show yet.
    async fn unlisted(&self, plan: &TargetPlan, listed: &[String]) -> Result<Vec<String>, Fault> {
        let begun = self.registry.newest_begun(&plan.target, NEWEST).await?;
        let listed: BTreeSet<String> = listed.iter().cloned().collect();
        let now = aws::seconds(&aws::now());
        let age = |started: &str| Some(now? - aws::seconds(started)?);
        let mut running = Vec::new();
        // One after the other: there are hardly ever any.
        for one in may_be_missing(&begun, &listed, age) {
            if still_works(self.status(one).await?, age(&one.started)) {
                tracing::info!(execution = one.execution, "is not listed, and runs");
                running.push(one.execution.clone());
            }
        }
        Ok(running)
    }

    async fn status(&self, begun: &Begun) -> Result<Status, Fault> {
        let asked = self.steps.describe_execution();
        let sent = asked.execution_arn(&begun.execution_arn).send().await;
        match sent.map_err(|e| call_error("states:DescribeExecution", e)) {
            Ok(reply) if reply.status == ExecutionStatus::Running => Ok(Status::Running),
            Ok(reply) if reply.status == ExecutionStatus::PendingRedrive => Ok(Status::Running),
            Ok(_) => Ok(Status::Ended),
            Err(error) if error.is("ExecutionDoesNotExist") => Ok(Status::Unknown),
            Err(error) => Err(error.into()),
        }
    }
}
