//! DynamoDB: the record of what releases did. DNS is the truth; a row is written after it and
//! conditionally, so a late writer never puts an older release over a newer one.
#![warn(missing_docs)]

mod component;
mod execution;
mod history;
mod keep;
mod library;
mod note;
mod past;
mod poll;
mod query;
mod record;
mod release;
mod target;

use aws::{CallError, CallKind, call_error};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use pipeline::errors::{ErrorName, Fault, Named};
use pipeline::rows::Key;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::time::Duration;

pub use execution::PlanFound;
pub use poll::Polled;
pub use release::{Healthy, Reservation, Reserved};
pub use target::Opened;

/// One row as DynamoDB holds it.
pub type Item = HashMap<String, AttributeValue>;

/// Why the table could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// DynamoDB did not take the call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A row is not what this version writes.
    #[error("row {pk} / {sk} cannot be read")]
    Unreadable {
        /// Partition key.
        pk: String,
        /// Sort key.
        sk: String,
        /// What is wrong with it.
        source: serde_dynamo::Error,
    },
    /// A list that should end does not.
    #[error("{operation}: the answer does not end")]
    Endless {
        /// E.g. `dynamodb:Query`.
        operation: &'static str,
    },
    /// A row could not be put into DynamoDB's form.
    #[error("a row cannot be written")]
    Unwritable(#[source] serde_dynamo::Error),
}

impl Named for RegistryError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Call(call) => call.name(),
            Self::Unreadable { .. } | Self::Unwritable(_) | Self::Endless { .. } => {
                ErrorName::RowInvalid
            }
        }
    }
}

impl From<RegistryError> for Fault {
    fn from(error: RegistryError) -> Self {
        let text = match &error {
            RegistryError::Unreadable { source, .. } | RegistryError::Unwritable(source) => {
                format!("{error}: {source}")
            }
            RegistryError::Call(_) | RegistryError::Endless { .. } => error.to_string(),
        };
        Fault::new(error.name(), text)
    }
}

/// Before what DynamoDB left unprocessed is asked for again; twice as long each time.
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 100 });

/// The table.
#[derive(Debug, Clone)]
pub struct Registry {
    client: Client,
    table: String,
}

impl Registry {
    /// The table on this configuration.
    pub fn new(config: &aws_config::SdkConfig, table: &str) -> Self {
        Self {
            client: Client::new(config),
            table: table.to_owned(),
        }
    }

    /// One row, as it is now (a strongly consistent read).
    pub async fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, RegistryError> {
        let row = self.get_item(key).await?;
        row.map(|item| read(item, &key.pk, &key.sk)).transpose()
    }

    async fn get_item(&self, key: &Key) -> Result<Option<Item>, RegistryError> {
        let reply = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| call_error("dynamodb:GetItem", e))?;
        Ok(reply.item)
    }

    /// The rows of these keys that exist, in any order, as they are now. 100 to a call, the most
    /// that DynamoDB takes:
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>.
    pub async fn get_many<T: DeserializeOwned>(
        &self,
        keys: &[Key],
    ) -> Result<Vec<T>, RegistryError> {
        let mut rows = Vec::new();
        for chunk in keys.chunks(100) {
            let mut wanted = Some(batch_of(chunk));
            let mut tries = 0;
            while let Some(batch) = wanted.take() {
                let reply = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, batch)
                    .send()
                    .await
                    .map_err(|e| call_error("dynamodb:BatchGetItem", e))?;
                for item in reply.responses.into_iter().flatten().flat_map(|(_, i)| i) {
                    rows.push(read_listed(item)?);
                }
                wanted = reply
                    .unprocessed_keys
                    .and_then(|mut left| left.remove(&self.table));
                tries += 1;
                if wanted.is_some() {
                    give_up_after(tries)?;
                    tokio::time::sleep(PAUSE * (1 << tries)).await;
                }
            }
        }
        Ok(rows)
    }

    /// Writes a row, whatever was there.
    pub async fn put<T: Serialize>(&self, key: &Key, row: &T) -> Result<(), RegistryError> {
        let item = item(key, row)?;
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map_err(|e| call_error("dynamodb:PutItem", e))?;
        Ok(())
    }
}

fn batch_of(keys: &[Key]) -> KeysAndAttributes {
    let key = |key: &Key| {
        Item::from([
            ("pk".to_owned(), text(&key.pk)),
            ("sk".to_owned(), text(&key.sk)),
        ])
    };
    KeysAndAttributes::builder()
        .set_keys(Some(keys.iter().map(key).collect()))
        .consistent_read(true)
        .build()
        .expect("keys are given")
}

/// What DynamoDB leaves unprocessed is to be asked for again, but not for ever.
fn give_up_after(tries: u32) -> Result<(), RegistryError> {
    if tries < 5 {
        return Ok(());
    }
    Err(RegistryError::Call(CallError {
        operation: "dynamodb:BatchGetItem",
        kind: CallKind::Unavailable,
        code: "UnprocessedKeys".into(),
        message: "DynamoDB left some keys unprocessed five times".into(),
    }))
}

fn read<T: DeserializeOwned>(item: Item, pk: &str, sk: &str) -> Result<T, RegistryError> {
    serde_dynamo::from_item(item).map_err(|source| RegistryError::Unreadable {
        pk: pk.to_owned(),
        sk: sk.to_owned(),
        source,
    })
}

/// One of several rows, which says itself which it is.
fn read_listed<T: DeserializeOwned>(item: Item) -> Result<T, RegistryError> {
    let key = |name| item.get(name).and_then(|key| key.as_s().ok()).cloned();
    let (pk, sk) = (key("pk").unwrap_or_default(), key("sk").unwrap_or_default());
    read(item, &pk, &sk)
}

/// A row with its keys, as DynamoDB holds it.
pub(crate) fn item<T: Serialize>(key: &Key, row: &T) -> Result<Item, RegistryError> {
    let mut item: Item = serde_dynamo::to_item(row).map_err(RegistryError::Unwritable)?;
    item.insert("pk".into(), text(&key.pk));
    item.insert("sk".into(), text(&key.sk));
    Ok(item)
}

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[cfg(test)]
mod tests;
