use super::*;
use crate::cutover::plan_cutover;
use crate::live::{Known, KnownHosts};
use crate::names::{Commit, Component, Domain, Ticket, hostname};
use crate::testing::release;

fn component(n: usize) -> Component {
    Component::new(format!("component-{n:03}")).unwrap()
}

fn brought(components: usize, instances: u16) -> Vec<ComponentPeers> {
    let one = |n| ComponentPeers {
        component: component(n),
        commit: Commit::new(format!("{n:040x}")).unwrap(),
        peers: BTreeSet::new(),
        instances,
    };
    (0..components).map(one).collect()
}

/// Of each of these an older release is live, with this many instances.
fn live(brought: &[ComponentPeers], instances: usize) -> (ZoneView, KnownHosts) {
    let domain = &release().domain;
    let commit = Commit::new("f".repeat(40)).unwrap();
    let mut known = KnownHosts::new();
    let records = brought.iter().flat_map(|one| {
        let at = hostname(&one.component, &commit, domain);
        let addresses = (0..instances).map(|n| format!("10.0.0.{n}")).collect();
        let row = Known {
            ticket: Ticket(7),
            commit: commit.clone(),
            peers: BTreeSet::new(),
            confirmed_by: None,
        };
        known.insert(at.clone(), row);
        [
            Record::cname(alias(&one.component, domain), &at, 60),
            Record::addresses(at, addresses, 60),
        ]
    });
    (ZoneView::new(records), known)
}

fn checked(components: usize, instances: u16, live_instances: usize) -> Result<(), TooLarge> {
    let brought = brought(components, instances);
    let (zone, _) = live(&brought, live_instances);
    check_cutover(&release(), &brought, &ReadSet::new(), &zone)
}

#[test]
fn a_cutover_that_fits_one_change_is_let_through_and_one_value_more_is_refused() {
    // For each component two values of each address, of its alias, and of its peers' name; two of the mark.
    assert_eq!(checked(22, 20, 1), Ok(()));
    assert_eq!(checked(98, 2, 1), Ok(()));
    let refused = checked(23, 20, 1).unwrap_err().to_string();
    let told = "the cutover of these 23 components would change 1014 values of records";
    assert!(refused.starts_with(told), "{refused}");
    assert!(refused.ends_with("release fewer components together, or have fewer instances"));
}

#[test]
fn what_could_not_be_rolled_back_in_one_change_is_refused() {
    assert_eq!(checked(30, 1, 10), Ok(()));
    assert!(checked(30, 1, 20).is_err());
}

#[test]
fn characters_count_too() {
    let brought = brought(98, 1);
    let check = |release| check_cutover(release, &brought, &ReadSet::new(), &ZoneView::default());
    let mut long = release();
    let labels = ["d".repeat(60), "e".repeat(60), "com".into()];
    long.domain = Domain::new(labels.join(".")).unwrap();
    assert!(check(&long).is_err());
    assert_eq!(check(&release()), Ok(()));
}

/// What is looked at before anything boots is no smaller than what the cutover then does.
#[test]
fn the_real_change_is_not_larger() {
    let brought = brought(12, 20);
    let (zone, known) = live(&brought, 20);
    let release = release();
    let candidates: Vec<Candidate> = brought.iter().map(|one| candidate(&release, one)).collect();
    let published = candidates.iter().flat_map(|one| records(&release, one, 20));
    let published = ZoneView::new(zone.records().cloned().chain(published));
    let request = request(&release, candidates, &ReadSet::new());
    let CutoverPlan::Commit { batch, .. } = plan_cutover(&request, &published, &known) else {
        panic!("it goes live");
    };
    let looked_at = largest_batch(&release, &brought, &ReadSet::new(), &zone);
    let ((values, characters), (real, written)) = (looked_at.size(), batch.size());
    assert!(values >= real && characters >= written && real == 12 * 44 + 1);
}
