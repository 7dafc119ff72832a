//! Emptying a target's zone, so that it can be deleted.

use crate::{ChangeError, Dns, invalid, is_invalid_batch};
use aws::{CallError, call_error};
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecordSet, RrType};
use pipeline::drivers::MAX_PLANS;
use pipeline::errors::{ErrorName, Fault};
use pipeline::names::Domain;

/// What one batch may have: values and their characters
/// (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>).
const VALUES: usize = 1000;
const CHARACTERS: usize = 32_000;

/// As many records in each batch as it takes; a record alone may be what it likes.
fn batches(records: &[ResourceRecordSet]) -> Vec<&[ResourceRecordSet]> {
    let size = |one: &ResourceRecordSet| {
        let values = one.resource_records().iter();
        let characters: usize = values.map(|one| one.value.chars().count()).sum();
        (one.resource_records().len().max(1), characters)
    };
    let (mut all, mut from, mut sum) = (Vec::new(), 0, (0, 0));
    for (n, one) in records.iter().enumerate() {
        let (values, characters) = size(one);
        sum = (sum.0 + values, sum.1 + characters);
        if n > from && (sum.0 > VALUES || sum.1 > CHARACTERS) {
            all.push(&records[from..n]);
            (from, sum) = (n, (values, characters));
        }
    }
    if from < records.len() {
        all.push(&records[from..]);
    }
    all
}

impl Dns {
    /// Deletes every record of a zone but its own NS and SOA, each as it was seen; answers the
    /// names. Records of any type go: what is not deleted keeps the zone from being deleted.
    /// A zone that is gone has none.
    pub async fn clear(&self, zone_id: &str, domain: &Domain) -> Result<Vec<String>, Fault> {
        let mut gone = Vec::new();
        for _ in 0..MAX_PLANS {
            let records = self.all_but_its_own(zone_id, domain).await?;
            if records.is_empty() {
                return Ok(gone);
            }
            // One after the other: Route 53 refuses a change while another of the zone is under way.
            for batch in batches(&records) {
                match self.delete(zone_id, batch).await {
                    Ok(()) => gone.extend(
                        batch
                            .iter()
                            .map(|one| one.name.trim_end_matches('.').to_owned()),
                    ),
                    Err(ChangeError::Moved(why)) => tracing::info!(why, "looking again"),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Err(Fault::new(
            ErrorName::Unavailable,
            "the zone kept changing while its records were deleted",
        ))
    }

    /// Whether there is a zone of this name.
    pub async fn has_zone(&self, domain: &Domain) -> Result<bool, CallError> {
        tracing::info!(call = "route53:ListHostedZonesByName");
        let reply = self
            .client
            .list_hosted_zones_by_name()
            .dns_name(domain.as_str())
            .max_items(1)
            .send()
            .await
            .map_err(|e| call_error("route53:ListHostedZonesByName", e))?;
        let first = reply.hosted_zones.first();
        Ok(first.is_some_and(|zone| zone.name.trim_end_matches('.') == domain.as_str()))
    }

    async fn all_but_its_own(
        &self,
        zone_id: &str,
        domain: &Domain,
    ) -> Result<Vec<ResourceRecordSet>, CallError> {
        let mut records = Vec::new();
        let mut pages = self
            .client
            .list_resource_record_sets()
            .hosted_zone_id(zone_id);
        loop {
            tracing::info!(call = "route53:ListResourceRecordSets");
            let sent = pages.clone().send().await;
            let page = match sent.map_err(|e| call_error("route53:ListResourceRecordSets", e)) {
                Err(error) if error.is("NoSuchHostedZone") => return Ok(records),
                other => other?,
            };
            let others = page
                .resource_record_sets
                .into_iter()
                .filter(|one| !is_its_own(one, domain));
            records.extend(others);
            if !page.is_truncated {
                return Ok(records);
            }
            pages = pages
                .set_start_record_name(page.next_record_name)
                .set_start_record_type(page.next_record_type)
                .set_start_record_identifier(page.next_record_identifier);
        }
    }

    async fn delete(
        &self,
        zone_id: &str,
        records: &[ResourceRecordSet],
    ) -> Result<(), ChangeError> {
        let deletion = |record: &ResourceRecordSet| {
            Change::builder()
                .action(ChangeAction::Delete)
                .resource_record_set(record.clone())
                .build()
                .map_err(invalid)
        };
        let changes = records
            .iter()
            .map(deletion)
            .collect::<Result<Vec<_>, _>>()?;
        let batch = ChangeBatch::builder()
            .set_changes(Some(changes))
            .comment("the target is torn down")
            .build()
            .map_err(invalid)?;
        tracing::info!(
            call = "route53:ChangeResourceRecordSets",
            changes = records.len()
        );
        let sent = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(zone_id)
            .change_batch(batch)
            .send()
            .await;
        match sent.map_err(|e| call_error("route53:ChangeResourceRecordSets", e)) {
            Ok(_) => Ok(()),
            Err(error) if is_invalid_batch(&error) => Err(ChangeError::Moved(error.message)),
            Err(error) => Err(error.into()),
        }
    }
}

/// The NS and SOA records at the zone's apex go with the zone itself.
fn is_its_own(record: &ResourceRecordSet, domain: &Domain) -> bool {
    let at_apex = record.name.trim_end_matches('.') == domain.as_str();
    at_apex && matches!(record.r#type, RrType::Ns | RrType::Soa)
}
