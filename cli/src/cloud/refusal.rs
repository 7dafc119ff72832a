//! A failed call, in words: an SDK error's own text is only "service error".

use super::Cloud;
use crate::error::Failure;
use aws::{CallError, call_error};
use aws_sdk_sfn::config::http::HttpResponse;
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};

/// The code, the message and what to do about it.
pub fn refusal<E>(
    cloud: &Cloud,
    operation: &'static str,
    error: SdkError<E, HttpResponse>,
) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    refused(cloud, &call_error(operation, error))
}

/// The same of a call that another crate made.
pub fn refused(cloud: &Cloud, error: &CallError) -> Failure {
    match error.is_answered() {
        true => answered(cloud, error),
        false => unanswered(cloud, error),
    }
}

fn answered(cloud: &Cloud, error: &CallError) -> Failure {
    let what = error.to_string();
    match error.code.as_str() {
        "ExecutionDoesNotExist" | "InvalidArn" | "InvalidExecutionInput" => Failure::Usage(what),
        "ResourceNotFoundException" | "StateMachineDoesNotExist" | "NoSuchBucket" => {
            Failure::Cloud {
                what,
                next: not_set_up(cloud),
            }
        }
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch" => Failure::Cloud {
            what,
            next: credentials(),
        },
        // EC2 has a word of its own for it.
        code if code.starts_with("AccessDenied") || code == "UnauthorizedOperation" => {
            Failure::Cloud {
                what,
                next: format!(
                    "your credentials lack the permission {} on project `{}`",
                    error.operation, cloud.project
                ),
            }
        }
        _ => Failure::Cloud {
            what,
            next: "nothing was changed by this call; try again".into(),
        },
    }
}

fn unanswered(cloud: &Cloud, error: &CallError) -> Failure {
    let (operation, chain) = (error.operation, error.message.trim());
    if chain.to_lowercase().contains("credential") {
        return Failure::Cloud {
            what: format!(
                "{operation}: no usable credentials ({})",
                crate::text::cut(chain, 160)
            ),
            next: credentials(),
        };
    }
    let next = match cloud.has_endpoint {
        true => "is the local cloud up? `make up` starts it, `. .local/env` tells where it is",
        false => "is the network up, and is AWS_REGION right?",
    };
    Failure::Cloud {
        what: format!("{operation}: no answer: {}", crate::text::cut(chain, 300)),
        next: next.into(),
    }
}

/// A resource of the project is not there.
pub fn not_set_up(cloud: &Cloud) -> String {
    format!(
        "is `{}` the project's name (--project, CUTOVER_PROJECT), and is it set up in this region? `make up` or `make deploy` does it",
        cloud.project
    )
}

fn credentials() -> String {
    "for the local cloud: `. .local/env`; for AWS: `aws sso login`, AWS_PROFILE or the AWS_* variables".into()
}

/// An answer that does not end is not shown as if it were whole.
pub fn too_much(operation: &str) -> Failure {
    Failure::Cloud {
        what: format!("{operation}: the answer does not end"),
        next: "name a component, a stage or a target to ask for less".into(),
    }
}
