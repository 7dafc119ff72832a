//! The events of an execution, reduced to what is shown of them.

use crate::error::Exit;
use serde_json::Value;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// From 1, in order.
    pub id: i64,
    /// What led to it; 0 where the history does not say (the local cloud's never does).
    pub previous: i64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// What happened.
    pub kind: Kind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// The execution began.
    Started { input: Value },
    /// A state began.
    Entered { state: String, input: Value },
    /// A state ended, by itself or by its `Catch`.
    Exited { state: String, output: Value },
    /// One try of a task failed; a `Retry` may follow.
    AttemptFailed { error: String },
    /// A try of a task worked.
    AttemptSucceeded,
    /// The execution ended.
    Ended(End),
    /// Anything else; kept because later events refer to it.
    Other,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// Its last state was a `Succeed`.
    Succeeded { output: Value },
    /// Its last state was a `Fail`, or nobody caught an error.
    Failed { error: String, cause: String },
    /// It reached its time limit.
    TimedOut,
    /// Somebody stopped it.
    Aborted { cause: String },
}

impl End {
    /// Step Functions' word for it.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "SUCCEEDED",
            Self::Failed { .. } => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted { .. } => "ABORTED",
        }
    }

    /// How the command that follows it ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Succeeded { .. } => Exit::Good,
            Self::Failed { error, .. } => Exit::of_failed(error),
            Self::TimedOut | Self::Aborted { .. } => Exit::NotReleased,
        }
    }
}
