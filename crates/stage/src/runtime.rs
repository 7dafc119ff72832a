//! One loop for all stages: parse, log, run, name the error.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use pipeline::errors::{ErrorName, Named, chain};
use pipeline::reason::Reason;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::pin::Pin;
use tracing::Instrument;
use tracing_subscriber::EnvFilter;

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
        error_type: ErrorName::InputInvalid.into(),
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
