//! Terminate previous: whether what went live is well before what was live before ends.

use crate::health::Condition;
use crate::names::{Component, Domain, Fqdn, alias};
use crate::reason::Reason;
use crate::records::ZoneView;
use crate::retire::Leaving;
use crate::rows::{CandidateRow, CandidateState};
use crate::wire::HostedComponent;
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with these; `None`: nothing.
fn told(components: &[HostedComponent], conditions: &BTreeMap<Fqdn, Condition>) -> Option<String> {
    let told = components
        .iter()
        .filter_map(|one| match conditions.get(&one.hostname) {
            Some(condition) => condition.reason().map(str::to_owned),
            None => Some(format!("the table has no row of {}", one.hostname)),
        });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| Reason::new(&told.join("; ")).to_string())
}

/// What is wrong with these as far as users are sent to them, and whose that is: what a later release has
/// moved on is that one's.
pub fn unwell(
    components: &[HostedComponent],
    domain: &Domain,
    zone: &ZoneView,
    conditions: &BTreeMap<Fqdn, Condition>,
) -> Option<(String, BTreeSet<Component>)> {
    let leads_there = |one: &&HostedComponent| {
        zone.points_to(&alias(&one.component, domain)).as_ref() == Some(&one.hostname)
    };
    let live: Vec<HostedComponent> = components.iter().filter(leads_there).cloned().collect();
    let is_well = |one: &&HostedComponent| {
        let condition = conditions.get(&one.hostname);
        condition.is_some_and(Condition::is_well)
    };
    let failed = live.iter().filter(|one| !is_well(one));
    let failed = failed.map(|one| one.component.clone()).collect();
    Some((told(&live, conditions)?, failed))
}

/// Components of which nothing well is live: what was live before is not ended.
pub fn to_be_spared(
    components: &[Component],
    domain: &Domain,
    zone: &ZoneView,
    conditions: &BTreeMap<Fqdn, Condition>,
) -> BTreeSet<Component> {
    let is_well = |component: &&Component| {
        let at = zone.points_to(&alias(component, domain));
        at.and_then(|at| conditions.get(&at))
            .is_some_and(Condition::is_well)
    };
    components
        .iter()
        .filter(|component| !is_well(component))
        .cloned()
        .collect()
}

/// Whether a hostname that is to be ended is left alone: it was live, and what replaced it is not well.
pub fn is_spared(
    leaving: &Leaving,
    row: Option<&CandidateRow>,
    spared: &BTreeSet<Component>,
) -> bool {
    let was_live = row.is_some_and(|row| row.state == CandidateState::Live);
    was_live && spared.contains(&leaving.component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{Commit, hostname};
    use crate::records::Record;

    fn component() -> Component {
        Component::new("api").unwrap()
    }

    fn domain() -> Domain {
        Domain::new("stage.myproj.com").unwrap()
    }

    fn at(digit: char) -> Fqdn {
        let commit = Commit::new(digit.to_string().repeat(40)).unwrap();
        hostname(&component(), &commit, &domain())
    }

    fn zone(live: char) -> ZoneView {
        let alias = alias(&component(), &domain());
        ZoneView::new([Record::cname(alias, &at(live), 60)])
    }

    fn check(live: char, condition: Condition) -> (Option<String>, bool) {
        let conditions = BTreeMap::from([(at('b'), condition)]);
        let stands = HostedComponent {
            component: component(),
            hostname: at('b'),
        };
        let zone = zone(live);
        let spared = to_be_spared(&[component()], &domain(), &zone, &conditions);
        (
            unwell(&[stands], &domain(), &zone, &conditions).map(|(told, _)| told),
            spared.contains(&component()),
        )
    }

    #[test]
    fn what_is_live_and_well_lets_the_previous_go() {
        assert_eq!(check('b', Condition::Well), (None, false));
    }

    #[test]
    fn what_is_live_and_unwell_is_told_and_the_previous_is_spared() {
        let gone = Condition::Gone("instance i-1 is terminated".into());
        let told = Some("instance i-1 is terminated".into());
        assert_eq!(check('b', gone), (told, true));
    }

    #[test]
    fn what_a_later_release_moved_on_is_not_this_ones_and_ends_nothing_unseen() {
        let gone = Condition::Gone("instance i-1 is terminated".into());
        assert_eq!(check('c', gone), (None, true), "nobody looked at c");
    }
}
