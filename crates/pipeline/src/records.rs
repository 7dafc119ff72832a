//! A target's zone as data: records, and changes that apply whole or not at all.
//!
//! Route 53 applies a change batch whole or not at all, and a DELETE must match the current record
//! in name, type, TTL and values, or the batch is refused (`InvalidChangeBatch`):
//! <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>.
//! So a batch of DELETE + CREATE is a compare-and-swap.

use crate::foreign::Foreign;
use crate::names::Fqdn;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The record types a release uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RecordType {
    /// Addresses of instances, behind a hostname.
    A,
    /// One name: an alias or a peer name.
    #[serde(rename = "CNAME")]
    Cname,
}

/// One record set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Record {
    /// Fully qualified, without the final dot.
    pub name: Fqdn,
    /// A or CNAME.
    pub kind: RecordType,
    /// Seconds.
    pub ttl: u32,
    /// Sorted; addresses for A, one name for CNAME.
    pub values: Vec<String>,
}

impl Record {
    /// A CNAME record.
    pub fn cname(name: Fqdn, to: &Fqdn, ttl: u32) -> Self {
        Self {
            name,
            kind: RecordType::Cname,
            ttl,
            values: vec![to.to_string()],
        }
    }

    /// An A record; the addresses are sorted, so that the same set is the same record.
    pub fn addresses(name: Fqdn, mut addresses: Vec<String>, ttl: u32) -> Self {
        addresses.sort();
        addresses.dedup();
        Self {
            name,
            kind: RecordType::A,
            ttl,
            values: addresses,
        }
    }

    /// Where a CNAME points.
    pub fn points_to(&self) -> Option<Fqdn> {
        match self.kind {
            RecordType::Cname => self
                .values
                .first()
                .and_then(|value| Fqdn::new(value.trim_end_matches('.')).ok()),
            RecordType::A => None,
        }
    }
}

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "action", content = "record", rename_all = "UPPERCASE")]
pub enum Change {
    /// Fails where a record of that name and type exists.
    Create(Record),
    /// Fails where the record is not exactly this one.
    Delete(Record),
}

/// Values in a batch.
pub const MOST_VALUES: usize = 1000;
/// Characters of all values in a batch.
pub const MOST_CHARACTERS: usize = 32_000;

/// Changes that are applied whole or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Batch(pub Vec<Change>);

impl Batch {
    /// Replaces one record by another of the same name, if it is still what was observed.
    pub fn swap(&mut self, old: Record, new: Record) {
        self.0.push(Change::Delete(old));
        self.0.push(Change::Create(new));
    }

    /// Asserts that a record is still what was observed. Once: Route 53 refuses a batch that deletes the same record
    /// twice (<https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>).
    pub fn assert(&mut self, record: Record) {
        if !self.0.contains(&Change::Delete(record.clone())) {
            self.swap(record.clone(), record);
        }
    }

    /// Adds a record, if there is none.
    pub fn create(&mut self, record: Record) {
        self.0.push(Change::Create(record));
    }

    /// Removes a record, if it is still what was observed.
    pub fn delete(&mut self, record: Record) {
        self.0.push(Change::Delete(record));
    }

    /// Whether every name in it exists before and after.
    pub fn only_replaces(&self) -> bool {
        let deletes = |name: &Fqdn| {
            self.0
                .iter()
                .any(|change| matches!(change, Change::Delete(record) if record.name == *name))
        };
        self.0.iter().all(|change| {
            matches!(change, Change::Create(record) if deletes(&record.name))
                || matches!(change, Change::Delete(_))
        })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The records of its changes.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.0.iter().map(|change| match change {
            Change::Create(record) | Change::Delete(record) => record,
        })
    }

    /// Whether so many more changes fit what Route 53 takes
    /// (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>).
    pub fn has_room_for<'a>(&'a self, more: impl Iterator<Item = &'a Record>) -> bool {
        let (values, characters) = taken(self.records().chain(more));
        values <= MOST_VALUES && characters <= MOST_CHARACTERS
    }

    /// How many values it has, and how many characters these.
    pub fn size(&self) -> (usize, usize) {
        taken(self.records())
    }
}

fn taken<'a>(records: impl Iterator<Item = &'a Record>) -> (usize, usize) {
    let values = records.flat_map(|one| &one.values);
    values.fold((0, 0), |(count, characters), value| {
        (count + 1, characters + value.chars().count())
    })
}

/// What a target's zone holds, as observed at one moment. Copies share it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneView {
    /// Plain A and CNAME records: what a release makes, and what looks like it.
    plain: Arc<BTreeMap<Fqdn, Record>>,
    /// All else, by name.
    foreign: Arc<BTreeMap<Fqdn, Vec<Foreign>>>,
}

