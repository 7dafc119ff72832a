use super::testing::*;
use super::*;
use crate::names::alias;
use crate::records::Record;

const ALL: [&str; 6] = ["i-1", "i-2", "i-3", "i-4", "i-5", "i-6"];

fn launched(look: &KeepLook) -> Vec<String> {
    let launches = plan_keep(look).launches.into_iter();
    launches.map(|one| one.replaces).collect()
}

#[test]
fn of_very_many_four_are_launched_and_the_others_soon() {
    let all = look(&ALL, &[NOBODY], ALL.map(gone).into());
    let plan = plan_keep(&all);
    assert_eq!(
        (plan.launches.len(), plan.soon, plan.waits),
        (4, true, true)
    );
    assert_eq!(
        plan.notes.launched.len(),
        4,
        "what is not asked for is not noted"
    );
}

#[test]
fn who_was_asked_for_least_comes_first() {
    let mut all = look(&ALL, &[NOBODY], ALL.map(gone).into());
    all.tried = launched(&all).into_iter().map(|id| (id, 1)).collect();
    assert_eq!(launched(&all), ["i-5", "i-6", "i-1", "i-2"]);
    assert!(plan_keep(&all).soon);
}

#[test]
fn who_was_stopped_takes_nobody_s_place() {
    let mut all = look(&ALL, &[NOBODY], ALL.map(gone).into());
    all.notes.launched = (0..18)
        .map(|turn| Launch {
            hostname: at(),
            ticket: None,
            replaces: "i-0".into(),
            attempt: 0,
            turn,
            at: NOW - 100,
            ended: false,
        })
        .collect();
    let plan = plan_keep(&all);
    assert_eq!(
        (plan.launches.len(), plan.stopped.len(), plan.soon),
        (0, 1, false)
    );
}

#[test]
fn components_that_nobody_serves_come_first() {
    let (mut both, ui) = (
        look(
            &["i-1", "i-2"],
            &["10.0.0.2"],
            vec![gone("i-1"), machine("i-2")],
        ),
        other_component(),
    );
    let alias = crate::names::alias(&ui.component, &domain());
    let records = both.zone.records().cloned().chain([
        crate::records::Record::cname(alias, &ui.hostname, 60),
        crate::records::Record::addresses(ui.hostname.clone(), vec![NOBODY.into()], 60),
    ]);
    both.zone = ZoneView::new(records);
    both.rows.insert(ui.hostname.clone(), Arc::new(ui));
    assert_eq!(launched(&both), ["i-7", "i-1"]);
}

/// `ui`, whose only instance is gone. It comes after `api`.
fn other_component() -> CandidateRow {
    let api = row(&["i-7"]);
    CandidateRow {
        component: crate::sweep::testing::component("ui"),
        hostname: crate::sweep::testing::at("ui", 'a'),
        ..api
    }
}

/// Half of very many are lost with their zone: the changes of all records are more than a batch takes.
#[test]
fn records_that_do_not_fit_a_batch_follow_at_the_next_look() {
    let mut look = look(&["i-1"], &[], Vec::new());
    let mut records = Vec::new();
    look.rows.clear();
    for n in 0..40 {
        let name = format!("c{n}");
        let ids: Vec<String> = (0..20).map(|m| format!("i-{n}-{m}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let at = crate::sweep::testing::at(&name, 'a');
        let own = CandidateRow {
            component: crate::sweep::testing::component(&name),
            hostname: at.clone(),
            ..row(&ids)
        };
        records.push(Record::cname(alias(&own.component, &domain()), &at, 60));
        records.push(Record::addresses(
            at.clone(),
            ids.iter().map(|id| address(id)).collect(),
            60,
        ));
        let seen = ids.iter().enumerate().map(|(m, id)| Machine {
            name: at.to_string(),
            ..if m % 2 == 0 { gone(id) } else { machine(id) }
        });
        look.machines.extend(seen);
        look.rows.insert(at, Arc::new(own));
    }
    look.zone = ZoneView::new(records);
    let mut followed = Vec::new();
    for _ in 0..3 {
        let plan = plan_keep(&look);
        look.zone.apply(&plan.batch).unwrap();
        followed.push(plan.batch.0.len() / 4);
    }
    assert_eq!(followed, [31, 9, 0]);
}
