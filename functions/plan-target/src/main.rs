//! Reads what a person typed, and finds out what it is about, before anything is done.

use pipeline::errors::{ErrorName, Fault};
use pipeline::names::{Domain, Target};
use pipeline::rows::Key;
use pipeline::target::{TargetInput, TargetRow, TargetState, is_protected_by_default};
use pipeline::target_stack::{Settled, Stack};
use pipeline::target_wire::{PlanTargetRequest, TargetAction, TargetPlan};
use registry::Registry;
use stacks::Stacks;
use stage::Settings;
use std::collections::BTreeMap;

struct Planner {
    settings: Settings,
    registry: Registry,
    stacks: Stacks,
    domain: String,
    pause: u32,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let planner = Planner {
        registry: Registry::new(&config, &settings.table),
        stacks: Stacks::new(&config),
        domain: Settings::variable("CUTOVER_DOMAIN")?,
        pause: Settings::variable("CUTOVER_PAUSE")?.parse().map_err(|_| {
            Fault::new(
                ErrorName::Misconfigured,
                "CUTOVER_PAUSE is not a number of seconds",
            )
        })?,
        settings,
    };
    stage::run(async |request: PlanTargetRequest| planner.plan(request).await).await
}

impl Planner {
    async fn plan(&self, request: PlanTargetRequest) -> Result<TargetPlan, Fault> {
        let input = TargetInput::parse(&request.input)
            .map_err(|e| Fault::new(ErrorName::InputInvalid, e.to_string()))?;
        let target = match &input {
            TargetInput::Provision { target, .. } | TargetInput::Teardown { target, .. } => target,
        };
        let stack = format!("{}-{target}", self.settings.project);
        let found = self.stacks.find(&stack).await?;
        let plan = |action| self.of(action, target, &stack, request.execution);
        match &input {
            TargetInput::Provision { parameters, .. } => {
                self.not_closing(target).await?;
                let mut plan = plan(TargetAction::Provision)?;
                plan.parameters = parameters.clone();
                plan.protected = is_protected(target, found.as_ref(), parameters);
                Ok(plan)
            }
            TargetInput::Teardown { confirmed, .. } => {
                let mut plan = plan(TargetAction::Teardown)?;
                plan.protected = is_protected(target, found.as_ref(), &BTreeMap::new());
                if (plan.protected || is_protected_by_default(target)) && !confirmed {
                    return Err(not_confirmed(target));
                }
                Ok(plan)
            }
        }
    }

    fn of(
        &self,
        action: TargetAction,
        target: &Target,
        stack: &str,
        execution: String,
    ) -> Result<TargetPlan, Fault> {
        let domain = Domain::new(format!("{target}.{}", self.domain))
            .map_err(|e| Fault::new(ErrorName::Misconfigured, format!("CUTOVER_DOMAIN: {e}")))?;
        Ok(TargetPlan {
            action,
            project: self.settings.project.clone(),
            target: target.clone(),
            stack: stack.to_owned(),
            domain,
            execution,
            parameters: BTreeMap::new(),
            protected: false,
            pause: self.pause,
        })
    }

    async fn not_closing(&self, target: &Target) -> Result<(), Fault> {
        let row: Option<TargetRow> = self.registry.get(&Key::environment(target)).await?;
        let row = row.unwrap_or_default();
        if row.state != TargetState::TearingDown {
            return Ok(());
        }
        let by = row.by.unwrap_or_else(|| "(not recorded)".into());
        Err(Fault::new(
            ErrorName::TargetClosing,
            format!(
                "target: `{target}` is being torn down by execution {by}; wait until it has ended, or if it has failed run `cutover target teardown {target}` again, then provision it"
            ),
        ))
    }
}

fn not_confirmed(target: &Target) -> Fault {
    Fault::new(
        ErrorName::NotConfirmed,
        format!(
            "confirm: `{target}` is protected, so its name must be typed twice: {{\"action\": \"teardown\", \"target\": \"{target}\", \"confirm\": \"{target}\"}}, or `cutover target teardown {target} --confirm {target}`; nothing was changed"
        ),
    )
}

/// As asked for, else as it is, else by its name.
fn is_protected(target: &Target, found: Option<&Stack>, asked: &BTreeMap<String, String>) -> bool {
    let found = found.filter(|stack| stack.settled() != Settled::Gone);
    let said = asked
        .get("Protected")
        .or_else(|| found.and_then(|stack| stack.parameters.get("Protected")));
    match said {
        Some(value) => value == "true",
        None => is_protected_by_default(target),
    }
}
