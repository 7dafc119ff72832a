//! The rows of one release: its ticket, its reservation, its candidates, its outcome.

use crate::{Registry, RegistryError, item, number, text};
use aws_sdk_dynamodb::types::{Put, ReturnValue, TransactWriteItem};
use pipeline::names::{Fqdn, Target, Ticket};
use pipeline::rows::{AliasRow, CandidateRow, CandidateState, Key, ReleaseRow};
use pipeline::wire::Instance;
use serde::{Deserialize, Serialize};
use stage::{CallKind, call_error};

/// Everything that Plan release writes, in one transaction.
#[derive(Debug)]
pub struct Reservation<'a> {
    /// The target.
    pub target: &'a Target,
    /// The release.
    pub release: &'a ReleaseRow,
    /// Its candidates, in state `planned`.
    pub candidates: &'a [CandidateRow],
}

/// What became of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// It stands.
    Done,
    /// Somebody else was first with one of the names (or this execution has a plan already).
    Taken,
}

#[derive(Serialize, Deserialize)]
struct ExecutionRow {
    ticket: Ticket,
}

impl Registry {
    /// Draws the next ticket of a target.
    pub async fn draw_ticket(&self, target: &Target) -> Result<Ticket, RegistryError> {
        let key = Key::ticket(target);
        let reply = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("ADD #number :one")
            .expression_attribute_names("#number", "number")
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(|e| call_error("dynamodb:UpdateItem", e))?;
        #[derive(Deserialize)]
        struct Counter {
            number: Ticket,
        }
        let counter: Counter = crate::read(reply.attributes.unwrap_or_default(), &key.pk, &key.sk)?;
        Ok(counter.number)
    }

    /// The plan that this execution already has, if Plan release ran before.
    pub async fn plan_of(
        &self,
        target: &Target,
        execution: &str,
    ) -> Result<Option<ReleaseRow>, RegistryError> {
        match self
            .get::<ExecutionRow>(&Key::execution(target, execution))
            .await?
        {
            Some(row) => self.get(&Key::release(target, row.ticket)).await,
            None => Ok(None),
        }
    }

    /// Writes the release, the execution's pointer to it and the candidates' names: all or none.
    pub async fn reserve(&self, reservation: &Reservation<'_>) -> Result<Reserved, RegistryError> {
        let Reservation {
            target,
            release,
            candidates,
        } = reservation;
        let mut writes = vec![
            self.create(
                &Key::release(target, release.ticket),
                release,
                "attribute_not_exists(pk)",
            )?,
            self.create(
                &Key::execution(target, &release.execution),
                &ExecutionRow {
                    ticket: release.ticket,
                },
                "attribute_not_exists(pk)",
            )?,
        ];
        for candidate in *candidates {
            writes.push(self.create(
                &Key::candidate(target, &candidate.hostname),
                candidate,
                GONE,
            )?);
        }
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .send()
            .await;
        match sent.map_err(|e| call_error("dynamodb:TransactWriteItems", e)) {
            Ok(_) => Ok(Reserved::Done),
            Err(error)
                if error.is("TransactionCanceledException")
                    && error.message.contains("ConditionalCheckFailed") =>
            {
                Ok(Reserved::Taken)
            }
            Err(mut error) => {
                if error.is("TransactionCanceledException") {
                    error.kind = CallKind::Unavailable; // a conflict with another transaction
                }
                Err(error.into())
            }
        }
    }

    fn create<T: Serialize>(
        &self,
        key: &Key,
        row: &T,
        condition: &str,
    ) -> Result<TransactWriteItem, RegistryError> {
        let mut put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(key, row)?))
            .condition_expression(condition);
        if condition == GONE {
            put = put
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":retired", text("retired"))
                .expression_attribute_values(":discarded", text("discarded"));
        }
        let put = put.build().expect("table and item are given");
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Moves a candidate of this ticket on; `false` where it is not this ticket's any more or is
    /// gone already.
    pub async fn set_candidate(
        &self,
        target: &Target,
        hostname: &Fqdn,
        ticket: Ticket,
        state: CandidateState,
    ) -> Result<bool, RegistryError> {
        self.update_candidate(target, hostname, ticket, state, None)
            .await
    }

    /// Records where a candidate runs.
    pub async fn set_candidate_instances(
        &self,
        target: &Target,
        hostname: &Fqdn,
        ticket: Ticket,
        instances: &[Instance],
        version: &str,
    ) -> Result<bool, RegistryError> {
        self.update_candidate(
            target,
            hostname,
            ticket,
            CandidateState::Healthy,
            Some((instances, version)),
        )
        .await
    }

    async fn update_candidate(
        &self,
        target: &Target,
        hostname: &Fqdn,
        ticket: Ticket,
        state: CandidateState,
        at: Option<(&[Instance], &str)>,
    ) -> Result<bool, RegistryError> {
        let key = Key::candidate(target, hostname);
        let mut call = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .condition_expression(if state.is_gone() {
                "ticket = :ticket"
            } else {
                "ticket = :ticket AND #state <> :retired AND #state <> :discarded"
            })
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":ticket", number(ticket.0))
            .expression_attribute_values(":state", value(&state)?);
        let mut update = "SET #state = :state".to_owned();
        if !state.is_gone() {
            call = call
                .expression_attribute_values(":retired", text("retired"))
                .expression_attribute_values(":discarded", text("discarded"));
        }
        if let Some((instances, version)) = at {
            update.push_str(", instances = :instances, launch_template_version = :version");
            call = call
                .expression_attribute_values(":instances", value(&instances)?)
                .expression_attribute_values(":version", text(version));
        }
        let sent = call.update_expression(update).send().await;
        condition(sent.map_err(|e| call_error("dynamodb:UpdateItem", e)))
    }

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

    /// Records how a release ended. A release that is live is never recorded as anything else.
    pub async fn record_outcome(
        &self,
        target: &Target,
        ticket: Ticket,
        outcome: &str,
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
            .condition_expression("attribute_exists(pk) AND (outcome <> :live OR :outcome = :live)")
            .expression_attribute_values(":live", text("live"))
            .expression_attribute_values(":outcome", text(outcome))
            .expression_attribute_values(":ended", text(&stage::now()));
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
}

/// A hostname may be reserved where there is none, or where what stood there is gone.
const GONE: &str = "attribute_not_exists(pk) OR #state IN (:retired, :discarded)";

fn value<T: Serialize>(
    value: &T,
) -> Result<aws_sdk_dynamodb::types::AttributeValue, RegistryError> {
    serde_dynamo::to_attribute_value(value).map_err(RegistryError::Unwritable)
}

fn condition<T>(sent: Result<T, stage::CallError>) -> Result<bool, RegistryError> {
    match sent {
        Ok(_) => Ok(true),
        Err(error) if error.is("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(error.into()),
    }
}
