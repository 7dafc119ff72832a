//! The rows of one release: its ticket, its reservation, its candidates, its outcome.

use crate::{Registry, RegistryError, item, number, text};
use aws::{CallError, CallKind, call_error};
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem};
use pipeline::names::{Fqdn, Target, Ticket};
use pipeline::rows::{CandidateRow, CandidateState, FoundHealthy, Key, ReleaseRow};
use pipeline::wire::{Instance, Prepared, Release};
use serde::{Deserialize, Serialize};

/// Everything that Plan release writes, in one transaction.
#[derive(Debug)]
pub struct Reservation<'a> {
    /// The target.
    pub target: &'a Target,
    /// The release.
    pub release: &'a ReleaseRow,
    /// Its candidates, in state `planned`.
    pub candidates: &'a [CandidateRow],
    /// Instances that are still there from before and that it takes over: the row as it was seen,
    /// and as it will be.
    pub taken_over: &'a [(CandidateRow, CandidateRow)],
    /// The release of an earlier execution that had the same name.
    pub earlier: Option<Ticket>,
}

/// What became of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// It stands.
    Done,
    /// Somebody else was first with one of the names (or this execution has a plan already).
    Taken,
}

/// A candidate that was found healthy.
#[derive(Debug, Clone)]
pub struct Healthy {
    /// Where it runs.
    pub instances: Vec<Instance>,
    /// When, and what had happened until then.
    pub found: FoundHealthy,
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

    /// Writes the release, the execution's pointer to it and the candidates' names: all or none.
    pub async fn reserve(&self, reservation: &Reservation<'_>) -> Result<Reserved, RegistryError> {
        let Reservation {
            target,
            release,
            candidates,
            taken_over,
            earlier,
        } = reservation;
        let mut writes = vec![
            self.create(
                &Key::release(target, release.ticket),
                release,
                "attribute_not_exists(pk)",
            )?,
            self.point_to(target, release, *earlier)?,
        ];
        for candidate in *candidates {
            writes.push(self.create(
                &Key::candidate(target, &candidate.hostname),
                candidate,
                GONE,
            )?);
        }
        for (seen, row) in *taken_over {
            writes.push(self.take_over(target, seen, row)?);
        }
        self.transact(writes).await
    }

    /// Reserves the names of companions, all or none; a second time is no error.
    pub async fn reserve_companions(
        &self,
        target: &Target,
        companions: &[CandidateRow],
    ) -> Result<Reserved, RegistryError> {
        let mut reserved = Reserved::Done;
        for chunk in companions.chunks(100) {
            let writes = chunk
                .iter()
                .map(|row| self.create(&Key::candidate(target, &row.hostname), row, GONE))
                .collect::<Result<_, _>>()?;
            if self.transact(writes).await? == Reserved::Taken {
                reserved = Reserved::Taken;
            }
        }
        Ok(reserved)
    }

    pub(crate) async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<Reserved, RegistryError> {
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .send()
            .await;
        match sent.map_err(|e| call_error("dynamodb:TransactWriteItems", e)) {
            Ok(_) => Ok(Reserved::Done),
            Err(error) if is_cancelled(&error, &["ConditionalCheckFailed"]) => Ok(Reserved::Taken),
            Err(mut error) => {
                if is_cancelled(&error, TRANSIENT_REASONS) {
                    error.kind = CallKind::Unavailable;
                }
                Err(error.into())
            }
        }
    }

