use super::super::testing::{asks, at, release, row, zone};
use super::*;
use crate::foreign::Foreign;
use expect_test::{Expect, expect};

fn marked(ttl: u32) -> ZoneView {
    let domain = &release().domain;
    let mark = Record::cname(last_cutover(domain), &cutover_of(Ticket(7), domain), ttl);
    let there = zone("a");
    ZoneView::new(there.records().cloned().chain([mark]))
}

/// `api` of release 7, as this release found it.
fn confirmed_before(by: Option<u64>) -> CandidateRow {
    CandidateRow {
        confirmed_by: by.map(Ticket),
        ..row("api", 'a', 7)
    }
}

fn confirm(zone: ZoneView, row: &CandidateRow) -> Confirm {
    Confirm::of(&release(), zone, [row].into_iter()).expect("it is earlier")
}

fn check(row: &CandidateRow, answers: Vec<Answer>, expected: Expect) {
    expected.assert_eq(&asks(confirm(marked(60), row), answers).join("\n"));
}

fn noted() -> Answer {
    Answer::Moved([at("api", 'a')].into())
}

fn applied() -> Answer {
    Answer::Changed(ChangeOutcome::Applied("C1".into()))
}

#[test]
fn it_is_noted_first_and_then_no_batch_fits_that_was_planned_before() {
    check(
        &confirmed_before(None),
        vec![noted(), applied()],
        expect![[r#"
            confirms 1 rows as live
            applies its batch (stage-r42 found live what it asked for)
            Stays"#]],
    );
}

#[test]
fn a_row_that_changed_hands_is_looked_at_again() {
    let none = Answer::Moved(BTreeSet::new());
    check(
        &confirmed_before(Some(41)),
        vec![none],
        expect![[r#"
            confirms 1 rows as live
            Moved"#]],
    );
}

fn refused() -> Answer {
    Answer::Changed(ChangeOutcome::Refused("not as observed".into()))
}

#[test]
fn a_mark_that_others_move_is_changed_from_what_it_is_by_now() {
    check(
        &confirmed_before(None),
        vec![noted(), refused(), Answer::Zone(marked(61)), applied()],
        expect![[r#"
            confirms 1 rows as live
            applies its batch (stage-r42 found live what it asked for)
            looks at the zone
            applies its batch (stage-r42 found live what it asked for)
            Stays"#]],
    );
}

#[test]
fn what_is_not_live_any_more_by_then_is_looked_at_again() {
    check(
        &confirmed_before(None),
        vec![noted(), refused(), Answer::Zone(zone("b"))],
        expect![[r#"
            confirms 1 rows as live
            applies its batch (stage-r42 found live what it asked for)
            looks at the zone
            Moved"#]],
    );
}

#[test]
fn a_mark_that_never_stands_still_ends_it() {
    let again = |ttl| [refused(), Answer::Zone(marked(ttl))];
    let all = (61..65).flat_map(again);
    let answers = [noted()]
        .into_iter()
        .chain(all)
        .chain([refused()])
        .collect();
    let lines = asks(confirm(marked(60), &confirmed_before(None)), answers);
    let last =
        "Unavailable: the zone kept changing while what is live was asked for again; nothing moved";
    assert_eq!(lines.last().map(String::as_str), Some(last));
}

#[test]
fn the_note_of_a_later_release_stays_and_the_mark_is_changed_all_the_same() {
    check(
        &confirmed_before(Some(43)),
        vec![applied()],
        expect![[r#"
            applies its batch (stage-r42 found live what it asked for)
            Stays"#]],
    );
}

#[test]
fn what_is_later_than_the_release_needs_nothing() {
    let later = row("api", 'a', 43);
    assert!(Confirm::of(&release(), marked(60), [&later].into_iter()).is_none());
}

#[test]
fn the_mark_gets_another_ttl_and_keeps_its_value() {
    let batch = confirm(marked(61), &confirmed_before(None)).batch;
    let mut after = marked(61);
    after.apply(&batch).unwrap();
    let mark = after.get(&last_cutover(&release().domain)).unwrap();
    let of_release_7 = cutover_of(Ticket(7), &release().domain);
    assert_eq!((mark.ttl, mark.points_to()), (62, Some(of_release_7)));
}

#[test]
fn a_mark_that_was_lost_is_made_and_what_is_in_its_place_is_left() {
    let row = confirmed_before(None);
    let mark = last_cutover(&release().domain);
    let batch = confirm(zone("a"), &row).batch;
    let mut after = zone("a");
    after.apply(&batch).unwrap();
    let own = cutover_of(Ticket(42), &release().domain);
    let made = after.get(&mark).unwrap();
    let by_its_cutover = Record::cname(mark.clone(), &own, release().settings.alias_ttl);
    assert_eq!(made.points_to(), Some(own));
    assert_ne!(*made, by_its_cutover, "which may come yet");

    let there = zone("a");
    let in_its_place = Record::addresses(mark.clone(), vec!["10.9.9.9".into()], 60);
    let plain = ZoneView::new(there.records().cloned().chain([in_its_place]));
    let text = Foreign {
        name: mark,
        kind: "TXT".into(),
        identifier: None,
        alias_target: None,
        leads_to: Vec::new(),
    };
    for zone in [plain, there.with_foreign([text])] {
        let lines = asks(confirm(zone, &row), vec![noted()]);
        assert_eq!(lines, ["confirms 1 rows as live", "Stays"]);
    }
}
