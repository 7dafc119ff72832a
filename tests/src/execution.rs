//! Executions of the release state machine.

use crate::{Cloud, until};
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::HistoryEventType;
use serde_json::{Value, json};
use std::time::Duration;

/// From a push to its execution: a hook, the bus, a function that may start cold.
const STARTED: Duration = Duration::from_secs(60);

const RELEASE: &str = "release";

/// More than all tests together start in a few seconds.
const NEWEST: i32 = 100;

/// A running or ended release.
#[derive(Debug, Clone)]
pub struct Execution {
    cloud: Cloud,
    pub arn: String,
    pub name: String,
}

/// How a release ended.
#[derive(Debug, Clone)]
pub struct Ended {
    pub name: String,
    pub status: String,
    pub output: Option<Value>,
    pub error: String,
    pub cause: String,
}

impl Ended {
    /// The output; panics with the cause if the release did not succeed.
    pub fn output(&self) -> &Value {
        assert_eq!(
            self.status, "SUCCEEDED",
            "{}: {}: {}",
            self.name, self.error, self.cause
        );
        self.output
            .as_ref()
            .expect("a release that succeeded has an output")
    }

    /// Panics unless it ended because a role lacks this action, and its cause says so and where.
    pub fn is_denied(&self, action: &str, stage: &str) {
        let how = (self.status.as_str(), self.error.as_str());
        assert_eq!(how, ("FAILED", "AccessDenied"), "{self:#?}");
        for part in [action, stage] {
            assert!(
                self.cause.contains(part),
                "the cause does not name {part}: {}",
                self.cause
            );
        }
    }

    /// `stage-r42`
    pub fn release(&self) -> &str {
        self.output()["release"]
            .as_str()
            .expect("the output names the release")
    }
}

impl Execution {
    /// Starts a release as a person does.
    pub async fn start(cloud: &Cloud, input: &Value) -> Self {
        Self::started(cloud, None, input).await
    }

    /// The same under a name of one's own.
    pub async fn start_as(cloud: &Cloud, name: &str, input: &Value) -> Self {
        Self::started(cloud, Some(name.to_owned()), input).await
    }

    async fn started(cloud: &Cloud, name: Option<String>, input: &Value) -> Self {
        let started = cloud
            .steps
            .start_execution()
            .state_machine_arn(machine(cloud, RELEASE))
            .set_name(name)
            .input(input.to_string())
            .send()
            .await;
        Self::from_arn(
            cloud,
            started.expect("the execution starts").execution_arn(),
        )
    }

    /// An execution that somebody else started.
    pub fn from_arn(cloud: &Cloud, arn: &str) -> Self {
        let name = arn.rsplit(':').next().unwrap_or_default().to_owned();
        Self {
            cloud: cloud.clone(),
            arn: arn.to_owned(),
            name,
        }
    }

    /// The one whose name begins like that; waits for it.
    pub async fn of_push(cloud: &Cloud, prefix: &str) -> Self {
        let found = Self::within(STARTED, cloud, prefix).await;
        found.unwrap_or_else(|| {
            panic!("no execution {prefix}* was started within {STARTED:?}: the push did not arrive")
        })
    }

    /// The one whose name begins like that, if it is started in time.
    pub async fn within(limit: Duration, cloud: &Cloud, prefix: &str) -> Option<Self> {
        until(limit, async || Self::newest(cloud, prefix).await).await
    }

    /// Among the newest, which are listed first: one that is waited for has just begun.
    async fn newest(cloud: &Cloud, prefix: &str) -> Option<Self> {
        let list = cloud.steps.list_executions();
        let list = list
            .state_machine_arn(machine(cloud, RELEASE))
            .max_results(NEWEST);
        let page = list.send().await.expect("executions can be listed");
        let mut listed = page.executions().iter();
        let found = listed.find(|one| one.name().starts_with(prefix))?;
        Some(Self::from_arn(cloud, found.execution_arn()))
    }

