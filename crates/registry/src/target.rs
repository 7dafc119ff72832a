//! The rows of a target as a whole: opened by a provisioning, closed and forgotten by a teardown.

use crate::{Item, PAUSE, Registry, RegistryError, item, read_listed, text};
use aws::{CallError, CallKind, call_error};
use aws_sdk_dynamodb::types::{DeleteRequest, ReturnValue, WriteRequest};
use pipeline::closing::Begun;
use pipeline::names::Target;
use pipeline::rows::Key;
use pipeline::target::{MadeOf, TargetRow};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Writes of one call:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>.
const BATCH: usize = 25;

/// What became of opening a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is open; what it was made of before, if it was there.
    Now(Option<MadeOf>),
    /// It is being torn down, and stays closed.
    Closing,
}

#[derive(Deserialize)]
struct SortKey {
    sk: String,
}

impl Registry {
    /// Records what releases need of a target, and answers what the row was before; refused where
    /// the target is being torn down.
    pub async fn open_target<T: Serialize>(
        &self,
        target: &Target,
        row: &T,
    ) -> Result<Opened, RegistryError> {
        let key = Key::environment(target);
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .return_values(ReturnValue::AllOld)
            .set_item(Some(item(&key, row)?))
            .condition_expression("attribute_not_exists(#state) OR #state <> :closed")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":closed", text("tearing down"))
            .send()
            .await;
        match sent.map_err(|e| call_error("dynamodb:PutItem", e)) {
            Ok(reply) => {
                let before = reply.attributes.filter(|item| !item.is_empty());
                let before = before.map(|item| crate::read(item, &key.pk, &key.sk));
                Ok(Opened::Now(before.transpose()?))
            }
            Err(error) if error.is("ConditionalCheckFailedException") => Ok(Opened::Closing),
            Err(error) => Err(error.into()),
        }
    }

    /// All targets that have a row, by name; with the error of a row that cannot be read, which is no reason
    /// to leave the others.
    pub async fn targets(
        &self,
    ) -> Result<Vec<(Target, Result<TargetRow, RegistryError>)>, RegistryError> {
        let items = self.items_with_sort_key("environment", "target#").await?;
        let named = items.into_iter().filter_map(|item| {
            let name = item.get("pk")?.as_s().ok()?.strip_prefix("target#")?;
            Some((Target::new(name).ok()?, read_listed(item)))
        });
        Ok(named.collect())
    }

    /// Closes a target to releases, whether it was provisioned or not. Whoever plans a release looks
    /// again after it has reserved its names: so either that one sees this, or we see its names.
    pub async fn close_target(&self, target: &Target, by: &str) -> Result<(), RegistryError> {
        let key = Key::environment(target);
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET #state = :closed, #by = :by, closed_at = :now")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":closed", text("tearing down"))
            .expression_attribute_values(":by", text(by))
            .expression_attribute_values(":now", text(&aws::now()))
            .send()
            .await
            .map_err(|e| call_error("dynamodb:UpdateItem", e))?;
        Ok(())
    }

    /// The target's newest releases, at most so many, the newest first.
    pub async fn newest_begun(
        &self,
        target: &Target,
        most: i32,
    ) -> Result<Vec<Begun>, RegistryError> {
        let call = self
            .partition(&Key::target(target), "release#")
            .projection_expression("pk, sk, execution, execution_arn, started")
            .scan_index_forward(false)
            .limit(most);
        self.all(call, usize::try_from(most).unwrap_or_default())
            .await
    }

    /// Which of these executions reserved names on the target.
    pub async fn executions_on(
        &self,
        target: &Target,
        names: &[String],
    ) -> Result<Vec<String>, RegistryError> {
        let keys: Vec<Key> = names
            .iter()
            .map(|name| Key::execution(target, name))
            .collect();
        let rows: Vec<SortKey> = self.get_many(&keys).await?;
        let name = |row: SortKey| row.sk.trim_start_matches("execution#").to_owned();
        Ok(rows.into_iter().map(name).collect())
    }

    /// The sort keys of all rows of a target.
    pub async fn keys_of_target(&self, target: &Target) -> Result<BTreeSet<String>, RegistryError> {
        let pk = Key::target(target);
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(&pk))
            .projection_expression("sk")
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut keys = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| call_error("dynamodb:Query", e))?;
            for item in page.items.unwrap_or_default() {
                let row: SortKey = crate::read_listed(item)?;
                keys.insert(row.sk);
            }
        }
        Ok(keys)
    }

    /// Deletes rows of a target by their sort keys.
    pub async fn delete_of_target(
        &self,
        target: &Target,
        keys: &[String],
    ) -> Result<(), RegistryError> {
        let pk = Key::target(target);
        let deletion = |sk: &String| {
            let key = Item::from([("pk".to_owned(), text(&pk)), ("sk".to_owned(), text(sk))]);
            let request = DeleteRequest::builder().set_key(Some(key)).build();
            let request = request.expect("the key is given");
            WriteRequest::builder().delete_request(request).build()
        };
        for chunk in keys.chunks(BATCH) {
            self.write(chunk.iter().map(deletion).collect()).await?;
        }
        Ok(())
    }

    /// What DynamoDB leaves unprocessed is asked for again, but not for ever.
    async fn write(&self, mut requests: Vec<WriteRequest>) -> Result<(), RegistryError> {
        for pause in 0..8_u32 {
            let reply = self
                .client
                .batch_write_item()
                .request_items(&self.table, requests)
                .send()
                .await
                .map_err(|e| call_error("dynamodb:BatchWriteItem", e))?;
            let left = reply
                .unprocessed_items
                .and_then(|mut left| left.remove(&self.table));
            match left {
                Some(left) if !left.is_empty() => requests = left,
                _ => return Ok(()),
            }
            tokio::time::sleep(PAUSE * (1 << pause)).await;
        }
        Err(RegistryError::Call(CallError {
            operation: "dynamodb:BatchWriteItem",
            kind: CallKind::Unavailable,
            code: "UnprocessedItems".into(),
            message: "DynamoDB left some rows unprocessed eight times".into(),
        }))
    }
}
