//! What became of a call to AWS, in three kinds that a stage treats differently.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// How a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// Throttled, timed out, or the service failed: the state machine tries again.
    Unavailable,
    /// The role lacks a permission: trying again would hide it.
    Denied,
    /// The service says no.
    Refused,
}

/// A failed call, with the service's own words.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}: {code}: {message}")]
pub struct CallError {
    /// E.g. `route53:ChangeResourceRecordSets`.
    pub operation: &'static str,
    /// How it failed.
    pub kind: CallKind,
    /// The service's error code, e.g. `InvalidChangeBatch`.
    pub code: String,
    /// The service's message.
    pub message: String,
}

impl CallError {
    /// The error's name in the state machine.
    pub fn name(&self) -> &'static str {
        match self.kind {
            CallKind::Unavailable => "Unavailable",
            CallKind::Denied => "AccessDenied",
            CallKind::Refused => "CallRefused",
        }
    }

    /// Whether the service answered with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }
}

/// Sorts an SDK error; the SDK has already retried what its own policy retries.
pub fn call_error<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let metadata = error.as_service_error().map(ProvideErrorMetadata::meta);
    let code = metadata
        .and_then(|meta| meta.code())
        .unwrap_or_default()
        .to_owned();
    let message = metadata.and_then(|meta| meta.message()).map(str::to_owned);
    let status = error.raw_response().map(|raw| raw.status().as_u16());
    let kind = match (code.as_str(), status) {
        (code, _) if DENIED.contains(&code) => CallKind::Denied,
        (code, _) if TRANSIENT.contains(&code) => CallKind::Unavailable,
        ("", Some(403)) => CallKind::Denied,
        ("", None | Some(429 | 500..)) => CallKind::Unavailable,
        _ => CallKind::Refused,
    };
    let message = message.unwrap_or_else(|| match error.raw_response() {
        Some(raw) => excerpt(&String::from_utf8_lossy(
            raw.body().bytes().unwrap_or_default(),
        )),
        None => DisplayErrorContext(&error).to_string(),
    });
    let code = match (code.is_empty(), status) {
        (false, _) => code,
        (true, Some(status)) => format!("HTTP {status}"),
        (true, None) => "no answer".into(),
    };
    CallError {
        operation,
        kind,
        code,
        message,
    }
}

/// An answer that is not in the service's form, short enough for a sentence.
fn excerpt(body: &str) -> String {
    body.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(300)
        .collect()
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>; EC2 and S3
/// have names of their own.
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "InvalidClientTokenId",
    "ExpiredToken",
];

/// Codes that pass by themselves: throttling and failures of the service
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>), and Route 53's
/// `PriorRequestNotComplete`.
const TRANSIENT: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "TransactionConflictException",
    "RequestTimeout",
    "RequestTimeoutException",
    "PriorRequestNotComplete",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "InsufficientInstanceCapacity",
];
