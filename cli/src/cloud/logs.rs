//! S3 and CloudWatch Logs: what commands, suites, instances and functions said.

use super::Cloud;
use super::refusal::{refusal, too_much};
use crate::error::Failure;
use aws_sdk_cloudwatchlogs::operation::filter_log_events::builders::FilterLogEventsFluentBuilder;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use aws_sdk_s3::primitives::ByteStream;

/// A log in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `logs/<release>/<component>/<stage>.log`
    pub key: String,
    /// Its size.
    pub bytes: i64,
    /// When it was written, milliseconds since 1970.
    pub at: i64,
}

/// A line that a function wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Milliseconds since 1970.
    pub at: i64,
    /// As it was written.
    pub text: String,
}

/// A line that a command in a container printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerLine {
    /// CloudWatch's name for it.
    pub id: String,
    /// `stage-r42/api/build/<build>`
    pub stream: String,
    /// When it was printed.
    pub line: LogLine,
}

/// Pages of 1,000 objects, or of up to 10,000 lines, read before giving up.
const MAX_PAGES: usize = 200;

impl Cloud {
    /// `<project>-cutover-<account>-<region>`, both taken from the state machine's ARN.
    pub async fn bucket(&self) -> Result<String, Failure> {
        let machine = self.machine().await?;
        let parts: Vec<&str> = machine.split(':').collect();
        match parts.as_slice() {
            [_, _, _, region, account, ..] => {
                Ok(format!("{}-cutover-{account}-{region}", self.project))
            }
            _ => Err(Failure::Usage(format!(
                "`{machine}` is not the ARN of a state machine"
            ))),
        }
    }

    /// The logs under a prefix, or those behind one of them.
    pub async fn logs(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<Log>, Failure> {
        let mut logs = Vec::new();
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let request = self
                .objects
                .list_objects_v2()
                .bucket(bucket)
                .prefix(prefix)
                .set_start_after(after.map(str::to_owned))
                .set_continuation_token(token);
            let page = request
                .send()
                .await
                .map_err(|e| refusal(self, "s3:ListObjectsV2", e))?;
            logs.extend(page.contents.unwrap_or_default().into_iter().map(|object| {
                Log {
                    key: object.key.unwrap_or_default(),
                    bytes: object.size.unwrap_or_default(),
                    at: object
                        .last_modified
                        .and_then(|time| time.to_millis().ok())
                        .unwrap_or_default(),
                }
            }));
            token = page.next_continuation_token;
            if token.is_none() {
                return Ok(logs);
            }
        }
        Err(too_much("s3:ListObjectsV2"))
    }

    /// A log's bytes, as they arrive.
    pub async fn log(&self, bucket: &str, key: &str) -> Result<ByteStream, Failure> {
        let request = self.objects.get_object().bucket(bucket).key(key);
        Ok(request
            .send()
            .await
            .map_err(|e| refusal(self, "s3:GetObject", e))?
            .body)
    }

    /// What the containers of a release printed since a time, as far as it has arrived; nothing where the
    /// pipeline has none. `prefix` is what the streams' names begin with.
    pub async fn container_lines(
        &self,
        prefix: &str,
        since: i64,
    ) -> Result<Vec<ContainerLine>, Failure> {
        let group = format!("/aws/codebuild/{}-commands", self.project);
        let ask = self.functions.filter_log_events().log_group_name(group);
        let ask = ask.log_stream_name_prefix(prefix).start_time(since);
        let events = self.log_events(ask).await?;
        Ok(events.into_iter().map(container_line).collect())
    }

    /// What a stage's function wrote of an execution; nothing where it has not run yet.
    pub async fn function_log(
        &self,
        stage: &str,
        execution: &str,
        since: i64,
    ) -> Result<Vec<LogLine>, Failure> {
        let group = format!("/aws/lambda/{}-{stage}", self.project);
        let ask = self.functions.filter_log_events().log_group_name(group);
        let ask = ask.filter_pattern(format!("\"{execution}\""));
        let events = self.log_events(ask.start_time(since)).await?;
        Ok(events.into_iter().map(line).collect())
    }

    /// All pages; nothing where there is no such group.
    async fn log_events(
        &self,
        ask: FilterLogEventsFluentBuilder,
    ) -> Result<Vec<FilteredLogEvent>, Failure> {
        let (mut events, mut token) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let page = match ask.clone().set_next_token(token).send().await {
                Ok(page) => page,
                Err(e)
                    if e.as_service_error()
                        .is_some_and(|e| e.is_resource_not_found_exception()) =>
                {
                    return Ok(events);
                }
                Err(e) => return Err(refusal(self, "logs:FilterLogEvents", e)),
            };
            events.extend(page.events.unwrap_or_default());
            token = page.next_token;
            if token.is_none() {
                return Ok(events);
            }
        }
        Err(too_much("logs:FilterLogEvents"))
    }
}

fn container_line(event: FilteredLogEvent) -> ContainerLine {
    ContainerLine {
        id: event.event_id.clone().unwrap_or_default(),
        stream: event.log_stream_name.clone().unwrap_or_default(),
        line: line(event),
    }
}

fn line(event: FilteredLogEvent) -> LogLine {
    LogLine {
        at: event.timestamp.unwrap_or_default(),
        text: event.message.unwrap_or_default(),
    }
}
