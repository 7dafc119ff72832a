//! Records that no release made, at the names that releases use. They are left as they are.
//!
//! A CNAME cannot share its name with anything
//! ([RFC 1034](https://www.rfc-editor.org/rfc/rfc1034#section-3.6.2)), a plain record not with one
//! that has a routing policy, and clients may prefer an AAAA to an A record. So a release stops where
//! such a record is, instead of replacing what somebody else relies on.

use crate::names::Fqdn;
use crate::records::{Batch, Record, RecordType, ZoneView};
use std::fmt;

/// A record set of a kind that no release makes: of another type than A and CNAME, with a routing
/// policy, or an ALIAS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Foreign {
    /// Fully qualified, without the final dot.
    pub name: Fqdn,
    /// As Route 53 calls it: `AAAA`, `TXT`, `A`.
    pub kind: String,
    /// What tells it from others of its name and type: `SetIdentifier` of a weighted, latency,
    /// geolocation, failover or multivalue record.
    pub identifier: Option<String>,
    /// The `AliasTarget` of an ALIAS.
    pub alias_target: Option<String>,
    /// The names that a CNAME with a routing policy, or an ALIAS, leads to.
    pub leads_to: Vec<Fqdn>,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let article = if self.kind.starts_with('A') {
            "an"
        } else {
            "a"
        };
        write!(f, "{article} {} record", self.kind)?;
        if let Some(target) = &self.alias_target {
            write!(f, " (ALIAS of {target})")?;
        }
        match &self.identifier {
            Some(identifier) => write!(f, " with the set identifier `{identifier}`"),
            None => Ok(()),
        }
    }
}

/// What keeps a release from using a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name} has {what}, which no release of this project made; it was left as it is. Remove it or give it another name, then release again"
)]
pub struct InTheWay {
    /// The name that a release needs.
    pub name: Fqdn,
    /// What is there.
    pub what: String,
}

impl ZoneView {
    /// What keeps a name from getting a plain record of this type, or from having one that works.
    pub fn in_the_way(&self, name: &Fqdn, kind: RecordType) -> Option<InTheWay> {
        let other_kind = self.get(name).filter(|record| record.kind != kind);
        let foreign = self.foreign_at(name).iter();
        let all = other_kind.map(describe).into_iter().chain(
            foreign
                .filter(|one| conflicts(one, kind))
                .map(Foreign::to_string),
        );
        let what = all.collect::<Vec<_>>().join(" and ");
        let name = name.clone();
        (!what.is_empty()).then_some(InTheWay { name, what })
    }

    pub(crate) fn in_the_way_of(&self, record: &Record) -> Option<&Foreign> {
        let foreign = self.foreign_at(&record.name).iter();
        foreign.into_iter().find(|one| is_refused(one, record.kind))
    }

    /// A batch that changes nothing, and fits only while these records are as they were observed.
    pub fn assertion<'a>(&self, names: impl Iterator<Item = &'a Fqdn>) -> Batch {
        let mut batch = Batch::default();
        for record in names.filter_map(|name| self.get(name)) {
            batch.assert(record.clone());
        }
        batch
    }

    /// Puts a record that only this release writes into a batch. It is created; an earlier try's is
    /// left, or gets its TTL; one with other values is not this release's.
    pub fn publish(&self, batch: &mut Batch, wanted: Record) -> Result<(), InTheWay> {
        if let Some(in_the_way) = self.in_the_way(&wanted.name, wanted.kind) {
            return Err(in_the_way);
        }
        match self.get(&wanted.name) {
            Some(there) if *there == wanted => {}
            Some(there) if there.values == wanted.values => batch.swap(there.clone(), wanted),
            Some(there) => {
                return Err(InTheWay {
                    name: wanted.name,
                    what: describe(there),
                });
            }
            None => batch.create(wanted),
        }
        Ok(())
    }
}

fn describe(record: &Record) -> String {
    let kind = match record.kind {
        RecordType::A => "an A record",
        RecordType::Cname => "a CNAME record",
    };
    format!("{kind} ({})", record.values.join(", "))
}

/// What Route 53 refuses beside a plain record of this type.
fn is_refused(there: &Foreign, kind: RecordType) -> bool {
    match kind {
        RecordType::Cname => true,
        RecordType::A => matches!(there.kind.as_str(), "A" | "CNAME"),
    }
}