    /// All whose names are like that.
    pub async fn named(cloud: &Cloud, like: impl Fn(&str) -> bool) -> Vec<Self> {
        let mut pages = cloud
            .steps
            .list_executions()
            .state_machine_arn(machine(cloud, RELEASE))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.expect("executions can be listed");
            found.extend(
                page.executions()
                    .iter()
                    .filter(|one| like(one.name()))
                    .map(|one| Self::from_arn(cloud, one.execution_arn())),
            );
        }
        found
    }

    /// `RUNNING`, or how it ended.
    pub async fn status(&self) -> String {
        let seen = self.described().await;
        seen.map_or("RUNNING".into(), |seen| seen.status().as_str().to_owned())
    }

    /// `None` where Step Functions does not tell of it yet.
    async fn described(&self) -> Option<DescribeExecutionOutput> {
        let asked = self.cloud.steps.describe_execution();
        match asked.execution_arn(&self.arn).send().await {
            Ok(seen) => Some(seen),
            Err(error) => {
                let error = error.into_service_error();
                assert!(error.is_execution_does_not_exist(), "{error:?}");
                None
            }
        }
    }

    /// Stops it as a person does; what its functions are doing goes on.
    pub async fn stop(&self) {
        self.stop_in_time().await.expect("it is stopped");
    }

    /// The same for one that may have ended by itself.
    pub async fn stop_in_time(&self) -> Result<(), String> {
        let stopped = self.cloud.steps.stop_execution().execution_arn(&self.arn);
        let stopped = stopped.send().await;
        stopped.map(drop).map_err(|error| format!("{error:?}"))
    }

    /// Waits until it has ended.
    pub async fn end(&self, limit: Duration) -> Ended {
        let ended = until(limit, async || {
            let seen = self.described().await?;
            if seen.status().as_str() == "RUNNING" {
                return None;
            }
            Some(Ended {
                name: self.name.clone(),
                status: seen.status().as_str().to_owned(),
                output: seen
                    .output()
                    .map(|text| serde_json::from_str(text).expect("an output is JSON")),
                error: seen.error().unwrap_or_default().to_owned(),
                cause: seen.cause().unwrap_or_default().to_owned(),
            })
        });
        match ended.await {
            Some(ended) => ended,
            None => panic!(
                "{} has not ended within {limit:?}; it was in {}",
                self.name,
                self.states().await.join(", ")
            ),
        }
    }

    /// The states it has entered so far.
    pub async fn states(&self) -> Vec<String> {
        self.entered(|_| true).await
    }

    /// Those that take time: functions, waits, and what holds some. A choice is over before anybody sees it.
    pub async fn lasting_states(&self) -> Vec<String> {
        use HistoryEventType as Type;
        let lasting = [
            Type::TaskStateEntered,
            Type::WaitStateEntered,
            Type::MapStateEntered,
            Type::ParallelStateEntered,
        ];
        self.entered(|kind| lasting.contains(kind)).await
    }

    async fn entered(&self, wanted: impl Fn(&HistoryEventType) -> bool) -> Vec<String> {
        let request = self
            .cloud
            .steps
            .get_execution_history()
            .execution_arn(&self.arn)
            .include_execution_data(false);
        let mut events = request.into_paginator().items().send();
        let mut states = Vec::new();
        while let Some(event) = events.next().await {
            let event = event.expect("the history can be read");
            let entered = event.state_entered_event_details();
            let entered = entered.filter(|_| wanted(event.r#type()));
            states.extend(entered.map(|entered| entered.name().to_owned()));
        }
        states
    }

    /// What it was started with; `None` where Step Functions does not tell of it yet.
    pub async fn input(&self) -> Option<Value> {
        let seen = self.described().await?;
        let input = seen.input().expect("an execution has an input");
        Some(serde_json::from_str(input).expect("an input is JSON"))
    }

    /// The input of a state that has begun.
    pub async fn input_of(&self, state: &str) -> Value {
        let events = self.history().await;
        let details = events
            .iter()
            .map(|event| &event["stateEnteredEventDetails"]);
        let mut inputs = details.filter(|details| details["name"] == state);
        let input = inputs.next().and_then(|details| details["input"].as_str());
        let input = input.unwrap_or_else(|| panic!("{state} has begun"));
        serde_json::from_str(input).expect("JSON")
    }

    /// Its history with all inputs and outputs, as the aws cli prints it.
    pub async fn history(&self) -> Vec<Value> {
        let said = self
            .cloud
            .aws(&[
                "stepfunctions",
                "get-execution-history",
                "--execution-arn",
                &self.arn,
                "--include-execution-data",
                "--output",
                "json",
            ])
            .await;
        let said: Value = serde_json::from_str(&said.good("get-execution-history")).expect("JSON");
        said["events"].as_array().cloned().unwrap_or_default()
    }
}

/// The ARN of a state machine of the pipeline: `release`, `target`, `sweep`, `keep`.
pub fn machine(cloud: &Cloud, what: &str) -> String {
    let [account, region, project] =
        ["CUTOVER_ACCOUNT", "AWS_REGION", "CUTOVER_PROJECT"].map(|name| cloud.variable(name));
    format!("arn:aws:states:{region}:{account}:stateMachine:{project}-{what}")
}

/// An event of a push as EventBridge delivers it to a function.
pub fn push_event(
    id: &str,
    source: &str,
    detail_type: &str,
    repository: &str,
    branch: &str,
    sha: &str,
) -> Value {
    json!({
        "version": "0", "id": id, "source": source, "detail-type": detail_type,
        "account": "000000000000", "region": "us-east-1", "time": "2026-01-01T00:00:00Z",
        "resources": [format!("arn:aws:codecommit:us-east-1:000000000000:{repository}")],
        "detail": {
            "event": "referenceUpdated", "repositoryName": repository, "repositoryId": "00000000-0000-0000-0000-000000000000",
            "referenceType": "branch", "referenceName": branch, "referenceFullName": format!("refs/heads/{branch}"),
            "commitId": sha, "oldCommitId": "0".repeat(40),
            "callerUserArn": "arn:aws:iam::000000000000:user/somebody",
        }
    })
}
