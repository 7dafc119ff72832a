use super::testing::*;
use super::*;
use crate::records::Change;

const MARGIN: i64 = 30;
/// The record's TTL and the margin.
const STAYS: i64 = 60 + MARGIN;

fn retiring(id: &str) -> Machine {
    Machine {
        retires: true,
        ..machine(id)
    }
}

/// `i-1` retires, and `i-9` in its place was well at two looks.
fn replaced() -> KeepLook {
    let machines = vec![retiring("i-1"), replacement("i-9", "i-1", Health::Well)];
    let mut look = look(&["i-1"], &["10.0.0.1"], machines);
    look.well_before.insert("i-9".into());
    look.margin = MARGIN;
    look
}

/// The same look after its plan was carried out, so many seconds later.
fn after(mut look: KeepLook, seconds: i64) -> KeepLook {
    let plan = plan_keep(&look);
    look.zone.apply(&plan.batch).unwrap();
    look.notes = plan.notes;
    look.notes.left_by(&plan.leave, "C1");
    for one in &plan.rows {
        let row = CandidateRow {
            instances: one.instances.clone(),
            ..(*one.row).clone()
        };
        look.rows.insert(row.hostname.clone(), Arc::new(row));
    }
    look.at += seconds;
    look
}

fn in_sync(mut look: KeepLook) -> KeepLook {
    look.in_sync.insert("C1".into());
    look
}

fn ends(look: &KeepLook) -> Vec<String> {
    plan_keep(look).ends
}

const NONE: [&str; 0] = [];

#[test]
fn what_can_still_serve_leaves_the_record_and_ends_when_nobody_remembers_it() {
    let plan = plan_keep(&replaced());
    assert_eq!((plan.leave, plan.ends), (vec!["i-1".to_owned()], vec![]));
    let left = after(replaced(), 20);
    assert!(plan_keep(&left).waits, "the change is asked for");
    assert_eq!(ends(&left), NONE);
    let known = after(in_sync(left), STAYS - 1);
    assert_eq!(ends(&known), NONE);
    assert!(!plan_keep(&known).is_due(), "the schedule's look is enough");
    let over = after(known, 1);
    assert_eq!(ends(&over), ["i-1"]);
}

#[test]
fn a_change_that_is_late_is_waited_for() {
    let late = after(after(replaced(), 20), 10 * STAYS);
    assert_eq!(ends(&late), NONE);
    assert!(plan_keep(&late).waits);
}

#[test]
fn a_change_of_which_nobody_knows_is_over_in_an_hour() {
    let mut killed = after(replaced(), 20);
    killed
        .notes
        .left
        .values_mut()
        .for_each(|one| one.change = None);
    killed.at = NOW + left::SURELY_IN_SYNC + STAYS - 1;
    assert_eq!(ends(&killed), NONE);
    assert!(!plan_keep(&killed).is_due());
    killed.at += 1;
    assert_eq!(ends(&killed), ["i-1"]);
}

#[test]
fn what_does_not_run_ends_at_once_and_is_noted_no_more() {
    let mut left = after(replaced(), 1);
    left.machines[0].state = "stopped".into();
    let plan = plan_keep(&left);
    assert_eq!(plan.ends, ["i-1"]);
    assert_eq!(plan.notes.left.len(), 0);
}

/// The sweeper leaves it alone, since its row stands; so whoever forgets ends it later, and not earlier.
#[test]
fn one_that_is_in_no_note_is_noted_and_ends_later() {
    let mut forgotten = after(replaced(), 1);
    forgotten.notes.left.clear();
    let noted = plan_keep(&forgotten);
    assert_eq!((noted.leave, noted.ends), (vec!["i-1".to_owned()], vec![]));
    let mut later = after(forgotten, left::SURELY_IN_SYNC + STAYS - 1);
    later.notes.left.get_mut("i-1").unwrap().change = None;
    assert_eq!(ends(&later), NONE);
    later.at += 1;
    assert_eq!(ends(&later), ["i-1"]);
}

#[test]
fn a_refused_batch_is_no_leave() {
    let mut refused = replaced();
    refused.notes = plan_keep(&refused).notes;
    refused.at += 500;
    let plan = plan_keep(&refused);
    assert_eq!(
        (plan.notes.left["i-1"].since, plan.ends),
        (NOW + 500, vec![])
    );
}

#[test]
fn a_batch_that_comes_late_was_noted() {
    let mut late = replaced();
    let plan = plan_keep(&late);
    late.notes = plan.notes;
    // Another look, before the batch arrives: `i-9` was well only once, for all that it knows.
    late.well_before.clear();
    late.notes = plan_keep(&late).notes;
    late.zone.apply(&plan.batch).unwrap();
    late.well_before = ["i-1".to_owned(), "i-9".to_owned()].into();
    let plan = plan_keep(&late);
    assert_eq!(plan.rows[0].instances, [instance("i-9")]);
    assert_eq!(plan.ends, NONE);
}

