//! The project's rows, as the functions' own crate reads and writes them.

use super::Cloud;
use super::refusal::{refused, too_much};
use crate::error::Failure;
use pipeline::errors::chain;
use pipeline::names::Commit;
use pipeline::rows::{ComponentRow, Key};
use registry::RegistryError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A row as it is: `--json` prints what a newer version wrote, too.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Row(pub Map<String, Value>);

impl Row {
    /// One of its texts; empty where it has none of that name.
    pub fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// One of its values as what it should be; nothing where it is something else.
    pub fn value<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_value(self.0.get(key)?.clone()).ok()
    }

    /// As what it should be.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_value(Value::Object(self.0.clone())).map_err(|error| {
            let (pk, sk) = (self.text("pk"), self.text("sk"));
            unreadable(format!("row {pk} / {sk} cannot be read: {error}"))
        })
    }
}

impl Cloud {
    /// The row of a key.
    pub async fn row(&self, key: &Key) -> Result<Option<Row>, Failure> {
        self.rows.get(key).await.map_err(|e| failure(self, e))
    }

    /// Those of these rows that exist, in no order. No key may be there twice.
    pub async fn rows_at(&self, keys: &[Key]) -> Result<Vec<Row>, Failure> {
        self.rows.get_many(keys).await.map_err(|e| failure(self, e))
    }

    /// All rows with this sort key, whatever their partition, by partition.
    pub async fn rows_with_sk(&self, sk: &str, pk_prefix: &str) -> Result<Vec<Row>, Failure> {
        let rows = self.rows.with_sort_key(sk, pk_prefix).await;
        rows.map_err(|e| failure(self, e))
    }

    /// The rows that say where a commit is or was: aliases and candidates. A moment late.
    pub async fn rows_of_commit(&self, commit: &Commit) -> Result<Vec<Row>, Failure> {
        let rows = self.rows.of_commit(commit).await;
        rows.map_err(|e| failure(self, e))
    }

    /// A partition's rows whose sort key begins so, in order.
    pub async fn rows_of(&self, pk: &str, prefix: &str) -> Result<Vec<Row>, Failure> {
        let rows = self.rows.query(pk, prefix).await;
        rows.map_err(|e| failure(self, e))
    }

    /// The last of a partition's rows whose sort key begins so, the last one first.
    pub async fn last_rows_of(
        &self,
        pk: &str,
        prefix: &str,
        count: i32,
    ) -> Result<Vec<Row>, Failure> {
        let rows = self.rows.newest(pk, prefix, count).await;
        rows.map_err(|e| failure(self, e))
    }

    /// Writes a component, if nobody changed it since it was read.
    pub async fn put_component(
        &self,
        new: &ComponentRow,
        old: Option<&ComponentRow>,
    ) -> Result<(), Failure> {
        let written = self.rows.put_component(new, old).await;
        written.map_err(|e| failure(self, e))
    }

    /// Takes a component away.
    pub async fn delete_component(&self, old: &ComponentRow) -> Result<(), Failure> {
        let written = self.rows.delete_component(old).await;
        written.map_err(|e| failure(self, e))
    }
}

fn failure(cloud: &Cloud, error: RegistryError) -> Failure {
    match error {
        RegistryError::Call(error) => refused(cloud, &error),
        RegistryError::Endless { operation } => too_much(operation),
        other => unreadable(chain(&other)),
    }
}

fn unreadable(what: String) -> Failure {
    Failure::Cloud {
        what,
        next: "it may be of a newer version of cutover; `--json` prints rows as they are".into(),
    }
}
