use super::*;
use crate::manifest::Manifest;
use crate::names::{Commit, RepositoryUrl, hostname};
use crate::records::Record;
use crate::rows::Previous;
use crate::wire::{Bundle, Prepared};
use expect_test::{Expect, expect};

fn component(name: &str) -> Component {
    Component::new(name).unwrap()
}

fn commit(digit: char) -> Commit {
    Commit::new(digit.to_string().repeat(40)).unwrap()
}

fn at(name: &str, digit: char) -> Fqdn {
    hostname(&component(name), &commit(digit), &release().domain)
}

fn release() -> Release {
    serde_json::from_value(serde_json::json!({
        "project": "myproj", "target": "stage", "ticket": 42, "execution": "x",
        "domain": "stage.myproj.com", "zone_id": "Z", "launch_template_id": "lt-1",
        "subnet_ids": [], "alias_ttl": 60, "hostname_ttl": 60, "drain_seconds": 90, "test_dependents": false,
        "skip_slow_scans": false, "size": 1
    }))
    .unwrap()
}

fn stands(name: &str) -> HostedComponent {
    HostedComponent {
        component: component(name),
        hostname: at(name, 'b'),
    }
}

fn row(name: &str, digit: char, ticket: u64) -> CandidateRow {
    let text = format!(
        "[component]\nname='{name}'\n[build]\nunit_tests='true'\ncommand='true'\noutput='dist'\n[run]\ncommand='./x'\nport=8080\n"
    );
    let planned = Planned {
        component: component(name),
        version: Version::Head,
        commit: commit(digit),
        repository: RepositoryUrl::new("https://git.p.com/a.git").unwrap(),
        hostname: Some(at(name, digit)),
        credentials: None,
        companion: false,
        warm: false,
        repeats: None,
        replaces: None,
    };
    let source = Bundle {
        key: String::new(),
        sha256: String::new(),
        bytes: 0,
    };
    let recipe = Prepared {
        planned,
        source,
        manifest: Manifest::parse(&text, &component(name)).unwrap(),
        artifact: None,
        vendor: Vec::new(),
        cache: None,
        warnings: Vec::new(),
    };
    CandidateRow {
        component: component(name),
        commit: commit(digit),
        hostname: at(name, digit),
        ticket: Ticket(ticket),
        release: format!("stage-r{ticket}"),
        state: CandidateState::Live,
        instances: Vec::new(),
        launch_template_version: "7".into(),
        launched_by: None,
        taken_from: None,
        companion: false,
        recipe: Some(recipe),
        found_healthy: None,
        kept_until: None,
        kept_by: None,
        confirmed_by: None,
        elsewhere: Default::default(),
    }
}

fn alias_row(name: &str, before: Option<CandidateRow>) -> AliasRow {
    AliasRow {
        component: component(name),
        commit: commit('b'),
        hostname: at(name, 'b'),
        instances: Vec::new(),
        version: Version::Head,
        release: "stage-r42".into(),
        ticket: Ticket(42),
        execution: String::new(),
        since: String::new(),
        port: 8080,
        peers: Vec::new(),
        artifact_sha256: String::new(),
        launch_template_version: String::new(),
        previous: before.map(|row| Previous {
            commit: row.commit,
            hostname: row.hostname,
            ticket: row.ticket,
            launch_template_version: row.launch_template_version,
        }),
        change_id: None,
        replaced: None,
        rolled_back: None,
        brought_by: None,
    }
}

/// `api` and `ui` went live as `b`; before, both were `a`.
struct World {
    zone: ZoneView,
    aliases: Vec<AliasRow>,
    rows: BTreeMap<Fqdn, Arc<CandidateRow>>,
    conditions: BTreeMap<Fqdn, Condition>,
}

fn world() -> World {
    let both = ["api", "ui"];
    let domain = release().domain;
    let to = |name: &&str| Record::cname(alias(&component(name), &domain), &at(name, 'b'), 60);
    World {
        zone: ZoneView::new(both.iter().map(to)),
        aliases: both
            .iter()
            .map(|name| alias_row(name, Some(row(name, 'a', 41))))
            .collect(),
        rows: both
            .iter()
            .map(|name| (at(name, 'a'), Arc::new(row(name, 'a', 41))))
            .collect(),
        conditions: both
            .iter()
            .map(|name| (at(name, 'a'), Condition::Well))
            .collect(),
    }
}

