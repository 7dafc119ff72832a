use super::*;
use crate::records::Record;
use crate::wire::Instance;

fn domain() -> Domain {
    Domain::new("stage.myproj.com").unwrap()
}

fn component(name: &str) -> Component {
    Component::new(name).unwrap()
}

fn sha(digit: char) -> Commit {
    Commit::new(digit.to_string().repeat(40)).unwrap()
}

fn observed(live: Option<char>, taken: bool) -> Observed {
    let api = component("api");
    let live = live.map(|c| LiveAt {
        hostname: hostname(&api, &sha(c), &domain()),
        commit: Some(sha(c)),
        health: Health::Well,
    });
    Observed {
        live,
        resolved: Resolved {
            component: api,
            version: Version::Head,
            commit: sha('a'),
            repository: RepositoryUrl::new("https://git.example.com/api.git").unwrap(),
            credentials: None,
            back: None,
        },
        plain_name_taken: taken,
        warm: false,
    }
}

fn planned(observed: Observed, proven: bool, force: bool) -> String {
    let terms = Terms {
        ticket: Ticket(7),
        domain: &domain(),
        proven,
        force,
    };
    match plan_component(observed, &terms) {
        ComponentPlan::AlreadyLive(live) => format!("already live at {}", live.hostname),
        ComponentPlan::Release(planned) => {
            let mut text = planned.stands_at().unwrap().to_string();
            if planned.warm {
                text += ", taken over";
            }
            if let Some(version) = planned.repeats {
                text += &format!(", repeats {version}");
            }
            if let Some(at) = planned.replaces {
                text += &format!(", replaces {at}");
            }
            text
        }
    }
}

fn check(observed: Observed, proven: bool, expected: &str) {
    assert_eq!(planned(observed, proven, false), expected);
}

#[test]
fn the_live_commit_needs_nothing() {
    check(
        observed(Some('a'), true),
        false,
        "already live at api-aaaaaaaaaaaa.stage.myproj.com",
    );
}

const AGAIN: &str =
    "api-aaaaaaaaaaaa-r7.stage.myproj.com, replaces api-aaaaaaaaaaaa.stage.myproj.com";

#[test]
fn a_live_commit_that_is_not_well_is_launched_again_beside_what_is_there() {
    let mut ill = observed(Some('a'), true);
    ill.live.as_mut().unwrap().health = Health::Ill("it does not answer".into());
    check(ill.clone(), false, AGAIN);
    ill.live.as_mut().unwrap().health = Health::NotAsked;
    check(ill, false, AGAIN);
}

#[test]
fn a_live_commit_is_launched_again_on_purpose() {
    assert_eq!(planned(observed(Some('a'), true), false, true), AGAIN);
    assert_eq!(
        planned(observed(Some('b'), false), false, true),
        "api-aaaaaaaaaaaa.stage.myproj.com",
        "another commit replaces nothing of its own"
    );
}

#[test]
fn another_commit_gets_its_hostname() {
    let name = "api-aaaaaaaaaaaa.stage.myproj.com";
    check(observed(Some('b'), false), false, name);
    check(observed(None, false), false, name);
}

#[test]
fn a_commit_whose_hostname_is_in_use_gets_one_of_the_release() {
    check(
        observed(None, true),
        false,
        "api-aaaaaaaaaaaa-r7.stage.myproj.com",
    );
}

fn back(warm: bool) -> Observed {
    let mut back = observed(Some('b'), warm);
    back.warm = warm;
    back.resolved.back = Some(Previous {
        commit: sha('a'),
        hostname: Fqdn::new("api-aaaaaaaaaaaa.stage.myproj.com").unwrap(),
        ticket: Ticket(1),
        launch_template_version: "12".into(),
    });
    back
}

#[test]
fn a_roll_back_takes_warm_instances_over_if_the_set_is_proven_and_else_repeats_their_launch() {
    check(
        back(true),
        true,
        "api-aaaaaaaaaaaa.stage.myproj.com, taken over, repeats 12",
    );
    let launched = "api-aaaaaaaaaaaa-r7.stage.myproj.com, repeats 12";
    check(back(true), false, launched);
    assert_eq!(planned(back(true), true, true), launched, "on purpose");
    check(
        back(false),
        true,
        "api-aaaaaaaaaaaa.stage.myproj.com, repeats 12",
    );
}

#[test]
fn a_roll_back_launches_anew_what_is_not_well_any_more() {
    let asked = |proven: bool| back(true).to_ask(proven).cloned().collect::<Vec<Fqdn>>();
    let at = Fqdn::new("api-aaaaaaaaaaaa.stage.myproj.com").unwrap();
    assert_eq!(asked(true), std::slice::from_ref(&at));
    assert!(asked(false).is_empty(), "it is launched anew anyway");
    let found = |health: Health| {
        let mut one = back(true);
        one.found(&at, &health);
        planned(one, true, false)
    };
    assert_eq!(
        found(Health::Well),
        "api-aaaaaaaaaaaa.stage.myproj.com, taken over, repeats 12"
    );
    let ill = Health::Ill("instance i-1 is terminated".into());
    for health in [ill, Health::NotAsked] {
        assert_eq!(
            found(health),
            "api-aaaaaaaaaaaa-r7.stage.myproj.com, repeats 12"
        );
    }
}

fn live_row(instances: &[(&str, &str)]) -> CandidateRow {
    let instance = |(id, address): &(&str, &str)| Instance {
        id: (*id).into(),
        address: (*address).into(),
    };
    CandidateRow {
        component: component("api"),
        commit: sha('a'),
        hostname: hostname(&component("api"), &sha('a'), &domain()),
        ticket: Ticket(1),
        release: "stage-r1".into(),
        state: CandidateState::Live,
        instances: instances.iter().map(instance).collect(),
        launch_template_version: "1".into(),
        launched_by: None,
        taken_from: None,
        companion: false,
        recipe: None,
        found_healthy: None,
        kept_until: None,
        kept_by: None,
        confirmed_by: None,
        elsewhere: Default::default(),
    }
}

fn leads(row: &CandidateRow, record: &[&str], expected: &str) {
    let addresses = record.iter().map(|address| (*address).to_owned()).collect();
    let record = Record::addresses(row.hostname.clone(), addresses, 60);
    let found = misled(row, &ZoneView::new([record]));
    assert_eq!(found.unwrap_or_default(), expected);
}

#[test]
fn the_record_of_what_is_live_leads_to_its_instances() {
    let two = live_row(&[("i-1", "10.0.0.1"), ("i-2", "10.0.0.2")]);
    leads(&two, &["10.0.0.1", "10.0.0.2"], "");
    leads(
        &two,
        &["10.0.0.9"],
        "the record of api-aaaaaaaaaaaa.stage.myproj.com leads to 10.0.0.9, which is not one of its instances",
    );
    leads(&live_row(&[]), &[], "no instance of it is recorded");
    let none = misled(&two, &ZoneView::default());
    assert_eq!(
        none.unwrap_or_default(),
        "api-aaaaaaaaaaaa.stage.myproj.com has no A record"
    );
}
