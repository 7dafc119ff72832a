//! DynamoDB: the project's rows.

use super::Cloud;
use super::refusal::{refusal, too_much};
use crate::error::Failure;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use pipeline::names::Commit;
use pipeline::rows::{ComponentRow, Key};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::HashMap;

type Item = HashMap<String, AttributeValue>;

/// Pages of 1 MB read before giving up.
const MAX_PAGES: usize = 1000;

/// A row as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub Map<String, Value>);

impl Row {
    /// One of its texts.
    pub fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// As what it should be.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_value(Value::Object(self.0.clone())).map_err(|error| Failure::Cloud {
            what: format!(
                "row {} / {} cannot be read: {error}",
                self.text("pk"),
                self.text("sk")
            ),
            next: "it may be of a newer version of cutover; `--json` prints rows as they are"
                .into(),
        })
    }
}

impl Cloud {
    /// The row of a key.
    pub async fn row(&self, key: &Key) -> Result<Option<Row>, Failure> {
        let request = self
            .rows
            .get_item()
            .table_name(self.table())
            .key("pk", AttributeValue::S(key.pk.clone()))
            .key("sk", AttributeValue::S(key.sk.clone()))
            .consistent_read(true);
        let reply = request
            .send()
            .await
            .map_err(|e| refusal(self, "dynamodb:GetItem", e))?;
        reply.item.map(row).transpose()
    }

