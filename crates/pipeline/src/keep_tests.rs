use super::launching::LISTED_WITHIN;
use super::testing::*;
use super::*;
use crate::names::alias;
use crate::records::Record;
use crate::sweep::testing as sweep;
use expect_test::{Expect, expect};

fn check(look: &KeepLook, expected: Expect) {
    expected.assert_eq(&told(&plan_keep(look)));
}

/// What is to be done, without the hostname.
fn told(plan: &KeepPlan) -> String {
    let mut lines = plan.says.clone();
    if plan.waits {
        lines.push("waits".into());
    }
    lines.extend(
        plan.stopped
            .iter()
            .map(|_| "no more for this hour".to_owned()),
    );
    lines.join("\n").replace(&format!("{}: ", at()), "")
}

fn first() -> KeepLook {
    look(&["i-1"], &["10.0.0.1"], vec![machine("i-1")])
}

#[test]
fn what_is_well_is_left_alone() {
    check(&first(), expect![""]);
    let plan = plan_keep(&first());
    assert!(!plan.is_due() && plan.batch.is_empty() && plan.notes == KeeperRow::default());
}

#[test]
fn the_only_one_that_ended_is_replaced_and_its_address_goes_at_once() {
    let look = look(&["i-1"], &["10.0.0.1"], vec![gone("i-1")]);
    check(
        &look,
        expect![[r#"
        leads to nobody (192.0.2.1) until another instance is well: its address belongs to somebody else now
        another instance of launch template version 7 is launched in the place of i-1"#]],
    );
    let mut zone = look.zone.clone();
    zone.apply(&plan_keep(&look).batch).unwrap();
    assert_eq!(zone.get(&at()).unwrap().values, [NOBODY]);
}

#[test]
fn what_ec2_does_not_list_any_more_is_gone_too() {
    check(
        &look(&["i-1"], &[NOBODY], vec![]),
        expect!["another instance of launch template version 7 is launched in the place of i-1"],
    );
}

#[test]
fn one_of_three_that_ended_leaves_the_record_and_is_replaced() {
    let machines = vec![machine("i-1"), gone("i-2"), machine("i-3")];
    let addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    check(
        &look(&["i-1", "i-2", "i-3"], &addresses, machines),
        expect![[r#"
        leads to 10.0.0.1, 10.0.0.3 from now on
        another instance of launch template version 7 is launched in the place of i-2"#]],
    );
}

#[test]
fn a_replacement_that_boots_is_waited_for_and_none_is_launched_beside_it() {
    let boots = replacement("i-9", "i-1", Health::Unknown);
    check(
        &look(&["i-1"], &[NOBODY], vec![gone("i-1"), boots]),
        expect!["waits"],
    );
}

#[test]
fn a_replacement_is_in_the_record_when_it_was_well_at_two_looks() {
    let well = replacement("i-9", "i-1", Health::Well);
    let mut look = look(&["i-1"], &[NOBODY], vec![gone("i-1"), well]);
    check(&look, expect!["waits"]);
    look.well_before.insert("i-9".into());
    check(
        &look,
        expect![[r#"
        leads to 10.0.0.9 from now on
        its instances are i-9"#]],
    );
}

/// Found by the model check: `i-8` was in the record and not yet in the row when it died, `i-9` was launched for `i-1`
/// once more, and only then the row came to say `i-8`.
#[test]
fn one_that_was_launched_for_what_the_row_no_longer_names_takes_the_place_of_who_is_lost() {
    let well = replacement("i-9", "i-1", Health::Well);
    let mut look = look(&["i-8"], &[NOBODY], vec![gone("i-8"), well]);
    look.well_before.insert("i-9".into());
    check(
        &look,
        expect![[r#"
            leads to 10.0.0.9 from now on
            its instances are i-9"#]],
    );
}

#[test]
fn what_is_ill_for_a_moment_is_waited_for_and_what_is_longer_is_replaced() {
    let ill_now = look(&["i-1"], &["10.0.0.1"], vec![ill("i-1")]);
    check(&ill_now, expect!["waits"]);
    let noted = plan_keep(&ill_now).notes.ailing["i-1"].since;
    assert_eq!(noted, NOW);
    check(&ailing(ill_now.clone(), "i-1", 29), expect!["waits"]);
    // It is the last one, and its address is its own.
    check(
        &ailing(ill_now, "i-1", 30),
        expect!["another instance of launch template version 7 is launched in the place of i-1"],
    );
}

/// Else it says that all is well, each minute, while nobody finds an address.
#[test]
fn a_record_that_somebody_has_deleted_is_made_again() {
    let whole = first();
    let kept = whole.zone.records().filter(|one| one.name != at());
    let mut look = KeepLook {
        zone: ZoneView::new(kept.cloned()),
        ttl: 60,
        ..whole.clone()
    };
    check(&look, expect!["waits"]);
    look.well_before.insert("i-1".into());
    check(
        &look,
        expect!["had no record any more, and leads to 10.0.0.1 again"],
    );
    let mut zone = look.zone.clone();
    zone.apply(&plan_keep(&look).batch).unwrap();
    assert_eq!(zone.get(&at()), whole.zone.get(&at()));
    // Nothing that users have leads there.
    look.zone = ZoneView::default();
    check(&look, expect![""]);
}

#[test]
fn an_ill_one_of_two_leaves_the_record() {
    let machines = vec![ill("i-1"), machine("i-2")];
    let two = look(&["i-1", "i-2"], &["10.0.0.1", "10.0.0.2"], machines);
    check(
        &ailing(two, "i-1", 30),
        expect![[r#"
        leads to 10.0.0.2 from now on
        i-1 runs on for 60 s at least, since users may remember its address
        another instance of launch template version 7 is launched in the place of i-1"#]],
    );
}

/// One after the other has become ill of more and more that it was asked.
#[test]
fn where_none_is_well_users_are_sent_to_all_that_run() {
    let machines = vec![ill("i-1"), ill("i-2"), gone("i-3")];
    let three = ["i-1", "i-2", "i-3"];
    let all = look(&three, &["10.0.0.2"], machines);
    let all = ailing(ailing(all, "i-1", 90), "i-3", 90);
    check(
        &ailing(all.clone(), "i-2", 29),
        expect![[r#"
        another instance of launch template version 7 is launched in the place of i-1
        another instance of launch template version 7 is launched in the place of i-3
        waits"#]],
    );
    check(
        &ailing(all, "i-2", 30),
        expect![[r#"
        leads to 10.0.0.1, 10.0.0.2 from now on
        another instance of launch template version 7 is launched in the place of i-1
        another instance of launch template version 7 is launched in the place of i-2
        another instance of launch template version 7 is launched in the place of i-3"#]],
    );
}

#[test]
fn an_ill_one_leaves_when_its_replacement_is_well_and_not_before() {
    let well = replacement("i-9", "i-1", Health::Well);
    let mut look = ailing(
        look(&["i-1"], &["10.0.0.1"], vec![ill("i-1"), well]),
        "i-1",
        60,
    );
    check(&look, expect!["waits"]);
    look.well_before.insert("i-9".into());
    check(
        &look,
        expect![[r#"
        leads to 10.0.0.9 from now on
        i-1 runs on for 60 s at least, since users may remember its address
        its instances are i-9"#]],
    );
}

#[test]
fn what_was_started_again_is_followed_and_its_replacement_ends() {
    let again = Machine {
        address: Some("10.0.0.7".into()),
        started: NOW - 9,
        ..machine("i-1")
    };
    let boots = replacement("i-9", "i-1", Health::Unknown);
    let look = look(&["i-1"], &[NOBODY], vec![again, boots]);
    let mut look = ailing(look, "i-1", 60);
    look.well_before.insert("i-1".into());
    check(
        &look,
        expect![[r#"
        leads to 10.0.0.7 from now on
        i-9 ends
        its instances are i-1
        waits"#]],
    );
    assert_eq!(plan_keep(&look).rows[0].instances[0].address, "10.0.0.7");
}

#[test]
fn one_whose_end_ec2_has_announced_serves_until_its_replacement_does() {
    let retires = Machine {
        retires: true,
        ..machine("i-1")
    };
    let alone = look(&["i-1"], &["10.0.0.1"], vec![retires.clone()]);
    check(
        &alone,
        expect!["another instance of launch template version 7 is launched in the place of i-1"],
    );
    let well = replacement("i-9", "i-1", Health::Well);
    let mut both = look(&["i-1"], &["10.0.0.1"], vec![retires, well]);
    both.well_before.insert("i-9".into());
    check(
        &both,
        expect![[r#"
        leads to 10.0.0.9 from now on
        i-1 runs on for 60 s at least, since users may remember its address
        its instances are i-9"#]],
    );
}

#[test]
fn a_release_that_runs_mends_what_it_has_brought_but_not_for_ever() {
    let dead = look(&["i-1"], &[NOBODY], vec![gone("i-1")]);
    check(&running(dead.clone()), expect!["waits"]);
    check(
        &ailing(running(dead.clone()), "i-1", STAND_BACK - 1),
        expect!["waits"],
    );
    let launched =
        expect!["another instance of launch template version 7 is launched in the place of i-1"];
    check(&ailing(running(dead), "i-1", STAND_BACK), launched);
}

#[test]
fn what_retires_while_its_release_runs_is_left_to_later_looks() {
    let retires = Machine {
        retires: true,
        ..machine("i-1")
    };
    check(
        &running(look(&["i-1"], &["10.0.0.1"], vec![retires])),
        expect![""],
    );
}

#[test]
fn dead_addresses_leave_the_record_whoever_mends_the_rest() {
    let machines = vec![gone("i-1"), machine("i-2")];
    let two = look(&["i-1", "i-2"], &["10.0.0.1", "10.0.0.2"], machines);
    check(
        &running(two),
        expect![[r#"
        leads to 10.0.0.2 from now on
        waits"#]],
    );
}

#[test]
fn what_no_alias_leads_to_is_not_started_again_and_a_replacement_of_it_ends() {
    let mut look = look(
        &["i-1"],
        &["10.0.0.1"],
        vec![gone("i-1"), replacement("i-9", "i-1", Health::Well)],
    );
    let alias = alias(&sweep::component("api"), &domain());
    let moved = Record::cname(alias, &sweep::at("api", 'b'), 60);
    look.zone = ZoneView::new([moved, look.zone.get(&at()).unwrap().clone()]);
    check(
        &look,
        expect!["i-9: ended, since users are not sent there any more"],
    );
}

fn launched_thrice(look: &mut KeepLook, ticket: Option<Ticket>) {
    for (attempt, ago) in [(0, 3000), (1, 2000), (2, 1000)] {
        let replaces = format!("i-{attempt}");
        let launch = Launch {
            hostname: at(),
            ticket,
            replaces,
            attempt,
            turn: 0,
            at: NOW - ago,
            ended: false,
        };
        look.notes.launched.push(launch);
    }
}

#[test]
fn what_an_early_version_has_noted_counts_for_any_release() {
    let mut dead = look(&["i-1"], &[NOBODY], vec![gone("i-1")]);
    launched_thrice(&mut dead, None);
    let plan = plan_keep(&dead);
    assert_eq!(told(&plan), "no more for this hour");
}

#[test]
fn a_release_that_launches_the_same_commit_at_the_same_hostname_begins_anew() {
    let mut dead = look(&["i-1"], &[NOBODY], vec![gone("i-1")]);
    launched_thrice(&mut dead, Some(Ticket(7)));
    dead.notes = plan_keep(&dead).notes;
    let next = CandidateRow {
        ticket: Ticket(8),
        ..row(&["i-2"])
    };
    dead.rows = Rows::from([(at(), Arc::new(next))]);
    dead.machines = vec![Machine {
        release: "stage-r8".into(),
        ..gone("i-2")
    }];
    check(
        &dead,
        expect!["another instance of launch template version 7 is launched in the place of i-2"],
    );
    dead.notes.launched.clear();
    launched_thrice(&mut dead, Some(Ticket(8)));
    let plan = plan_keep(&dead);
    assert_eq!(
        told(&plan),
        "no more for this hour",
        "and is told once more"
    );
}

#[test]
fn three_in_an_hour_are_enough_and_that_is_told_once() {
    let mut dead = look(&["i-1"], &[NOBODY], vec![gone("i-1")]);
    launched_thrice(&mut dead, Some(Ticket(7)));
    let plan = plan_keep(&dead);
    assert_eq!(told(&plan), "no more for this hour");
    assert!(
        plan.stopped[0]
            .1
            .starts_with("api.stage.myproj.com does not run as it should"),
        "{plan:?}"
    );
    dead.notes = plan.notes;
    check(&dead, expect![""]);
    dead.at += 601;
    check(
        &dead,
        expect!["another instance of launch template version 7 is launched in the place of i-1"],
    );
}

#[test]
fn a_launch_that_ec2_does_not_list_yet_is_the_same_launch_and_one_that_ended_another() {
    let mut dead = look(&["i-1"], &[NOBODY], vec![gone("i-1")]);
    let first = plan_keep(&dead);
    dead.notes = first.notes;
    dead.at += LISTED_WITHIN - 1;
    let again = plan_keep(&dead);
    assert_eq!(
        (&again.launches, again.notes.launched.len()),
        (&first.launches, 1)
    );
    dead.at += 1;
    let other = plan_keep(&dead);
    assert_eq!(
        (other.launches[0].attempt, other.notes.launched.len()),
        (1, 2)
    );
    assert_ne!(
        other.launches[0].token_of("a"),
        first.launches[0].token_of("a")
    );
}
