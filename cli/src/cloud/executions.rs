//! Step Functions: starting, finding and following executions.

use super::Cloud;
use super::refusal::{not_set_up, refusal, too_much};
use crate::error::Failure;
use crate::release::history::{End, Event, Kind};
use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus, HistoryEvent};
use serde_json::Value;

/// An execution of the state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

impl Execution {
    /// From its ARN, which ends with its name.
    pub fn from_arn(arn: &str) -> Self {
        Self {
            name: arn.rsplit(':').next().unwrap_or(arn).to_owned(),
            arn: arn.to_owned(),
        }
    }
}

/// One of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub execution: Execution,
    /// Milliseconds since 1970.
    pub started: i64,
    /// Milliseconds since 1970; `None` while it runs.
    pub ended: Option<i64>,
}

/// Which executions are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Whatever became of them.
    All,
    /// Those that have not ended.
    Running,
}

/// How an execution stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// As Step Functions has it.
    pub status: ExecutionStatus,
    /// Milliseconds since 1970; `None` while it runs.
    pub ended: Option<i64>,
}

/// The service's largest page.
const PAGE: i32 = 1000;

/// Pages read before giving up: the service keeps 25,000 events of an execution, and names in an
/// account are far fewer than this many thousands.
const MAX_PAGES: usize = 100;

impl Cloud {
    /// The ARN of the machine that releases: as given, else looked for by its name.
    pub async fn machine(&self) -> Result<String, Failure> {
        match &self.machine {
            Some(arn) => Ok(arn.clone()),
            None => self.machine_named("release").await,
        }
    }

    /// The ARN of one of the project's machines.
    async fn machine_named(&self, what: &str) -> Result<String, Failure> {
        let name = format!("{}-{what}", self.project);
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let request = self
                .steps
                .list_state_machines()
                .max_results(PAGE)
                .set_next_token(token);
            let page = request
                .send()
                .await
                .map_err(|e| refusal(self, "states:ListStateMachines", e))?;
            if let Some(machine) = page
                .state_machines
                .into_iter()
                .find(|machine| machine.name == name)
            {
                return Ok(machine.state_machine_arn);
            }
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        Err(Failure::Cloud {
            what: format!("there is no state machine {name}"),
            next: not_set_up(self),
        })
    }

    /// Starts a release. Repeating the call with the same name and input starts nothing twice.
    pub async fn start(&self, name: &str, input: &Value) -> Result<Execution, Failure> {
        let machine = self.machine().await?;
        let request = self
            .steps
            .start_execution()
            .state_machine_arn(machine)
            .name(name)
            .input(input.to_string());
        let reply = request
            .send()
            .await
            .map_err(|e| refusal(self, "states:StartExecution", e))?;
        Ok(Execution::from_arn(&reply.execution_arn))
    }

    /// Starts to provision a target or to tear it down.
    pub async fn start_on_target(&self, name: &str, input: &Value) -> Result<Execution, Failure> {
        let request = self
            .steps
            .start_execution()
            .state_machine_arn(self.machine_named("target").await?)
            .name(name)
            .input(input.to_string());
        let reply = request
            .send()
            .await
            .map_err(|e| refusal(self, "states:StartExecution", e))?;
        Ok(Execution::from_arn(&reply.execution_arn))
    }

    /// An execution by its name.
    pub async fn named(&self, name: &str) -> Result<Execution, Failure> {
        let machine = self.machine().await?;
        Ok(Execution::from_arn(&format!(
            "{}:{name}",
            machine.replacen(":stateMachine:", ":execution:", 1)
        )))
    }

    /// The newest executions, at most 1,000, the newest first.
    pub async fn newest(&self, count: i32, which: Which) -> Result<Vec<Listed>, Failure> {
        let machine = self.machine().await?;
        let only = match which {
            Which::All => None,
            Which::Running => Some(ExecutionStatus::Running),
        };
        let request = self
            .steps
            .list_executions()
            .state_machine_arn(machine)
            .max_results(count)
            .set_status_filter(only);
        let page = request
            .send()
            .await
            .map_err(|e| refusal(self, "states:ListExecutions", e))?;
        Ok(page.executions.iter().map(listed).collect())
    }

    /// How an execution stands; `None` where Step Functions knows it no more: it forgets 90 days
    /// after the end.
    pub async fn described(&self, arn: &str) -> Result<Option<Described>, Failure> {
        let reply = self.steps.describe_execution().execution_arn(arn).send();
        match reply.await {
            Ok(reply) => Ok(Some(Described {
                status: reply.status,
                ended: reply.stop_date.and_then(|at| at.to_millis().ok()),
            })),
            Err(e)
                if e.as_service_error()
                    .is_some_and(|e| e.is_execution_does_not_exist()) =>
            {
                Ok(None)
            }
            Err(e) => Err(refusal(self, "states:DescribeExecution", e)),
        }
    }

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

fn listed(item: &ExecutionListItem) -> Listed {
    Listed {
        execution: Execution::from_arn(&item.execution_arn),
        started: item.start_date.to_millis().unwrap_or_default(),
        ended: match item.status {
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => None,
            _ => item
                .stop_date
                .and_then(|at| at.to_millis().ok())
                .or(Some(0)),
        },
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
            state: details.name.clone(),
            input: json(details.input.as_deref()),
        };
    }
    if let Some(details) = &event.state_exited_event_details {
        return Kind::Exited {
            state: details.name.clone(),
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
