//! What the tests of drivers share: a release 42 of `api`, live before it release 7, and an ear for what
//! a driver asks.

use super::{Answer, Driver, Next, Rows};
use crate::cutover::candidate_ttl;
use crate::errors::Named as _;
use crate::names::{Commit, Component, Fqdn, Ticket, alias, hostname};
use crate::records::{Record, ZoneView};
use crate::rows::{CandidateRow, CandidateState, FoundHealthy};
use crate::testing::recipe;
pub(super) use crate::testing::release;
use crate::wire::HostedComponent;
use std::fmt::Debug;
use std::sync::Arc;

pub(super) fn component(name: &str) -> Component {
    Component::new(name).unwrap()
}

/// The commit of this digit.
pub(super) fn at(name: &str, digit: char) -> Fqdn {
    let commit = Commit::new(digit.to_string().repeat(40)).unwrap();
    hostname(&component(name), &commit, &release().domain)
}

pub(super) fn stands(name: &str, digit: char) -> HostedComponent {
    HostedComponent {
        component: component(name),
        hostname: at(name, digit),
    }
}

/// A candidate that is healthy.
pub(super) fn row(name: &str, digit: char, ticket: u64) -> CandidateRow {
    let commit = Commit::new(digit.to_string().repeat(40)).unwrap();
    CandidateRow {
        state: CandidateState::Healthy,
        launch_template_version: "7".into(),
        recipe: Some(recipe(name, &commit, "")),
        found_healthy: Some(FoundHealthy {
            at: "2026-01-01T00:00:00Z".into(),
            ends: Default::default(),
        }),
        ..CandidateRow::planned(
            at(name, digit),
            component(name),
            commit,
            (Ticket(ticket), format!("stage-r{ticket}")),
        )
    }
}

pub(super) fn rows(all: &[CandidateRow]) -> Rows {
    let by_name = |row: &CandidateRow| (row.hostname.clone(), Arc::new(row.clone()));
    all.iter().map(by_name).collect()
}

/// `api` leads to the first of these; all of them are published.
pub(super) fn zone(digits: &str) -> ZoneView {
    let live = digits.chars().next().unwrap();
    let alias = alias(&component("api"), &release().domain);
    let hosts = digits.chars().map(|digit| {
        let ttl = if digit == live { 60 } else { candidate_ttl(60) };
        Record::addresses(at("api", digit), vec!["10.0.0.1".into()], ttl)
    });
    ZoneView::new(hosts.chain([Record::cname(alias, &at("api", live), 60)]))
}

/// What a driver asks when it is told this, one line for each; the last one is what it comes to.
pub(super) fn asks<D: Driver>(mut driver: D, answers: Vec<Answer>) -> Vec<String>
where
    D::Reply: Debug,
{
    tell(&mut driver, answers)
}

/// The same of one that is told more afterwards.
pub(super) fn tell<D: Driver>(driver: &mut D, answers: Vec<Answer>) -> Vec<String>
where
    D::Reply: Debug,
{
    let mut lines = Vec::new();
    for answer in [Answer::Begin].into_iter().chain(answers) {
        match driver.next(answer, "2026-01-01T00:01:00Z") {
            Ok(Next::Ask(ask)) => lines.push(ask.to_string()),
            Ok(Next::Done(reply)) => lines.push(format!("{reply:?}")),
            Err(fault) => lines.push(format!("{}: {fault}", fault.name())),
        }
    }
    lines
}
