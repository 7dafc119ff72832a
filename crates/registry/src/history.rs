//! What was done by itself: written once for each act, read newest first.

use crate::release::{condition, value};
use crate::{Registry, RegistryError, item, number, text};
use aws::call_error;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use pipeline::names::Target;
use pipeline::rows::{ActState, HistoryRow, Key, Once, told_as};
use serde::Deserialize;
use std::time::Duration;

/// DynamoDB deletes a row some days after that
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>).
const KEPT: Duration = Duration::from_secs(365 * 24 * 3600);

/// What began is never told over what ended, and what was done over nothing else.
const BEGINS: &str = "attribute_not_exists(pk)";
const ENDS: &str = "attribute_not_exists(pk) OR #state <> :done";
/// What was launched late, and ended by another look, completes what is told.
const COMPLETES: &str =
    "attribute_not_exists(pk) OR #state <> :done OR attribute_not_exists(instances)";

/// Rows of a target that are looked through for what is not announced.
const LOOKED_THROUGH: i32 = 100;

/// What began so long ago will not be said to have ended: whoever did it has at most ten minutes, and a second try.
const CUT_OFF: Duration = Duration::from_secs(20 * 60);

/// A row, and whether it is not announced.
#[derive(Deserialize)]
struct Told {
    #[serde(flatten)]
    row: HistoryRow,
    #[serde(default)]
    unannounced: bool,
}

impl Told {
    fn is_due(&self) -> bool {
        let ends = self.row.state != ActState::Begun;
        let is_cut_off = || aws::since(&self.row.at).is_some_and(|age| age > CUT_OFF);
        self.unannounced && (ends || is_cut_off())
    }
}

impl Registry {
    /// Writes what begins or was done. Twice, or late, it is the same row: `false` where that says more already.
    pub async fn tell(&self, target: &Target, row: &HistoryRow) -> Result<bool, RegistryError> {
        let row = &match row.once {
            Some(once) => self.as_told_first(target, row, once).await?,
            None => row.clone(),
        };
        let mut item = item(&Key::history(target, row), row)?;
        let began = aws::seconds(&row.at).and_then(|at| u64::try_from(at).ok());
        let began = began.unwrap_or_default();
        item.insert("expires".into(), number(began + KEPT.as_secs()));
        item.insert("unannounced".into(), AttributeValue::Bool(true));
        let call = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        let call = match row.state {
            ActState::Begun => call.condition_expression(BEGINS),
            ActState::Done | ActState::Moot | ActState::Failed => call
                .condition_expression(match row.instances.is_empty() {
                    true => ENDS,
                    false => COMPLETES,
                })
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":done", value(&ActState::Done)?),
        };
        condition(
            call.send()
                .await
                .map_err(|e| call_error("dynamodb:PutItem", e)),
        )
    }

    /// Whoever tells first of it gives the row its name: the release's row says which.
    async fn as_told_first(
        &self,
        target: &Target,
        row: &HistoryRow,
        once: Once,
    ) -> Result<HistoryRow, RegistryError> {
        let key = Key::release(target, once.ticket);
        let name = format!("told_{}", once.what);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET #told = if_not_exists(#told, :own)")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#told", &name)
            .expression_attribute_values(":own", text(&row.sort_key()))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        let reply = sent.map_err(|e| call_error("dynamodb:UpdateItem", e))?;
        let told = reply.attributes().and_then(|all| all.get(&name));
        let told = told.and_then(|told| told_as(told.as_s().ok()?));
        let (at, act) = told.unwrap_or_else(|| (row.at.clone(), row.act.clone()));
        Ok(HistoryRow {
            at,
            act,
            ..row.clone()
        })
    }

    /// Of the newest rows of a target those that are not announced and came to their end, or were cut off; the oldest
    /// first.
    pub async fn unannounced(&self, target: &Target) -> Result<Vec<HistoryRow>, RegistryError> {
        let pk = Key::target(target);
        let newest: Vec<Told> = self.newest(&pk, "history#", LOOKED_THROUGH).await?;
        let due = newest.into_iter().rev().filter(Told::is_due);
        Ok(due.map(|told| told.row).collect())
    }

    /// A row is announced as it was read; one that has come further since is to be announced again.
    pub async fn is_announced(
        &self,
        target: &Target,
        row: &HistoryRow,
    ) -> Result<bool, RegistryError> {
        let key = Key::history(target, row);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("REMOVE unannounced")
            .condition_expression("#state = :state")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", value(&row.state)?)
            .send()
            .await;
        condition(sent.map_err(|e| call_error("dynamodb:UpdateItem", e)))
    }
}
