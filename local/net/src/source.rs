//! Where the zones come from.

use std::collections::HashSet;

use aws_sdk_route53::{
    Client,
    error::DisplayErrorContext,
    types::{HostedZone, ResourceRecordSet},
};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::{Changes, records::Zone};

/// Pages read of one list: 30,000 records, beyond which a page that repeats itself is likelier.
const MOST_PAGES: usize = 100;

/// Where the zones come from: Route 53, or the memory of a test.
#[derive(Clone)]
pub(crate) enum Source {
    Route53(Client, Changes),
    #[cfg(test)]
    Memory(crate::tests::Memory),
}

/// Route 53 could not be read; the text says why.
#[derive(Debug, thiserror::Error)]
#[error("Route 53 cannot be read: {0}")]
pub(crate) struct Unreadable(String);

impl Unreadable {
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl Source {
    /// The zones that the names, and the CNAMEs in their zones, are in or below; read now.
    pub(crate) async fn zones(&self, names: &[Name]) -> Result<Vec<Zone>, Unreadable> {
        match self {
            Self::Route53(client, _) => read_zones(client, names).await,
            #[cfg(test)]
            Self::Memory(memory) => memory.zones().await,
        }
    }

    /// What tells of changes; without it nothing that was read may be used again.
    pub(crate) fn changes(&self) -> Option<&Changes> {
        match self {
            Self::Route53(_, changes) => Some(changes),
            #[cfg(test)]
            Self::Memory(_) => None,
        }
    }
}

async fn read_zones(client: &Client, names: &[Name]) -> Result<Vec<Zone>, Unreadable> {
    let all = list_zones(client).await?;
    let mut known = HashSet::new();
    let mut read = Vec::new();
    let mut wanted = names.to_vec();
    loop {
        // Those above it too: it is found only where they lead to it.
        let above = |zone: &&(Name, String)| wanted.iter().any(|it| zone_name(zone).zone_of(it));
        let zones = all.iter().filter(above);
        let new: Vec<_> = zones.filter(|(_, id)| known.insert(id)).collect();
        if new.is_empty() {
            return Ok(read);
        }
        let new = new
            .into_iter()
            .map(|(name, id)| read_zone(client, name, id));
        let new = futures::future::try_join_all(new).await?;
        wanted = new.iter().flat_map(Zone::aliased).cloned().collect();
        read.extend(new);
    }
}

fn zone_name((name, _): &(Name, String)) -> &Name {
    name
}

async fn list_zones(client: &Client) -> Result<Vec<(Name, String)>, Unreadable> {
    let mut zones = Vec::new();
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let page = client.list_hosted_zones().set_marker(marker).send().await;
        let page = page.map_err(|error| unreadable(&error))?;
        zones.extend(page.hosted_zones.into_iter().filter_map(named));
        marker = page.next_marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(zones);
        }
    }
    Err(Unreadable::because("the list of hosted zones has no end"))
}

fn named(zone: HostedZone) -> Option<(Name, String)> {
    Some((absolute(&zone.name)?, zone.id))
}

async fn read_zone(client: &Client, name: &Name, id: &str) -> Result<Zone, Unreadable> {
    let mut records = Vec::new();
    let mut next = client.list_resource_record_sets().hosted_zone_id(id);
    for _ in 0..MOST_PAGES {
        let page = next.send().await.map_err(|error| unreadable(&error))?;
        records.extend(page.resource_record_sets.iter().flat_map(to_records));
        if !page.is_truncated {
            return Ok(Zone::new(name.clone(), records));
        }
        next = client
            .list_resource_record_sets()
            .hosted_zone_id(id)
            .set_start_record_name(page.next_record_name)
            .set_start_record_type(page.next_record_type)
            .set_start_record_identifier(page.next_record_identifier);
    }
    Err(Unreadable::because(format!(
        "the list of {name}'s records has no end"
    )))
}

fn unreadable<E: std::error::Error>(error: &E) -> Unreadable {
    Unreadable(DisplayErrorContext(error).to_string())
}

/// The records of a set. Those that cannot be read are left out, with a word in the log.
pub(crate) fn to_records(set: &ResourceRecordSet) -> Vec<Record> {
    let Some(name) = absolute(&set.name) else {
        return Vec::new();
    };
    // A TTL is missing from Route 53's own alias records only, and those hold no values.
    let ttl = u32::try_from(set.ttl.unwrap_or(0)).unwrap_or(0);
    let values = set.resource_records.iter().flatten();
    let data = values.filter_map(|value| to_data(set.r#type.as_str(), &value.value));
    data.map(|data| Record::from_rdata(name.clone(), ttl, data))
        .collect()
}

fn to_data(kind: &str, value: &str) -> Option<RData> {
    let kind: RecordType = kind.parse().ok()?;
    match RData::try_from_str(kind, value) {
        Ok(data) => Some(absolute_names(data)),
        Err(error) => {
            tracing::debug!(%kind, value, %error, "a record that cannot be read is left out");
            None
        }
    }
}

/// Route 53 takes names in values as absolute, with or without the dot at the end.
fn absolute_names(mut data: RData) -> RData {
    match &mut data {
        RData::CNAME(name) => name.0.set_fqdn(true),
        RData::NS(name) => name.0.set_fqdn(true),
        RData::SOA(soa) => {
            soa.mname.set_fqdn(true);
            soa.rname.set_fqdn(true);
        }
        _ => {}
    }
    data
}

pub(crate) fn absolute(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name).ok()?;
    name.set_fqdn(true);
    Some(name)
}
