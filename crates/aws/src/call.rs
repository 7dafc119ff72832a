//! What became of a call to AWS, in three kinds that a stage treats differently.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use pipeline::errors::{ErrorName, Fault, Named, chain};

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

/// In place of a code, where nothing came back.
const NO_ANSWER: &str = "no answer";

/// A failed call, with the service's own words.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}: {code}: {message}")]
pub struct CallError {
    /// E.g. `route53:ChangeResourceRecordSets`.
    pub operation: &'static str,
    /// How it failed.
    pub kind: CallKind,
    /// The service's error code, e.g. `InvalidChangeBatch`; `HTTP 502` where it has none.
    pub code: String,
    /// The service's message.
    pub message: String,
}

impl CallError {
    /// Whether anything came back: without credentials or a network nothing does.
    pub fn is_answered(&self) -> bool {
        self.code != NO_ANSWER
    }

    /// Whether the service answered with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }
}

impl Named for CallError {
    fn name(&self) -> ErrorName {
        match self.kind {
            CallKind::Unavailable => ErrorName::Unavailable,
            CallKind::Denied => ErrorName::AccessDenied,
            CallKind::Refused => ErrorName::CallRefused,
        }
    }
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        Fault::new(error.name(), error.to_string())
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
    let kind = kind(&code, status);
    let message = message.unwrap_or_else(|| match error.raw_response() {
        Some(raw) => excerpt(&String::from_utf8_lossy(
            raw.body().bytes().unwrap_or_default(),
        )),
        None => chain(&error),
    });
    let code = match (code.is_empty(), status) {
        (false, _) => code,
        (true, Some(status)) => format!("HTTP {status}"),
        (true, None) => NO_ANSWER.into(),
    };
    CallError {
        operation,
        kind,
        code,
        message,
    }
}

/// Sorts an answer by its error code and HTTP status, as far as it has them.
fn kind(code: &str, status: Option<u16>) -> CallKind {
    match (code, status) {
        (code, _) if DENIED.contains(&code) => CallKind::Denied,
        (code, _) if TRANSIENT.contains(&code) => CallKind::Unavailable,
        ("", Some(403)) => CallKind::Denied,
        ("", None) => CallKind::Unavailable,
        // What the service will never do, in this or any other minute.
        (_, Some(501 | 505)) => CallKind::Refused,
        // Nobody can list all the words for "it is our fault": the status says it.
        (_, Some(429 | 500..)) => CallKind::Unavailable,
        _ => CallKind::Refused,
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
/// have names of their own, and so have the services whose answers are JSON.
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
];

/// Codes that pass by themselves, with whatever status: throttling and failures of the service
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>; the list in
/// botocore's `retries/standard.py`, but for `LimitExceededException`, which is a quota where we
/// call), Route 53's `PriorRequestNotComplete`, and EC2's lack of what it lends
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).
const TRANSIENT: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "EC2ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "TransactionConflictException",
    "ReplicatedWriteConflictException",
    "RequestTimeout",
    "RequestTimeoutException",
    "PriorRequestNotComplete",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "InternalServiceException",
    "Unavailable",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "InsufficientCapacity",
    "InsufficientInstanceCapacity",
    "InsufficientAddressCapacity",
    "InsufficientVolumeCapacity",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind_of: CallKind, answers: &[(&str, u16)]) {
        for (code, status) in answers {
            assert_eq!(kind(code, Some(*status)), kind_of, "{code} {status}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_tried_again() {
        let answers = [
            ("RequestLimitExceeded", 503),
            ("EC2ThrottledException", 400),
            ("RequestThrottled", 400),
            ("Unavailable", 503),
            ("InternalServiceException", 500),
            ("PriorRequestNotComplete", 400),
            ("InsufficientInstanceCapacity", 500),
            ("", 502),
        ];
        check(CallKind::Unavailable, &answers);
        assert_eq!(kind("", None), CallKind::Unavailable);
    }

    #[test]
    fn a_failure_of_the_service_is_told_by_its_status_whatever_it_is_called() {
        let answers = [("SomethingNew", 500), ("AnotherOne", 503), ("Later", 429)];
        check(CallKind::Unavailable, &answers);
    }

    #[test]
    fn a_refusal_is_not_tried_again() {
        let answers = [
            ("InvalidParameterValue", 400),
            ("LimitExceededException", 400),
            ("VpcLimitExceeded", 400),
            ("ConditionalCheckFailedException", 400),
            ("NotImplemented", 501),
            ("", 404),
        ];
        check(CallKind::Refused, &answers);
    }

    #[test]
    fn a_missing_permission_is_told_from_a_refusal() {
        let answers = [
            ("UnauthorizedOperation", 403),
            ("AccessDeniedException", 400),
            ("ExpiredTokenException", 400),
            ("", 403),
        ];
        check(CallKind::Denied, &answers);
    }
}
