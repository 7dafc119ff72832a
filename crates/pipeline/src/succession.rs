//! What an alias's row says of what was live before, when the alias moves.
//!
//! `previous` is always another commit: a release that launches the live one again (a restart, or an
//! umbrella release that brings it beside others) changes nothing that could be taken back. So after
//! it a roll-back still goes to the last version that was another one, and the target's last release
//! is still the one that changed something.
//!
//! `replaced` is what the alias led to until then, of whatever commit: a roll-back by itself goes back there as long as
//! that stands.

use crate::names::{Commit, Ticket};
use crate::rows::{AliasRow, CandidateRow, Previous};

/// What a cutover of one component replaces.
#[derive(Debug, Clone, Copy)]
pub struct Replaced<'a> {
    /// The row of the hostname that the alias pointed to, where it pointed to one.
    pub at: Option<&'a CandidateRow>,
    /// The alias's row as it still is: it may be older than what DNS says.
    pub row: Option<&'a AliasRow>,
    /// Whether the release is a roll-back.
    pub rollback: bool,
}

/// What the alias's new row says of before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Succession {
    /// The last commit that was another one.
    pub previous: Option<Previous>,
    /// What the alias led to, of whatever commit.
    pub replaced: Option<Previous>,
    /// The release that brought the commit, where it was an earlier one.
    pub brought_by: Option<Ticket>,
    /// What was taken back and is not brought again by a push.
    pub rolled_back: Option<Commit>,
}

/// Decides it for a release that makes `commit` live.
pub fn succession(commit: &Commit, replaced: &Replaced<'_>) -> Succession {
    let was = replaced.at.map(|at| (&at.commit, Previous::of(at)));
    let was = was.or_else(|| {
        replaced
            .row
            .map(|row| (&row.commit, Previous::of_alias(row)))
    });
    let found = match &was {
        Some((live, previous)) if *live != commit => Succession {
            rolled_back: replaced.rollback.then(|| previous.commit.clone()),
            previous: Some(previous.clone()),
            ..Succession::default()
        },
        Some(_) => again(commit, replaced),
        None => Succession::default(),
    };
    Succession {
        replaced: was.map(|(_, was)| was),
        ..found
    }
}

/// The same commit once more: what was before it stays what was before it.
fn again(commit: &Commit, replaced: &Replaced<'_>) -> Succession {
    let at = replaced.at;
    match replaced.row {
        Some(row) if row.commit == *commit => Succession {
            previous: row.previous.clone().filter(|one| one.commit != *commit),
            brought_by: Some(row.brought()),
            rolled_back: row.rolled_back.clone(),
            replaced: None,
        },
        // The one that is replaced never recorded itself: the row says what was live before it.
        Some(row) => Succession {
            previous: Some(Previous::of_alias(row)),
            brought_by: at.map(|at| at.ticket),
            ..Succession::default()
        },
        None => Succession {
            brought_by: at.map(|at| at.ticket),
            ..Succession::default()
        },
    }
}

impl Previous {
    /// A hostname that an alias pointed to.
    pub fn of(row: &CandidateRow) -> Self {
        Self {
            commit: row.commit.clone(),
            hostname: row.hostname.clone(),
            ticket: row.ticket,
            launch_template_version: row.launch_template_version.clone(),
        }
    }

    /// What an alias's row says is live.
    pub fn of_alias(row: &AliasRow) -> Self {
        Self {
            commit: row.commit.clone(),
            hostname: row.hostname.clone(),
            ticket: row.ticket,
            launch_template_version: row.launch_template_version.clone(),
        }
    }
}

#[cfg(test)]
#[path = "succession_tests.rs"]
mod tests;
