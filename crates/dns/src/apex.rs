//! The two records that Route 53 makes with a zone. They cannot be deleted, so they are the only ones
//! that are written without regard to what was there.

use crate::{ChangeError, Dns, invalid};
use aws::{CallError, call_error};
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use pipeline::apex::{ApexRecord, ApexType};
use pipeline::names::Domain;

/// The types at a zone's own name are few, and it sorts before all names below it.
const LISTED: i32 = 20;

impl Dns {
    /// The zone's own SOA and NS records.
    pub async fn apex(&self, zone_id: &str, domain: &Domain) -> Result<Vec<ApexRecord>, CallError> {
        tracing::info!(call = "route53:ListResourceRecordSets");
        let reply = self
            .client
            .list_resource_record_sets()
            .hosted_zone_id(zone_id)
            .start_record_name(domain.as_str())
            .max_items(LISTED)
            .send()
            .await
            .map_err(|e| call_error("route53:ListResourceRecordSets", e))?;
        let own = |set: &&ResourceRecordSet| set.name.trim_end_matches('.') == domain.as_str();
        Ok(reply
            .resource_record_sets
            .iter()
            .filter(own)
            .filter_map(read)
            .collect())
    }

    /// Writes them.
    pub async fn write_apex(
        &self,
        zone_id: &str,
        domain: &Domain,
        records: &[ApexRecord],
    ) -> Result<(), ChangeError> {
        let changes = records.iter().map(|record| upsert(domain, record));
        let changes = changes.collect::<Result<Vec<_>, _>>()?;
        tracing::info!(
            call = "route53:ChangeResourceRecordSets",
            changes = changes.len()
        );
        let batch = ChangeBatch::builder()
            .set_changes(Some(changes))
            .comment("how long missing names and name servers are remembered")
            .build()
            .map_err(invalid)?;
        self.client
            .change_resource_record_sets()
            .hosted_zone_id(zone_id)
            .change_batch(batch)
            .send()
            .await
            .map_err(|e| call_error("route53:ChangeResourceRecordSets", e))?;
        Ok(())
    }
}

fn read(set: &ResourceRecordSet) -> Option<ApexRecord> {
    let kind = match set.r#type {
        RrType::Soa => ApexType::Soa,
        RrType::Ns => ApexType::Ns,
        _ => return None,
    };
    let values = set.resource_records().iter();
    Some(ApexRecord {
        kind,
        ttl: u32::try_from(set.ttl?).ok()?,
        values: values.map(|one| one.value.clone()).collect(),
    })
}

fn upsert(domain: &Domain, record: &ApexRecord) -> Result<Change, ChangeError> {
    let values = record
        .values
        .iter()
        .map(|value| ResourceRecord::builder().value(value).build());
    let values = values.collect::<Result<Vec<_>, _>>().map_err(invalid)?;
    let set = ResourceRecordSet::builder()
        .name(domain.as_str())
        .r#type(match record.kind {
            ApexType::Soa => RrType::Soa,
            ApexType::Ns => RrType::Ns,
        })
        .ttl(record.ttl.into())
        .set_resource_records(Some(values))
        .build()
        .map_err(invalid)?;
    Change::builder()
        .action(ChangeAction::Upsert)
        .resource_record_set(set)
        .build()
        .map_err(invalid)
}
