//! Prepare command and Collect command: a user's command in a container of its own.

use super::{BuildReply, Prepared, Step, SuiteReply, SuiteRequest, UnitTestsReply};
use serde::{Deserialize, Serialize};

/// What is to run, as the stage that it is part of was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum ContainerJob {
    /// Unit tests.
    UnitTests(Step<Prepared>),
    /// Build.
    Build(Step<Prepared>),
    /// Run suite.
    Suite(SuiteRequest),
}

/// The reply of Prepare command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// Under which the container finds its files and leaves what it made. Nobody can guess it, so what
    /// is there is this container's.
    pub name: String,
    /// The commit's time, seconds since 1970.
    pub time: u64,
    /// What CodeBuild is asked.
    pub build: StartBuild,
}

/// A request of `startBuild.sync`, as Step Functions writes its members:
/// <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartBuild {
    /// The pipeline's project.
    pub project_name: String,
    /// `S3`
    pub source_type_override: String,
    /// `bucket/inputs/<name>.zip`
    pub source_location_override: String,
    /// What is run in there.
    pub buildspec_override: String,
    /// Where what it leaves goes.
    pub artifacts_override: StartBuildArtifacts,
    /// The project's, with a stream whose name tells the release, the component and the stage.
    pub logs_config_override: StartBuildLogs,
    /// Another image than the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_override: Option<String>,
    /// The processor of that image, where its name tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_type_override: Option<String>,
    /// Another size than the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_type_override: Option<String>,
    /// After which CodeBuild ends it, whatever it does.
    pub timeout_in_minutes_override: u64,
    /// After which it is not begun any more.
    pub queued_timeout_in_minutes_override: u64,
    /// The hand-over's name: asked again because an answer was lost, CodeBuild answers with the same build
    /// for 5 minutes, instead of beginning another one beside it.
    pub idempotency_token: String,
}

/// `LogsConfig` of CodeBuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartBuildLogs {
    /// In CloudWatch.
    pub cloud_watch_logs: StartBuildCloudWatchLogs,
}

/// `CloudWatchLogsConfig` of CodeBuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartBuildCloudWatchLogs {
    /// `ENABLED`
    pub status: String,
    /// The project's.
    pub group_name: String,
    /// What the stream's name begins with; CodeBuild puts `/` and the build's id behind it.
    pub stream_name: String,
}

/// `ProjectArtifacts` of CodeBuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartBuildArtifacts {
    /// `S3`
    #[serde(rename = "Type")]
    pub kind: String,
    /// The bucket.
    pub location: String,
    /// `outputs`
    pub path: String,
    /// Of the hand-over.
    pub name: String,
    /// `NONE`: the name of the build is no part of it.
    pub namespace_type: String,
    /// `NONE`: file by file.
    pub packaging: String,
    /// True: the bucket encrypts it, and not a key that the container's role would need.
    pub encryption_disabled: bool,
}

/// The input of Collect command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectRequest {
    /// What was to run.
    pub step: ContainerJob,
    /// Where what it left is.
    pub name: String,
    /// Of the hand-over.
    pub time: u64,
    /// What Step Functions says of a build that did not end by itself; empty if it did.
    #[serde(default)]
    pub failed: String,
}

/// The reply of Collect command: what the stage itself would have answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Collected {
    /// Of unit tests.
    UnitTests(UnitTestsReply),
    /// Of a build.
    Build(BuildReply),
    /// Of a suite.
    Suite(SuiteReply),
}
