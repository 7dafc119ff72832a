//! One look at a stack that CloudFormation is at work on; the state machine waits in between.

use pipeline::errors::Fault;
use pipeline::target_stack::{Settled, first_failure, sentence};
use pipeline::target_wire::{Look, LookRequest};
use stacks::Stacks;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let stacks = Stacks::new(&config);
    stage::run(async |request: LookRequest| look(&stacks, request).await).await
}

async fn look(stacks: &Stacks, request: LookRequest) -> Result<Look, Fault> {
    let LookRequest { plan, begun } = request;
    let Some(stack) = stacks.find(&begun.stack_id).await? else {
        return Ok(Look {
            settled: Settled::Gone,
            status: "DELETE_COMPLETE".into(),
            cause: String::new(),
        });
    };
    let settled = stack.settled();
    let cause = match settled {
        Settled::InProgress | Settled::Good => String::new(),
        _ => {
            let events = stacks.events(&begun.stack_id, &begun.token).await?;
            let why = first_failure(&events).unwrap_or_else(|| stack.reason.clone());
            sentence(&plan.stack, begun.operation, &stack, &why)
        }
    };
    Ok(Look {
        settled,
        status: stack.status,
        cause,
    })
}
