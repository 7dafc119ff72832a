//! What can happen, and where.

use serde::Deserialize;
use std::fmt;

/// One fault, which meets one release.
#[derive(Debug, Clone)]
pub struct Fault {
    pub point: Point,
    pub kind: Kind,
}

/// Where it meets a release.
#[derive(Debug, Clone)]
pub enum Point {
    /// At a call of a function.
    Call(Call),
    /// In a state, by its name.
    State(String),
}

/// A call that changes something, as local/ministack/faults.py notes it.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    pub function: String,
    /// From 1 on, of the function's in this release.
    pub call: u64,
    pub operation: String,
    /// What it met.
    pub fault: Option<String>,
}

impl Call {
    /// Whether it is the same call of another release.
    pub fn is_same(&self, other: &Self) -> bool {
        let of = |one: &Self| (one.function.clone(), one.call, one.operation.clone());
        of(self) == of(other)
    }
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The call is denied.
    Refused,
    /// It is done, and its answer is lost.
    Lost,
    /// The function is killed before it.
    Before,
    /// The function is killed after it.
    After,
    /// The function is killed, and what it asked for is done much later.
    Late,
    /// The execution is stopped.
    Stopped,
}

impl Kind {
    /// Those of a call.
    pub const ALL: [Self; 5] = [
        Self::Refused,
        Self::Lost,
        Self::Before,
        Self::After,
        Self::Late,
    ];

    /// As a plan names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::Before => "before",
            Self::After => "after",
            Self::Late => "late",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.name();
        match &self.point {
            Point::Call(Call {
                function,
                call,
                operation,
                ..
            }) => write!(f, "{function} call {call} ({operation}) {kind}"),
            Point::State(state) => write!(f, "{state} {kind}"),
        }
    }
}