fn check(world: &World, expected: Expect) {
    check_failed(world, &[], expected);
}

fn check_failed(world: &World, failed: &[&str], expected: Expect) {
    let failed = failed.iter().map(|name| component(name)).collect();
    let seen = Seen {
        zone: &world.zone,
        aliases: &world.aliases,
        rows: &world.rows,
        conditions: &world.conditions,
    };
    let plan = plan_back(&release(), &[stands("api"), stands("ui")], &failed, &seen);
    let told = match plan {
        BackPlan::GoBack { back, stay } => {
            let back = back.iter().map(|one| match &one.again {
                Some(failed) => format!("{} instead of {failed}", one.row.hostname),
                None => one.row.hostname.to_string(),
            });
            let back: Vec<String> = back.collect();
            format!("back: {}; stay: {}", back.join(" "), names(stay.iter()))
        }
        BackPlan::Stay { why, kept } => format!("{why}; kept: {}", names(kept.iter())),
        BackPlan::NotWell { why, kept } => {
            format!("not now: {why}; kept: {}", names(kept.iter()))
        }
        BackPlan::MovedOn => "moved on".into(),
    };
    expected.assert_eq(&told);
}

#[test]
fn all_of_it_goes_back_together() {
    check(
        &world(),
        expect!["back: api-aaaaaaaaaaaa.stage.myproj.com ui-aaaaaaaaaaaa.stage.myproj.com; stay: "],
    );
}

#[test]
fn what_was_brought_for_the_first_time_stays() {
    let mut world = world();
    world.aliases[1].previous = None;
    check(
        &world,
        expect!["back: api-aaaaaaaaaaaa.stage.myproj.com; stay: ui"],
    );
    world.aliases[0].previous = None;
    check(&world, expect!["nothing was live before; kept: "]);
}

#[test]
fn nobody_is_sent_to_what_is_not_well_either() {
    let mut world = world();
    world.conditions.insert(
        at("ui", 'a'),
        Condition::Gone("instance i-1 is terminated".into()),
    );
    check(
        &world,
        expect![
            "ui-aaaaaaaaaaaa.stage.myproj.com is not healthy either: instance i-1 is terminated; kept: api, ui"
        ],
    );
    world.conditions.remove(&at("ui", 'a'));
    check(
        &world,
        expect!["ui-aaaaaaaaaaaa.stage.myproj.com was not checked; kept: api, ui"],
    );
}

/// What is gone does not come back, so nothing is waited for then.
#[test]
fn what_is_only_unwell_may_come_back_unless_something_else_is_gone() {
    let mut world = world();
    let unwell = Condition::Unwell("i-1 does not answer".into());
    world.conditions.insert(at("api", 'a'), unwell);
    check(
        &world,
        expect![
            "not now: api-aaaaaaaaaaaa.stage.myproj.com is not healthy either: i-1 does not answer; kept: api, ui"
        ],
    );
    world.rows.remove(&at("ui", 'a'));
    check(
        &world,
        expect!["ui-aaaaaaaaaaaa.stage.myproj.com has no instances any more; kept: api"],
    );
}

#[test]
fn users_are_sent_back_to_what_lacks_a_part_of_its_instances() {
    let mut world = world();
    let limps = Condition::Limping("instance i-1 is terminated (1 of 2 instances)".into());
    world.conditions.insert(at("ui", 'a'), limps);
    check(
        &world,
        expect!["back: api-aaaaaaaaaaaa.stage.myproj.com ui-aaaaaaaaaaaa.stage.myproj.com; stay: "],
    );
}

