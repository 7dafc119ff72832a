//! Route 53: a target's zone is observed whole and changed in one batch.
//!
//! Five requests per second and account are allowed, so nothing here asks once per record:
//! <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>.
#![warn(missing_docs)]

mod apex;
mod clear;

use aws_sdk_route53::Client;
use aws_sdk_route53::types::{
    Change as SdkChange, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord,
    ResourceRecordSet, RrType,
};
use pipeline::names::Fqdn;
use pipeline::records::{Batch, Change, Record, RecordType, ZoneView};
use stage::{CallError, Fault, call_error};
use std::time::{Duration, Instant};

/// Route 53's polls: no faster than one per two seconds, whatever the release's size.
pub const POLL: Duration = Duration::from_secs(2);

/// A change is INSYNC "usually within 60 seconds"; ten times that is a failure.
pub const IN_SYNC_DEADLINE: Duration = Duration::from_secs(600);

/// How often a batch is planned again because the zone moved under it.
pub const MAX_PLANS: u32 = 5;

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
            ChangeError::Moved(why) => {
                Fault::new("Unavailable", format!("the zone kept changing: {why}"))
            }
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

    /// All A and CNAME records of a zone, 300 per request.
    pub async fn view(&self, zone_id: &str) -> Result<ZoneView, CallError> {
        let mut records = Vec::new();
        let mut start: Option<(String, RrType)> = None;
        loop {
            let (name, kind) = start.take().unzip();
            tracing::info!(call = "route53:ListResourceRecordSets");
            let page = self
                .client
                .list_resource_record_sets()
                .hosted_zone_id(zone_id)
                .set_start_record_name(name)
                .set_start_record_type(kind)
                .send()
                .await
                .map_err(|e| call_error("route53:ListResourceRecordSets", e))?;
            records.extend(page.resource_record_sets.iter().filter_map(record));
            match (
                page.is_truncated,
                page.next_record_name,
                page.next_record_type,
            ) {
                (true, Some(name), Some(kind)) => start = Some((name, kind)),
                _ => return Ok(ZoneView::new(records)),
            }
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
            Err(error) if error.is("InvalidChangeBatch") => Err(ChangeError::Moved(error.message)),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether every name server answers the change. Ask no faster than [`POLL`].
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

    /// Waits until every name server answers the change, polling no faster than `spacing` and no
    /// longer than `limit`.
    pub async fn wait_in_sync(
        &self,
        change_id: &str,
        spacing: Duration,
        limit: Duration,
    ) -> Result<(), Fault> {
        let deadline = Instant::now() + limit;
        loop {
            if self.is_in_sync(change_id).await? {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(not_in_sync(change_id, limit));
            }
            tokio::time::sleep(spacing.max(POLL)).await;
        }
    }
}

/// What is said when a change takes too long; the state machine tries again.
pub fn not_in_sync(change_id: &str, limit: Duration) -> Fault {
    Fault::new(
        "Unavailable",
        format!(
            "Route 53 change {change_id} is not INSYNC after {} s",
            limit.as_secs()
        ),
    )
}

/// Plain A and CNAME records; alias targets, weighted sets and other types are not ours.
fn record(set: &ResourceRecordSet) -> Option<Record> {
    let kind = match set.r#type {
        RrType::A => RecordType::A,
        RrType::Cname => RecordType::Cname,
        _ => return None,
    };
    if set.alias_target.is_some() || set.set_identifier.is_some() {
        return None;
    }
    let name = Fqdn::new(set.name.trim_end_matches('.')).ok()?;
    let ttl = u32::try_from(set.ttl?).ok()?;
    let mut values: Vec<String> = set
        .resource_records()
        .iter()
        .map(|r| r.value.trim_end_matches('.').to_owned())
        .collect();
    values.sort();
    Some(Record {
        name,
        kind,
        ttl,
        values,
    })
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

fn invalid(error: impl std::fmt::Display) -> ChangeError {
    ChangeError::Call(CallError {
        operation: "route53:ChangeResourceRecordSets",
        kind: stage::CallKind::Refused,
        code: "incomplete request".into(),
        message: error.to_string(),
    })
}

#[cfg(test)]
mod tests;
