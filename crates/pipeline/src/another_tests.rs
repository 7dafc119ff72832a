use super::*;
use crate::names::{Commit, Component, Domain, Fqdn, Ticket};
use crate::records::Record;
use crate::rows::CandidateState;
use crate::testing;
use crate::wire::{FailedStage, Failure, Release};

fn domain() -> Domain {
    Domain::new("stage.myproj.com").unwrap()
}

fn api() -> Component {
    Component::new("api").unwrap()
}

fn sha(digit: char) -> Commit {
    Commit::new(digit.to_string().repeat(40)).unwrap()
}

/// Release 5 of `a`, after a stage of it failed.
fn request(error: &str) -> DiscardRequest {
    let release = Release {
        ticket: Ticket(5),
        ..testing::release()
    };
    let failed = FailedStage {
        stage: "Deploy (initial)".into(),
        error: error.into(),
        cause: String::new(),
    };
    DiscardRequest {
        release,
        components: vec![ReleasedComponent { component: api() }],
        libraries: Vec::new(),
        released: Vec::new(),
        failures: vec![Failure {
            component: Some(api()),
            failed,
        }],
        tests: Vec::new(),
        tested: None,
        already_live: Vec::new(),
    }
}

fn live(digit: char, ticket: u64) -> CandidateRow {
    CandidateRow {
        state: CandidateState::Live,
        ..CandidateRow::planned(
            Fqdn::new(format!(
                "api-{}-r{ticket}.stage.myproj.com",
                sha(digit).short()
            ))
            .unwrap(),
            api(),
            sha(digit),
            (Ticket(ticket), format!("stage-r{ticket}")),
        )
    }
}

fn check(request: &DiscardRequest, live: CandidateRow, expected: usize) {
    let zone = ZoneView::new([Record::cname(alias(&api(), &domain()), &live.hostname, 60)]);
    let own = CandidateRow {
        state: CandidateState::Retired,
        ..self::live('a', 5)
    };
    assert_eq!(
        live_by_another(request, &zone, &[own, live]).len(),
        expected
    );
}

#[test]
fn what_a_later_release_of_the_same_commit_ended_is_live_by_it() {
    check(&request("CandidateGone"), live('a', 7), 1);
    check(&request("CandidateGone"), live('b', 7), 0);
    check(&request("CandidateGone"), live('a', 4), 0);
}

#[test]
fn a_fault_of_its_own_stays_one() {
    check(&request("BuildFailed"), live('a', 7), 0);
}
