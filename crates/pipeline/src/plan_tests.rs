use super::*;
use crate::records::Record;

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
    Observed {
        live: live.map(|c| (hostname(&api, &sha(c), &domain()), Some(sha(c)))),
        component: api,
        version: Version::Head,
        commit: sha('a'),
        repository: RepositoryUrl::new("https://git.example.com/api.git").unwrap(),
        credentials: None,
        plain_name_taken: taken,
        before: None,
    }
}

fn check(observed: Observed, proven: bool, expected: &str) {
    let text = match plan_component(observed, Ticket(7), &domain(), proven) {
        ComponentPlan::AlreadyLive(live) => format!("already live at {}", live.hostname),
        ComponentPlan::Release(planned) => format!(
            "{}{}{}",
            planned.hostname,
            if planned.warm { ", taken over" } else { "" },
            planned
                .repeats
                .map(|version| format!(", repeats {version}"))
                .unwrap_or_default()
        ),
    };
    assert_eq!(text, expected);
}

#[test]
fn the_live_commit_needs_nothing() {
    check(
        observed(Some('a'), true),
        false,
        "already live at api-aaaaaaaaaaaa.stage.myproj.com",
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
    Observed {
        before: Some(Before {
            hostname: Fqdn::new("api-aaaaaaaaaaaa.stage.myproj.com").unwrap(),
            launch_template_version: "12".into(),
            warm,
        }),
        ..observed(Some('b'), warm)
    }
}

#[test]
fn a_roll_back_takes_warm_instances_over_if_the_set_is_proven_and_else_repeats_their_launch() {
    check(
        back(true),
        true,
        "api-aaaaaaaaaaaa.stage.myproj.com, taken over, repeats 12",
    );
    check(
        back(true),
        false,
        "api-aaaaaaaaaaaa-r7.stage.myproj.com, repeats 12",
    );
    check(
        back(false),
        true,
        "api-aaaaaaaaaaaa.stage.myproj.com, repeats 12",
    );
}

fn row(name: &str, digit: char, ticket: u64, before: Option<char>) -> AliasRow {
    AliasRow {
        component: component(name),
        commit: sha(digit),
        hostname: hostname(&component(name), &sha(digit), &domain()),
        instances: Vec::new(),
        version: Version::Head,
        release: format!("stage-r{ticket}"),
        ticket: Ticket(ticket),
        execution: "e".into(),
        since: "2026-01-01T00:00:00Z".into(),
        port: 8080,
        peers: Vec::new(),
        artifact_sha256: String::new(),
        launch_template_version: "1".into(),
        previous: before.map(|c| Previous {
            commit: sha(c),
            hostname: hostname(&component(name), &sha(c), &domain()),
            ticket: Ticket(1),
            launch_template_version: "1".into(),
        }),
        change_id: None,
        rolled_back: None,
    }
}

fn take_back(rows: &[AliasRow], zone: &[&AliasRow], expected: &str) {
    let zone = ZoneView::new(
        zone.iter()
            .map(|row| Record::cname(alias(&row.component, &domain()), &row.hostname, 60)),
    );
    let text = match plan_take_back(rows, &zone, &domain()) {
        Err(why) => why,
        Ok(found) => {
            let names: Vec<&str> = found.back.iter().map(|(name, _)| name.as_str()).collect();
            format!(
                "{} takes back {names:?}, stay {:?}",
                found.release,
                found.stay.len()
            )
        }
    };
    assert_eq!(text, expected);
}

#[test]
fn the_last_release_is_taken_back_whole_and_nothing_else() {
    let rows = [
        row("api", 'b', 5, Some('a')),
        row("msa", 'b', 5, Some('a')),
        row("msb", 'b', 5, None),
        row("ui", 'b', 4, Some('a')),
    ];
    take_back(
        &rows,
        &rows.iter().collect::<Vec<_>>(),
        r#"r5 takes back ["api", "msa"], stay 1"#,
    );
}

#[test]
fn what_cannot_be_taken_back_is_said() {
    take_back(&[], &[], "nothing is live on this target");
    let first = row("api", 'a', 1, None);
    take_back(
        std::slice::from_ref(&first),
        &[&first],
        "release r1 was the first of api; there is nothing to go back to",
    );
    let (recorded, real) = (row("api", 'a', 2, Some('0')), row("api", 'b', 3, None));
    take_back(
        &[recorded],
        &[&real],
        "api.stage.myproj.com does not point to what the table records (api-aaaaaaaaaaaa.stage.myproj.com), so what was live before is not known; release api by its version",
    );
}
