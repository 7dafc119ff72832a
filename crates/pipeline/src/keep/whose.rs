//! Whose an instance is: the row's that names it, whatever its tags say. Anybody may edit tags.

use super::{KeepLook, Machine};
use crate::names::{Target, release_label};
use crate::rows::CandidateRow;

impl KeepLook {
    /// The instances of a hostname: those that its row names, and those that were launched for it.
    pub(crate) fn behind<'a>(&'a self, row: &'a CandidateRow) -> impl Iterator<Item = &'a Machine> {
        let label = release_label(&self.target, row.launched());
        let is_named = move |id: &str| self.rows.values().any(|other| names(other, id));
        self.machines.iter().filter(move |one| {
            let was_launched = is_launched_for(row, &label, one);
            names(row, &one.id) || (was_launched && !is_named(&one.id))
        })
    }
}

/// Of these rows, the one of which an instance is.
pub fn row_of<'a>(
    target: &Target,
    rows: impl Iterator<Item = &'a CandidateRow> + Clone,
    one: &Machine,
) -> Option<&'a CandidateRow> {
    let is_its = |row: &&CandidateRow| {
        let label = || release_label(target, row.launched());
        row.hostname.as_str() == one.name && is_launched_for(row, &label(), one)
    };
    let named = rows.clone().find(|row| names(row, &one.id));
    named.or_else(|| rows.clone().find(is_its))
}

fn names(row: &CandidateRow, id: &str) -> bool {
    row.instances.iter().any(|own| own.id == id)
}

fn is_launched_for(row: &CandidateRow, label: &str, one: &Machine) -> bool {
    one.release == label && one.name == row.hostname.as_str()
}

#[cfg(test)]
#[path = "whose_tests.rs"]
mod tests;
