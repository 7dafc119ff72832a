//! Instances as they are seen, and what follows from that for each.

use super::{KeepLook, host};
use crate::rows::CandidateRow;
use serde::{Deserialize, Serialize};

/// An instance of the target, and what its service answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    /// `i-...`
    pub id: String,
    /// As EC2 says: `running`.
    pub state: String,
    /// While it has one.
    pub address: Option<String>,
    /// The label of the release whose tag it has. Empty where it has none, or not the project's tag either: then it is
    /// nobody's to end.
    pub release: String,
    /// The hostname that it was launched for, by its tag `Name`.
    pub name: String,
    /// In whose place the keeper launched it, by its tag `cutover:replaces`.
    pub replaces: Option<String>,
    /// When it was started the last time: seconds since 1970.
    pub started: i64,
    /// Whether EC2 has announced that it will end or stop it.
    pub retires: bool,
    /// What its service answered.
    pub health: Health,
}

/// What a service answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Health {
    /// It was not asked, or something on the way answered in its place.
    Unknown,
    /// 200.
    Well,
    /// Anything else: a predicate.
    Ill(String),
}

impl Machine {
    /// Whether it is there or coming.
    pub fn is_up(&self) -> bool {
        matches!(self.state.as_str(), "pending" | "running")
    }

    /// Whether its service answered 200.
    pub fn answers(&self) -> bool {
        self.health == Health::Well
    }

    /// Whether EC2 has it still, with its disk.
    pub(super) fn can_end(&self) -> bool {
        !matches!(self.state.as_str(), "shutting-down" | "terminated")
    }
}

/// How an instance does for its hostname.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fit {
    /// Users are sent there, or may be.
    Well,
    /// The same, and EC2 has announced its end.
    Retires,
    /// It does not answer as it should, for less time than its manifest allows.
    Failing(String),
    /// It boots, or was well only once yet.
    Starts,
    /// For longer.
    Ill(String),
    /// It does not run: its address is not its own any more.
    Gone(String),
    /// Users are not sent there any more, and may remember it.
    Leaves,
}

impl Fit {
    /// For the command line and the log.
    pub fn word(&self) -> &str {
        match self {
            Self::Well => "well",
            Self::Retires => "retires",
            Self::Failing(_) => "failing",
            Self::Starts => "starts",
            Self::Ill(_) => "ill",
            Self::Gone(_) => "gone",
            Self::Leaves => "leaves",
        }
    }

    /// Why it is not well: a predicate.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Failing(why) | Self::Ill(why) | Self::Gone(why) => Some(why),
            Self::Retires => Some("is to be ended by EC2 soon"),
            Self::Well | Self::Starts | Self::Leaves => None,
        }
    }

    /// Whether it is to be replaced.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Ill(_) | Self::Gone(_) | Self::Retires)
    }
}

/// How one of a hostname's instances is. `serves` is whether its record leads there.
pub(super) fn fit_of(look: &KeepLook, row: &CandidateRow, one: &Machine, serves: bool) -> Fit {
    if !one.is_up() {
        return Fit::Gone(format!("is {}", one.state));
    }
    // What was noted before it was started again is over.
    let ails = look.notes.ailing.get(&one.id);
    let ails = ails.filter(|noted| one.started <= noted.since);
    let has_served = serves || ails.is_some();
    match &one.health {
        Health::Well if has_served || look.well_before.contains(&one.id) => match one.retires {
            true => Fit::Retires,
            false => Fit::Well,
        },
        Health::Ill(why) if has_served => {
            let since = ails.map_or(look.at, |noted| noted.since);
            match look.at - since >= host::unhealthy_for(row) {
                true => Fit::Ill(why.clone()),
                false => Fit::Failing(why.clone()),
            }
        }
        // Nobody knows: it is left as it is.
        Health::Unknown if serves => Fit::Well,
        health if look.at - one.started >= host::start_timeout(row) => match health {
            Health::Ill(why) => Fit::Ill(why.clone()),
            // It has no address, or has been well for one look.
            Health::Unknown => Fit::Ill("could not be asked".into()),
            Health::Well => Fit::Starts,
        },
        _ => Fit::Starts,
    }
}
