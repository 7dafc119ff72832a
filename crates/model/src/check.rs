//! The invariants.

use crate::cast::{domain, instance, peers};
use crate::world::World;
use pipeline::cutover::AliasMove;
use pipeline::keep::NOBODY;
use pipeline::look::Look;
use pipeline::names::{Commit, Component, Fqdn, Ticket, alias};
use pipeline::proof::{Set, proof_of};
use pipeline::records::RecordType;
use pipeline::rows::{CandidateState, ReleaseOutcome};
use std::collections::BTreeMap;

/// Which invariants are broken: kept in the state, since they are checked where something changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Broken {
    /// An alias does not resolve to a running instance.
    pub healthy: bool,
    /// What is live together never passed its suites together.
    pub proven: bool,
    /// A newer release was replaced by an older one.
    pub newer: bool,
    /// Terminate previous took what resolvers may remember behind an alias.
    pub drained: bool,
    /// A roll-back goes to another version than the one before.
    pub back: bool,
    /// Aliases moved to the very commits that they led to.
    pub idle: bool,
    /// Users were sent to what was not well when it was looked at last, or away from what was.
    pub well: bool,
    /// What was live before was ended though what replaced it was not well.
    pub spared: bool,
    /// The keeper launched what its notes do not count.
    pub counted: bool,
    /// The keeper ended what resolvers may remember.
    pub remembered: bool,
    /// Not broken: a release took itself back to what was not tested beside what is live by now, or
    /// could not. From then on what is live need not be proven, and its leftovers are the next one's.
    pub excused: bool,
}

impl Broken {
    /// Whether any is.
    pub fn any(self) -> bool {
        let fine = Self {
            excused: self.excused,
            ..Self::default()
        };
        self != fine
    }
}

/// Looks at what can be told of any moment: invariants 1 and 2.
pub fn inspect(world: &mut World) {
    let live = world.live();
    world.broken.healthy |= !live.values().all(|at| resolves(world, at));
    world.broken.proven |= !world.broken.excused && !proven(world, &live);
}

/// The alias leads to an A record, and each of its addresses is a running instance.
fn resolves(world: &World, at: &Fqdn) -> bool {
    world.zone.get(at).is_some_and(|record| {
        record.kind == RecordType::A
            && !record.values.is_empty()
            && record
                .values
                .iter()
                // One that died by itself is nobody's fault; what is done about it is looked at below.
                .all(|one| {
                    let is_gone = one == NOBODY && !world.is_well(at);
                    world.up.contains(one) || world.died.contains(one) || is_gone
                })
    })
}

/// Of every live component: that it passed beside exactly what is live is recorded, and is true.
fn proven(world: &World, live: &BTreeMap<Component, Fqdn>) -> bool {
    let commit = |at: &Fqdn| world.row(at).map(|row| row.commit.clone());
    let set: Option<Set> = live
        .iter()
        .map(|(component, at)| Some((component.clone(), commit(at)?)))
        .collect();
    let Some(set) = set else { return false };
    live.keys().all(|component| {
        proof_of(&set, component, peers(component))
            .is_ok_and(|one| world.proofs.contains(&one) && world.passed.contains(&one))
    })
}

/// A drain has passed since so many moves had been made.
pub fn drained(world: &mut World, moves: u8) {
    world
        .draining
        .change(|all| all.from.retain(|_, move_away| *move_away > moves));
}

/// Terminate previous takes this: not what an alias pointed to within a drain (invariant 5). Whoever is
/// led to a dead instance loses nothing with its record.
pub fn terminated(world: &mut World, at: &Fqdn) {
    world.broken.drained |= world.draining.from.contains_key(at) && world.is_well(at);
}

/// A roll-back has decided what a component goes back to: invariant 6. `at` is where its alias
/// pointed when it looked.
pub fn goes_back(world: &mut World, at: &Fqdn, to: &Commit) {
    world.broken.back |= world.before.get(at) != Some(to);
}

/// A roll-back finds that nothing was live before: invariant 6, of the last release's components.
pub fn has_no_way_back(world: &mut World, look: &Look) {
    let last = look.aliases.values().max_by_key(|row| row.ticket);
    let at = last.and_then(|row| look.live_at(&row.component));
    world.broken.back |= at.is_some_and(|at| world.before.contains_key(&at));
}

/// Which aliases have moved between two moments.
pub fn moves(
    before: &BTreeMap<Component, Fqdn>,
    after: &BTreeMap<Component, Fqdn>,
) -> Vec<AliasMove> {
    let moved = after
        .iter()
        .filter(|(one, at)| before.get(*one) != Some(at));
    let moved = moved.map(|(component, to)| AliasMove {
        component: component.clone(),
        alias: alias(component, domain()),
        to: to.clone(),
        from: before.get(component).cloned(),
    });
    moved.collect()
}

/// A release has moved its aliases: invariant 7. Several components move together, so one of them
/// may lead to the same commit as before.
pub fn all_moved(world: &mut World, moves: &[AliasMove], replaces: bool) {
    let commit = |at: &Fqdn| world.row(at).map(|row| row.commit.clone());
    let same = |one: &AliasMove| {
        let from = one.from.as_ref().and_then(commit);
        from.is_some() && from == commit(&one.to)
    };
    world.broken.idle |= !replaces && !moves.is_empty() && moves.iter().all(same);
}

