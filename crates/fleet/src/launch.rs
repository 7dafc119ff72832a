//! Launching and ending instances.

use crate::{Fleet, Seen, Tagged, seen};
use aws::{CallError, CallKind, call_error};
use aws_config::SdkConfig;
use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_sdk_ec2::types::{LaunchTemplateSpecification, ResourceType, Tag, TagSpecification};
use std::time::Duration;

/// What to launch.
#[derive(Debug, Clone)]
pub struct Launch<'a> {
    /// Of whose launch template, and what its instances and volumes say of themselves.
    pub of: Tagged<'a>,
    /// One of the target's.
    pub subnet_id: &'a str,
    /// How many in this subnet.
    pub count: i32,
    /// The same token never launches twice (64 ASCII characters at most):
    /// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>.
    pub token: String,
    /// Who tries again.
    pub tries: Tries,
}

/// Who tries again what may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tries {
    /// The client, and a version that EC2 does not know yet is waited for.
    Here,
    /// The caller, with its next look: one call within [`ONE_CALL`].
    ByCaller,
}

/// Pauses between tries, twice as long each time: 0.5, 1, 2 and 4 s.
const PAUSES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 500 });
/// The same before what was launched a moment ago is ended again: 0.5, 1, 2, 4 and 8 s. So long EC2 may not know it in
/// every place (<https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>).
const PAUSES_OF_FRESH: u32 = 5;
/// The longest that a launch takes that its caller tries again. RunInstances answers in seconds.
pub const ONE_CALL: Duration = Duration::from_secs(20);
/// Ids in one call:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html>.
const IDS: usize = 1000;

/// EC2 does not know a version in every place at once when it was made a moment ago
/// (<https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>).
fn is_not_known_yet(error: &CallError) -> bool {
    error.is("InvalidLaunchTemplateId.VersionNotFound")
}

/// What a caller has launched from before is long known: a version that is not found was deleted.
fn may_pass(error: &CallError, tries: Tries) -> bool {
    let is_made = tries == Tries::Here && is_not_known_yet(error);
    is_made || error.is("IdempotentParameterMismatch")
}

/// EC2 does not show the instance, or no longer.
fn is_unknown(error: &CallError) -> bool {
    error.is("InvalidInstanceID.NotFound")
}

/// Nobody knows whether they run.
fn may_run_on(ids: &[String]) -> CallError {
    CallError {
        operation: "ec2:TerminateInstances",
        kind: CallKind::Unavailable,
        code: "InvalidInstanceID.NotFound".into(),
        message: format!(
            "{} may run on: launched a moment ago, and EC2 does not know it yet",
            ids.join(", ")
        ),
    }
}

/// Whether one instance may be the reason that all of its call, or all of its zone, run on. What EC2 does not know has
/// no tags, so a role that may end what has a tag is refused (<https://github.com/aws/karpenter-provider-aws/issues/2100>);
/// and one that somebody has protected keeps the others of its zone
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html>).
fn may_be_of_one(error: &CallError) -> bool {
    let of_one = ["UnauthorizedOperation", "OperationNotPermitted"];
    is_unknown(error) || of_one.iter().any(|code| error.is(code))
}

/// A client that calls once. The SDK tries a lack of machines again, as it does all that is answered with 5xx, for some
/// seconds each time.
pub(crate) fn calls_once(config: &SdkConfig) -> aws_sdk_ec2::Client {
    let timeouts = config.timeout_config().cloned();
    let timeouts = timeouts
        .unwrap_or_else(TimeoutConfig::disabled)
        .to_builder();
    let config = aws_sdk_ec2::config::Builder::from(config)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.operation_timeout(ONE_CALL).build());
    aws_sdk_ec2::Client::from_conf(config.build())
}

/// What became of a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launched {
    /// These are there, or coming.
    Up(Vec<Seen>),
    /// An earlier try launched them with the same token, and they have ended. Only another token
    /// launches others.
    EndedAlready,
}

impl Fleet {
    /// Launches instances; the same token again answers the same instances.
    pub async fn launch(&self, launch: &Launch<'_>) -> Result<Launched, CallError> {
        let mut tries = 0;
        let most = match launch.tries {
            Tries::Here => PAUSES,
            Tries::ByCaller => 0,
        };
        loop {
            match self.try_launch(launch).await {
                Err(error) if is_not_known_yet(&error) && tries < most => {
                    tokio::time::sleep(PAUSE * (1 << tries)).await;
                    tries += 1;
                }
                Err(error) if error.is("IdempotentInstanceTerminated") => {
                    return Ok(Launched::EndedAlready);
                }
                // An earlier try did launch, with another version, and EC2 does not list its
                // instances yet: whoever looks again later finds them.
                Err(error) if may_pass(&error, launch.tries) => {
                    return Err(CallError {
                        kind: CallKind::Unavailable,
                        ..error
                    });
                }
                sent => return sent.map(Launched::Up),
            }
        }
    }

