//! Step Functions: starting, finding and following executions.

use super::Cloud;
use super::refusal::{not_set_up, refusal};
use crate::error::Failure;
use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus};
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
pub(super) const PAGE: i32 = 1000;

/// Pages read before giving up: the service keeps 25,000 events of an execution, and names in an
/// account are far fewer than this many thousands.
pub(super) const MAX_PAGES: usize = 100;

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

    /// Starts an execution of the project's machine of this name, `release` for example. Repeating the call with the same
    /// name and input starts nothing twice.
    pub async fn start(
        &self,
        machine: &str,
        name: &str,
        input: &Value,
    ) -> Result<Execution, Failure> {
        let machine = match machine {
            "release" => self.machine().await?,
            other => self.machine_named(other).await?,
        };
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

    /// Ends an execution; one that has ended is no error.
    pub async fn stop(&self, execution: &Execution, cause: &str) -> Result<(), Failure> {
        let request = self
            .steps
            .stop_execution()
            .execution_arn(&execution.arn)
            .error(pipeline::sweep::CANCELLED)
            .cause(cause);
        let stopped = request.send().await;
        stopped.map_err(|e| refusal(self, "states:StopExecution", e))?;
        Ok(())
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
