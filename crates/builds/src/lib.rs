//! Builds of CodeBuild that have not ended: containers of users' commands.
#![warn(missing_docs)]

use aws::{CallError, call_error};
use aws_sdk_codebuild::Client;
use aws_sdk_codebuild::primitives::DateTime;
use aws_sdk_codebuild::types::{Build, SortOrderType, StatusType};
use pipeline::sweep::OpenBuild;
use std::time::SystemTime;

/// Pages of a project's builds that are read at the most, the newest first. A page has up to 100
/// (<https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ListBuildsForProject.html>), and as many may be asked
/// for at once (<https://docs.aws.amazon.com/codebuild/latest/APIReference/API_BatchGetBuilds.html>).
const PAGES: usize = 5;

/// Seconds after which no build of ours can run: as long as the state machine waits for one (`StartBuild` in
/// `statemachine/rules.yaml`), and an hour. A page with one that old ends the reading.
const LONGEST: i64 = 31_800 + 3_600;

/// CodeBuild.
#[derive(Debug, Clone)]
pub struct Builds {
    client: Client,
    projects: Vec<String>,
}

impl Builds {
    /// Of these projects.
    pub fn new(config: &aws_config::SdkConfig, projects: Vec<String>) -> Self {
        Self {
            client: Client::new(config),
            projects,
        }
    }

    /// Those that run or wait in the queue.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn open(&self) -> Result<Vec<OpenBuild>, CallError> {
        let mut open = Vec::new();
        // One after the other: there are two at most.
        for project in &self.projects {
            let mut token = None;
            for _ in 0..PAGES {
                let (builds, next) = self.page(project, token).await?;
                let is_old = builds.iter().any(is_old);
                let runs = |one: &Build| one.build_status == Some(StatusType::InProgress);
                open.extend(builds.into_iter().filter(runs).filter_map(read));
                token = next;
                if is_old || token.is_none() {
                    break;
                }
            }
        }
        Ok(open)
    }

    async fn page(
        &self,
        project: &str,
        token: Option<String>,
    ) -> Result<(Vec<Build>, Option<String>), CallError> {
        let page = self
            .client
            .list_builds_for_project()
            .project_name(project)
            .sort_order(SortOrderType::Descending)
            .set_next_token(token);
        let page = page.send().await;
        let page = page.map_err(|e| call_error("codebuild:ListBuildsForProject", e))?;
        let ids = page.ids.unwrap_or_default();
        if ids.is_empty() {
            return Ok((Vec::new(), None));
        }
        let asked = self.client.batch_get_builds().set_ids(Some(ids));
        let found = asked.send().await;
        let found = found.map_err(|e| call_error("codebuild:BatchGetBuilds", e))?;
        Ok((found.builds.unwrap_or_default(), page.next_token))
    }

    /// Ends it. One that has ended by itself is left as it is.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn stop(&self, id: &str) -> Result<(), CallError> {
        let stopped = self.client.stop_build().id(id).send().await;
        match stopped.map_err(|e| call_error("codebuild:StopBuild", e)) {
            Err(error) if !error.is("ResourceNotFoundException") => Err(error),
            _ => Ok(()),
        }
    }
}

fn is_old(build: &Build) -> bool {
    let age = build.start_time.map(|at| now() - at.secs());
    age.is_some_and(|age| age > LONGEST)
}

fn now() -> i64 {
    DateTime::from(SystemTime::now()).secs()
}

/// What its log is called tells whose it is: the request says so, and no build can change that.
fn read(build: Build) -> Option<OpenBuild> {
    let logs = build.logs;
    let stream = logs.and_then(|logs| logs.cloud_watch_logs?.stream_name);
    Some(OpenBuild {
        id: build.id?,
        of: stream.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
