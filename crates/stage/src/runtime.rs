//! One loop for all stages: parse, log, run, name the error.

use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::{ServiceExt, layer::layer_fn};
use lambda_runtime::{Diagnostic, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use pipeline::bounds::STATE;
use pipeline::errors::{ErrorName, Named, chain};
use pipeline::reason::Reason;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::Poll;
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
    run_until(|| false, handler).await
}

/// Serves invocations until one has been answered after which `ends` says that the process may not
/// serve another: it asks for no more, so nobody's event is lost. Lambda replaces it.
pub async fn run_until<I, O, E, F>(
    ends: impl Fn() -> bool,
    handler: F,
) -> Result<(), lambda_runtime::Error>
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
    let service = service_fn(move |event: LambdaEvent<Value>| async move {
        let span = span_of(&event);
        serve(handler, event.payload).instrument(span).await
    });
    // This layer is outside of the one that sends the answer.
    let answered = layer_fn(|inner| {
        ServiceExt::<LambdaInvocation>::and_then(inner, async |()| match ends() {
            true => Err(Box::from("this process may not serve another invocation")),
            false => Ok(()),
        })
    });
    Runtime::new(service)
        .layer(TracingLayer::new())
        .layer(answered)
        .run()
        .await
}

/// Everything that a function says passes here: nothing that a user's command can make longer gets into
/// a state at more than its length.
async fn serve<I, O, E, F>(handler: &F, payload: Value) -> Result<O, Diagnostic>
where
    I: DeserializeOwned,
    O: Serialize,
    E: Named,
    F: AsyncFn(I) -> Result<O, E>,
{
    let input = serde_json::from_value(payload).map_err(|error| {
        let said = format!("the stage cannot read its input: {error}");
        diagnostic(ErrorName::InputInvalid, &said)
    })?;
    tracing::info!("begins");
    // Boxed, because the runtime, the SDK and a stage nested in one type are more than the compiler
    // takes.
    let stage: Pin<Box<dyn Future<Output = Result<O, E>> + '_>> = Box::pin(handler(input));
    let answered = match short_panics(stage).await {
        Ok(reply) => answer(reply),
        Err(error) => Err(diagnostic(error.name(), &chain(&error))),
    };
    match &answered {
        Ok(_) => tracing::info!("done"),
        Err(error) => tracing::error!(name = error.error_type, "{}", error.error_message),
    }
    answered
}

/// The only place where an error gets its message.
fn diagnostic(name: ErrorName, message: &str) -> Diagnostic {
    Diagnostic {
        error_type: name.into(),
        error_message: Reason::new(message).to_string(),
    }
}

/// An answer that a state takes. Step Functions ends an execution on a larger one, and nothing would be
/// cleaned up.
fn answer<O: Serialize>(reply: O) -> Result<O, Diagnostic> {
    let size = match serde_json::to_string(&reply) {
        Ok(text) if text.len() <= STATE => return Ok(reply),
        Ok(text) => format!("has {} bytes, and a state takes {STATE}", text.len()),
        Err(error) => format!("cannot be written: {error}"),
    };
    let said = format!("the stage's answer {size}");
    Err(diagnostic(ErrorName::ReleaseTooLarge, &said))
}

/// The runtime tells a panic as it is, so it is cut here.
async fn short_panics<T>(mut stage: Pin<Box<dyn Future<Output = T> + '_>>) -> T {
    let polled = poll_fn(|context| {
        let poll = AssertUnwindSafe(|| stage.as_mut().poll(context));
        match catch_unwind(poll) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    });
    polled.await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("for a reason that is no text");
        resume_unwind(Box::new(Reason::new(text).to_string()))
    })
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

#[cfg(test)]
#[path = "runtime_tests.rs"]
mod tests;
