//! Whether the world finds a target's zone: the zone above it must name its name servers.

use crate::names::Domain;
use std::collections::BTreeSet;

/// What a resolver answers to who asks for a zone's name servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These.
    Servers(BTreeSet<String>),
    /// There is no such zone, as far as the world knows.
    Nothing,
    /// Nobody could say.
    Failed(String),
}

impl Answer {
    /// Name servers as they are compared: in lower case, without the final dot.
    pub fn servers<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::Servers(names.into_iter().map(|name| plain(name.as_ref())).collect())
    }
}

fn plain(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a target's zone is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delegation {
    /// It is; the sentence says how that was seen.
    Works(String),
    /// It is not, or nobody could tell; what is true, and what to do.
    Warning(String),
}

/// Judges an answer. `servers` are those that Route 53 gave the zone.
pub fn judge(domain: &Domain, servers: &[String], answer: &Answer) -> Delegation {
    let ours: BTreeSet<String> = servers.iter().map(|name| plain(name)).collect();
    match answer {
        // A delegation is changed name by name: one of ours answers for all.
        Answer::Servers(found) if found.iter().any(|name| ours.contains(name)) => {
            Delegation::Works(format!("public DNS leads to the zone {domain}"))
        }
        Answer::Servers(found) => Delegation::Warning(format!(
            "public DNS leads from {} to other name servers than those of the zone {domain}: {}. {}",
            above(domain),
            listed(found.iter()),
            remedy(domain, &ours)
        )),
        Answer::Nothing => Delegation::Warning(format!(
            "public DNS does not know {domain}: nobody can reach what is released there, and suites fail. {}",
            remedy(domain, &ours)
        )),
        Answer::Failed(why) => Delegation::Warning(format!(
            "public DNS could not say whether it knows {domain} ({why}); if it does not, nobody can reach what is released there. {}",
            remedy(domain, &ours)
        )),
    }
}

fn remedy(domain: &Domain, ours: &BTreeSet<String>) -> String {
    format!(
        "In the zone of {}, set the NS records of {domain} to {} (or, if that zone is in this account, provision again with its id as ParentZoneId); then provision again to see whether it works. Resolvers may remember the old answer for some minutes",
        above(domain),
        listed(ours.iter())
    )
}

fn above(domain: &Domain) -> &str {
    let name = domain.as_str();
    name.split_once('.').map_or(name, |(_, above)| above)
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(answer: Answer, expected: Expect) {
        let domain = Domain::new("dev.myproj.com").unwrap();
        let servers = ["ns-1.awsdns-1.com.".into(), "ns-2.awsdns-2.net.".into()];
        expected.assert_eq(&format!("{:?}", judge(&domain, &servers, &answer)));
    }

    #[test]
    fn a_zone_that_the_world_finds_is_as_it_should_be() {
        check(
            Answer::servers(["NS-2.awsdns-2.net."]),
            expect![[r#"Works("public DNS leads to the zone dev.myproj.com")"#]],
        );
    }

    #[test]
    fn a_zone_that_nobody_finds_is_warned_of_with_what_to_set_where() {
        check(
            Answer::Nothing,
            expect![[
                r#"Warning("public DNS does not know dev.myproj.com: nobody can reach what is released there, and suites fail. In the zone of myproj.com, set the NS records of dev.myproj.com to ns-1.awsdns-1.com, ns-2.awsdns-2.net (or, if that zone is in this account, provision again with its id as ParentZoneId); then provision again to see whether it works. Resolvers may remember the old answer for some minutes")"#
            ]],
        );
    }

    #[test]
    fn a_delegation_to_a_zone_that_was_there_before_is_told_from_none() {
        let domain = Domain::new("dev.myproj.com").unwrap();
        let other = Answer::servers(["ns-9.awsdns-9.org"]);
        let Delegation::Warning(said) = judge(&domain, &["ns-1.awsdns-1.com".into()], &other)
        else {
            panic!("a warning");
        };
        assert!(
            said.starts_with("public DNS leads from myproj.com to other name servers than those of the zone dev.myproj.com: ns-9.awsdns-9.org. In the zone of myproj.com, set"),
            "{said}"
        );
    }

    #[test]
    fn a_look_that_could_not_be_made_is_no_pass() {
        let domain = Domain::new("dev.myproj.com").unwrap();
        let failed = Answer::Failed("timed out".into());
        let said = judge(&domain, &[], &failed);
        assert!(
            matches!(&said, Delegation::Warning(text) if text.contains("(timed out)")),
            "{said:?}"
        );
    }
}
