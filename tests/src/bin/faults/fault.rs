//! What can happen, and where.

use serde::Deserialize;
use std::fmt;

/// One fault.
#[derive(Debug, Clone)]
pub struct Fault {
    pub point: Point,
    pub kind: Kind,
}

/// Where it is met.
#[derive(Debug, Clone)]
pub enum Point {
    /// At a call of a function.
    Call(Call),
    /// In a state, by its name.
    State(String),
}

/// A call, as local/ministack/faults.py notes it.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    pub function: String,
    pub does: Does,
    /// From 1 on, of those of the function that do the same.
    pub call: u64,
    pub operation: String,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Does {
    Change,
    Read,
}

impl Does {
    /// As a plan names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Read => "read",
        }
    }

    /// What can happen to such a call.
    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Change => &Kind::OF_A_CHANGE,
            Self::Read => &Kind::OF_A_READ,
        }
    }
}

impl Call {
    /// Whether it is the same call another time.
    pub fn is_same(&self, other: &Self) -> bool {
        let of = |one: &Self| {
            (
                one.function.clone(),
                one.does,
                one.call,
                one.operation.clone(),
            )
        };
        of(self) == of(other)
    }

    /// All that can happen to it.
    pub fn faults(&self) -> impl Iterator<Item = Fault> + use<'_> {
        self.does.kinds().iter().map(|kind| Fault {
            point: Point::Call(self.clone()),
            kind: *kind,
        })
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
    const OF_A_CHANGE: [Self; 5] = [
        Self::Refused,
        Self::Lost,
        Self::Before,
        Self::After,
        Self::Late,
    ];

    /// A function that is killed after a read, or whose read is late, has done no more than one killed before it.
    const OF_A_READ: [Self; 3] = [Self::Refused, Self::Lost, Self::Before];

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

impl Fault {
    /// The same at the last look that there was: of looks that go on until something is over there may be fewer than
    /// without the fault, where others are busy beside it.
    pub fn at_the_last(self, calls: &[Call]) -> Self {
        let Point::Call(wanted) = &self.point else {
            return self;
        };
        let same = |call: &&Call| {
            let of = |one: &Call| (one.function.clone(), one.operation.clone());
            call.does == Does::Read && of(call) == of(wanted) && call.call < wanted.call
        };
        let last = calls.iter().filter(same).max_by_key(|call| call.call);
        let point = last.map_or(self.point.clone(), |call| Point::Call(call.clone()));
        Self { point, ..self }
    }

    /// What it meets, in a word.
    pub fn meets(&self) -> &'static str {
        match &self.point {
            Point::Call(call) => call.does.name(),
            Point::State(_) => "state",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.name();
        match &self.point {
            Point::Call(one) => {
                let (function, operation) = (&one.function, &one.operation);
                let (does, call) = (one.does.name(), one.call);
                write!(f, "{function} {does} {call} ({operation}) {kind}")
            }
            Point::State(state) => write!(f, "{state} {kind}"),
        }
    }
}
