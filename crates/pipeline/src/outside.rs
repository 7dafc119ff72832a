//! What users meet at an alias: its name, and each address behind it, asked as they ask.
//!
//! A service that is asked at its instance's own address may be well, and users may still meet nothing:
//! the name does not resolve, or the service refuses a `Host` that it does not know.

use crate::health::{Answer, Place};
use crate::names::{Domain, Fqdn, alias};
use crate::reason::Reason;
use crate::rows::CandidateRow;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of what is said of one component: 98 may have something to say.
const SAID: usize = 200;
/// Addresses that are named.
const NAMED: usize = 3;

/// Where users find a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// By this name.
    pub alias: Fqdn,
    /// At this port.
    pub port: u16,
    /// Its health path.
    pub path: String,
    /// Of the instances that the name should lead to.
    pub addresses: BTreeSet<String>,
}

impl Front {
    /// Of what this row is about; `None` where the row does not say what it was booted from.
    pub fn of(row: &CandidateRow, domain: &Domain) -> Option<Self> {
        let place = Place::of(row, row.instances.first()?)?;
        let addresses = row.instances.iter().map(|one| one.address.clone());
        Some(Self {
            alias: alias(&row.component, domain),
            port: place.port,
            path: place.path,
            addresses: addresses.collect(),
        })
    }

    /// What users ask: `api.stage.myproj.com:8080/healthz`.
    pub fn asked(&self) -> String {
        format!("{}:{}{}", self.alias, self.port, self.path)
    }
}

/// What a resolver says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// It has these addresses. A resolver may remember those of before.
    To(BTreeSet<String>),
    /// It has none.
    Nowhere,
    /// Nobody could say.
    Unknown(String),
}

/// What was seen at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideLook {
    /// Of the name.
    pub named: Named,
    /// Of each address; why, where it could not be asked.
    pub answers: BTreeMap<String, Result<Answer, String>>,
}

/// What follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outside {
    /// Users are served, or most of them.
    Well,
    /// They are not: a sentence.
    Failing(String),
    /// It could not be looked, and why: that is no answer.
    NotMade(String),
}

impl Outside {
    /// One sick instance of three or more is no failure of the version: two in three users are served, and
    /// to go back would cost all of them a change. Half of them is one.
    pub fn of(front: &Front, look: &OutsideLook) -> Self {
        let bad: Vec<String> = look
            .answers
            .iter()
            .filter_map(|(at, answer)| match answer {
                Ok(answer) if !answer.is_healthy() => Some(format!("{at} {answer}")),
                _ => None,
            })
            .collect();
        if !bad.is_empty() && is_too_many(bad.len(), front.addresses.len()) {
            let more = match bad.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let named = bad[..bad.len().min(NAMED)].join(", ");
            return Self::Failing(said(&format!("{}: {named}{more}", front.asked())));
        }
        let unasked = look
            .answers
            .values()
            .find_map(|answer| answer.as_ref().err());
        match (&look.named, unasked) {
            (Named::Nowhere, _) => Self::Failing(said(&format!("{} has no address", front.alias))),
            (Named::Unknown(why), _) => {
                Self::NotMade(said(&format!("{} cannot be resolved: {why}", front.alias)))
            }
            (Named::To(_), Some(why)) => {
                Self::NotMade(said(&format!("{} cannot be asked: {why}", front.asked())))
            }
            (Named::To(_), None) => Self::Well,
        }
    }
}

/// Whether so many of several are a failure of the version.
pub fn is_too_many(bad: usize, of: usize) -> bool {
    bad * 2 >= of
}

fn said(text: &str) -> String {
    Reason::within(text, SAID).to_string()
}

/// What users met at an alias right before it moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "was", rename_all = "snake_case")]
pub enum Before {
    /// They were served.
    Well,
    /// There was no alias.
    New,
    /// They were not: whatever is wrong there is not the release's doing.
    Failing {
        /// A sentence.
        what: String,
    },
    /// It could not be looked.
    NotKnown {
        /// Why.
        why: String,
    },
}

impl From<Outside> for Before {
    fn from(outside: Outside) -> Self {
        match outside {
            Outside::Well => Self::Well,
            Outside::Failing(what) => Self::Failing { what },
            Outside::NotMade(why) => Self::NotKnown { why },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn front(addresses: usize) -> Front {
        Front {
            alias: Fqdn::new("api.stage.myproj.com").unwrap(),
            port: 8080,
            path: "/healthz".into(),
            addresses: (0..addresses).map(|n| format!("54.0.0.{n}")).collect(),
        }
    }

    fn status(status: u16) -> Result<Answer, String> {
        Ok(Answer::Status(status))
    }

    fn look(named: Named, answers: &[Result<Answer, String>]) -> (Front, OutsideLook) {
        let front = front(answers.len());
        let at = front.addresses.iter().cloned();
        let answers = at.zip(answers.iter().cloned()).collect();
        (front, OutsideLook { named, answers })
    }

    fn check(named: Named, answers: &[Result<Answer, String>], expected: Expect) {
        let (front, look) = look(named, answers);
        expected.assert_eq(&format!("{:?}", Outside::of(&front, &look)));
    }

    fn there() -> Named {
        Named::To(front(1).addresses)
    }

    #[test]
    fn who_is_served_is_served_well() {
        check(there(), &[status(200)], expect!["Well"]);
    }

    #[test]
    fn an_address_that_does_not_serve_is_told_with_what_it_answers() {
        check(
            there(),
            &[status(400)],
            expect![[r#"Failing("api.stage.myproj.com:8080/healthz: 54.0.0.0 answers 400")"#]],
        );
    }

    #[test]
    fn one_sick_instance_of_many_is_no_failure_and_half_of_them_is() {
        let sick = Ok(Answer::TooSlow);
        check(
            there(),
            &[status(200), sick.clone(), status(200)],
            expect!["Well"],
        );
        check(
            there(),
            &[status(200), sick.clone()],
            expect![[
                r#"Failing("api.stage.myproj.com:8080/healthz: 54.0.0.1 does not answer within 5 s")"#
            ]],
        );
        check(
            there(),
            &[sick.clone(), sick.clone(), sick.clone(), sick],
            expect![[
                r#"Failing("api.stage.myproj.com:8080/healthz: 54.0.0.0 does not answer within 5 s, 54.0.0.1 does not answer within 5 s, 54.0.0.2 does not answer within 5 s and 1 more")"#
            ]],
        );
    }

    #[test]
    fn a_name_without_an_address_serves_nobody() {
        check(
            Named::Nowhere,
            &[status(200)],
            expect![[r#"Failing("api.stage.myproj.com has no address")"#]],
        );
    }

    #[test]
    fn a_look_that_could_not_be_made_is_no_answer() {
        check(
            Named::Unknown("SERVFAIL".into()),
            &[status(200)],
            expect![[r#"NotMade("api.stage.myproj.com cannot be resolved: SERVFAIL")"#]],
        );
        check(
            there(),
            &[Err("no file descriptor is left".into())],
            expect![[
                r#"NotMade("api.stage.myproj.com:8080/healthz cannot be asked: no file descriptor is left")"#
            ]],
        );
    }

    #[test]
    fn what_fails_is_told_also_where_the_name_cannot_be_resolved() {
        check(
            Named::Unknown("SERVFAIL".into()),
            &[status(503)],
            expect![[r#"Failing("api.stage.myproj.com:8080/healthz: 54.0.0.0 answers 503")"#]],
        );
    }
}
