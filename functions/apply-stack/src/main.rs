//! Begins to create or update a target's stack. CloudFormation does the work, with its own role.

use pipeline::errors::{ErrorName, Fault};
use pipeline::target_stack::{ApplyPlan, Stack, irreplaceable, parameters_of, plan_apply};
use pipeline::target_wire::{Begun, Operation, RoundRequest, TargetPlan};
use stacks::{Applied, Apply, Stacks, token};
use stage::Settings;
use std::collections::BTreeMap;

struct Builder {
    settings: Settings,
    stacks: Stacks,
    template_url: String,
    role_arn: String,
    domain: String,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let builder = Builder {
        settings: Settings::from_env()?,
        stacks: Stacks::new(&config),
        template_url: Settings::variable("CUTOVER_TEMPLATE_URL")?,
        role_arn: Settings::variable("CUTOVER_STACK_ROLE")?,
        domain: Settings::variable("CUTOVER_DOMAIN")?,
    };
    stage::run(async |asked: RoundRequest| builder.apply(asked.plan, asked.round).await).await
}

impl Builder {
    async fn apply(&self, plan: TargetPlan, round: u32) -> Result<Begun, Fault> {
        let found = self.stacks.find(&plan.stack).await?;
        let is_ours = found
            .as_ref()
            .is_some_and(|stack| stack.is_of(plan.project.as_str(), &plan.target));
        let next = plan_apply(&plan.stack, found.as_ref(), is_ours);
        tracing::info!(?next, "planned");
        let unchangeable = found
            .as_ref()
            .and_then(|stack| irreplaceable(stack, &plan.parameters));
        if let (ApplyPlan::Update, Some(why)) = (&next, unchangeable) {
            return Err(Fault::new(ErrorName::InputInvalid, why));
        }
        let id = found
            .as_ref()
            .map(|stack| stack.id.clone())
            .unwrap_or_default();
        match next {
            ApplyPlan::Create => self.begin(&plan, None, round).await,
            ApplyPlan::Update => self.begin(&plan, found.as_ref(), round).await,
            ApplyPlan::RemoveFirst => {
                let token = token(&plan.execution, &format!("remove-{round}"));
                self.stacks.delete(&id, &self.role_arn, &token).await?;
                Ok(begun(Operation::RemoveFirst, id, token))
            }
            ApplyPlan::Wait => Ok(begun(Operation::Wait, id, String::new())),
            ApplyPlan::Refused(why) => Err(Fault::new(ErrorName::StackFailed, why.to_string())),
        }
    }

    async fn begin(
        &self,
        plan: &TargetPlan,
        found: Option<&Stack>,
        round: u32,
    ) -> Result<Begun, Fault> {
        let tags = BTreeMap::from([
            ("cutover:project".to_owned(), plan.project.to_string()),
            ("cutover:target".to_owned(), plan.target.to_string()),
        ]);
        let token = token(&plan.execution, &format!("apply-{round}"));
        let apply = Apply {
            name: &plan.stack,
            template_url: &self.template_url,
            role_arn: &self.role_arn,
            parameters: &parameters_of(found, &plan.parameters, &self.own(plan)),
            tags: &tags,
            token: &token,
        };
        let (operation, applied) = match found {
            None => (Operation::Create, self.stacks.create(&apply).await),
            Some(_) => (Operation::Update, self.stacks.update(&apply).await),
        };
        // Who makes it in this moment is found by its name.
        let id = found.map_or_else(|| plan.stack.clone(), |stack| stack.id.clone());
        match applied.map_err(|error| refused(plan, error))? {
            Applied::Begun(id) => Ok(self.of_this_template(begun(operation, id, token))),
            Applied::Unchanged => Ok(self.of_this_template(begun(Operation::None, id, token))),
            Applied::Busy => Ok(begun(Operation::Wait, id, String::new())),
        }
    }

    fn of_this_template(&self, begun: Begun) -> Begun {
        let name = self.template_url.rsplit('/').next();
        Begun {
            template: name.unwrap_or_default().to_owned(),
            ..begun
        }
    }

    /// What follows from the project and is nobody's choice.
    fn own(&self, plan: &TargetPlan) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("Project".to_owned(), plan.project.to_string()),
            ("Target".to_owned(), plan.target.to_string()),
            ("Domain".to_owned(), self.domain.clone()),
            ("BucketName".to_owned(), self.settings.bucket.clone()),
            ("Protected".to_owned(), plan.protected.to_string()),
        ])
    }
}

fn begun(operation: Operation, stack_id: String, token: String) -> Begun {
    Begun {
        operation,
        stack_id,
        token,
        template: String::new(),
        resources: Vec::new(),
    }
}

/// What CloudFormation refuses at once, such as a parameter that its template does not allow.
fn refused(plan: &TargetPlan, error: aws::CallError) -> Fault {
    if !error.is("ValidationError") {
        return error.into();
    }
    Fault::new(
        ErrorName::StackFailed,
        format!(
            "CloudFormation refuses the stack {}: {}; nothing was changed",
            plan.stack, error.message
        ),
    )
}
