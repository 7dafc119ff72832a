//! A failed call, in words: an SDK error's own text is only "service error".

use super::Cloud;
use crate::error::Failure;
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;

/// The code, the message and what to do about it.
pub fn refusal<E, R>(cloud: &Cloud, operation: &str, error: SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let answer = error.as_service_error().map(|e| {
        (
            e.code().unwrap_or("error").to_owned(),
            e.message().map(str::to_owned),
        )
    });
    match answer {
        Some((code, message)) => {
            let message = message.unwrap_or_else(|| chain(&error));
            answered(cloud, operation, &code, &message)
        }
        None => unanswered(cloud, operation, &chain(&error)),
    }
}

/// An error with its sources, each once: `DisplayErrorContext` adds their Debug form.
fn chain(error: &dyn Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(inner) = source {
        let part = inner.to_string();
        if !parts.iter().any(|known| known.contains(&part)) {
            parts.push(part);
        }
        source = inner.source();
    }
    parts.join(": ")
}

fn answered(cloud: &Cloud, operation: &str, code: &str, message: &str) -> Failure {
    let what = format!("{operation}: {code}: {message}");
    match code {
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
                    "your credentials lack the permission {operation} on project `{}`",
                    cloud.project
                ),
            }
        }
        _ => Failure::Cloud {
            what,
            next: "nothing was changed by this call; try again".into(),
        },
    }
}

fn unanswered(cloud: &Cloud, operation: &str, chain: &str) -> Failure {
    let chain = chain.trim();
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
