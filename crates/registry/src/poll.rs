//! Several invocations wait for one Route 53 change; together they ask no faster than one would.

use crate::release::condition;
use crate::{Registry, RegistryError, number, text};
use aws::call_error;
use pipeline::rows::Key;
use pipeline::wire::Release;
use serde::Deserialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Deserialize)]
struct Polls {
    #[serde(default)]
    in_sync: Option<String>,
}

impl Registry {
    /// Whether one of them has seen the change INSYNC.
    pub async fn is_in_sync(
        &self,
        release: &Release,
        change_id: &str,
    ) -> Result<bool, RegistryError> {
        let row: Option<Polls> = self
            .get(&Key::release(&release.target, release.ticket))
            .await?;
        Ok(row.is_some_and(|row| row.in_sync.as_deref() == Some(change_id)))
    }

    /// Takes the turn to ask Route 53, if none of them has within `spacing`. The row's condition
    /// decides between two that try at once; clocks that differ only make turns come a little
    /// earlier or later.
    pub async fn take_turn(
        &self,
        release: &Release,
        spacing: Duration,
    ) -> Result<bool, RegistryError> {
        let key = Key::release(&release.target, release.ticket);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET asked_at_ms = :now")
            .condition_expression("attribute_not_exists(asked_at_ms) OR asked_at_ms <= :before")
            .expression_attribute_values(":now", number(now.as_millis() as u64))
            .expression_attribute_values(
                ":before",
                number(now.saturating_sub(spacing).as_millis() as u64),
            )
            .send()
            .await;
        condition(sent.map_err(|e| call_error("dynamodb:UpdateItem", e)))
    }

    /// Tells the others.
    pub async fn note_in_sync(
        &self,
        release: &Release,
        change_id: &str,
    ) -> Result<(), RegistryError> {
        let key = Key::release(&release.target, release.ticket);
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET in_sync = :change")
            .expression_attribute_values(":change", text(change_id))
            .send()
            .await
            .map_err(|e| call_error("dynamodb:UpdateItem", e))?;
        Ok(())
    }
}
