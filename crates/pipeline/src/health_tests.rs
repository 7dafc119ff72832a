use super::*;
use Answer::*;

fn check(header: Option<&str>, expected: Answer) {
    assert_eq!(Answer::through_proxy(502, header), expected);
}

#[test]
fn an_answer_that_no_proxy_made_is_the_services() {
    check(None, Status(502));
    check(Some("cutover-gateway; next-hop=127.100.0.1"), Status(502));
}

#[test]
fn a_proxys_own_answer_says_what_is_wrong_with_the_service() {
    check(
        Some("cutover-gateway; error=connection_refused; details=\"x\""),
        NothingListens,
    );
    check(Some("gw;error=http_response_timeout"), TooSlow);
    check(Some("gw; error=connection_terminated"), BrokenOff);
    check(Some("gw; error=destination_unavailable"), Unreachable);
}

#[test]
fn what_a_proxy_says_that_is_nothing_of_the_service_is_told_as_the_proxys() {
    check(
        Some("gw; error=proxy_internal_error"),
        OnTheWay("a proxy answers 502 (proxy_internal_error)".into()),
    );
}

#[test]
fn of_several_proxies_the_nearest_counts() {
    check(
        Some("far; error=dns_error, near; error=connection_refused"),
        NothingListens,
    );
}

fn sight(state: Option<&str>, answer: Option<Answer>) -> InstanceHealth {
    InstanceHealth {
        id: "i-1".into(),
        state: state.map(str::to_owned),
        answer,
        since: Since::NoEnd,
    }
}

fn told(sights: &[InstanceHealth]) -> Condition {
    told_by(sights, Tolerates::AnyEnd)
}

fn told_by(sights: &[InstanceHealth], tolerates: Tolerates) -> Condition {
    let at = Fqdn::new("api-1.stage.myproj.com").unwrap();
    Condition::of(&at, sights, tolerates)
}

#[test]
fn an_end_since_it_was_healthy_keeps_a_candidate_from_going_live() {
    let check = |told, before, tolerates| {
        let well = sight(Some("running"), Some(Status(200)));
        let since = Since::of(told, before);
        told_by(&[InstanceHealth { since, ..well }], tolerates)
    };
    use Tolerates::{AnyEnd, NoEnd, OneEnd};
    let once = Some("1 1700000000 1 4");
    let twice = Some("1 1700000000 1 4\n2 1700000009 KILL 4");
    assert!(check(None, 0, NoEnd).is_well());
    assert!(check(once, 1, NoEnd).is_well(), "before it was healthy");
    assert_eq!(
        check(once, 0, NoEnd).reason(),
        Some(
            "instance i-1 has seen its component end once since it was healthy, the last time with exit code 1 after 4 s"
        )
    );
    assert!(check(once, 0, OneEnd).is_well());
    assert!(!check(twice, 0, OneEnd).is_well());
    assert!(check(twice, 1, OneEnd).is_well());
    assert!(check(twice, 0, AnyEnd).is_well());
    assert!(!check(Some("?"), 0, OneEnd).is_well(), "fails closed");
}

#[test]
fn only_what_runs_and_answers_200_is_well() {
    let well = sight(Some("running"), Some(Status(200)));
    assert!(told(std::slice::from_ref(&well)).is_well());
    let redirects = sight(Some("running"), Some(Status(302)));
    assert_eq!(
        told(&[well.clone(), redirects.clone()]),
        Condition::Unwell("instance i-1 answers 302".into())
    );
    let ended = sight(Some("shutting-down"), Some(Status(200)));
    assert_eq!(
        told(&[redirects, ended, well]),
        Condition::Gone("instance i-1 is shutting-down".into())
    );
    assert_eq!(
        told(&[sight(None, None)]),
        Condition::Gone("instance i-1 is not there any more".into())
    );
}

