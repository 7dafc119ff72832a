//! What only the keeper asks for, and what it is told.

use crate::keep::{KeeperRow, Machine, NewInstances, Replacement};
use crate::rows::CandidateRow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// What only the keeper asks for.
#[derive(Debug, Clone)]
pub enum KeepAsk {
    /// What the keeper has noted. Answer: [`KeepAnswer::Notes`].
    Notes,
    /// It notes this, if nobody has since that turn. Answer: [`KeepAnswer::Noted`].
    Note(u64, Box<KeeperRow>),
    /// Which of these changes of Route 53 are INSYNC. Answer: [`KeepAnswer::InSync`].
    AreInSync(BTreeSet<String>),
    /// All instances of the target, and how those behind these hostnames answer. Answer:
    /// [`KeepAnswer::Machines`].
    Look(Vec<Arc<CandidateRow>>),
    /// These are launched, side by side; the same twice is one. Answer: [`KeepAnswer::Launched`].
    Launch(Vec<Replacement>),
    /// The rows of a hostname say this, if they are as they were seen. Answer: [`KeepAnswer::Noted`].
    Record(Box<NewInstances>),
}

/// As a log tells it, after who asks.
impl fmt::Display for KeepAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notes => write!(f, "reads its notes"),
            Self::Note(turn, _) => write!(f, "takes a note, if the last one was its {turn}."),
            Self::AreInSync(all) => write!(f, "asks whether {} changes are INSYNC", all.len()),
            Self::Look(rows) => write!(f, "looks at the instances of {} hostnames", rows.len()),
            Self::Launch(all) => {
                let of = |one: &Replacement| {
                    let Replacement {
                        version,
                        hostname,
                        replaces,
                        ..
                    } = one;
                    format!("version {version} for {hostname} in the place of {replaces}")
                };
                let all: Vec<String> = all.iter().map(of).collect();
                write!(f, "launches {}", all.join(", "))
            }
            Self::Record(new) => write!(f, "records the instances of {}", new.row.hostname),
        }
    }
}

/// What only the keeper is told.
#[derive(Debug, Clone)]
pub enum KeepAnswer {
    /// Those.
    Notes(Box<KeeperRow>),
    /// Whether it is written.
    Noted(bool),
    /// Those, and when: seconds since 1970.
    Machines(Vec<Machine>, i64),
    /// Those that are.
    InSync(BTreeSet<String>),
    /// What became of each, in their order.
    Launched(Vec<LaunchOutcome>),
}

/// What became of a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaunchOutcome {
    /// It is there, or coming.
    Up,
    /// It was launched before, and has ended.
    EndedAlready,
    /// EC2 has not launched it, for this reason.
    Refused(String),
    /// It may have been launched: nothing came back, or EC2 has failed.
    Unclear(String),
}
