//! Route 53: a target's zone is observed whole and changed in one batch.
//!
//! Five requests per second and account are allowed, so nothing here asks once per record:
//! <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>.
#![warn(missing_docs)]

mod apex;
mod clear;

use aws::{CallError, call_error};
use aws_sdk_route53::Client;
use aws_sdk_route53::types::{
    Change as SdkChange, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord,
    ResourceRecordSet, RrType,
};
use pipeline::errors::{ErrorName, Fault};
use pipeline::foreign::Foreign;
use pipeline::names::Fqdn;
use pipeline::pace::in_sync_pause;
use pipeline::records::{Batch, Change, Record, RecordType, ZoneView};
use std::time::{Duration, Instant};

/// A change is INSYNC "usually within 60 seconds"; ten times that is a failure.
const IN_SYNC_DEADLINE: Duration = Duration::from_secs(600);

/// Why a batch was not applied; nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The zone is not what was observed: look again.
    #[error("the zone changed since it was looked at: {0}")]
    Moved(String),
    /// Route 53 did not take it.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<ChangeError> for Fault {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Moved(why) => Fault::new(
                ErrorName::Unavailable,
                format!("the zone kept changing: {why}"),
            ),
            ChangeError::Call(call) => call.into(),
        }
    }
}

/// Route 53.
#[derive(Debug, Clone)]
pub struct Dns {
    client: Client,
}

impl Dns {
    /// A client on this configuration.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// All records of a zone, 300 per request: what a release could have made, and what else is there.
    pub async fn view(&self, zone_id: &str) -> Result<ZoneView, CallError> {
        let (mut plain, mut foreign) = (Vec::new(), Vec::new());
        let mut pages = self
            .client
            .list_resource_record_sets()
            .hosted_zone_id(zone_id);
        loop {
            tracing::info!(call = "route53:ListResourceRecordSets");
            let sent = pages.clone().send().await;
            let page = sent.map_err(|e| call_error("route53:ListResourceRecordSets", e))?;
            for set in &page.resource_record_sets {
                match read(set) {
                    Some(Seen::Plain(record)) => plain.push(record),
                    Some(Seen::Foreign(one)) => foreign.push(one),
                    None => {}
                }
            }
            if !page.is_truncated {
                return Ok(ZoneView::new(plain).with_foreign(foreign));
            }
            pages = pages
                .set_start_record_name(page.next_record_name)
                .set_start_record_type(page.next_record_type)
                .set_start_record_identifier(page.next_record_identifier);
        }
    }

