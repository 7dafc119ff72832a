//! What a roll-back is held to: whether what comes back is proven, and what no push brings again.

use crate::Planner;
use pipeline::errors::{ErrorName, Fault};
use pipeline::input::ReleaseInput;
use pipeline::live::live_hostnames;
use pipeline::look::Look;
use pipeline::names::Component;
use pipeline::plan::Resolved;
use pipeline::proof::{Set, needed};
use pipeline::rows::CandidateRow;
use pipeline::wire::Release;
use std::collections::{BTreeMap, BTreeSet};

/// A push of what was rolled back does not bring it again, however late or often its event arrives.
/// A release by hand does.
pub(crate) fn not_taken_back(
    input: &ReleaseInput,
    look: &Look,
    one: &Resolved,
) -> Result<(), Fault> {
    let live = look.aliases.get(&one.component);
    match live.filter(|live| live.rolled_back.as_ref() == Some(&one.commit)) {
        Some(live) if input.branch.is_some() => Err(Fault::new(
            ErrorName::Superseded,
            format!(
                "{}: {} was rolled back by {} and a push does not bring it again; push a new commit, or release it by hand",
                one.component,
                one.commit.short(),
                live.release
            ),
        )),
        _ => Ok(()),
    }
}

impl Planner {
    /// Whether the set that would be live has passed its suites on this target: then what was live
    /// comes back without being tested again.
    pub(crate) async fn proven(
        &self,
        release: &Release,
        look: &Look,
        resolved: &[Resolved],
    ) -> Result<bool, Fault> {
        let (mut set, mut talks) = (Set::new(), BTreeMap::new());
        let mut add = |component: &Component, row: &CandidateRow| {
            set.insert(component.clone(), row.commit.clone());
            talks.insert(component.clone(), row.peers());
        };
        for (component, at) in &live_hostnames(&look.zone, &release.domain) {
            let row = look.hosts.get(at);
            row.into_iter().for_each(|row| add(component, row));
        }
        for one in resolved {
            let back = one.back.as_ref();
            let row = back
                .and_then(|back| look.hosts.get(&back.hostname))
                .filter(|row| row.commit == one.commit && row.recipe.is_some());
            let Some(row) = row else {
                return Ok(false); // what it talked to is not known
            };
            add(&one.component, row);
        }
        let changed: BTreeSet<Component> =
            resolved.iter().map(|one| one.component.clone()).collect();
        let Ok(proofs) = needed(&set, &talks, &changed) else {
            return Ok(false);
        };
        Ok(self.registry.have_passed(&release.target, &proofs).await?)
    }
}
