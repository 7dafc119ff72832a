//! The undo of everything before the cutover, and the sentences a failed release ends with.

use drive::Drive;
use pipeline::drivers::Discard;
use pipeline::errors::Fault;
use pipeline::input::ReleaseInput;
use pipeline::verdict::unplanned;
use pipeline::wire::{
    DiscardReply, DiscardRequest, Failure, PlanReply, Planned, ReleasedComponent, UndoPlanRequest,
};
use serde::Deserialize;
use stage::Settings;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let drive = Drive::new(&config, &settings.table, &settings.bucket)?;
    stage::run(async |request: Request| match request {
        Request::Release(asked) => drive.run(Discard::new(*asked)).await,
        Request::Plan(asked) => undo_plan(&drive, asked).await,
    })
    .await
}

/// What is to be undone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Request {
    /// A release that got its plan.
    Release(Box<DiscardRequest>),
    /// One whose plan never arrived.
    Plan(UndoPlanRequest),
}

/// Plan release may have reserved names and lost its answer. Nobody else knows of them.
async fn undo_plan(drive: &Drive, asked: UndoPlanRequest) -> Result<DiscardReply, Fault> {
    let Ok(input) = ReleaseInput::parse(&asked.input) else {
        return Ok(nothing(&asked)); // it was refused for that, before anything was reserved
    };
    let UndoPlanRequest {
        execution, began, ..
    } = &asked;
    let plan = drive.registry.plan_of(&input.target, execution, began);
    match plan.await?.own() {
        Some(row) => drive.run(Discard::new(of_plan(row.plan, asked))).await,
        None => Ok(nothing(&asked)),
    }
}

/// It came to no plan.
fn nothing(asked: &UndoPlanRequest) -> DiscardReply {
    let failed = &asked.failed;
    DiscardReply {
        error: failed.error.clone(),
        cause: unplanned(failed),
        live: false,
        discarded: Vec::new(),
        already_live: Vec::new(),
    }
}

fn of_plan(plan: PlanReply, asked: UndoPlanRequest) -> DiscardRequest {
    let released = |planned: Planned| ReleasedComponent {
        component: planned.component,
    };
    let failure = Failure {
        component: None,
        failed: asked.failed,
    };
    DiscardRequest {
        release: plan.release,
        components: plan.components.into_iter().map(released).collect(),
        libraries: plan.libraries.iter().map(Into::into).collect(),
        released: Vec::new(),
        failures: vec![failure],
        tests: Vec::new(),
        tested: None,
        already_live: Vec::new(),
    }
}
