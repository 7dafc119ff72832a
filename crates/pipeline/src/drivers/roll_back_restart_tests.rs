//! Where what failed was only launched again, at the same commit.

use super::*;

/// `a` of release 7 has the commit of `b`.
fn first() -> CandidateRow {
    CandidateRow {
        commit: row("api", 'b', 42).commit,
        ..before()
    }
}

/// The version before it ended long ago.
fn older() -> Previous {
    Previous::of(&row("api", 'c', 5))
}

fn restarted() -> AliasRow {
    AliasRow {
        previous: Some(older()),
        replaced: Some(Previous::of(&first())),
        brought_by: Some(Ticket(7)),
        ..alias_row()
    }
}

fn taken_again() -> CandidateRow {
    CandidateRow {
        commit: first().commit,
        ..taken()
    }
}

/// Until its rows are written.
fn until_recorded() -> Vec<Answer> {
    let mut look = look();
    look[2] = Answer::Aliases(vec![restarted()]);
    look[3] = Answer::Rows(rows(&[first()]));
    let moves = vec![
        Answer::Rows(rows(&[taken_again()])),
        Answer::Zone(zone("ba")),
        Answer::Rows(rows(&[row("api", 'b', 42), taken_again()])),
        well(),
        Answer::Changed(ChangeOutcome::Applied("C1".into())),
        Answer::Aliases(vec![restarted()]),
    ];
    [look, reserved(), moves].concat()
}

#[test]
fn a_restart_that_failed_goes_back_to_what_it_replaced() {
    check(
        &[until_recorded()],
        5,
        expect![[r#"
            reads 2 rows of hostnames
            looks at the instances of 1
            applies its batch (cutover of stage-r43)
            reads 1 rows of aliases
            reads 1 rows of hostnames"#]],
    );
}

/// So a roll-back by hand goes to the last version that was another one.
#[test]
fn what_was_another_version_before_a_restart_stays_the_previous_one() {
    let mut driver = RollBack::new(asked());
    driver.next(Answer::Begin, "now").unwrap();
    for answer in until_recorded() {
        driver.next(answer, "now").unwrap();
    }
    let failed = Answer::Rows(rows(&[row("api", 'b', 42)]));
    let Next::Ask(Ask::RecordAliases(written)) = driver.next(failed, "now").unwrap() else {
        panic!("it records no aliases");
    };
    let [row] = written.as_slice() else {
        panic!("{written:?}");
    };
    assert_eq!(row.hostname, at("api", 'a'));
    assert_eq!(row.previous, Some(older()));
    assert_eq!(row.brought_by, Some(Ticket(7)));
    assert_eq!(row.rolled_back, None);
    let replaced = row.replaced.as_ref().map(|one| &one.hostname);
    assert_eq!(replaced, Some(&at("api", 'b')));
}