/// What was live before a hostname: the last commit that was another one.
fn remember(world: &mut World, one: &AliasMove) {
    let commit = |at: &Fqdn| world.row(at).map(|row| row.commit.clone());
    let Some(from) = &one.from else { return };
    let before = match commit(from) {
        was if was == commit(&one.to) => world.before.get(from).cloned(),
        was => was,
    };
    if let Some(before) = before {
        world
            .before
            .change(|all| drop(all.insert(one.to.clone(), before)));
    }
}

/// An alias moved to a release: invariant 3.
pub fn moved(world: &mut World, one: &AliasMove, ticket: Ticket) {
    remember(world, one);
    let component = &one.component;
    world.draining.change(|all| {
        all.moves += 1;
        let from = one.from.clone().map(|from| (from, all.moves));
        all.from.extend(from);
    });
    let before = world.newest.get(component).copied();
    world.broken.newer |= before.is_some_and(|before| before > ticket);
    world
        .newest
        .change(|all| all.insert(component.clone(), ticket));
}

/// Aliases moved: to what was well when it was looked at last; and a roll-back moves them only if one of them
/// led to what was not.
pub fn sent(world: &mut World, moves: &[AliasMove], unwell_then: bool, is_back: bool) {
    let is_well = |one: &AliasMove| one.from.as_ref().is_some_and(|from| world.is_well(from));
    let from_well = moves.iter().all(is_well);
    world.broken.well |= !moves.is_empty() && (unwell_then || (is_back && from_well));
}

/// At rest no alias leads to a dead instance while what was live before stands and is well.
pub fn left_at_dead(world: &World) -> bool {
    let dead = |(component, at): (&Component, &Fqdn)| {
        let row = world.aliases.get(component);
        let before = row.filter(|row| row.hostname == *at);
        let before = before.and_then(|row| row.previous.as_ref());
        let stands = before.is_some_and(|before| {
            world.is_well(&before.hostname)
                && world.row(&before.hostname).is_some_and(|row| {
                    row.state == CandidateState::Live && row.ticket == before.ticket
                })
        });
        !world.is_well(at) && stands
    };
    world.live().iter().any(dead)
}

/// Whether at rest something dead is live: then what is left of that is for the component's next release.
pub fn is_dead_live(world: &World) -> bool {
    !world.live().values().all(|at| world.is_well(at))
}

/// Whether every alias leads to instances that run, all of them.
pub fn all_run(world: &World) -> bool {
    let runs = |at: &Fqdn| {
        let record = world.zone.get(at);
        record.is_some_and(|record| record.values.iter().all(|one| world.up.contains(one)))
    };
    world
        .live()
        .values()
        .all(|at| runs(at) && world.is_well(at))
}

/// What is left at rest that should not be: invariant 4. One sentence for each.
pub fn left_behind(world: &World) -> Vec<String> {
    let live = world.live();
    let back = &world.given_back;
    let is_live = |at: &Fqdn| live.values().any(|one| one == at) || back.contains(at);
    let mut left = Vec::new();
    for record in world.zone.records() {
        if record.kind == RecordType::A && !is_live(&record.name) {
            left.push(format!("the record of {}", record.name));
        }
        let orphan = release_of(&record.name).filter(|ticket| !stands(world, &live, *ticket));
        if orphan.is_some() {
            left.push(format!("the peer name {}", record.name));
        }
    }
    for id in world.up.iter() {
        let is_back = back.iter().any(|at| is_of(world, at, id));
        if !is_back && !live.values().any(|at| behind(world, at, id)) {
            left.push(format!("the instance {id}"));
        }
    }
    for (at, row) in &world.rows.0 {
        if !row.state.is_gone() && !is_live(at) {
            left.push(format!("the row of {at} ({:?})", row.state));
        }
    }
    let running = world.outcomes.iter();
    let running = running.filter(|(_, outcome)| **outcome == ReleaseOutcome::Running);
    left.extend(running.map(|(ticket, _)| format!("the release {ticket}, recorded as running")));
    left.extend(live.iter().filter_map(|one| misrecorded(world, one)));
    left
}

/// The instance that the row of a hostname is about, whatever its record says.
fn is_of(world: &World, at: &Fqdn, id: &String) -> bool {
    let row = world.row(at);
    row.is_some_and(|row| match row.instances.is_empty() {
        true => instance(row.launched(), at).id == *id,
        false => row.instances.iter().any(|one| one.id == *id),
    })
}

fn behind(world: &World, at: &Fqdn, id: &String) -> bool {
    let record = world.zone.get(at);
    record.is_some_and(|record| record.values.contains(id))
}

/// The release whose peer name it is (A records of a release end so too).
fn release_of(name: &Fqdn) -> Option<Ticket> {
    let label = name.as_str().strip_suffix(domain().as_str())?;
    let label = label.strip_suffix('.')?;
    let (_, mark) = label.rsplit_once("-r")?;
    mark.parse().ok().map(Ticket)
}

fn stands(world: &World, live: &BTreeMap<Component, Fqdn>, ticket: Ticket) -> bool {
    let launched = |at: &Fqdn| world.row(at).map(|row| row.launched());
    let mut ours = live.values().chain(world.given_back.iter());
    ours.any(|at| launched(at) == Some(ticket))
}

/// The table says what DNS says, and so the next release finds what is its previous.
fn misrecorded(world: &World, (component, at): (&Component, &Fqdn)) -> Option<String> {
    let row = world
        .row(at)
        .is_some_and(|row| row.state == CandidateState::Live);
    let alias = world.aliases.get(component);
    let alias = alias.is_some_and(|row| row.hostname == *at);
    (!row || !alias).then(|| format!("{at} is live and not recorded as live"))
}
