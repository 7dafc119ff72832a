//! CloudFormation: the stack of a target; and what AWS has tagged as a target's.
#![warn(missing_docs)]

mod operate;
mod tagged;

use aws::{CallError, call_error};
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::StackEvent;
use pipeline::target_stack::{Event, Stack};
use std::collections::BTreeMap;

pub use operate::{Applied, Apply, token};
pub use tagged::Tagged;

/// CloudFormation.
#[derive(Debug, Clone)]
pub struct Stacks {
    client: Client,
}

impl Stacks {
    /// A client on this configuration.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// A stack by its name, or by its ARN, which finds a deleted one too.
    pub async fn find(&self, name: &str) -> Result<Option<Stack>, CallError> {
        let sent = self.client.describe_stacks().stack_name(name).send().await;
        match sent.map_err(|e| call_error("cloudformation:DescribeStacks", e)) {
            Ok(reply) => Ok(reply.stacks().first().map(stack)),
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What happened to a stack in one operation, the oldest first.
    pub async fn events(&self, stack_id: &str, token: &str) -> Result<Vec<Event>, CallError> {
        let mut pages = self
            .client
            .describe_stack_events()
            .stack_name(stack_id)
            .into_paginator()
            .send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| call_error("cloudformation:DescribeStackEvents", e))?;
            let before = events.len();
            events.extend(
                page.stack_events()
                    .iter()
                    .filter(|one| is_of(one, token))
                    .map(event),
            );
            // The newest come first: what follows ours is of earlier operations.
            if before > 0 && events.len() == before {
                break;
            }
        }
        events.reverse();
        Ok(events)
    }

    /// What a stack consists of: `AWS::EC2::VPC vpc-1`.
    pub async fn resources(&self, name: &str) -> Result<Vec<String>, CallError> {
        let mut pages = self
            .client
            .list_stack_resources()
            .stack_name(name)
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| call_error("cloudformation:ListStackResources", e))?;
            found.extend(page.stack_resource_summaries().iter().map(|one| {
                let kind = one.resource_type().unwrap_or_default();
                format!("{kind} {}", one.physical_resource_id().unwrap_or_default())
            }));
        }
        Ok(found)
    }
}

/// There is no error code of its own for it: the message says `Stack with id ... does not exist`
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>).
fn is_unknown(error: &CallError) -> bool {
    error.is("ValidationError") && error.message.contains("does not exist")
}

fn is_of(event: &StackEvent, token: &str) -> bool {
    event.client_request_token() == Some(token)
}

fn event(event: &StackEvent) -> Event {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Event {
        resource: text(event.logical_resource_id()),
        kind: text(event.resource_type()),
        status: text(event.resource_status().map(|status| status.as_str())),
        reason: text(event.resource_status_reason()),
    }
}

fn stack(stack: &aws_sdk_cloudformation::types::Stack) -> Stack {
    let pair = |key: Option<&str>, value: Option<&str>| {
        (
            key.unwrap_or_default().to_owned(),
            value.unwrap_or_default().to_owned(),
        )
    };
    let parameters = stack.parameters().iter();
    let (tags, outputs) = (stack.tags().iter(), stack.outputs().iter());
    Stack {
        id: stack.stack_id().unwrap_or_default().to_owned(),
        status: stack
            .stack_status()
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        reason: stack.stack_status_reason().unwrap_or_default().to_owned(),
        parameters: parameters
            .map(|one| pair(one.parameter_key(), one.parameter_value()))
            .collect::<BTreeMap<_, _>>(),
        tags: tags.map(|one| pair(one.key(), one.value())).collect(),
        outputs: outputs
            .map(|one| pair(one.output_key(), one.output_value()))
            .collect(),
        is_protected: stack.enable_termination_protection().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