#[test]
fn what_is_being_ended_or_was_taken_over_does_not_come_back() {
    let with = |changed: CandidateRow| {
        let mut world = world();
        world.rows.insert(at("ui", 'a'), Arc::new(changed));
        world
    };
    let leaving = CandidateRow {
        state: CandidateState::Leaving,
        ..row("ui", 'a', 41)
    };
    check(
        &with(leaving),
        expect!["ui-aaaaaaaaaaaa.stage.myproj.com has no instances any more; kept: api"],
    );
    check(
        &with(row("ui", 'a', 43)),
        expect!["ui-aaaaaaaaaaaa.stage.myproj.com belongs to release stage-r43 by now; kept: api"],
    );
    let mut unknown = world();
    unknown.rows.clear();
    check(
        &unknown,
        expect!["api-aaaaaaaaaaaa.stage.myproj.com has no instances any more; kept: "],
    );
}

#[test]
fn an_alias_that_a_later_release_has_moved_on_is_left_alone() {
    let mut world = world();
    let domain = release().domain;
    let to = |name, digit| Record::cname(alias(&component(name), &domain), &at(name, digit), 60);
    world.zone = ZoneView::new([to("api", 'c'), to("ui", 'b')]);
    check(
        &world,
        expect!["back: ui-aaaaaaaaaaaa.stage.myproj.com; stay: "],
    );
    check_failed(
        &world,
        &["ui"],
        expect!["back: ui-aaaaaaaaaaaa.stage.myproj.com; stay: "],
    );
    check_failed(&world, &["api"], expect!["moved on"]);
    let mut recorded = self::world();
    recorded.aliases[0].ticket = Ticket(43);
    recorded.aliases[0].hostname = at("api", 'c');
    check_failed(&recorded, &["api"], expect!["moved on"]);
    world.zone = ZoneView::new([to("api", 'c'), to("ui", 'c')]);
    check(&world, expect!["moved on"]);
}

/// Release 42 launched `ui` again, which was live as release 41; `c` of release 40 was live before that.
fn restarted() -> (World, CandidateRow, CandidateRow) {
    let first = CandidateRow {
        commit: commit('b'),
        ..row("ui", 'a', 41)
    };
    let (mut world, older) = (world(), row("ui", 'c', 40));
    world.aliases[1].replaced = Some(Previous::of(&first));
    world.aliases[1].previous = Some(Previous::of(&older));
    world.rows.insert(at("ui", 'a'), Arc::new(first.clone()));
    (world, first, older)
}

#[test]
fn what_was_launched_again_goes_back_to_what_it_replaced_beside_what_is_new() {
    let (mut world, _, older) = restarted();
    let both = || {
        expect![
            "back: api-aaaaaaaaaaaa.stage.myproj.com ui-aaaaaaaaaaaa.stage.myproj.com instead of ui-bbbbbbbbbbbb.stage.myproj.com; stay: "
        ]
    };
    check(&world, both());
    // The version before that may still run, and is older.
    world.conditions.insert(at("ui", 'c'), Condition::Well);
    world.rows.insert(at("ui", 'c'), Arc::new(older));
    check(&world, both());
    // Or there was none.
    world.aliases[1].previous = None;
    check(&world, both());
}

#[test]
fn an_older_version_that_is_well_is_better_than_what_has_failed() {
    let (mut world, _, older) = restarted();
    let unwell = Condition::Unwell("i-1 does not answer".into());
    world.conditions.insert(at("ui", 'a'), unwell);
    check(
        &world,
        expect![
            "not now: ui-aaaaaaaaaaaa.stage.myproj.com is not healthy either: i-1 does not answer; kept: api, ui"
        ],
    );
    world.conditions.insert(at("ui", 'c'), Condition::Well);
    world.rows.insert(at("ui", 'c'), Arc::new(older));
    check(
        &world,
        expect!["back: api-aaaaaaaaaaaa.stage.myproj.com ui-cccccccccccc.stage.myproj.com; stay: "],
    );
}

#[test]
fn what_was_replaced_and_has_ended_changes_nothing() {
    let (mut world, first, _) = restarted();
    let ended = CandidateRow {
        state: CandidateState::Retired,
        ..first
    };
    world.rows.insert(at("ui", 'a'), Arc::new(ended));
    check(
        &world,
        expect!["ui-cccccccccccc.stage.myproj.com has no instances any more; kept: api"],
    );
    world.aliases[1].previous = None;
    check(
        &world,
        expect!["back: api-aaaaaaaaaaaa.stage.myproj.com; stay: ui"],
    );
}

#[path = "back_cause_tests.rs"]
mod causes;
