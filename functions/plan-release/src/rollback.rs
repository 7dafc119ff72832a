//! What is asked for, and what a roll-back brings back.

use crate::{Planner, unknown_component};
use pipeline::errors;
use pipeline::input::ReleaseInput;
use pipeline::live::live;
use pipeline::names::Component;
use pipeline::plan::{Before, Observed, plan_take_back};
use pipeline::proof::{Set, needed};
use pipeline::records::ZoneView;
use pipeline::rows::{AliasRow, CandidateRow, CandidateState, ComponentRow, Key, Previous};
use pipeline::version::Version;
use pipeline::wire::Release;
use stage::Fault;
use std::collections::{BTreeMap, BTreeSet};

/// One component that is asked for.
pub(crate) struct Asked {
    pub(crate) row: ComponentRow,
    pub(crate) version: Version,
    /// What was live before, where that is asked for.
    pub(crate) before: Option<Previous>,
}

/// Everything that is asked for.
pub(crate) struct All {
    pub(crate) components: Vec<Asked>,
    /// What the release that is taken back deployed for the first time.
    pub(crate) stay: Vec<Component>,
}

impl Planner {
    pub(crate) async fn asked(
        &self,
        input: &ReleaseInput,
        release: &Release,
        zone: &ZoneView,
    ) -> Result<All, Fault> {
        if input.takes_back_last_release() {
            return self.last_release(release, zone).await;
        }
        let mut components = Vec::new();
        for (component, version) in &input.versions {
            let live: Option<AliasRow> = match version {
                Version::Previous => {
                    self.registry
                        .get(&Key::alias(&release.target, component))
                        .await?
                }
                _ => None,
            };
            components.push(Asked {
                row: self.component(component).await?,
                version: version.clone(),
                before: live.and_then(|live| live.previous),
            });
        }
        Ok(All {
            components,
            stay: Vec::new(),
        })
    }

    async fn last_release(&self, release: &Release, zone: &ZoneView) -> Result<All, Fault> {
        let rows: Vec<AliasRow> = self
            .registry
            .query(&Key::target(&release.target), "alias#")
            .await?;
        let found = plan_take_back(&rows, zone, &release.domain).map_err(|why| {
            Fault::new(
                errors::UNKNOWN_VERSION,
                format!("version: `previous` on {}: {why}", release.target),
            )
        })?;
        tracing::info!(?found, "taking back");
        let mut components = Vec::new();
        for (component, previous) in found.back {
            components.push(Asked {
                row: self.component(&component).await?,
                version: Version::Previous,
                before: Some(previous),
            });
        }
        Ok(All {
            components,
            stay: found.stay,
        })
    }

    async fn component(&self, component: &Component) -> Result<ComponentRow, Fault> {
        let row = self.registry.get(&Key::component(component)).await?;
        row.ok_or_else(|| unknown_component(component))
    }

    /// Whether the instances of what was live before still stand.
    pub(crate) async fn left_of(
        &self,
        release: &Release,
        previous: Option<Previous>,
    ) -> Result<Option<Before>, Fault> {
        let Some(previous) = previous else {
            return Ok(None);
        };
        let row: Option<CandidateRow> = self
            .registry
            .get(&Key::candidate(&release.target, &previous.hostname))
            .await?;
        let warm = row.is_some_and(|row| {
            row.state == CandidateState::Live
                && row.ticket == previous.ticket
                && row.commit == previous.commit
        });
        Ok(Some(Before {
            hostname: previous.hostname,
            launch_template_version: previous.launch_template_version,
            warm,
        }))
    }

    /// A push of what was rolled back does not bring it again, however late or often its event
    /// arrives. A release by hand does.
    pub(crate) async fn not_taken_back(
        &self,
        input: &ReleaseInput,
        observed: &Observed,
    ) -> Result<(), Fault> {
        if input.branch.is_none() {
            return Ok(());
        }
        let live: Option<AliasRow> = self
            .registry
            .get(&Key::alias(&input.target, &observed.component))
            .await?;
        match live {
            Some(live) if live.rolled_back.as_ref() == Some(&observed.commit) => Err(Fault::new(
                errors::SUPERSEDED,
                format!(
                    "{}: {} was rolled back by {} and a push does not bring it again; push a new commit, or release it by hand",
                    observed.component,
                    observed.commit.short(),
                    live.release
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Whether the set that would be live has passed its suites on this target: then what was live
    /// comes back without being tested again.
    pub(crate) async fn proven(
        &self,
        release: &Release,
        zone: &ZoneView,
        observed: &[Observed],
    ) -> Result<bool, Fault> {
        let live = live(zone, &release.domain);
        let before = observed
            .iter()
            .filter_map(|one| one.before.as_ref())
            .map(|before| &before.hostname);
        let rows = self
            .registry
            .candidates(&release.target, live.values().chain(before))
            .await?;
        let (mut set, mut talks) = (Set::new(), BTreeMap::new());
        let mut add = |component: &Component, row: &CandidateRow| {
            set.insert(component.clone(), row.commit.clone());
            talks.insert(component.clone(), row.peers());
        };
        for (component, at) in &live {
            rows.get(at).into_iter().for_each(|row| add(component, row));
        }
        for one in observed {
            let row = one
                .before
                .as_ref()
                .and_then(|before| rows.get(&before.hostname))
                .filter(|row| row.commit == one.commit && row.recipe.is_some());
            let Some(row) = row else {
                return Ok(false); // what it talked to is not known
            };
            add(&one.component, row);
        }
        let changed: BTreeSet<Component> =
            observed.iter().map(|one| one.component.clone()).collect();
        let Ok(proofs) = needed(&set, &talks, &changed) else {
            return Ok(false);
        };
        Ok(self.registry.have_passed(&release.target, &proofs).await?)
    }
}
