//! What was done by itself: written once for each act, read newest first.

use crate::release::{condition, value};
use crate::{Registry, RegistryError, item, number};
use aws::call_error;
use pipeline::names::Target;
use pipeline::rows::{ActState, HistoryRow, Key};
use std::time::Duration;

/// DynamoDB deletes a row some days after that
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>).
const KEPT: Duration = Duration::from_secs(365 * 24 * 3600);

/// What began is never told over what ended, and what was done over nothing else.
const BEGINS: &str = "attribute_not_exists(pk)";
const ENDS: &str = "attribute_not_exists(pk) OR #state <> :done";

impl Registry {
    /// Writes what begins or was done. Twice, or late, it is the same row: `false` where that says more already.
    pub async fn tell(&self, target: &Target, row: &HistoryRow) -> Result<bool, RegistryError> {
        let mut item = item(&Key::history(target, row), row)?;
        let began = aws::seconds(&row.at).and_then(|at| u64::try_from(at).ok());
        let began = began.unwrap_or_default();
        item.insert("expires".into(), number(began + KEPT.as_secs()));
        let call = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        let call = match row.state {
            ActState::Begun => call.condition_expression(BEGINS),
            ActState::Done | ActState::Moot | ActState::Failed => call
                .condition_expression(ENDS)
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":done", value(&ActState::Done)?),
        };
        condition(
            call.send()
                .await
                .map_err(|e| call_error("dynamodb:PutItem", e)),
        )
    }
}