    /// Puts a row in the place of one that is exactly as it was seen, as far as it matters who it
    /// belongs to: whoever takes the instances away changes its state.
    fn take_over(
        &self,
        target: &Target,
        seen: &CandidateRow,
        row: &CandidateRow,
    ) -> Result<TransactWriteItem, RegistryError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(&Key::candidate(target, &row.hostname), row)?))
            .condition_expression("ticket = :ticket AND #state = :state")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":ticket", number(seen.ticket.0))
            .expression_attribute_values(":state", value(&seen.state)?)
            .build()
            .expect("table and item are given");
        Ok(TransactWriteItem::builder().put(put).build())
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

    /// Moves a candidate of this ticket on; `false` where it is not this ticket's any more, or has come
    /// further ([`CandidateState::comes_from`]): an update may arrive late. To take away what is gone is no
    /// error.
    pub async fn set_candidate(
        &self,
        target: &Target,
        hostname: &Fqdn,
        ticket: Ticket,
        state: CandidateState,
    ) -> Result<bool, RegistryError> {
        if state.is_gone() {
            return self.put_in_the_past(target, hostname, ticket, state).await;
        }
        let moved = self
            .update_candidate(target, hostname, ticket, state, None)
            .await?;
        Ok(moved || state.is_leaving() && self.is_past(target, hostname, ticket).await?)
    }

    /// Puts a candidate of this ticket back as it was before a roll-back took it over; `false` where it is
    /// not this ticket's any more, or is being taken away.
    pub async fn give_back(
        &self,
        target: &Target,
        ticket: Ticket,
        row: &CandidateRow,
    ) -> Result<bool, RegistryError> {
        let key = Key::candidate(target, &row.hostname);
        let mut call = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(&key, row)?))
            .condition_expression(in_order(CandidateState::Live))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":ticket", number(ticket.0));
        for (name, before) in states_before(CandidateState::Live)? {
            call = call.expression_attribute_values(name, before);
        }
        let sent = call.send().await;
        condition(sent.map_err(|e| call_error("dynamodb:PutItem", e)))
    }

    /// Records where a candidate runs and what it was booted from.
    pub async fn set_candidate_healthy(
        &self,
        release: &Release,
        recipe: &Prepared,
        healthy: &Healthy,
        version: &str,
    ) -> Result<bool, RegistryError> {
        let Some(hostname) = &recipe.planned.hostname else {
            return Ok(false); // nothing has no name
        };
        self.update_candidate(
            &release.target,
            hostname,
            release.ticket,
            CandidateState::Healthy,
            Some((healthy, version, recipe)),
        )
        .await
    }

    async fn update_candidate(
        &self,
        target: &Target,
        hostname: &Fqdn,
        ticket: Ticket,
        state: CandidateState,
        at: Option<(&Healthy, &str, &Prepared)>,
    ) -> Result<bool, RegistryError> {
        let key = Key::candidate(target, hostname);
        let mut call = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .condition_expression(in_order(state))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":ticket", number(ticket.0))
            .expression_attribute_values(":state", value(&state)?);
        let mut update = "SET #state = :state".to_owned();
        for (name, before) in states_before(state)? {
            call = call.expression_attribute_values(name, before);
        }
        if let Some((healthy, version, recipe)) = at {
            update.push_str(
                ", instances = :instances, launch_template_version = :version, recipe = :recipe, found_healthy = :found",
            );
            call = call
                .expression_attribute_values(":recipe", value(&recipe)?)
                .expression_attribute_values(":instances", value(&healthy.instances)?)
                .expression_attribute_values(":found", value(&healthy.found)?)
                .expression_attribute_values(":version", text(version));
        }
        let sent = call.update_expression(update).send().await;
        condition(sent.map_err(|e| call_error("dynamodb:UpdateItem", e)))
    }
}

/// The row is this ticket's still, and has not come further than the update knows.
pub(crate) fn in_order(to: CandidateState) -> String {
    let from = (0..to.comes_from().len()).map(|n| format!(":from{n}"));
    let from: Vec<String> = from.collect();
    format!("ticket = :ticket AND #state IN ({})", from.join(", "))
}

/// What [`in_order`] names.
pub(crate) fn states_before(
    to: CandidateState,
) -> Result<Vec<(String, AttributeValue)>, RegistryError> {
    let named = to.comes_from().iter().enumerate();
    named
        .map(|(n, before)| Ok((format!(":from{n}"), value(before)?)))
        .collect()
}

/// Reasons of a cancelled transaction that pass by themselves: another transaction at the same rows,
/// and throttling. The others are `ValidationError` and `ItemCollectionSizeLimitExceeded`
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>).
const TRANSIENT_REASONS: &[&str] = &[
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
];

/// Whether a transaction was cancelled for one of these reasons. The message lists one for each row:
/// `... specific reasons [None, ConditionalCheckFailed]`.
fn is_cancelled(error: &CallError, reasons: &[&str]) -> bool {
    let mut reasons = reasons.iter();
    error.is("TransactionCanceledException") && reasons.any(|reason| error.message.contains(reason))
}

/// A hostname may be reserved where there is none, or where what stood there is gone.
const GONE: &str = "attribute_not_exists(pk) OR #state IN (:retired, :discarded)";

pub(crate) fn value<T: Serialize>(value: &T) -> Result<AttributeValue, RegistryError> {
    serde_dynamo::to_attribute_value(value).map_err(RegistryError::Unwritable)
}

pub(crate) fn condition<T>(sent: Result<T, CallError>) -> Result<bool, RegistryError> {
    match sent {
        Ok(_) => Ok(true),
        Err(error) if error.is("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(error.into()),
    }
}
