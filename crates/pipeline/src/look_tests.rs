use super::*;
use crate::names::hostname;
use crate::records::Record;
use crate::rows::CandidateState;
use crate::version::Version;

fn domain() -> Domain {
    Domain::new("stage.myproj.com").unwrap()
}

fn component(name: &str) -> Component {
    Component::new(name).unwrap()
}

fn sha(digit: char) -> Commit {
    Commit::new(digit.to_string().repeat(40)).unwrap()
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
        replaced: None,
        rolled_back: None,
        brought_by: None,
    }
}

fn candidate(row: &AliasRow) -> CandidateRow {
    CandidateRow {
        state: CandidateState::Live,
        launch_template_version: "1".into(),
        ..CandidateRow::planned(
            row.hostname.clone(),
            row.component.clone(),
            row.commit.clone(),
            (row.ticket, row.release.clone()),
        )
    }
}

/// What was read of rows, and to what the aliases pointed when the zone was looked at.
fn look(rows: &[AliasRow], real: &[&AliasRow]) -> Look {
    let alias_to =
        |row: &&AliasRow| Record::cname(alias(&row.component, &domain()), &row.hostname, 60);
    let by_component = |row: &AliasRow| (row.component.clone(), row.clone());
    let all = rows.iter().chain(real.iter().copied());
    Look {
        domain: domain(),
        zone: ZoneView::new(real.iter().map(alias_to)),
        aliases: rows.iter().map(by_component).collect(),
        hosts: all
            .map(|row| (row.hostname.clone(), candidate(row)))
            .collect(),
    }
}

fn take_back(rows: &[AliasRow], real: &[&AliasRow], expected: &str) {
    let text = match look(rows, real).take_back() {
        Err(why) => why.to_string(),
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

fn back(rows: &[AliasRow], real: &[&AliasRow], expected: &str) {
    let found = look(rows, real).back(&component("api"));
    let text = found.map_or_else(|why| why.to_string(), |to| to.hostname.to_string());
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
fn a_release_that_only_launched_a_commit_again_is_not_the_last_one() {
    let again = AliasRow {
        brought_by: Some(Ticket(5)),
        ..row("api", 'b', 7, Some('a'))
    };
    let rows = [again, row("ui", 'b', 5, Some('a'))];
    take_back(
        &rows,
        &rows.iter().collect::<Vec<_>>(),
        r#"r5 takes back ["api", "ui"], stay 0"#,
    );
}

const UNKNOWN: &str = "api.stage.myproj.com does not point to what the table records (api-bbbbbbbbbbbb.stage.myproj.com), so what was live before is not known; release api by its version";

#[test]
fn a_cutover_between_the_looks_at_dns_and_at_the_row_is_noticed() {
    let (before, after) = (row("api", 'a', 1, None), row("api", 'b', 2, Some('a')));
    // "Back to a" is what the zone showed as live: it would be called already live.
    take_back(std::slice::from_ref(&after), &[&before], UNKNOWN);
    back(std::slice::from_ref(&after), &[&before], UNKNOWN);
    // And the cutover's row comes after its batch: "before a" would be one version too far.
    let last = row("api", 'c', 3, Some('b'));
    back(std::slice::from_ref(&after), &[&last], UNKNOWN);
    back(std::slice::from_ref(&after), &[], UNKNOWN);
    let nothing = UNKNOWN.replace("api-bbbbbbbbbbbb.stage.myproj.com", "nothing");
    back(&[], &[&after], &nothing);
    take_back(&[], &[&after], &nothing);
}

#[test]
fn what_is_live_at_one_look_goes_back_to_what_was_before_it() {
    let live = row("api", 'b', 2, Some('a'));
    back(
        std::slice::from_ref(&live),
        &[&live],
        "api-aaaaaaaaaaaa.stage.myproj.com",
    );
}

#[test]
fn what_cannot_be_taken_back_is_said() {
    take_back(&[], &[], "nothing is live on this target");
    back(&[], &[], "nothing of api is live there");
    let first = row("api", 'a', 1, None);
    let said = "release r1 was the first of api; there is nothing to go back to";
    take_back(std::slice::from_ref(&first), &[&first], said);
    back(std::slice::from_ref(&first), &[&first], said);
}

#[test]
fn a_row_that_calls_the_live_commit_its_previous_has_none() {
    let twice = row("api", 'a', 2, Some('a'));
    let said = "release r2 was the first of api; there is nothing to go back to";
    back(std::slice::from_ref(&twice), &[&twice], said);
}
