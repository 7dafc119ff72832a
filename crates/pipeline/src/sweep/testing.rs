//! What the tests of a sweep share: a target on which release 7 of `api` is live.

use super::{Ending, Look, SeenRelease, Stands};
use crate::cutover::candidate_ttl;
use crate::names::{Commit, Component, Domain, Fqdn, Ticket, alias, hostname};
use crate::records::{Record, ZoneView};
use crate::rows::{CandidateRow, CandidateState, ReleaseOutcome, ReleaseRow};
use crate::testing;
use crate::wire::Release;
use std::sync::Arc;

pub(crate) fn domain() -> Domain {
    Domain::new("stage.myproj.com").unwrap()
}

pub(crate) fn component(name: &str) -> Component {
    Component::new(name).unwrap()
}

/// Of the commit of this digit.
pub(crate) fn at(name: &str, digit: char) -> Fqdn {
    let commit = Commit::new(digit.to_string().repeat(40)).unwrap();
    hostname(&component(name), &commit, &domain())
}

pub(crate) fn row(name: &str, digit: char, ticket: u64, state: CandidateState) -> CandidateRow {
    CandidateRow {
        state,
        ..CandidateRow::planned(
            at(name, digit),
            component(name),
            Commit::new(digit.to_string().repeat(40)).unwrap(),
            (Ticket(ticket), format!("stage-r{ticket}")),
        )
    }
}

pub(crate) fn release(ticket: u64, outcome: ReleaseOutcome) -> SeenRelease {
    let release = Release {
        ticket: Ticket(ticket),
        ..testing::release()
    };
    let plan = serde_json::json!({
        "outcome": "release", "already_live": [],
        "components": [{
            "component": "api", "version": "HEAD", "commit": "b".repeat(40),
            "repository": "https://git.p.com/api.git", "hostname": at("api", 'b')
        }],
        "release": release,
    });
    let execution = (format!("e{ticket}"), format!("arn:e{ticket}"));
    let plan = serde_json::from_value(plan).unwrap();
    let row = ReleaseRow {
        outcome,
        ..ReleaseRow::begun(plan, execution, "2026-01-01T00:00:00Z".into())
    };
    SeenRelease {
        row: Arc::new(row),
        recorded: Some(60),
    }
}

/// `api` leads to `a` of release 7, whose execution has ended.
pub(crate) fn look(others: &[CandidateRow]) -> Look {
    let mut look = Look::at(domain(), Default::default());
    let live = row("api", 'a', 7, CandidateState::Live);
    look.zone = zone(others);
    look.take_rows(
        others
            .iter()
            .chain([&live])
            .map(|row| (row.hostname.clone(), Arc::new(row.clone())))
            .collect(),
    );
    look.releases
        .insert(Ticket(7), release(7, ReleaseOutcome::Live));
    look.executions
        .insert(Ticket(7), Stands::Ended(Ending::Succeeded));
    look
}

fn zone(others: &[CandidateRow]) -> ZoneView {
    let to = at("api", 'a');
    let alias = alias(&component("api"), &domain());
    let live = [
        Record::cname(alias, &to, 60),
        Record::addresses(to, vec!["10.0.0.1".into()], 60),
    ];
    let others = others.iter().map(|row| {
        let ttl = match row.state {
            CandidateState::Live => 60,
            _ => candidate_ttl(60),
        };
        Record::addresses(row.hostname.clone(), vec!["10.0.0.2".into()], ttl)
    });
    ZoneView::new(others.chain(live))
}

/// A release that has ended so, or runs.
pub(crate) fn with(mut look: Look, one: SeenRelease, stands: Stands) -> Look {
    look.executions.insert(one.row.ticket, stands);
    look.releases.insert(one.row.ticket, one);
    look
}

pub(crate) fn stopped() -> Stands {
    Stands::Ended(Ending::Stopped)
}