/// That, and addresses that a client may prefer to the A record's. (A TXT record does no harm there.)
fn conflicts(there: &Foreign, kind: RecordType) -> bool {
    is_refused(there, kind) || there.kind == "AAAA"
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn name() -> Fqdn {
        Fqdn::new("api.stage.myproj.com").unwrap()
    }

    fn foreign(kind: &str) -> Foreign {
        Foreign {
            name: name(),
            kind: kind.into(),
            identifier: None,
            alias_target: None,
            leads_to: Vec::new(),
        }
    }

    fn weighted(kind: &str) -> Foreign {
        Foreign {
            identifier: Some("one".into()),
            ..foreign(kind)
        }
    }

    fn alias_record() -> Foreign {
        Foreign {
            alias_target: Some("lb.example.com".into()),
            ..foreign("A")
        }
    }

    fn check(zone: &ZoneView, kind: RecordType, expected: Expect) {
        let found = zone.in_the_way(&name(), kind);
        expected.assert_eq(&found.map(|one| one.what).unwrap_or_default());
    }

    fn holds(all: impl IntoIterator<Item = Foreign>) -> ZoneView {
        ZoneView::default().with_foreign(all)
    }

    #[test]
    fn nothing_may_be_beside_an_alias() {
        let cname = RecordType::Cname;
        check(&holds([]), cname, expect![""]);
        check(&holds([foreign("TXT")]), cname, expect!["a TXT record"]);
        check(&holds([foreign("AAAA")]), cname, expect!["an AAAA record"]);
        check(
            &holds([alias_record(), foreign("MX")]),
            cname,
            expect!["an A record (ALIAS of lb.example.com) and a MX record"],
        );
        check(
            &holds([weighted("CNAME")]),
            cname,
            expect!["a CNAME record with the set identifier `one`"],
        );
        let plain = Record::addresses(name(), vec!["192.0.2.10".into()], 300);
        check(
            &ZoneView::new([plain]),
            cname,
            expect!["an A record (192.0.2.10)"],
        );
    }

    #[test]
    fn beside_a_hostname_there_may_be_what_no_client_connects_to() {
        let a = RecordType::A;
        check(&holds([foreign("TXT"), foreign("CAA")]), a, expect![""]);
        check(&holds([foreign("AAAA")]), a, expect!["an AAAA record"]);
        check(
            &holds([weighted("A")]),
            a,
            expect!["an A record with the set identifier `one`"],
        );
        let other = Fqdn::new("www.example.com").unwrap();
        check(
            &ZoneView::new([Record::cname(name(), &other, 60)]),
            a,
            expect!["a CNAME record (www.example.com)"],
        );
    }

    #[test]
    fn a_batch_that_route_53_would_refuse_is_not_applied() {
        let create = |record| {
            let mut batch = Batch::default();
            batch.create(record);
            batch
        };
        let cname = create(Record::cname(name(), &name(), 60));
        let a = create(Record::addresses(name(), vec!["192.0.2.1".into()], 60));
        assert!(holds([foreign("TXT")]).apply(&cname).is_err());
        assert!(holds([foreign("TXT")]).apply(&a).is_ok());
        assert!(holds([weighted("A")]).apply(&a).is_err());
    }

    #[test]
    fn what_is_published_replaces_its_own_and_nobody_elses() {
        let wanted = Record::addresses(name(), vec!["192.0.2.1".into()], 59);
        let publish = |zone: &ZoneView| {
            let mut batch = Batch::default();
            let published = zone.publish(&mut batch, wanted.clone());
            published.map(|()| batch.0.len())
        };
        assert_eq!(publish(&ZoneView::default()), Ok(1));
        assert_eq!(publish(&ZoneView::new([wanted.clone()])), Ok(0));
        let earlier = Record {
            ttl: 60,
            ..wanted.clone()
        };
        assert_eq!(publish(&ZoneView::new([earlier])), Ok(2));
        let cname = Record::cname(name(), &name(), 60);
        assert!(publish(&ZoneView::new([cname])).is_err());
        let another = Record::addresses(name(), vec!["192.0.2.9".into()], 59);
        assert!(publish(&ZoneView::new([another])).is_err());
    }
}