    async fn try_launch(&self, launch: &Launch<'_>) -> Result<Vec<Seen>, CallError> {
        let tags = launch.of.tags().into_iter();
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags: Vec<Tag> = tags.collect();
        let tagged = |kind: ResourceType| {
            let specification = TagSpecification::builder().resource_type(kind);
            specification.set_tags(Some(tags.clone())).build()
        };
        let template = LaunchTemplateSpecification::builder()
            .launch_template_id(&launch.of.release.launch_template_id)
            .version(launch.of.version);
        let client = match launch.tries {
            Tries::Here => &self.client,
            Tries::ByCaller => &self.once,
        };
        let reply = client
            .run_instances()
            .launch_template(template.build())
            .subnet_id(launch.subnet_id)
            .min_count(launch.count)
            .max_count(launch.count)
            .client_token(&launch.token)
            .tag_specifications(tagged(ResourceType::Instance))
            .tag_specifications(tagged(ResourceType::Volume))
            .send()
            .await
            .map_err(|e| call_error("ec2:RunInstances", e))?;
        Ok(reply.instances().iter().map(seen).collect())
    }

    /// Ends instances; ending one twice is no error, nor is one that EC2 does not show any more. Where one cannot be
    /// ended, all others are, and it is the error.
    pub async fn terminate(&self, ids: &[String]) -> Result<(), CallError> {
        self.end(ids, &mut Vec::new()).await
    }

    /// Ends what may have been launched a moment ago. EC2 shows what has ended for about an hour, so an instance that it
    /// does not know is not gone: it is asked to end it again, and what stays unknown may run on, which is an error
    /// that passes.
    pub async fn terminate_fresh(&self, ids: &[String]) -> Result<(), CallError> {
        let (mut left, mut first) = (ids.to_vec(), None);
        for tries in 0..=PAUSES_OF_FRESH {
            let mut unknown = Vec::new();
            if let Err(error) = self.end(&left, &mut unknown).await {
                first.get_or_insert(error);
            }
            if unknown.is_empty() {
                return first.map_or(Ok(()), Err);
            }
            left = unknown;
            if tries < PAUSES_OF_FRESH {
                tokio::time::sleep(PAUSE * (1 << tries)).await;
            }
        }
        Err(may_run_on(&left))
    }

    /// What EC2 does not know is `unknown`.
    async fn end(&self, ids: &[String], unknown: &mut Vec<String>) -> Result<(), CallError> {
        for ids in ids.chunks(IDS) {
            match self.terminate_together(ids).await {
                Err(error) if may_be_of_one(&error) => self.terminate_each(ids, unknown).await?,
                sent => sent?,
            }
        }
        Ok(())
    }

    async fn terminate_each(
        &self,
        ids: &[String],
        unknown: &mut Vec<String>,
    ) -> Result<(), CallError> {
        let mut first = None;
        let listed = self.by_id(ids).await?;
        // One after the other: only where one of them keeps all others.
        for id in ids {
            let seen = listed.iter().find(|one| one.id == *id);
            if seen.is_some_and(|one| !one.can_end()) {
                continue;
            }
            match self.terminate_together(std::slice::from_ref(id)).await {
                Err(error) if is_unknown(&error) => {
                    tracing::info!(id, "is not known");
                    unknown.push(id.clone());
                }
                // To who may end only what has a tag, EC2 says this of what it does not know. What was launched a
                // moment ago may be there and not be listed.
                Err(error) if may_be_of_one(&error) && seen.is_none() => {
                    tracing::info!(id, %error, "is not listed");
                    unknown.push(id.clone());
                }
                Err(error) if may_be_of_one(&error) => {
                    tracing::info!(id, %error, "cannot be ended");
                    first.get_or_insert(error);
                }
                sent => sent?,
            }
        }
        first.map_or(Ok(()), Err)
    }

    async fn terminate_together(&self, ids: &[String]) -> Result<(), CallError> {
        let sent = self
            .client
            .terminate_instances()
            .set_instance_ids(Some(ids.to_vec()))
            .send()
            .await;
        sent.map(drop)
            .map_err(|e| call_error("ec2:TerminateInstances", e))
    }
}
