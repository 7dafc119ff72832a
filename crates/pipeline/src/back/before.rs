//! What was live before a component of the release: whether it stands, and whether users may be sent back to it.

use super::{Back, Seen};
use crate::health::Condition;
use crate::names::{Component, Domain, Fqdn, alias};
use crate::rows::{AliasRow, CandidateRow, CandidateState, Previous};
use crate::wire::HostedComponent;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Why nothing takes over again: a clause.
pub(super) enum NoWay {
    /// It does not stand any more, or not as it was.
    Gone(String),
    /// It stands and is not well at this look. What is started again comes back within seconds.
    NotWell(String),
}

/// What takes over from this one again; `None` where nothing was live before.
///
/// An example: A is live, and a restart replaces it by A', of the same commit. A' dies. P, the commit before A's, has
/// ended long ago, and A runs until the bake is over: users are sent back to A.
pub(super) fn before(
    domain: &Domain,
    one: &HostedComponent,
    seen: &Seen<'_>,
) -> Result<Option<Back>, NoWay> {
    let alias = alias(&one.component, domain);
    let row = recorded(one, seen);
    let not_recorded = || NoWay::Gone(format!("what was live before at {alias} is not recorded"));
    let row = row.ok_or_else(not_recorded)?;
    let mut no_way = None;
    for way in ways(row, seen) {
        match takes_over(way, seen) {
            Ok(back) => {
                return Ok(Some(Back {
                    row: CandidateRow::clone(back),
                    again: (back.commit == row.commit).then(|| row.hostname.clone()),
                }));
            }
            Err(NoWay::Gone(_)) if no_way.is_some() => {}
            Err(why) => no_way = Some(why),
        }
    }
    match no_way {
        Some(why) => Err(why),
        None => Ok(None),
    }
}

/// What it replaced, where that stands still, and the last version that was another one: that one is older, and well
/// is better than what has failed.
fn ways<'a>(row: &'a AliasRow, seen: &Seen<'_>) -> Vec<&'a Previous> {
    let replaced = row.replaced.as_ref();
    let replaced = replaced.filter(|one| standing(one, seen).is_some());
    let previous = row.previous.as_ref();
    let previous = previous.filter(|one| replaced != Some(*one));
    replaced.into_iter().chain(previous).collect()
}

fn takes_over<'a>(way: &Previous, seen: &Seen<'a>) -> Result<&'a Arc<CandidateRow>, NoWay> {
    let row = standing(way, seen).ok_or_else(|| NoWay::Gone(why_not(way, seen)))?;
    is_well(row, seen)?;
    Ok(row)
}

/// Of which of these what was live before stands still, so that nobody has ended it.
pub(super) fn kept(own: &[&HostedComponent], seen: &Seen<'_>) -> BTreeSet<Component> {
    let stands = |one: &&&HostedComponent| {
        let ways = recorded(one, seen).map(|row| ways(row, seen));
        let mut ways = ways.into_iter().flatten();
        ways.any(|way| standing(way, seen).is_some())
    };
    let kept = own.iter().filter(stands);
    kept.map(|one| one.component.clone()).collect()
}

fn recorded<'a>(one: &HostedComponent, seen: &Seen<'a>) -> Option<&'a AliasRow> {
    seen.aliases.iter().find(|row| row.hostname == one.hostname)
}

fn standing<'a>(previous: &Previous, seen: &Seen<'a>) -> Option<&'a Arc<CandidateRow>> {
    let row = seen.rows.get(&previous.hostname)?;
    let is_it = (row.ticket, &row.commit) == (previous.ticket, &previous.commit);
    (row.state == CandidateState::Live && is_it).then_some(row)
}

fn why_not(previous: &Previous, seen: &Seen<'_>) -> String {
    let at: &Fqdn = &previous.hostname;
    let row = seen.rows.get(at).filter(|row| !row.state.is_leaving());
    match row.filter(|row| row.ticket != previous.ticket) {
        Some(row) => format!("{at} belongs to release {} by now", row.release),
        None => format!("{at} has no instances any more"),
    }
}

fn is_well(row: &CandidateRow, seen: &Seen<'_>) -> Result<(), NoWay> {
    let at = &row.hostname;
    if row.recipe.is_none() {
        let why = format!("the row of {at} does not say what it was booted from");
        return Err(NoWay::Gone(why));
    }
    let not_either = |why: &String| format!("{at} is not healthy either: {why}");
    match seen.conditions.get(at) {
        Some(Condition::Well | Condition::Limping(_)) => Ok(()),
        Some(Condition::Unwell(why)) => Err(NoWay::NotWell(not_either(why))),
        Some(Condition::Gone(why)) => Err(NoWay::Gone(not_either(why))),
        None => Err(NoWay::Gone(format!("{at} was not checked"))),
    }
}