/// Why a batch was refused; nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchRefused {
    /// A name that was to be created is there.
    #[error("{0} exists")]
    Exists(Fqdn),
    /// Beside a name that was to be created is a record that no release makes.
    #[error("{0} is another's")]
    Another(Fqdn),
    /// A record that was to be deleted has changed.
    #[error("{0} is not what was observed")]
    Changed(Fqdn),
    /// A record is deleted twice in one batch.
    #[error("{0} is deleted twice")]
    Twice(Fqdn),
    /// It has more values than are taken.
    #[error(
        "it has more than {MOST_VALUES} values, or they have more than {MOST_CHARACTERS} characters"
    )]
    TooLarge,
}

impl ZoneView {
    /// A view of these records (A and CNAME cannot share a name).
    pub fn new(records: impl IntoIterator<Item = Record>) -> Self {
        let by_name = |record: Record| (record.name.clone(), record);
        Self {
            plain: Arc::new(records.into_iter().map(by_name).collect()),
            foreign: Arc::default(),
        }
    }

    /// The same, and what no release makes.
    pub fn with_foreign(mut self, foreign: impl IntoIterator<Item = Foreign>) -> Self {
        let all = Arc::make_mut(&mut self.foreign);
        for one in foreign {
            all.entry(one.name.clone()).or_default().push(one);
        }
        self
    }

    /// The plain record of that name.
    pub fn get(&self, name: &Fqdn) -> Option<&Record> {
        self.plain.get(name)
    }

    /// What else has that name.
    pub fn foreign_at(&self, name: &Fqdn) -> &[Foreign] {
        self.foreign
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Whether anything has that name.
    pub fn has(&self, name: &Fqdn) -> bool {
        self.plain.contains_key(name) || self.foreign.contains_key(name)
    }

    /// Where a CNAME points, if it exists.
    pub fn points_to(&self, name: &Fqdn) -> Option<Fqdn> {
        self.get(name).and_then(Record::points_to)
    }

    /// All plain records, by name.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.plain.values()
    }

    /// All others.
    pub fn all_foreign(&self) -> impl Iterator<Item = &Foreign> {
        self.foreign.values().flatten()
    }

    /// Applies a batch as Route 53 does: whole or not at all. Tests and the model check use it.
    pub fn apply(&mut self, batch: &Batch) -> Result<(), BatchRefused> {
        if !batch.has_room_for(std::iter::empty()) {
            return Err(BatchRefused::TooLarge);
        }
        let mut next = BTreeMap::clone(&self.plain);
        let mut deleted = BTreeSet::new();
        for change in &batch.0 {
            match change {
                Change::Delete(record) if !deleted.insert(&record.name) => {
                    return Err(BatchRefused::Twice(record.name.clone()));
                }
                Change::Create(record) if next.contains_key(&record.name) => {
                    return Err(BatchRefused::Exists(record.name.clone()));
                }
                Change::Create(record) if self.in_the_way_of(record).is_some() => {
                    return Err(BatchRefused::Another(record.name.clone()));
                }
                Change::Create(record) => {
                    next.insert(record.name.clone(), record.clone());
                }
                Change::Delete(record) if next.get(&record.name) != Some(record) => {
                    return Err(BatchRefused::Changed(record.name.clone()));
                }
                Change::Delete(record) => {
                    next.remove(&record.name);
                }
            }
        }
        self.plain = Arc::new(next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asserted_twice_is_in_the_batch_once_and_deleted_twice_is_refused() {
        let alias = Record::addresses(Fqdn::new("api.myproj.com").unwrap(), vec![], 60);
        let mut zone = ZoneView::new([alias.clone()]);
        let mut batch = Batch::default();
        batch.assert(alias.clone());
        batch.assert(alias.clone());
        assert_eq!(batch.0.len(), 2);
        zone.apply(&batch).unwrap();
        batch.swap(alias.clone(), alias.clone());
        let refused = zone.apply(&batch).unwrap_err();
        assert_eq!(refused, BatchRefused::Twice(alias.name));
    }

    #[test]
    fn a_batch_that_only_replaces_brings_no_new_name() {
        let at = |ttl| Record::addresses(Fqdn::new("api.myproj.com").unwrap(), vec![], ttl);
        let new = Record::addresses(Fqdn::new("ui.myproj.com").unwrap(), vec![], 60);
        let mut batch = Batch::default();
        batch.swap(at(60), at(59));
        assert!(batch.only_replaces());
        batch.create(new);
        assert!(!batch.only_replaces());
    }
}
