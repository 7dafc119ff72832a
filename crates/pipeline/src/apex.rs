//! How long the world remembers what a target's zone says of itself: that a name is not there, and
//! which name servers it has.
//!
//! A resolver remembers a missing name for the smaller of the SOA record's TTL and its minimum
//! (RFC 2308, section 5): for 15 minutes, as Route 53 makes zones. A candidate that looks a peer up
//! while it boots would not find it for the rest of its tests.

/// Seconds that a missing name is remembered at most.
pub const ABSENCE: u32 = 5;

/// Seconds that the zone's name servers are remembered; 2 days as Route 53 makes zones, and a target
/// that is torn down and made again has others.
pub const SERVERS: u32 = 60;

/// The type of a record at a zone's apex that Route 53 makes with the zone. Neither can be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApexType {
    /// Start of authority.
    Soa,
    /// Name servers.
    Ns,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApexRecord {
    /// Which.
    pub kind: ApexType,
    /// Seconds.
    pub ttl: u32,
    /// In Route 53's order.
    pub values: Vec<String>,
}

/// For how long a missing name is remembered on a target: no longer than its aliases are.
pub fn absence(alias_ttl: u32) -> u32 {
    ABSENCE.min(alias_ttl)
}

/// The records that are to be written, as they are to be; none where all is as it should be.
pub fn plan_apex(seen: &[ApexRecord], alias_ttl: u32) -> Vec<ApexRecord> {
    let wanted = seen.iter().map(|record| match record.kind {
        ApexType::Soa => ApexRecord {
            ttl: absence(alias_ttl),
            values: record
                .values
                .iter()
                .map(|value| with_minimum(value, absence(alias_ttl)))
                .collect(),
            ..record.clone()
        },
        ApexType::Ns => ApexRecord {
            ttl: SERVERS,
            ..record.clone()
        },
    });
    let differs = |(wanted, seen): &(ApexRecord, &ApexRecord)| wanted != *seen;
    wanted
        .zip(seen)
        .filter(differs)
        .map(|(wanted, _)| wanted)
        .collect()
}

/// `<server> <mail> <serial> <refresh> <retry> <expire> <minimum>`; what is not in this form stays.
fn with_minimum(value: &str, minimum: u32) -> String {
    let mut fields: Vec<&str> = value.split_whitespace().collect();
    let minimum = minimum.to_string();
    match fields.len() {
        7 => {
            fields[6] = &minimum;
            fields.join(" ")
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn soa(ttl: u32, minimum: u32) -> ApexRecord {
        ApexRecord {
            kind: ApexType::Soa,
            ttl,
            values: vec![format!(
                "ns-1.awsdns-1.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 {minimum}"
            )],
        }
    }

    fn ns(ttl: u32) -> ApexRecord {
        ApexRecord {
            kind: ApexType::Ns,
            ttl,
            values: vec!["ns-1.awsdns-1.com.".into(), "ns-2.awsdns-2.net.".into()],
        }
    }

    fn check(seen: &[ApexRecord], alias_ttl: u32, expected: Expect) {
        let planned = plan_apex(seen, alias_ttl);
        let lines: Vec<String> = planned
            .iter()
            .map(|one| format!("{:?} {} {}", one.kind, one.ttl, one.values.join(" + ")))
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_new_zone_forgets_missing_names_within_seconds() {
        check(
            &[ns(172_800), soa(900, 86_400)],
            60,
            expect![[r#"
                Ns 60 ns-1.awsdns-1.com. + ns-2.awsdns-2.net.
                Soa 5 ns-1.awsdns-1.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 5"#]],
        );
    }

    #[test]
    fn a_zone_that_is_as_it_should_be_is_not_written() {
        check(&[ns(SERVERS), soa(5, 5)], 60, expect![""]);
        assert_eq!(plan_apex(&[], 60), []);
    }

    #[test]
    fn an_absence_is_remembered_no_longer_than_an_alias() {
        check(
            &[soa(5, 5)],
            2,
            expect!["Soa 2 ns-1.awsdns-1.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 2"],
        );
    }
}
