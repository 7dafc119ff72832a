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
    #[serde(default)]
    looks: u32,
}

/// How far they are, all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// One of them has seen the change INSYNC.
    InSync,
    /// None has, in so many looks.
    NotYet(u32),
}

impl Registry {
    /// What became of the change so far.
    pub async fn polled(
        &self,
        release: &Release,
        change_id: &str,
    ) -> Result<Polled, RegistryError> {
        let key = Key::release(&release.target, release.ticket);
        let row: Option<Polls> = self.get(&key).await?;
        Ok(match row {
            Some(row) if row.in_sync.as_deref() == Some(change_id) => Polled::InSync,
            Some(row) => Polled::NotYet(row.looks),
            None => Polled::NotYet(0),
        })
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
            .update_expression("SET asked_at_ms = :now, looks = if_not_exists(looks, :zero) + :one")
            .condition_expression("attribute_not_exists(asked_at_ms) OR asked_at_ms <= :before")
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", number(now.as_millis() as u64))
            .expression_attribute_values(
                ":before",
                number(now.saturating_sub(spacing).as_millis() as u64),
            )
            .send()
            .await;
        condition(sent.map_err(|e| call_error("dynamodb:UpdateItem", e)))
    }

    /// Tells the others. A further round of the release has another change, which is looked at from the
    /// start.
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
            .update_expression("SET in_sync = :change REMOVE looks")
            .expression_attribute_values(":change", text(change_id))
            .send()
            .await
            .map_err(|e| call_error("dynamodb:UpdateItem", e))?;
        Ok(())
    }
}
