//! A push that reached EventBridge starts a release of each component that follows the branch.

use aws_lambda_events::eventbridge::EventBridgeEvent;
use executions::{Executions, Started};
use pipeline::errors::{ErrorName, Fault};
use pipeline::event::{EventError, PushEvent, PushPlan, Sent, Start, parse_push, plan_starts};
use pipeline::rows::{ComponentRow, Key};
use registry::Registry;
use serde::Serialize;
use serde_json::Value;
use stage::Settings;

struct Starter {
    registry: Registry,
    executions: Executions,
    machine: String,
}

/// What became of the event.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Reply {
    /// These executions run (or ran: the event had been delivered before).
    Started { executions: Vec<String> },
    /// Nothing follows it.
    Ignored { reason: String },
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let starter = Starter {
        registry: Registry::new(&config, &settings.table),
        executions: Executions::new(&config),
        machine: Settings::variable("CUTOVER_STATE_MACHINE")?,
    };
    stage::run(async |event: EventBridgeEvent<Value>| starter.start(event).await).await
}

impl Starter {
    async fn start(&self, event: EventBridgeEvent<Value>) -> Result<Reply, Fault> {
        let id = event.id.as_deref().ok_or_else(|| {
            Fault::new(
                ErrorName::InputInvalid,
                "id: missing; an event from EventBridge has one",
            )
        })?;
        let sent = Sent {
            source: &event.source,
            region: event.region.as_deref().unwrap_or_default(),
            detail: &event.detail,
        };
        let push = match parse_push(sent).map_err(refused)? {
            PushEvent::Pushed(push) => push,
            PushEvent::Ignored(reason) => return Ok(ignored(reason)),
        };
        let rows: Vec<ComponentRow> = self
            .registry
            .query(&Key::repository(&push.repository), "component#")
            .await?;
        let starts = match plan_starts(&push, id, &rows).map_err(refused)? {
            PushPlan::Start(starts) => starts,
            PushPlan::Ignore(reason) => return Ok(ignored(reason)),
        };
        let mut executions = Vec::new();
        // One after the other: a push starts one for each target that follows it.
        for start in starts {
            executions.push(self.execute(start).await?);
        }
        Ok(Reply::Started { executions })
    }

    async fn execute(&self, start: Start) -> Result<String, Fault> {
        let (name, input) = (start.name, &start.input);
        match self.executions.start(&self.machine, &name, input).await? {
            Started::Runs => tracing::info!(name, %input, "started"),
            Started::WasThere => tracing::info!(name, "the event had been delivered before"),
        }
        Ok(name)
    }
}

fn ignored(reason: String) -> Reply {
    tracing::info!(reason, "ignored");
    Reply::Ignored { reason }
}

fn refused(error: EventError) -> Fault {
    Fault::new(ErrorName::InputInvalid, error.to_string())
}
