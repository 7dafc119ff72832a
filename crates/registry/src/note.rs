//! What is noted in a candidate's row beside how far it is.

use crate::release::{condition, in_order, states_before, value};
use crate::{Registry, RegistryError, number, text};
use aws::call_error;
use pipeline::names::{Fqdn, Target, Ticket};
use pipeline::rows::{CandidateState, Key};
use pipeline::wire::Release;
use std::collections::BTreeMap;

impl Registry {
    /// Notes until when a hostname may be kept for its connections, which a release has replaced; `false` where a later one
    /// has, or it is gone.
    pub async fn keep_connected(
        &self,
        target: &Target,
        hostname: &Fqdn,
        by: Ticket,
        until: &str,
    ) -> Result<bool, RegistryError> {
        let key = Key::candidate(target, hostname);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET kept_until = :until, kept_by = :by")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(kept_by) OR kept_by < :by)",
            )
            .expression_attribute_values(":until", text(until))
            .expression_attribute_values(":by", number(by.0))
            .send()
            .await;
        condition(sent.map_err(|e| call_error("dynamodb:UpdateItem", e)))
    }

    /// Notes in the row of what is live that a release asked for it again; `false` where it is not this ticket's any
    /// more, is being taken away, or a later release has.
    pub async fn confirm(
        &self,
        target: &Target,
        hostname: &Fqdn,
        ticket: Ticket,
        by: Ticket,
    ) -> Result<bool, RegistryError> {
        let key = Key::candidate(target, hostname);
        let is_latest = "(attribute_not_exists(confirmed_by) OR confirmed_by <= :by)";
        let mut call = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET confirmed_by = :by")
            .condition_expression(format!(
                "{} AND {is_latest}",
                in_order(CandidateState::Live)
            ))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":by", number(by.0))
            .expression_attribute_values(":ticket", number(ticket.0));
        for (name, before) in states_before(CandidateState::Live)? {
            call = call.expression_attribute_values(name, before);
        }
        let sent = call.send().await;
        condition(sent.map_err(|e| call_error("dynamodb:UpdateItem", e)))
    }

    /// Notes in which subnets a candidate's instances are launched, of those for which the chosen ones had no room;
    /// `false` where it is not this ticket's any more, or has come further.
    pub async fn note_elsewhere(
        &self,
        release: &Release,
        hostname: &Fqdn,
        elsewhere: &BTreeMap<String, String>,
    ) -> Result<bool, RegistryError> {
        let key = Key::candidate(&release.target, hostname);
        let mut call = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET elsewhere = :elsewhere")
            .condition_expression(in_order(CandidateState::Healthy))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":elsewhere", value(elsewhere)?)
            .expression_attribute_values(":ticket", number(release.ticket.0));
        for (name, before) in states_before(CandidateState::Healthy)? {
            call = call.expression_attribute_values(name, before);
        }
        let sent = call.send().await;
        condition(sent.map_err(|e| call_error("dynamodb:UpdateItem", e)))
    }
}