#[test]
fn what_the_row_named_until_now_is_not_ended_though_nobody_noted_it() {
    let mut lost = replaced();
    lost.zone = zone(&["10.0.0.9"]);
    lost.well_before = ["i-1".to_owned(), "i-9".to_owned()].into();
    let plan = plan_keep(&lost);
    assert_eq!((plan.leave, plan.ends), (vec!["i-1".to_owned()], vec![]));
}

#[test]
fn if_the_replacement_dies_meanwhile_users_go_back() {
    let mut died = in_sync(after(replaced(), 20));
    died.machines[1] = Machine {
        replaces: Some("i-1".into()),
        ..gone("i-9")
    };
    let plan = plan_keep(&died);
    let is_back =
        |change: &Change| matches!(change, Change::Create(one) if one.values == ["10.0.0.1"]);
    assert!(plan.batch.0.iter().any(is_back), "{:?}", plan.says);
    assert_eq!(plan.rows[0].instances, [instance("i-1")]);
    assert_eq!(plan.ends, NONE);
    // It retires still, so another is launched in its place.
    assert_eq!(plan.launches.len(), 0, "from the next look on");
    let back = after(died, 1);
    assert_eq!(plan_keep(&back).launches.len(), 1);
}

#[test]
fn one_that_is_ill_leaves_when_its_record_moves_and_that_counts() {
    let machines = vec![ill("i-1"), machine("i-2")];
    let two = look(&["i-1", "i-2"], &["10.0.0.1", "10.0.0.2"], machines);
    let mut left = after(ailing(two, "i-1", 30), 10);
    assert_eq!(left.notes.left["i-1"].since, NOW);
    left.machines.push(replacement("i-9", "i-1", Health::Well));
    left.well_before.insert("i-9".into());
    let replaced = in_sync(left);
    let plan = plan_keep(&replaced);
    assert_eq!((plan.leave, plan.ends), (vec![], vec![]));
    assert_eq!(plan.notes.left["i-1"].since, NOW);
}

#[test]
fn a_replacement_that_was_in_the_record_for_one_look_leaves_as_all_do() {
    let boots = |id| replacement(id, "i-1", Health::Well);
    let machines = vec![gone("i-1"), boots("i-8"), boots("i-9")];
    let mut both = look(&["i-1"], &["10.0.0.9"], machines);
    both.well_before = ["i-8".to_owned(), "i-9".to_owned()].into();
    let plan = plan_keep(&both);
    assert_eq!((plan.leave, plan.ends), (vec!["i-9".to_owned()], vec![]));
    both.zone = zone(&["10.0.0.8"]);
    let plan = plan_keep(&both);
    assert_eq!(plan.ends, ["i-9"], "one that never served is nobody's");
}

#[test]
fn one_that_left_and_does_not_answer_is_no_replacement() {
    let mut left = in_sync(after(replaced(), 1));
    left.machines[0] = gone("i-1");
    left.rows = look(&["i-1"], &[], vec![]).rows;
    left.zone = zone(&[NOBODY]);
    left.machines[1].health = Health::Ill("hangs".into());
    left.notes.left.insert(
        "i-9".into(),
        Left {
            hostname: at(),
            since: NOW,
            stays: STAYS,
            change: None,
            in_sync: None,
        },
    );
    assert_eq!(plan_keep(&left).launches.len(), 1);
}

#[test]
fn connections_that_last_have_the_manifest_s_time() {
    let mut long = replaced();
    let mut own = row(&["i-1"]);
    let recipe = own.recipe.as_mut().unwrap();
    let text = serde_json::to_value(&recipe.manifest).unwrap();
    let mut text = text;
    text["run"]["drain"] = "10m".into();
    recipe.manifest = serde_json::from_value(text).unwrap();
    long.rows = Rows::from([(own.hostname.clone(), Arc::new(own))]);
    assert_eq!(plan_keep(&long).notes.left["i-1"].stays, 600);
}

#[test]
fn a_stray_ends_when_no_record_leads_to_it_and_nobody_remembers_it() {
    let mut moved = after(replaced(), 20);
    let alias = crate::names::alias(&crate::sweep::testing::component("api"), &domain());
    let elsewhere =
        crate::records::Record::cname(alias, &crate::sweep::testing::at("api", 'b'), 60);
    let own = moved.zone.get(&at()).unwrap().clone();
    moved.zone = ZoneView::new([elsewhere.clone(), own]);
    moved.rows = look(&["i-1"], &[], vec![]).rows;
    assert_eq!(ends(&moved), NONE, "a record leads to i-9");
    moved.zone = ZoneView::new([elsewhere]);
    assert_eq!(ends(&moved), ["i-9"]);
    let left = moved.notes.left.remove("i-1").unwrap();
    moved.notes.left.insert("i-9".into(), left);
    assert_eq!(ends(&moved), NONE);
}
