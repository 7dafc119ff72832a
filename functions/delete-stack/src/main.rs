//! Begins to delete a target's stack, once nothing of releases is left in it.

use pipeline::errors::{ErrorName, Fault};
use pipeline::target_stack::Settled;
use pipeline::target_wire::{Begun, DeleteRequest, Operation};
use stacks::{Stacks, token};
use stage::Settings;

struct Deleter {
    stacks: Stacks,
    role_arn: String,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let deleter = Deleter {
        stacks: Stacks::new(&config),
        role_arn: Settings::variable("CUTOVER_STACK_ROLE")?,
    };
    stage::run(async |request: DeleteRequest| deleter.delete(request).await).await
}

impl Deleter {
    async fn delete(&self, request: DeleteRequest) -> Result<Begun, Fault> {
        let plan = request.plan;
        let mut begun = Begun {
            template: String::new(),
            operation: Operation::None,
            stack_id: String::new(),
            token: token(&plan.execution, &format!("delete-{}", request.round)),
            resources: Vec::new(),
        };
        let Some(stack) = self.stacks.find(&plan.stack).await? else {
            return Ok(begun);
        };
        begun.stack_id = stack.id.clone();
        if !stack.is_of(plan.project.as_str(), &plan.target) {
            return Err(Fault::new(
                ErrorName::StackFailed,
                format!(
                    "the stack {} is not this target's: it lacks the tags cutover:project and cutover:target; it was left alone",
                    plan.stack
                ),
            ));
        }
        begun.operation = match (stack.settled(), stack.status.as_str()) {
            (Settled::Gone, _) => return Ok(begun),
            (Settled::InProgress, "DELETE_IN_PROGRESS") => Operation::Delete,
            // An update under way can be neither stopped nor overtaken by a deletion.
            (Settled::InProgress, _) => Operation::Wait,
            _ => Operation::Delete,
        };
        if stack.settled() == Settled::InProgress {
            return Ok(begun);
        }
        begun.resources = self.stacks.resources(&plan.stack).await?;
        if stack.is_protected {
            tracing::info!("lifting the protection of {}, as was confirmed", plan.stack);
            self.stacks.protect(&plan.stack, false).await?;
        }
        self.stacks
            .delete(&stack.id, &self.role_arn, &begun.token)
            .await?;
        Ok(begun)
    }
}
