use super::*;
use crate::keep::testing::*;
use crate::keep::{Health, KeepPlan, NOBODY, plan_keep};
use crate::sweep::testing as sweep;
use std::sync::Arc;

/// Somebody has edited the tags of `i-1`, to which users are sent.
fn edited(edit: impl FnOnce(&mut Machine)) -> Machine {
    let mut one = machine("i-1");
    edit(&mut one);
    one
}

fn planned(one: Machine) -> KeepPlan {
    plan_keep(&look(&["i-1"], &["10.0.0.1"], vec![one]))
}

#[test]
fn one_whose_tags_somebody_has_edited_serves_on() {
    let names: [fn(&mut Machine); 3] = [
        |one| one.name = "mine".into(),
        |one| one.release.clear(),
        |one| one.release = "stage-r6".into(),
    ];
    for edit in names {
        let plan = planned(edited(edit));
        assert!(!plan.is_due() && plan.batch.is_empty(), "{plan:?}");
    }
}

#[test]
fn one_that_got_another_hostname_s_name_is_not_ended_as_that_one_s() {
    let other = CandidateRow {
        hostname: sweep::at("ui", 'b'),
        component: sweep::component("ui"),
        instances: vec![instance("i-2")],
        ..row(&["i-2"])
    };
    let renamed = edited(|one| one.name = other.hostname.to_string());
    let mut look = look(&["i-1"], &["10.0.0.1"], vec![renamed]);
    look.rows
        .insert(other.hostname.clone(), Arc::new(other.clone()));
    assert_eq!(look.behind(&other).count(), 0);
    let own = row(&["i-1"]);
    assert_eq!(look.behind(&own).count(), 1);
    // Its service is asked as that of the row that names it.
    let rows = [&other, &own].into_iter();
    let whose = row_of(&look.target, rows, &look.machines[0]);
    assert_eq!(whose.map(|row| &row.hostname), Some(&own.hostname));
}

#[test]
fn a_replacement_that_no_row_names_yet_is_known_by_its_tags() {
    let boots = replacement("i-9", "i-1", Health::Unknown);
    let own = row(&["i-1"]);
    let whose = |one: &Machine| {
        let target = Target::new("stage").unwrap();
        row_of(&target, [&own].into_iter(), one).is_some()
    };
    assert!(whose(&boots));
    let of_before = Machine {
        release: "stage-r6".into(),
        ..boots
    };
    assert!(!whose(&of_before));
}

/// To look into one, its project's tag is taken away: EC2 would refuse to end it, too.
#[test]
fn one_without_the_project_s_tag_is_replaced_when_it_stops_and_never_ended() {
    let stopped = |release: &str| Machine {
        release: release.into(),
        state: "stopped".into(),
        address: None,
        ..machine("i-1")
    };
    let well = || replacement("i-9", "i-1", Health::Well);
    let ends = |release: &str| {
        let mut look = look(&["i-1"], &[NOBODY], vec![stopped(release), well()]);
        look.well_before.insert("i-9".into());
        let plan = plan_keep(&look);
        assert_eq!(plan.rows[0].instances, [instance("i-9")]);
        plan.ends
    };
    assert_eq!(ends("stage-r7"), ["i-1"]);
    assert_eq!(ends(""), [""; 0]);
}
