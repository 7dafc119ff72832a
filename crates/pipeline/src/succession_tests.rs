use super::*;
use crate::names::{Component, Domain, hostname};
use crate::rows::CandidateState;
use crate::version::Version;

fn sha(digit: char) -> Commit {
    Commit::new(digit.to_string().repeat(40)).unwrap()
}

fn at(digit: char, ticket: u64) -> CandidateRow {
    let component = Component::new("api").unwrap();
    let domain = Domain::new("stage.myproj.com").unwrap();
    CandidateRow {
        state: CandidateState::Live,
        launch_template_version: "1".into(),
        ..CandidateRow::planned(
            hostname(&component, &sha(digit), &domain),
            component,
            sha(digit),
            (Ticket(ticket), format!("stage-r{ticket}")),
        )
    }
}

fn row(digit: char, ticket: u64, before: Option<char>) -> AliasRow {
    let live = at(digit, ticket);
    AliasRow {
        component: live.component,
        commit: live.commit,
        hostname: live.hostname,
        instances: Vec::new(),
        version: Version::Head,
        release: live.release,
        ticket: live.ticket,
        execution: "e".into(),
        since: String::new(),
        port: 8080,
        peers: Vec::new(),
        artifact_sha256: String::new(),
        launch_template_version: "1".into(),
        previous: before.map(|digit| Previous::of(&at(digit, 1))),
        brought_by: None,
        change_id: None,
        replaced: None,
        rolled_back: None,
    }
}

fn check(digit: char, at: Option<&CandidateRow>, row: Option<&AliasRow>, expected: &str) {
    let replaced = Replaced {
        at,
        row,
        rollback: false,
    };
    let found = succession(&sha(digit), &replaced);
    let previous = found.previous.map(|one| one.commit.short().to_owned());
    let brought = found
        .brought_by
        .map(|ticket| format!(", brought by {ticket}"));
    let text = previous.unwrap_or_else(|| "nothing".into()) + &brought.unwrap_or_default();
    assert_eq!(text, expected);
}

#[test]
fn the_previous_is_what_the_alias_pointed_to() {
    check(
        'b',
        Some(&at('a', 1)),
        Some(&row('a', 1, None)),
        "aaaaaaaaaaaa",
    );
    check('b', None, Some(&row('a', 1, None)), "aaaaaaaaaaaa");
    check('b', None, None, "nothing");
}

#[test]
fn dns_counts_where_the_row_is_older() {
    check(
        'c',
        Some(&at('b', 2)),
        Some(&row('a', 1, None)),
        "bbbbbbbbbbbb",
    );
}

#[test]
fn the_previous_is_never_the_commit_itself() {
    let live = row('b', 2, Some('a'));
    check(
        'b',
        Some(&at('b', 2)),
        Some(&live),
        "aaaaaaaaaaaa, brought by r2",
    );
    let first = row('b', 2, None);
    check(
        'b',
        Some(&at('b', 2)),
        Some(&first),
        "nothing, brought by r2",
    );
    let twice = row('b', 3, Some('b'));
    check(
        'b',
        Some(&at('b', 3)),
        Some(&twice),
        "nothing, brought by r3",
    );
}

#[test]
fn launched_again_twice_it_is_still_the_first_that_brought_it() {
    let again = AliasRow {
        brought_by: Some(Ticket(2)),
        ..row('b', 3, Some('a'))
    };
    check(
        'b',
        Some(&at('b', 3)),
        Some(&again),
        "aaaaaaaaaaaa, brought by r2",
    );
}

#[test]
fn what_is_replaced_may_never_have_recorded_itself() {
    check(
        'b',
        Some(&at('b', 2)),
        Some(&row('a', 1, Some('0'))),
        "aaaaaaaaaaaa, brought by r2",
    );
    check('b', Some(&at('b', 2)), None, "nothing, brought by r2");
}

#[test]
fn what_was_rolled_back_stays_so_when_what_is_live_is_launched_again() {
    let back = Replaced {
        at: Some(&at('b', 2)),
        row: Some(&row('b', 2, Some('a'))),
        rollback: true,
    };
    let rolled_back = succession(&sha('a'), &back).rolled_back;
    assert_eq!(rolled_back, Some(sha('b')));
    let live = AliasRow {
        rolled_back,
        ..row('a', 3, Some('b'))
    };
    let restart = Replaced {
        at: Some(&at('a', 3)),
        row: Some(&live),
        rollback: false,
    };
    let found = succession(&sha('a'), &restart);
    assert_eq!(found.rolled_back, Some(sha('b')));
    assert_eq!(found.previous.map(|one| one.commit), Some(sha('b')));
}

#[test]
fn what_was_replaced_is_noted_whatever_its_commit() {
    let replaced = |digit| {
        let replaced = Replaced {
            at: Some(&at('b', 2)),
            row: Some(&row('b', 2, Some('a'))),
            rollback: false,
        };
        succession(&sha(digit), &replaced).replaced
    };
    assert_eq!(replaced('b'), Some(Previous::of(&at('b', 2))));
    assert_eq!(replaced('c'), Some(Previous::of(&at('b', 2))));
}
