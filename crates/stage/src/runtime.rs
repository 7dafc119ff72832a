//! One loop for all stages: parse, log, run, name the error.

use crate::CallError;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use pipeline::reason::Reason;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::error::Error as StdError;
use std::pin::Pin;
use tracing::Instrument;
use tracing_subscriber::EnvFilter;

/// An error whose name the state machine can catch.
pub trait Named: StdError {
    /// The `errorType`, which is API: `Retry` and `Catch` match on it.
    fn name(&self) -> &'static str;
}

/// An error that already has its name and its sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    name: &'static str,
    message: String,
}

impl Fault {
    /// A named error.
    pub fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
        }
    }
}

impl Named for Fault {
    fn name(&self) -> &'static str {
        self.name
    }
}

impl Named for CallError {
    fn name(&self) -> &'static str {
        CallError::name(self)
    }
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        Self {
            name: error.name(),
            message: error.to_string(),
        }
    }
}

/// Serves invocations until Lambda ends the process.
pub async fn run<I, O, E, F>(handler: F) -> Result<(), lambda_runtime::Error>
where
    I: DeserializeOwned,
    O: Serialize,
    E: Named,
    F: AsyncFn(I) -> Result<O, E>,
{
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(
            EnvFilter::try_from_env("RUST_LOG").unwrap_or_else(|_| EnvFilter::new("info")),
        )
        .with_target(false)
        .without_time()
        .init();
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let span = span_of(&event);
        serve(handler, event.payload).instrument(span).await
    }))
    .await
}

async fn serve<I, O, E, F>(handler: &F, payload: Value) -> Result<O, Diagnostic>
where
    I: DeserializeOwned,
    E: Named,
    F: AsyncFn(I) -> Result<O, E>,
{
    let input = serde_json::from_value(payload).map_err(|error| Diagnostic {
        error_type: "InputInvalid".into(),
        error_message: Reason::new(&format!("the stage cannot read its input: {error}"))
            .to_string(),
    })?;
    tracing::info!("begins");
    // Boxed, because the runtime, the SDK and a stage nested in one type are more than the compiler
    // takes.
    let stage: Pin<Box<dyn Future<Output = Result<O, E>> + '_>> = Box::pin(handler(input));
    match stage.await {
        Ok(reply) => {
            tracing::info!("done");
            Ok(reply)
        }
        Err(error) => {
            let diagnostic = Diagnostic {
                error_type: error.name().into(),
                error_message: Reason::new(&chain(&error)).to_string(),
            };
            tracing::error!(name = diagnostic.error_type, "{}", diagnostic.error_message);
            Err(diagnostic)
        }
    }
}

/// An error and its sources in one sentence.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let part = inner.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        source = inner.source();
    }
    text
}

fn span_of(event: &LambdaEvent<Value>) -> tracing::Span {
    let text = |pointer: &str| {
        event
            .payload
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let ticket = event
        .payload
        .pointer("/release/ticket")
        .and_then(Value::as_u64);
    tracing::info_span!(
        "stage",
        execution = text("/release/execution") + &text("/execution"),
        target = text("/release/target"),
        ticket,
        component = text("/item/component"),
        commit = text("/item/commit"),
        request = event.context.request_id,
    )
}

/// Runs blocking work (git, compression, a user's command) beside the async loop.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
