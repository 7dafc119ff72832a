//! Puts every healthy candidate's hostname up in one batch, and says what to test against what.

use dns::{ChangeError, Dns, IN_SYNC_DEADLINE, MAX_PLANS, POLL};
use pipeline::cutover::{ReadSet, candidate_ttl};
use pipeline::errors;
use pipeline::names::{Component, alias};
use pipeline::records::{Batch, Record, ZoneView};
use pipeline::rows::{CandidateRow, CandidateState, Key};
use pipeline::suites::plan_suites;
use pipeline::wire::{Deployed, PublishReply, PublishRequest, Release};
use registry::Registry;
use stage::{Fault, Settings};
use std::collections::BTreeSet;

struct Publisher {
    registry: Registry,
    dns: Dns,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = stage::sdk_config().await;
    let settings = Settings::from_env()?;
    let publisher = Publisher {
        registry: Registry::new(&config, &settings.table),
        dns: Dns::new(&config),
    };
    stage::run(async |request: PublishRequest| publisher.publish(request).await).await
}

impl Publisher {
    async fn publish(
        &self,
        PublishRequest {
            release,
            components,
            peers,
        }: PublishRequest,
    ) -> Result<PublishReply, Fault> {
        for candidate in &components {
            self.still_ours(&release, candidate).await?;
        }
        let zone = self.apply(&release, &components).await?;
        let (suites, skipped) = plan_suites(&components, &peers.urls, release.skip_slow_scans);
        Ok(PublishReply {
            suites,
            skipped,
            read_set: read_set(&release, &components, &zone),
        })
    }

    /// A hostname always tells its ticket: its row is there before the record is.
    async fn still_ours(&self, release: &Release, candidate: &Deployed) -> Result<(), Fault> {
        let hostname = &candidate.prepared.planned.hostname;
        let row: Option<CandidateRow> = self
            .registry
            .get(&Key::candidate(&release.target, hostname))
            .await?;
        match row {
            Some(row) if row.ticket == release.ticket && row.state == CandidateState::Healthy => {
                Ok(())
            }
            _ => Err(Fault::new(
                errors::CANDIDATE_GONE,
                format!(
                    "{hostname} is not a healthy candidate of {} any more",
                    release.label()
                ),
            )),
        }
    }

    /// Answers the zone as it was when the last batch was planned.
    async fn apply(&self, release: &Release, components: &[Deployed]) -> Result<ZoneView, Fault> {
        for _ in 0..MAX_PLANS {
            let zone = self.dns.view(&release.zone_id).await?;
            let batch = plan(release, components, &zone);
            if batch.is_empty() {
                return Ok(zone);
            }
            match self
                .dns
                .change(
                    &release.zone_id,
                    &batch,
                    &format!("hostnames of {}", release.label()),
                )
                .await
            {
                Ok(change_id) => {
                    self.dns
                        .wait_in_sync(&change_id, POLL, IN_SYNC_DEADLINE)
                        .await?;
                    return Ok(zone);
                }
                Err(ChangeError::Moved(why)) => tracing::info!(why, "looking again"),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Fault::new(
            errors::UNAVAILABLE,
            "the zone kept changing while the hostnames were published",
        ))
    }
}

fn plan(release: &Release, components: &[Deployed], zone: &ZoneView) -> Batch {
    let mut batch = Batch::default();
    for candidate in components {
        let addresses = candidate
            .instances
            .iter()
            .map(|instance| instance.address.clone())
            .collect();
        let wanted = Record::addresses(
            candidate.prepared.planned.hostname.clone(),
            addresses,
            candidate_ttl(release.hostname_ttl),
        );
        match zone.get(&wanted.name) {
            Some(there) if *there == wanted => {}
            Some(there) => batch.swap(there.clone(), wanted),
            None => batch.create(wanted),
        }
    }
    batch
}

/// What is live beside the release: the peers of its components that are not in it themselves.
fn read_set(release: &Release, components: &[Deployed], zone: &ZoneView) -> ReadSet {
    let own: BTreeSet<&Component> = components
        .iter()
        .map(|one| &one.prepared.planned.component)
        .collect();
    let peers: BTreeSet<&Component> = components
        .iter()
        .flat_map(|one| &one.prepared.manifest.component.peers)
        .collect();
    peers
        .difference(&own)
        .map(|peer| {
            (
                (*peer).clone(),
                zone.points_to(&alias(peer, &release.domain)),
            )
        })
        .collect()
}
