//! Who is live beside the release and depends on it: each gets one more instance of its live commit,
//! booted with this release's names for peers, to be tested with it.

use dns::Dns;
use pipeline::bounds::check_beside;
use pipeline::errors::{ErrorName, Fault};
use pipeline::live::{Brings, KnownHosts, dependents, live, read_set};
use pipeline::names::{Component, Fqdn, hostname_of_release};
use pipeline::proof::{Set, needed};
use pipeline::rows::{CandidateRow, CandidateState};
use pipeline::wire::{CompanionsReply, Planned, Prepared, Release, Talks, Together};
use registry::{Registry, Reserved};
use stage::Settings;
use std::collections::BTreeMap;

struct Planner {
    registry: Registry,
    dns: Dns,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let planner = Planner {
        registry: Registry::new(&config, &settings.table),
        dns: Dns::new(&config),
    };
    stage::run(async |request: Together<Talks>| planner.plan(request).await).await
}

impl Planner {
    async fn plan(&self, request: Together<Talks>) -> Result<CompanionsReply, Fault> {
        let release = &request.release;
        let zone = self.dns.view(&release.zone_id).await?;
        let live = live(&zone, &release.domain);
        let rows = self
            .registry
            .candidates(&release.target, live.values())
            .await?;
        let known: KnownHosts = rows
            .iter()
            .map(|(at, row)| (at.clone(), row.known()))
            .collect();
        let brings: Brings = request
            .components
            .iter()
            .map(|one| (one.component.clone(), one.peers.clone()))
            .collect();
        let mut companions = Vec::new();
        if release.test_dependents && !release.proven {
            for dependent in dependents(&brings, &live, &known) {
                companions.push(companion(release, &dependent, &live, &rows)?);
            }
        }
        let set = set(&live, &known, &request.components);
        let read_set = read_set(&brings, &live, &known, release.test_dependents);
        check_beside(release, &companions, &read_set, &set)
            .map_err(|e| Fault::new(ErrorName::ReleaseTooLarge, e.to_string()))?;
        tracing::info!(companions = companions.len(), "planned");
        self.reserve(release, &companions).await?;
        if release.proven {
            self.still_proven(release, &set, &brings, &live, &known)
                .await?;
        }
        Ok(CompanionsReply {
            companions,
            read_set,
            set,
        })
    }

    /// The same look gives the read-set and shows that what comes back is proven beside it: since
    /// Plan release looked, something may have gone live.
    async fn still_proven(
        &self,
        release: &Release,
        set: &Set,
        brings: &Brings,
        live: &BTreeMap<Component, Fqdn>,
        known: &KnownHosts,
    ) -> Result<(), Fault> {
        let beside = live
            .iter()
            .filter_map(|(component, at)| Some((component.clone(), known.get(at)?.peers.clone())));
        let talks: Brings = beside.chain(brings.clone()).collect();
        let changed = brings.keys().cloned().collect();
        let moved = || {
            Fault::new(
                ErrorName::PeersKeptMoving,
                "something went live beside this roll-back, and what comes back has not been tested beside it; roll back again",
            )
        };
        let proofs = needed(set, &talks, &changed).map_err(|_| moved())?;
        match self.registry.have_passed(&release.target, &proofs).await? {
            true => Ok(()),
            false => Err(moved()),
        }
    }

    /// Their names carry the ticket, so that only this release can have taken them.
    async fn reserve(&self, release: &Release, companions: &[Prepared]) -> Result<(), Fault> {
        let names = companions.iter().map(|one| &one.planned.hostname);
        let there = self.registry.candidates(&release.target, names).await?;
        let missing: Vec<CandidateRow> = companions
            .iter()
            .filter(|one| !there.contains_key(&one.planned.hostname))
            .map(|one| row(release, &one.planned))
            .collect();
        match self
            .registry
            .reserve_companions(&release.target, &missing)
            .await?
        {
            Reserved::Done => Ok(()),
            Reserved::Taken => Err(Fault::new(
                ErrorName::Unavailable,
                "another try of this stage reserves the companions' names at this moment",
            )),
        }
    }
}

/// One more instance of what is live, from the very same source and artifact.
fn companion(
    release: &Release,
    component: &Component,
    live: &BTreeMap<Component, Fqdn>,
    rows: &BTreeMap<Fqdn, CandidateRow>,
) -> Result<Prepared, Fault> {
    let row = live.get(component).and_then(|at| rows.get(at));
    let found = row.and_then(|row| Some((row, row.recipe.clone()?)));
    let Some((row, recipe)) = found else {
        return Err(Fault::new(
            ErrorName::RowInvalid,
            format!(
                "{component} depends on this release, and the table does not say what its live instances were booted from; release {component} once, then this again"
            ),
        ));
    };
    Ok(Prepared {
        planned: Planned {
            hostname: hostname_of_release(component, &row.commit, release.ticket, &release.domain),
            companion: true,
            warm: false,
            repeats: Some(row.launch_template_version.clone()),
            replaces: None,
            ..recipe.planned
        },
        ..recipe
    })
}

fn row(release: &Release, planned: &Planned) -> CandidateRow {
    CandidateRow {
        component: planned.component.clone(),
        commit: planned.commit.clone(),
        hostname: planned.hostname.clone(),
        ticket: release.ticket,
        release: release.label(),
        state: CandidateState::Planned,
        instances: Vec::new(),
        launch_template_version: String::new(),
        launched_by: None,
        companion: true,
        recipe: None,
        found_healthy: None,
    }
}

/// All that would be live after the cutover.
fn set(live: &BTreeMap<Component, Fqdn>, known: &KnownHosts, brings: &[Talks]) -> Set {
    let beside = live
        .iter()
        .filter_map(|(component, at)| Some((component.clone(), known.get(at)?.commit.clone())));
    let brought = brings
        .iter()
        .map(|one| (one.component.clone(), one.commit.clone()));
    beside.chain(brought).collect()
}
