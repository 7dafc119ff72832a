//! DynamoDB: many rows at once.

use super::Cloud;
use super::refusal::{refusal, too_much};
use super::table::{Row, row};
use crate::error::Failure;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use pipeline::rows::Key;
use std::collections::HashMap;
use std::time::Duration;

/// Keys of one call:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>.
const AT_ONCE: usize = 100;
/// A call may leave keys unanswered, for its size of 16 MB or because the table is busy.
const TRIES: u32 = 8;
/// Before those are asked for again; twice as long each time.
const PAUSE: Duration = Duration::from_millis(50);

impl Cloud {
    /// Those of these rows that exist, in no order. No key may be there twice.
    pub async fn rows_at(&self, keys: &[Key]) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        for some in keys.chunks(AT_ONCE) {
            rows.extend(self.some_rows(some).await?);
        }
        Ok(rows)
    }

    async fn some_rows(&self, keys: &[Key]) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        let mut left = Some(HashMap::from([(self.table(), wanted(keys))]));
        for tried in 0..TRIES {
            let request = self.rows.batch_get_item().set_request_items(left);
            let reply = request
                .send()
                .await
                .map_err(|e| refusal(self, "dynamodb:BatchGetItem", e))?;
            for item in reply
                .responses
                .into_iter()
                .flatten()
                .flat_map(|(_, items)| items)
            {
                rows.push(row(item)?);
            }
            left = reply.unprocessed_keys.filter(|keys| !keys.is_empty());
            if left.is_none() {
                return Ok(rows);
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(tried)).await;
        }
        Err(too_much("dynamodb:BatchGetItem"))
    }
}

fn wanted(keys: &[Key]) -> KeysAndAttributes {
    let item = |key: &Key| {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(key.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(key.sk.clone())),
        ])
    };
    let keys = keys.iter().map(item).collect();
    KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .consistent_read(true)
        .build()
        .unwrap_or_else(|_| unreachable!("the keys, all that it needs, are there"))
}