#[test]
fn a_candidate_goes_live_once_it_has_been_healthy_for_as_long_as_its_manifest_says() {
    let seconds = Duration::from_secs;
    let left = settles_in;
    let usual = candidate(None);
    assert_eq!(left(&usual, Some(seconds(4))), seconds(1));
    assert_eq!(left(&usual, Some(seconds(900))), seconds(0));
    assert_eq!(left(&usual, None), seconds(5), "fails closed");
    let slow = candidate(Some("60s"));
    assert_eq!(left(&slow, Some(seconds(5))), seconds(55));
    let taken_over = CandidateRow {
        launched_by: Some(crate::names::Ticket(1)),
        ..usual
    };
    assert_eq!(left(&taken_over, None), seconds(0), "it has been live");
}

/// With these keys more in its manifest's section `[run]`.
fn candidate(healthy_for: Option<&str>) -> CandidateRow {
    let (commit, hostname) = ("a".repeat(40), "api-aaaaaaaaaaaa.stage.myproj.com");
    let mut row = serde_json::json!({
        "component": "api", "commit": commit, "hostname": hostname,
        "ticket": 2, "release": "stage-r2", "state": "healthy",
        "recipe": {
            "component": "api", "version": "HEAD", "commit": commit, "hostname": hostname,
            "repository": "https://git.example.com/team/api.git",
            "source": {"key": "sources/api/a.tar.zst", "sha256": "00", "bytes": 1},
            "manifest": {
                "component": {"name": "api"},
                "build": {"unit_tests": "true", "command": "true", "output": "dist"},
                "run": {"command": "./api", "port": 8080},
            },
        },
    });
    if let Some(time) = healthy_for {
        row["recipe"]["manifest"]["run"]["healthy_for"] = time.into();
    }
    serde_json::from_value(row).unwrap()
}

#[test]
fn what_has_no_instances_is_gone() {
    assert_eq!(
        told(&[]),
        Condition::Gone("the table has no instance of api-1.stage.myproj.com".into())
    );
}

#[test]
fn of_what_is_live_one_sick_instance_of_many_is_no_failure_and_half_of_them_is() {
    use Tolerates::{AnyEnd, AnyEndOfHalf, OneEnd};
    let well = || sight(Some("running"), Some(Status(200)));
    let sick = || sight(Some("running"), Some(Status(503)));
    let gone = || sight(Some("terminated"), None);
    let told = "instance i-1 is terminated (1 of 3 instances)";
    let limping = told_by(&[well(), gone(), well()], OneEnd);
    assert_eq!(limping, Condition::Limping(told.into()));
    assert!(limping.is_well() && limping.reason().is_none());
    assert!(!told_by(&[well(), gone(), sick()], OneEnd).is_well());
    assert!(!told_by(&[well(), sick()], OneEnd).is_well());
    assert!(!told_by(&[sick()], OneEnd).is_well());
    assert!(!told_by(&[well(), sick(), well()], AnyEnd).is_well());
    assert!(told_by(&[well(), gone()], AnyEndOfHalf).is_well());
    assert!(!told_by(&[well(), gone(), sick()], AnyEndOfHalf).is_well());
    assert!(!told_by(&[gone()], AnyEndOfHalf).is_well());
}

#[test]
fn one_that_is_gone_of_three_and_one_that_is_late_are_no_failure_that_stays() {
    let late = || sight(Some("running"), Some(Status(503)));
    let gone = || sight(Some("terminated"), None);
    let well = || sight(Some("running"), Some(Status(200)));
    let is_unwell = |sights: &[InstanceHealth], tolerates| {
        matches!(told_by(sights, tolerates), Condition::Unwell(_))
    };
    assert!(is_unwell(&[gone(), late(), well()], Tolerates::OneEnd));
    let both = [gone(), gone(), well()];
    assert!(matches!(
        told_by(&both, Tolerates::OneEnd),
        Condition::Gone(_)
    ));
    let candidate = [gone(), late(), well()];
    assert!(matches!(
        told_by(&candidate, Tolerates::NoEnd),
        Condition::Gone(_)
    ));
}
