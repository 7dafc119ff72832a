//! Step Functions: how executions stand, and starting them.
#![warn(missing_docs)]

mod start;

pub use start::Started;

use aws::{CallError, call_error};
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::ExecutionStatus;
use futures::{StreamExt, TryStreamExt, stream};
use pipeline::closing::{Status, still_works};
use pipeline::errors::{ErrorName, Fault};
use pipeline::names::Ticket;
use pipeline::rows::ReleaseRow;
use pipeline::sweep::{CANCELLED, Ending, Stands};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Asked for at the same time: the account's quota is 10 to 15 a second, beside what it has saved.
const AT_ONCE: usize = 4;

/// Step Functions.
#[derive(Debug, Clone)]
pub struct Executions {
    states: Client,
}

impl Executions {
    /// A client on this configuration.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self {
            states: Client::new(config),
        }
    }

    /// The input of an execution that has ended, as an event told. Step Functions may say for a moment that
    /// it runs (`DescribeExecution` is "eventually consistent"), and by a redrive it may run again: then it
    /// is asked again, and at last given up for the next sweep.
    pub async fn input_of_ended(&self, arn: &str) -> Result<Value, Fault> {
        let unavailable = |why: String| Fault::new(ErrorName::Unavailable, why);
        let Some(reply) = self.describe(arn).await? else {
            return Err(unavailable(format!("{arn} is not known to Step Functions")));
        };
        if runs(&reply.status) {
            return Err(unavailable(format!("{arn} ended, and is said to run")));
        }
        let input = reply.input.as_deref().unwrap_or_default();
        Ok(serde_json::from_str(input).unwrap_or_default())
    }

    /// Of each release.
    pub async fn how(
        &self,
        these: BTreeMap<Ticket, Arc<ReleaseRow>>,
    ) -> Result<BTreeMap<Ticket, Stands>, Fault> {
        let look = async |(ticket, row): (Ticket, Arc<ReleaseRow>)| -> Result<_, Fault> {
            let reply = match row.execution_arn.as_str() {
                "" => None, // not recorded by early versions
                arn => self.describe(arn).await?,
            };
            Ok((ticket, stands(reply, &row.started)))
        };
        let all = stream::iter(these).map(look).buffer_unordered(AT_ONCE);
        all.try_collect().await
    }

    async fn describe(&self, arn: &str) -> Result<Option<DescribeExecutionOutput>, Fault> {
        let sent = self.states.describe_execution().execution_arn(arn).send();
        let sent: Result<_, CallError> = sent
            .await
            .map_err(|e| call_error("states:DescribeExecution", e));
        match sent {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if error.is("ExecutionDoesNotExist") => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn runs(status: &ExecutionStatus) -> bool {
    use ExecutionStatus::{PendingRedrive, Running};
    [Running, PendingRedrive].contains(status)
}

fn stands(reply: Option<DescribeExecutionOutput>, started: &str) -> Stands {
    let Some(reply) = reply else {
        let age = aws::since(started).and_then(|age| i64::try_from(age.as_secs()).ok());
        return match still_works(Status::Unknown, age) {
            true => Stands::Runs,
            false => Stands::Ended(Ending::Forgotten),
        };
    };
    match reply.status {
        status if runs(&status) => Stands::Runs,
        ExecutionStatus::Aborted if reply.error.as_deref() == Some(CANCELLED) => {
            let cause = reply.cause.unwrap_or_default();
            Stands::Ended(Ending::Cancelled(cause.chars().take(400).collect()))
        }
        ExecutionStatus::Aborted => Stands::Ended(Ending::Stopped),
        ExecutionStatus::TimedOut => Stands::Ended(Ending::TimedOut),
        ExecutionStatus::Failed => {
            let error = reply.error.unwrap_or_default();
            Stands::Ended(Ending::Failed(error.chars().take(100).collect()))
        }
        ExecutionStatus::Succeeded => Stands::Ended(Ending::Succeeded),
        // A status that this version does not know is no reason to take anything away.
        _ => Stands::Runs,
    }
}