    /// All rows with this sort key, whatever their partition. Reads the table: for commands that
    /// people type, not for loops.
    pub async fn rows_with_sk(&self, sk: &str, pk_prefix: &str) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let request = self
                .rows
                .scan()
                .table_name(self.table())
                .filter_expression("sk = :sk AND begins_with(pk, :pk)")
                .expression_attribute_values(":sk", AttributeValue::S(sk.into()))
                .expression_attribute_values(":pk", AttributeValue::S(pk_prefix.into()))
                .set_exclusive_start_key(start);
            let page = request
                .send()
                .await
                .map_err(|e| refusal(self, "dynamodb:Scan", e))?;
            add(&mut rows, page.items)?;
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                rows.sort_by(|a, b| a.text("pk").cmp(b.text("pk")));
                return Ok(rows);
            }
        }
        Err(too_much("dynamodb:Scan"))
    }

    /// The rows that say where a commit is or was: aliases and candidates. A moment late.
    pub async fn rows_of_commit(&self, commit: &Commit) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let request = self
                .rows
                .query()
                .table_name(self.table())
                .index_name("by-commit")
                .key_condition_expression("#commit = :commit")
                .expression_attribute_names("#commit", "commit")
                .expression_attribute_values(":commit", AttributeValue::S(commit.to_string()))
                .set_exclusive_start_key(start);
            let page = request
                .send()
                .await
                .map_err(|e| refusal(self, "dynamodb:Query on the index by-commit", e))?;
            add(&mut rows, page.items)?;
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(rows);
            }
        }
        Err(too_much("dynamodb:Query"))
    }

    /// A partition's rows whose sort key begins so, in order.
    pub async fn rows_of(&self, pk: &str, sk_prefix: &str) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let request = self.partition(pk, sk_prefix).set_exclusive_start_key(start);
            let page = request
                .send()
                .await
                .map_err(|e| refusal(self, "dynamodb:Query", e))?;
            add(&mut rows, page.items)?;
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(rows);
            }
        }
        Err(too_much("dynamodb:Query"))
    }

    /// The last of a partition's rows whose sort key begins so, the last one first.
    pub async fn last_rows_of(
        &self,
        pk: &str,
        sk_prefix: &str,
        count: i32,
    ) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let request = self
                .partition(pk, sk_prefix)
                .scan_index_forward(false)
                .limit(count - rows.len() as i32)
                .set_exclusive_start_key(start);
            let page = request
                .send()
                .await
                .map_err(|e| refusal(self, "dynamodb:Query", e))?;
            add(&mut rows, page.items)?;
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() || rows.len() as i32 >= count {
                return Ok(rows);
            }
        }
        Err(too_much("dynamodb:Query"))
    }

    fn partition(
        &self,
        pk: &str,
        sk_prefix: &str,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.rows
            .query()
            .table_name(self.table())
            .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
            .expression_attribute_values(":pk", AttributeValue::S(pk.into()))
            .expression_attribute_values(":sk", AttributeValue::S(sk_prefix.into()))
    }

    /// Writes a component's row and its repository's pointer, and takes the pointer of its former
    /// repository away, all or nothing, and only if nobody changed the row since it was read.
    pub async fn put_component(
        &self,
        new: &ComponentRow,
        old: Option<&ComponentRow>,
    ) -> Result<(), Failure> {
        let config = self.put(&Key::component(&new.component), new)?;
        let config = unchanged(config, old);
        let mut writes = vec![put(config)?, put(self.put(&pointer(new), new)?)?];
        if let Some(old) = old.filter(|old| pointer(old) != pointer(new)) {
            writes.push(self.delete(&pointer(old))?);
        }
        self.transact(writes).await
    }

    /// Takes a component's row and its repository's pointer away.
    pub async fn delete_component(&self, old: &ComponentRow) -> Result<(), Failure> {
        let writes = vec![
            self.delete(&Key::component(&old.component))?,
            self.delete(&pointer(old))?,
        ];
        self.transact(writes).await
    }

    async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<(), Failure> {
        let request = self
            .rows
            .transact_write_items()
            .set_transact_items(Some(writes));
        request
            .send()
            .await
            .map(|_| ())
            .map_err(|e| refusal(self, "dynamodb:TransactWriteItems", e))
    }

    fn put(
        &self,
        key: &Key,
        row: &ComponentRow,
    ) -> Result<aws_sdk_dynamodb::types::builders::PutBuilder, Failure> {
        let mut item: Item = serde_dynamo::to_item(row).map_err(|e| internal(e.to_string()))?;
        item.insert("pk".into(), AttributeValue::S(key.pk.clone()));
        item.insert("sk".into(), AttributeValue::S(key.sk.clone()));
        Ok(Put::builder().table_name(self.table()).set_item(Some(item)))
    }

    fn delete(&self, key: &Key) -> Result<TransactWriteItem, Failure> {
        let delete = Delete::builder()
            .table_name(self.table())
            .key("pk", AttributeValue::S(key.pk.clone()))
            .key("sk", AttributeValue::S(key.sk.clone()))
            .build()
            .map_err(|e| internal(e.to_string()))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

fn unchanged(
    put: aws_sdk_dynamodb::types::builders::PutBuilder,
    old: Option<&ComponentRow>,
) -> aws_sdk_dynamodb::types::builders::PutBuilder {
    match old {
        None => put.condition_expression("attribute_not_exists(pk)"),
        Some(old) => put
            .condition_expression("repository = :old")
            .expression_attribute_values(":old", AttributeValue::S(old.repository.to_string())),
    }
}

fn put(put: aws_sdk_dynamodb::types::builders::PutBuilder) -> Result<TransactWriteItem, Failure> {
    let put = put.build().map_err(|e| internal(e.to_string()))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// By which a push's repository finds its components.
fn pointer(row: &ComponentRow) -> Key {
    Key {
        pk: Key::repository(row.repository.repository_name()),
        sk: format!("component#{}", row.component),
    }
}

fn add(rows: &mut Vec<Row>, items: Option<Vec<Item>>) -> Result<(), Failure> {
    for item in items.unwrap_or_default() {
        rows.push(row(item)?);
    }
    Ok(())
}

pub(super) fn row(item: Item) -> Result<Row, Failure> {
    serde_dynamo::from_item(item)
        .map(Row)
        .map_err(|e| internal(e.to_string()))
}

fn internal(what: String) -> Failure {
    Failure::Cloud {
        what,
        next: "this is a mistake in cutover: please report it".into(),
    }
}
