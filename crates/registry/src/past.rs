//! Candidates that are gone. A release looks at what stands on its target again and again, so a row
//! leaves the rows of what stands (`candidate#`) for those of the past (`past#`) in the very write that
//! says that it is gone. Who asks for a hostname by name finds it in either place.
//!
//! Rows that were gone before there was `past#` are still among the others. They are read right, and
//! each release puts some of them away.

use crate::release::value;
use crate::{Item, Registry, RegistryError, Reserved, item, number, text};
use aws::{CallError, CallKind};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use pipeline::names::{Fqdn, Target, Ticket};
use pipeline::rows::{CandidateRow, CandidateState, Key};
use std::collections::{BTreeMap, BTreeSet};

/// How often a row is read again because it changed before it could be moved.
const TRIES: u32 = 3;

/// Rows that are put away in one transaction, which has 100 writes at most:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>.
const TOGETHER: usize = 50;

impl Registry {
    /// What is recorded of a hostname, whether it stands or is gone.
    pub async fn candidate(
        &self,
        target: &Target,
        hostname: &Fqdn,
    ) -> Result<Option<CandidateRow>, RegistryError> {
        match self.get(&Key::candidate(target, hostname)).await? {
            Some(row) => Ok(Some(row)),
            None => self.get(&Key::past(target, hostname)).await,
        }
    }

    /// What is recorded of these hostnames, whether they stand or are gone. What stands is read first,
    /// so a row that moves meanwhile is found.
    pub async fn candidates(
        &self,
        target: &Target,
        hostnames: impl IntoIterator<Item = &Fqdn>,
    ) -> Result<BTreeMap<Fqdn, CandidateRow>, RegistryError> {
        let wanted: BTreeSet<&Fqdn> = hostnames.into_iter().collect();
        let mut rows = self.standing(target, wanted.iter().copied()).await?;
        let missing = wanted.into_iter().filter(|name| !rows.contains_key(*name));
        let missing: Vec<Key> = missing.map(|name| Key::past(target, name)).collect();
        rows.extend(by_hostname(self.get_many(&missing).await?));
        Ok(rows)
    }

    /// What is recorded of those of these hostnames that stand: a name of which nothing is told is free.
    pub async fn standing(
        &self,
        target: &Target,
        hostnames: impl IntoIterator<Item = &Fqdn>,
    ) -> Result<BTreeMap<Fqdn, CandidateRow>, RegistryError> {
        let keys = hostnames.into_iter().collect::<BTreeSet<_>>().into_iter();
        let keys: Vec<Key> = keys.map(|name| Key::candidate(target, name)).collect();
        Ok(by_hostname(self.get_many(&keys).await?))
    }

    /// Records that a candidate of this ticket is gone. A second time is no error; `false` where
    /// another release has the name.
    pub(crate) async fn put_in_the_past(
        &self,
        target: &Target,
        hostname: &Fqdn,
        ticket: Ticket,
        state: CandidateState,
    ) -> Result<bool, RegistryError> {
        let key = Key::candidate(target, hostname);
        for _ in 0..TRIES {
            let Some(mut row) = self.get_item(&key).await? else {
                return self.is_past(target, hostname, ticket).await;
            };
            if row.get("ticket") != Some(&number(ticket.0)) {
                return Ok(false);
            }
            let seen = row.insert("state".into(), value(&state)?);
            row.insert("sk".into(), text(&Key::past(target, hostname).sk));
            let leaves = self.leaves(&key, ticket, seen.unwrap_or_else(|| text("")));
            let writes = vec![self.put_past(row), leaves];
            if self.transact(writes).await? == Reserved::Done {
                return Ok(true);
            }
        }
        Err(kept_changing(&key))
    }

    /// Whether the name was this ticket's and is gone.
    pub(crate) async fn is_past(
        &self,
        target: &Target,
        hostname: &Fqdn,
        ticket: Ticket,
    ) -> Result<bool, RegistryError> {
        let row = self.candidate(target, hostname).await?;
        Ok(row.is_some_and(|row| row.ticket == ticket && row.state.is_gone()))
    }

    /// Puts rows away that were gone before gone ones had a place of their own, at most so many; answers
    /// how many. Where a name is reserved again in this moment, its transaction waits for another
    /// release.
    pub async fn put_away(
        &self,
        target: &Target,
        rows: &[CandidateRow],
        most: usize,
    ) -> Result<usize, RegistryError> {
        let gone: Vec<&CandidateRow> = rows
            .iter()
            .filter(|row| row.state.is_gone())
            .take(most)
            .collect();
        let mut moved = 0;
        for chunk in gone.chunks(TOGETHER) {
            let writes = chunk.iter().map(|row| self.away(target, row));
            let writes: Vec<[TransactWriteItem; 2]> =
                writes.collect::<Result<_, RegistryError>>()?;
            if self
                .transact(writes.into_iter().flatten().collect())
                .await?
                == Reserved::Done
            {
                moved += chunk.len();
            }
        }
        Ok(moved)
    }

    fn away(
        &self,
        target: &Target,
        row: &CandidateRow,
    ) -> Result<[TransactWriteItem; 2], RegistryError> {
        let past = item(&Key::past(target, &row.hostname), row)?;
        let key = Key::candidate(target, &row.hostname);
        let leaves = self.leaves(&key, row.ticket, value(&row.state)?);
        Ok([self.put_past(past), leaves])
    }

    /// Deletes a row that is still as it was seen, as far as it matters who it belongs to.
    fn leaves(&self, key: &Key, ticket: Ticket, seen: AttributeValue) -> TransactWriteItem {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .condition_expression("ticket = :ticket AND #state = :seen")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":ticket", number(ticket.0))
            .expression_attribute_values(":seen", seen);
        let delete = delete.build().expect("table, key and condition are given");
        TransactWriteItem::builder().delete(delete).build()
    }

    fn put_past(&self, row: Item) -> TransactWriteItem {
        let put = Put::builder().table_name(&self.table).set_item(Some(row));
        let put = put.build().expect("table and item are given");
        TransactWriteItem::builder().put(put).build()
    }
}

fn by_hostname(rows: Vec<CandidateRow>) -> BTreeMap<Fqdn, CandidateRow> {
    let named = |row: CandidateRow| (row.hostname.clone(), row);
    rows.into_iter().map(named).collect()
}

fn kept_changing(key: &Key) -> RegistryError {
    RegistryError::Call(CallError {
        operation: "dynamodb:TransactWriteItems",
        kind: CallKind::Unavailable,
        code: "TransactionCanceledException".into(),
        message: format!("the row {} kept changing while it was moved", key.sk),
    })
}

#[cfg(test)]
#[path = "past_tests.rs"]
mod tests;
