use super::*;
use crate::names::{Commit, Component, Domain, Fqdn, Ticket};
use crate::records::Record;
use crate::rows::CandidateState;
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
    let release = serde_json::json!({"project": "myproj", "target": "stage", "ticket": 5,
        "execution": "e", "domain": "stage.myproj.com", "zone_id": "Z", "launch_template_id": "lt",
        "subnet_ids": [], "alias_ttl": 60, "hostname_ttl": 60, "drain_seconds": 90, "test_dependents": false,
        "skip_slow_scans": false, "size": 1});
    let release: Release = serde_json::from_value(release).unwrap();
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
        component: api(),
        commit: sha(digit),
        hostname: Fqdn::new(format!(
            "api-{}-r{ticket}.stage.myproj.com",
            sha(digit).short()
        ))
        .unwrap(),
        ticket: Ticket(ticket),
        release: format!("stage-r{ticket}"),
        state: CandidateState::Live,
        instances: Vec::new(),
        launch_template_version: String::new(),
        launched_by: None,
        taken_from: None,
        companion: false,
        recipe: None,
        found_healthy: None,
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
