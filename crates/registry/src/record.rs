//! What is recorded after the fact: what is live, how releases ended, what was tested together.

use crate::release::{condition, value};
use crate::{Registry, RegistryError, item, number, text};
use aws::call_error;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use futures::{StreamExt, TryStreamExt};
use pipeline::names::{Target, Ticket};
use pipeline::proof::Proof;
use pipeline::rows::{AliasRow, Key, ProofRow, ReleaseOutcome, SetRow};

/// Rows that are written at the same time.
const AT_ONCE: usize = 8;

/// What is recorded of a release allows this end of it.
const MAY_END_SO: &str = "attribute_exists(pk) AND outcome <> :back AND (outcome <> :live OR :outcome = :live) \
    AND (outcome <> :libraries OR :outcome = :libraries)";

impl Registry {
    /// Records what is live, unless a later release has; `false` where it has.
    pub async fn record_alias(
        &self,
        target: &Target,
        row: &AliasRow,
    ) -> Result<bool, RegistryError> {
        let key = Key::alias(target, &row.component);
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(&key, row)?))
            .condition_expression("attribute_not_exists(ticket) OR ticket <= :ticket")
            .expression_attribute_values(":ticket", number(row.ticket.0))
            .send()
            .await;
        condition(sent.map_err(|e| call_error("dynamodb:PutItem", e)))
    }

    /// Records how a release ended. A release that is live, or whose libraries are released and that brought nothing
    /// else, is never recorded as anything else, and one that was taken back stays so.
    pub async fn record_outcome(
        &self,
        target: &Target,
        ticket: Ticket,
        outcome: ReleaseOutcome,
        cause: Option<&str>,
        change_id: Option<&str>,
    ) -> Result<(), RegistryError> {
        let key = Key::release(target, ticket);
        let mut update = "SET outcome = :outcome, ended = :ended".to_owned();
        let mut call = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .condition_expression(MAY_END_SO)
            .expression_attribute_values(":live", value(&ReleaseOutcome::Live)?)
            .expression_attribute_values(":libraries", value(&ReleaseOutcome::LibrariesReleased)?)
            .expression_attribute_values(":back", value(&ReleaseOutcome::RolledBack)?)
            .expression_attribute_values(":outcome", value(&outcome)?)
            .expression_attribute_values(":ended", text(&aws::now()));
        if let Some(cause) = cause {
            update.push_str(", cause = :cause");
            call = call.expression_attribute_values(":cause", text(cause));
        }
        if let Some(change_id) = change_id {
            update.push_str(", change_id = :change");
            call = call.expression_attribute_values(":change", text(change_id));
        }
        let sent = call.update_expression(update).send().await;
        condition(sent.map_err(|e| call_error("dynamodb:UpdateItem", e))).map(drop)
    }

    /// Records that a release was not released, if nothing else is recorded of how it ended.
    pub async fn record_superseded(
        &self,
        target: &Target,
        ticket: Ticket,
        cause: &str,
    ) -> Result<(), RegistryError> {
        let ended = self.end(target, ticket, ReleaseOutcome::NotReleased, cause)?;
        let sent = ended
            .condition_expression("outcome = :running")
            .expression_attribute_values(":running", value(&ReleaseOutcome::Running)?)
            .send()
            .await;
        condition(sent.map_err(|e| call_error("dynamodb:UpdateItem", e))).map(drop)
    }

    /// Records that a release went live and was taken back.
    pub async fn record_rolled_back(
        &self,
        target: &Target,
        ticket: Ticket,
        cause: &str,
    ) -> Result<(), RegistryError> {
        let ended = self.end(target, ticket, ReleaseOutcome::RolledBack, cause)?;
        let sent = ended
            .condition_expression("attribute_exists(pk)")
            .send()
            .await;
        condition(sent.map_err(|e| call_error("dynamodb:UpdateItem", e))).map(drop)
    }

    /// How a release ended, when and why; the condition is the caller's.
    fn end(
        &self,
        target: &Target,
        ticket: Ticket,
        outcome: ReleaseOutcome,
        cause: &str,
    ) -> Result<UpdateItemFluentBuilder, RegistryError> {
        let key = Key::release(target, ticket);
        Ok(self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET outcome = :outcome, ended = :ended, cause = :cause")
            .expression_attribute_values(":outcome", value(&outcome)?)
            .expression_attribute_values(":ended", text(&aws::now()))
            .expression_attribute_values(":cause", text(cause)))
    }

    /// Whether all of this has passed on the target.
    pub async fn have_passed(
        &self,
        target: &Target,
        proofs: &[Proof],
    ) -> Result<bool, RegistryError> {
        let keys: Vec<Key> = proofs
            .iter()
            .map(|proof| Key::proof(target, proof))
            .collect();
        let found: Vec<ProofRow> = self.get_many(&keys).await?;
        Ok(found.len() == keys.len())
    }

    /// Records a tested set and, if it passed, what each component passed against. Proofs first: a
    /// set that is listed as passed has them.
    pub async fn record_set(
        &self,
        target: &Target,
        set: &SetRow,
        proofs: &[ProofRow],
    ) -> Result<(), RegistryError> {
        futures::stream::iter(proofs)
            .map(|row| self.record_proof(target, row))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        self.put(&Key::set(target, set.ticket, set.round), set)
            .await
    }

    async fn record_proof(&self, target: &Target, row: &ProofRow) -> Result<(), RegistryError> {
        let key = Key::proof(target, &row.proof);
        let before: Option<ProofRow> = self.get(&key).await?;
        // A proof without suites left out is not overwritten by a later hotfix's.
        match before.is_some_and(|before| before.says_more_than(row)) {
            true => Ok(()),
            false => self.put(&key, row).await,
        }
    }
}
