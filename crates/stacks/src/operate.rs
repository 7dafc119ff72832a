//! Beginning to create, change and delete a stack. CloudFormation does the work.

use crate::Stacks;
use aws::{CallError, call_error};
use aws_sdk_cloudformation::types::{Capability, OnFailure, Parameter, Tag};
use std::collections::BTreeMap;

/// A stack as it should be.
#[derive(Debug, Clone)]
pub struct Apply<'a> {
    /// `<project>-<target>`
    pub name: &'a str,
    /// Where CloudFormation reads the template.
    pub template_url: &'a str,
    /// Whose permissions CloudFormation uses.
    pub role_arn: &'a str,
    /// `None`: as it is.
    pub parameters: &'a BTreeMap<String, Option<String>>,
    /// On the stack, and by CloudFormation on what it makes.
    pub tags: &'a BTreeMap<String, String>,
    /// The same token never begins twice.
    pub token: &'a str,
}

/// What became of beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// CloudFormation is at it, with the stack of this ARN.
    Begun(String),
    /// Nothing differs.
    Unchanged,
    /// Another operation was begun a moment before.
    Busy,
}

/// What makes an operation begin once, however often it is asked for: letters, digits and hyphens,
/// 128 at most
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>).
/// Names of executions have at most 80 characters, some of them others.
pub fn token(execution: &str, operation: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let execution: String = execution.chars().take(80).map(plain).collect();
    format!("c-{execution}-{operation}")
}

/// The template makes roles and takes its deletion policies from conditions, which the transform
/// `AWS::LanguageExtensions` allows.
fn capabilities() -> Vec<Capability> {
    vec![
        Capability::CapabilityNamedIam,
        Capability::CapabilityAutoExpand,
    ]
}

/// Somebody else makes it in this moment, or an earlier try has begun another operation with this token.
fn is_taken(error: &CallError) -> bool {
    error.is("AlreadyExistsException") || error.is("TokenAlreadyExistsException")
}

impl Stacks {
    /// Creates it. If that fails, CloudFormation deletes what it made, whatever becomes of us.
    pub async fn create(&self, apply: &Apply<'_>) -> Result<Applied, CallError> {
        let sent = self
            .client
            .create_stack()
            .stack_name(apply.name)
            .template_url(apply.template_url)
            .role_arn(apply.role_arn)
            .set_parameters(Some(parameters(apply.parameters)))
            .set_tags(Some(tags(apply.tags)))
            .set_capabilities(Some(capabilities()))
            .on_failure(OnFailure::Delete)
            .client_request_token(apply.token)
            .send()
            .await;
        match sent.map_err(|e| call_error("cloudformation:CreateStack", e)) {
            Ok(reply) => Ok(Applied::Begun(reply.stack_id.unwrap_or_default())),
            Err(error) if is_taken(&error) => Ok(Applied::Busy),
            Err(error) => Err(error),
        }
    }

    /// Updates it. If that fails, CloudFormation rolls back to what it was.
    pub async fn update(&self, apply: &Apply<'_>) -> Result<Applied, CallError> {
        let sent = self
            .client
            .update_stack()
            .stack_name(apply.name)
            .template_url(apply.template_url)
            .role_arn(apply.role_arn)
            .set_parameters(Some(parameters(apply.parameters)))
            .set_tags(Some(tags(apply.tags)))
            .set_capabilities(Some(capabilities()))
            .client_request_token(apply.token)
            .send()
            .await;
        match sent.map_err(|e| call_error("cloudformation:UpdateStack", e)) {
            Ok(reply) => Ok(Applied::Begun(reply.stack_id.unwrap_or_default())),
            Err(error) if error.message.contains("No updates are to be performed") => {
                Ok(Applied::Unchanged)
            }
            Err(error) if is_busy(&error) || is_taken(&error) => Ok(Applied::Busy),
            Err(error) => Err(error),
        }
    }

    /// Whether the stack refuses to be deleted.
    pub async fn protect(&self, name: &str, protected: bool) -> Result<(), CallError> {
        self.client
            .update_termination_protection()
            .stack_name(name)
            .enable_termination_protection(protected)
            .send()
            .await
            .map_err(|e| call_error("cloudformation:UpdateTerminationProtection", e))?;
        Ok(())
    }

    /// Begins to delete it. One that is gone is no error.
    pub async fn delete(&self, id: &str, role_arn: &str, token: &str) -> Result<(), CallError> {
        self.client
            .delete_stack()
            .stack_name(id)
            .role_arn(role_arn)
            .client_request_token(token)
            .send()
            .await
            .map_err(|e| call_error("cloudformation:DeleteStack", e))?;
        Ok(())
    }
}

/// `Stack:arn:... is in UPDATE_IN_PROGRESS state and can not be updated.`
fn is_busy(error: &CallError) -> bool {
    error.is("ValidationError") && error.message.contains("_IN_PROGRESS state")
}

fn parameters(values: &BTreeMap<String, Option<String>>) -> Vec<Parameter> {
    let one = |(key, value): (&String, &Option<String>)| {
        let parameter = Parameter::builder().parameter_key(key);
        match value {
            Some(value) => parameter.parameter_value(value).build(),
            None => parameter.use_previous_value(true).build(),
        }
    };
    values.iter().map(one).collect()
}

fn tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let one = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter().map(one).collect()
}
