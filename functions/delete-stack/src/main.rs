//! Begins to delete a target's stack, once nothing of releases is left in it.

use pipeline::errors::{ErrorName, Fault};
use pipeline::target_stack::{DeletePlan, Stack, plan_delete};
use pipeline::target_wire::{Begun, Operation, RoundRequest};
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
    stage::run(async |request: RoundRequest| deleter.delete(request).await).await
}

impl Deleter {
    async fn delete(&self, request: RoundRequest) -> Result<Begun, Fault> {
        let plan = request.plan;
        let mut begun = Begun {
            template: String::new(),
            operation: Operation::None,
            stack_id: String::new(),
            token: token(&plan.execution, &format!("delete-{}", request.round)),
            resources: Vec::new(),
        };
        let found = self.stacks.find(&plan.stack).await?;
        let of_target = |stack: &Stack| stack.is_of(plan.project.as_str(), &plan.target);
        let planned = plan_delete(found.as_ref(), found.as_ref().is_some_and(of_target));
        tracing::info!(?planned);
        begun.operation = planned.operation();
        begun.stack_id = found
            .as_ref()
            .map_or_else(String::new, |stack| stack.id.clone());
        let Some(stack) = found.filter(|_| planned == DeletePlan::Delete) else {
            return match planned {
                DeletePlan::NotOurs => Err(not_ours(&plan.stack)),
                _ => Ok(begun),
            };
        };
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

fn not_ours(name: &str) -> Fault {
    let text = format!(
        "the stack {name} is not this target's: it lacks the tags cutover:project and cutover:target; it was left alone"
    );
    Fault::new(ErrorName::StackFailed, text)
}