    /// Applies a batch, whole or not at all; answers Route 53's change id.
    pub async fn change(
        &self,
        zone_id: &str,
        batch: &Batch,
        comment: &str,
    ) -> Result<String, ChangeError> {
        let changes = batch
            .0
            .iter()
            .map(sdk_change)
            .collect::<Result<Vec<_>, _>>()?;
        let built = ChangeBatch::builder()
            .set_changes(Some(changes))
            .comment(comment)
            .build()
            .map_err(invalid)?;
        tracing::info!(
            call = "route53:ChangeResourceRecordSets",
            changes = batch.0.len()
        );
        let sent = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(zone_id)
            .change_batch(built)
            .send()
            .await;
        match sent.map_err(|e| call_error("route53:ChangeResourceRecordSets", e)) {
            Ok(reply) => Ok(reply
                .change_info
                .map(|info| info.id.trim_start_matches("/change/").to_owned())
                .unwrap_or_default()),
            Err(error) if is_invalid_batch(&error) => Err(ChangeError::Moved(error.message)),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether every name server answers the change. Ask no faster than [`in_sync_pause`] says.
    pub async fn is_in_sync(&self, change_id: &str) -> Result<bool, CallError> {
        tracing::info!(call = "route53:GetChange");
        let reply = self
            .client
            .get_change()
            .id(change_id)
            .send()
            .await
            .map_err(|e| call_error("route53:GetChange", e))?;
        Ok(reply
            .change_info
            .is_some_and(|info| info.status == ChangeStatus::Insync))
    }

    /// Waits until every name server answers the change that was made a moment ago, at most
    /// [`IN_SYNC_DEADLINE`].
    pub async fn wait_in_sync(&self, change_id: &str) -> Result<(), Fault> {
        self.wait_within(change_id, IN_SYNC_DEADLINE).await
    }

    async fn wait_within(&self, change_id: &str, limit: Duration) -> Result<(), Fault> {
        let begun = Instant::now();
        let deadline = begun + limit;
        for look in 0.. {
            // Not at once: a change is never INSYNC in the moment it was made.
            tokio::time::sleep(in_sync_pause(look, aws::jitter())).await;
            if self.is_in_sync(change_id).await? {
                tracing::info!(change_id, waited = ?begun.elapsed(), "the change is INSYNC");
                return Ok(());
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        Err(not_in_sync(change_id, limit))
    }
}

/// What is said when a change takes too long; the state machine tries again.
pub fn not_in_sync(change_id: &str, limit: Duration) -> Fault {
    Fault::new(
        ErrorName::Unavailable,
        format!(
            "Route 53 change {change_id} is not INSYNC after {} s",
            limit.as_secs()
        ),
    )
}

/// A record set as it is of interest.
enum Seen {
    /// A or CNAME, with values and nothing else.
    Plain(Record),
    /// Anything else.
    Foreign(Foreign),
}

/// `None` where the name can be nobody's here: `_acme-challenge`, a wildcard (`\052`).
fn read(set: &ResourceRecordSet) -> Option<Seen> {
    let name = fqdn(&set.name)?;
    let kind = match set.r#type {
        RrType::A => Some(RecordType::A),
        RrType::Cname => Some(RecordType::Cname),
        _ => None,
    };
    let plain = set.alias_target.is_none() && set.set_identifier.is_none();
    let ttl = set.ttl.and_then(|ttl| u32::try_from(ttl).ok());
    let mut values: Vec<String> = set
        .resource_records()
        .iter()
        .map(|r| r.value.trim_end_matches('.').to_owned())
        .collect();
    values.sort();
    match (kind, ttl) {
        (Some(kind), Some(ttl)) if plain => Some(Seen::Plain(Record {
            name,
            kind,
            ttl,
            values,
        })),
        _ => Some(Seen::Foreign(foreign(set, name, &values))),
    }
}

fn foreign(set: &ResourceRecordSet, name: Fqdn, values: &[String]) -> Foreign {
    let target = set.alias_target.as_ref();
    let target = target.map(|target| target.dns_name.trim_end_matches('.').to_owned());
    let is_cname = set.r#type == RrType::Cname;
    let names = values.iter().filter(|_| is_cname).chain(&target);
    Foreign {
        name,
        kind: set.r#type.as_str().to_owned(),
        identifier: set.set_identifier.clone(),
        leads_to: names.filter_map(|name| fqdn(name)).collect(),
        alias_target: target,
    }
}

fn fqdn(name: &str) -> Option<Fqdn> {
    Fqdn::new(name.trim_end_matches('.').to_ascii_lowercase()).ok()
}

fn sdk_change(change: &Change) -> Result<SdkChange, ChangeError> {
    let (action, record) = match change {
        Change::Create(record) => (ChangeAction::Create, record),
        Change::Delete(record) => (ChangeAction::Delete, record),
    };
    let values = record
        .values
        .iter()
        .map(|value| {
            ResourceRecord::builder()
                .value(value)
                .build()
                .map_err(invalid)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let set = ResourceRecordSet::builder()
        .name(record.name.as_str())
        .r#type(match record.kind {
            RecordType::A => RrType::A,
            RecordType::Cname => RrType::Cname,
        })
        .ttl(record.ttl.into())
        .set_resource_records(Some(values))
        .build()
        .map_err(invalid)?;
    SdkChange::builder()
        .action(action)
        .resource_record_set(set)
        .build()
        .map_err(invalid)
}

/// Whether a batch does not fit the zone. Until 2024 Route 53 said so without the `ErrorResponse` that
/// all its other errors are in, which the SDK then reads as an error without a code
/// (<https://github.com/aws/aws-sdk-kotlin/pull/1435>).
///
/// One that is too large (`Number of records limit of 1000 exceeded.`) is too large at each look
/// (<https://github.com/kubernetes-sigs/external-dns/issues/2537>).
fn is_invalid_batch(error: &CallError) -> bool {
    let is_invalid =
        error.is("InvalidChangeBatch") || error.message.contains("<InvalidChangeBatch");
    is_invalid && !error.message.contains(" limit of ")
}

fn invalid(error: impl std::fmt::Display) -> ChangeError {
    ChangeError::Call(CallError {
        operation: "route53:ChangeResourceRecordSets",
        kind: aws::CallKind::Refused,
        code: "incomplete request".into(),
        message: error.to_string(),
    })
}

#[cfg(test)]
mod tests;
