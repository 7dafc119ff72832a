//! Starting executions, as events and schedules do that may come twice.

use crate::Executions;
use aws::{CallError, call_error};
use pipeline::errors::Fault;
use serde_json::Value;

/// What came of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// The execution began, or one of this name and input runs.
    Runs,
    /// One of this name had been started before: the event was delivered twice.
    WasThere,
}

impl Executions {
    /// Starts an execution of a machine, by the machine's ARN.
    pub async fn start(&self, machine: &str, name: &str, input: &Value) -> Result<Started, Fault> {
        let call = self
            .states
            .start_execution()
            .state_machine_arn(machine)
            .name(name)
            .input(input.to_string());
        let sent: Result<_, CallError> = call
            .send()
            .await
            .map_err(|e| call_error("states:StartExecution", e));
        match sent {
            Ok(_) => Ok(Started::Runs),
            Err(error) if error.is("ExecutionAlreadyExists") => Ok(Started::WasThere),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use replay::Replay;
    use serde_json::json;

    async fn start(status: u16, said: Value) -> (Result<Started, String>, Value) {
        let replay = Replay::new([(status, said.to_string())]);
        let executions = Executions::new(&replay.config());
        let input = json!({"target": "stage"});
        let started = executions.start("arn:m", "n-1", &input).await;
        let started = started.map_err(|fault| fault.to_string());
        (started, serde_json::from_str(&replay.asked()[0]).unwrap())
    }

    #[tokio::test]
    async fn an_execution_is_started_by_its_name() {
        let said = json!({"executionArn": "arn:e", "startDate": 1.0});
        let (started, asked) = start(200, said).await;
        assert_eq!(started, Ok(Started::Runs));
        assert_eq!(
            asked,
            json!({"stateMachineArn": "arn:m", "name": "n-1", "input": "{\"target\":\"stage\"}"})
        );
    }

    #[tokio::test]
    async fn what_was_started_before_is_no_error_and_what_is_refused_is_one() {
        let said = |name: &str| json!({"__type": name, "message": "m"});
        let (started, _) = start(400, said("ExecutionAlreadyExists")).await;
        assert_eq!(started, Ok(Started::WasThere));
        let (started, _) = start(400, said("InvalidName")).await;
        assert!(started.unwrap_err().contains("states:StartExecution"));
    }
}
