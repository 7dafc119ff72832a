//! Step Functions: what happened in an execution.

use super::Cloud;
use super::executions::{Execution, MAX_PAGES, PAGE};
use super::refusal::{refusal, too_much};
use crate::error::Failure;
use crate::release::history::{End, Event, Kind};
use aws_sdk_sfn::types::HistoryEvent;
use pipeline::stages::of_state;
use serde_json::Value;

impl Cloud {
    /// The events after one that is known, in their order. Read from the newest backwards, so
    /// that a poll costs one page however long the history is.
    pub async fn events_after(
        &self,
        execution: &Execution,
        known: i64,
    ) -> Result<Vec<Event>, Failure> {
        let mut events = Vec::new();
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let request = self
                .steps
                .get_execution_history()
                .execution_arn(&execution.arn)
                .include_execution_data(true)
                .reverse_order(true)
                .max_results(if known == 0 { PAGE } else { 100 })
                .set_next_token(token);
            let page = request
                .send()
                .await
                .map_err(|e| refusal(self, "states:GetExecutionHistory", e))?;
            let reached = page.events.iter().any(|event| event.id <= known);
            events.extend(
                page.events
                    .iter()
                    .filter(|event| event.id > known)
                    .map(event),
            );
            token = page.next_token;
            if reached || token.is_none() {
                events.sort_by_key(|event| event.id);
                events.dedup_by_key(|event| event.id);
                return Ok(events);
            }
        }
        Err(too_much("states:GetExecutionHistory"))
    }
}

fn event(event: &HistoryEvent) -> Event {
    let at = event.timestamp.to_millis().unwrap_or_default();
    Event {
        id: event.id,
        previous: event.previous_event_id,
        at,
        kind: kind(event),
    }
}

fn kind(event: &HistoryEvent) -> Kind {
    if let Some(details) = &event.state_entered_event_details {
        return Kind::Entered {
            state: of_state(&details.name).to_owned(),
            input: json(details.input.as_deref()),
        };
    }
    if let Some(details) = &event.state_exited_event_details {
        return Kind::Exited {
            state: of_state(&details.name).to_owned(),
            output: json(details.output.as_deref()),
        };
    }
    if let Some(details) = &event.execution_started_event_details {
        return Kind::Started {
            input: json(details.input.as_deref()),
        };
    }
    if let Some(details) = &event.execution_succeeded_event_details {
        return Kind::Ended(End::Succeeded {
            output: json(details.output.as_deref()),
        });
    }
    if let Some(details) = &event.execution_failed_event_details {
        let (error, cause) = (
            details.error.clone().unwrap_or_default(),
            details.cause.clone().unwrap_or_default(),
        );
        return Kind::Ended(End::Failed { error, cause });
    }
    kind_by_name(event)
}

/// Events whose details may be left out, so that only the type tells.
fn kind_by_name(event: &HistoryEvent) -> Kind {
    let task = event
        .task_failed_event_details
        .as_ref()
        .and_then(|details| details.error.clone());
    let function = event
        .lambda_function_failed_event_details
        .as_ref()
        .and_then(|details| details.error.clone());
    match event.r#type.as_str() {
        "ExecutionStarted" => Kind::Started { input: Value::Null },
        "ExecutionSucceeded" => Kind::Ended(End::Succeeded {
            output: Value::Null,
        }),
        "ExecutionFailed" => Kind::Ended(End::Failed {
            error: String::new(),
            cause: String::new(),
        }),
        "ExecutionTimedOut" => Kind::Ended(End::TimedOut),
        "ExecutionAborted" => {
            let details = event.execution_aborted_event_details.as_ref();
            Kind::Ended(End::Aborted {
                cause: details
                    .and_then(|details| details.cause.clone())
                    .unwrap_or_default(),
            })
        }
        "TaskFailed" | "LambdaFunctionFailed" => Kind::AttemptFailed {
            error: task.or(function).unwrap_or_else(|| "failed".into()),
        },
        "TaskTimedOut" | "LambdaFunctionTimedOut" => Kind::AttemptFailed {
            error: "States.Timeout".into(),
        },
        "TaskSucceeded" | "LambdaFunctionSucceeded" => Kind::AttemptSucceeded,
        _ => Kind::Other,
    }
}

/// What is not JSON (AWS may cut long data) is shown as missing, never as an error.
fn json(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}
