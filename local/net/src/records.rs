//! What a set of zones answers to a question, as a pure function.

use std::collections::HashMap;

use hickory_proto::{
    op::ResponseCode,
    rr::{Name, RData, Record, RecordType, rdata::SOA},
};

/// Links of a CNAME chain that are followed: what resolvers allow before they call it a loop.
const LONGEST_CHAIN: usize = 16;

/// A hosted zone and its records.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    name: Name,
    records: HashMap<Name, Vec<Record>>,
}

/// What a question gets, before it is put on the wire.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) code: ResponseCode,
    pub(crate) answers: Vec<Record>,
    /// Says how long an absence may be remembered.
    pub(crate) soa: Option<Record>,
}

impl Zone {
    pub(crate) fn new(name: Name, records: impl IntoIterator<Item = Record>) -> Self {
        let mut by_name: HashMap<Name, Vec<Record>> = HashMap::new();
        for record in records {
            by_name.entry(record.name.clone()).or_default().push(record);
        }
        Self {
            name,
            records: by_name,
        }
    }

    /// Every name that a CNAME of this zone leads to.
    pub(crate) fn aliased(&self) -> impl Iterator<Item = &Name> {
        self.records.values().flatten().filter_map(target)
    }

    /// Whether a delegation to these name servers leads here: to some of its own, if it says which.
    fn is_at(&self, servers: &[Record]) -> bool {
        let own = self.records.get(&self.name).into_iter().flatten();
        let mut own = own.filter_map(name_server).peekable();
        let to: Vec<&Name> = servers.iter().filter_map(name_server).collect();
        own.peek().is_none() || own.any(|server| to.contains(&server))
    }

    /// The name on the way to another one from which the zone gives away what is below.
    fn gives_away(&self, name: &Name) -> Option<&Name> {
        let ways = self.records.iter().filter(|(at, records)| {
            let below = **at != self.name && at.zone_of(name);
            below
                && records
                    .iter()
                    .any(|one| one.record_type() == RecordType::NS)
        });
        let ways = ways.map(|(at, _)| at);
        ways.min_by_key(|at| at.num_labels())
    }

    fn exists(&self, name: &Name) -> bool {
        // A name above a record exists too, although it has none of its own.
        self.records.contains_key(name) || self.records.keys().any(|other| name.zone_of(other))
    }

    /// What a wildcard says of a name that does not exist (RFC 4592): `*` right below the nearest
    /// name above it that does.
    fn of_wildcard(&self, name: &Name) -> Option<Vec<Record>> {
        if self.exists(name) {
            return None;
        }
        let mut above = name.base_name();
        while !self.exists(&above) && self.name.zone_of(&above) && !above.is_root() {
            above = above.base_name();
        }
        let wildcard = Name::from_ascii("*").ok()?.append_domain(&above).ok()?;
        let own = |record: &Record| {
            let mut own = record.clone();
            own.name = name.clone();
            own
        };
        let records = self.records.get(&wildcard)?;
        Some(records.iter().map(own).collect())
    }

    /// Its SOA record, with the time that an absence may be remembered as its TTL (RFC 2308).
    fn soa(&self) -> Record {
        let found = self.records.get(&self.name).into_iter().flatten();
        let (ttl, soa) = found
            .filter_map(|record| match &record.data {
                RData::SOA(soa) => Some((record.ttl, soa.clone())),
                _ => None,
            })
            .next()
            .unwrap_or_else(|| (1, missing_soa(&self.name)));
        Record::from_rdata(self.name.clone(), ttl.min(soa.minimum), RData::SOA(soa))
    }
}

/// Who answers for a name.
enum Holder<'a> {
    Zone(&'a Zone),
    /// It was given away to a zone that is not there, or to name servers that do not have it.
    Lame,
    Nobody,
}

/// Finds the zone of a name as a resolver does: from the highest one down, wherever it is delegated.
/// A zone that nothing leads to is not found, whatever it holds.
fn holder<'a>(zones: &'a [Zone], name: &Name) -> Holder<'a> {
    let above = zones.iter().filter(|zone| zone.name.zone_of(name));
    let Some(mut zone) = above.min_by_key(|zone| zone.name.num_labels()) else {
        return Holder::Nobody;
    };
    while let Some(cut) = zone.gives_away(name) {
        let servers = &zone.records[cut];
        let below = zones.iter().find(|zone| zone.name == *cut);
        match below.filter(|below| below.is_at(servers)) {
            Some(below) => zone = below,
            None => return Holder::Lame,
        }
    }
    Holder::Zone(zone)
}

/// Answers a question from the zones.
pub(crate) fn reply(zones: &[Zone], name: &Name, kind: RecordType) -> Reply {
    let mut answers = Vec::new();
    let mut asked = name.clone();
    for _ in 0..LONGEST_CHAIN {
        let zone = match holder(zones, &asked) {
            Holder::Zone(zone) => zone,
            Holder::Nobody => return outside(answers),
            Holder::Lame => return unanswered(),
        };
        let synthesised = zone.of_wildcard(&asked);
        let own = zone.records.get(&asked).map_or(&[][..], Vec::as_slice);
        let records = synthesised.as_deref().unwrap_or(own);
        let found = records.iter().filter(|record| is(record, kind));
        let before = answers.len();
        answers.extend(found.cloned());
        if answers.len() > before {
            return Reply {
                code: ResponseCode::NoError,
                answers,
                soa: None,
            };
        }
        let Some(alias) = records.iter().find(|record| target(record).is_some()) else {
            return absent(zone, &asked, answers);
        };
        asked = target(alias).expect("it was found by its target").clone();
        answers.push(alias.clone());
    }
    unanswered()
}

fn unanswered() -> Reply {
    Reply {
        code: ResponseCode::ServFail,
        answers: Vec::new(),
        soa: None,
    }
}

/// The question, or the end of the chain, is none of ours: somebody else has to answer it.
fn outside(answers: Vec<Record>) -> Reply {
    let code = if answers.is_empty() {
        ResponseCode::Refused
    } else {
        ResponseCode::NoError
    };
    Reply {
        code,
        answers,
        soa: None,
    }
}

fn absent(zone: &Zone, name: &Name, answers: Vec<Record>) -> Reply {
    let code = if zone.exists(name) {
        ResponseCode::NoError
    } else {
        ResponseCode::NXDomain
    };
    Reply {
        code,
        answers,
        soa: Some(zone.soa()),
    }
}

fn is(record: &Record, kind: RecordType) -> bool {
    kind == RecordType::ANY || record.record_type() == kind
}

fn target(record: &Record) -> Option<&Name> {
    match &record.data {
        RData::CNAME(name) => Some(&name.0),
        _ => None,
    }
}

fn name_server(record: &Record) -> Option<&Name> {
    match &record.data {
        RData::NS(name) => Some(&name.0),
        _ => None,
    }
}

/// Route 53 gives every zone a SOA record; without one, an absence is remembered for a second.
fn missing_soa(zone: &Name) -> SOA {
    SOA::new(zone.clone(), zone.clone(), 1, 1, 1, 1, 1)
}
