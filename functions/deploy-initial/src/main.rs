//! New instances of the artifact, up and healthy: a candidate.

mod addresses;
mod healthy;
mod launch;
#[cfg(test)]
mod launch_tests;
mod spread;
mod unhealthy;

use dns::{Dns, not_in_sync};
use fleet::{Fleet, Seen};
use health::Prober;
use pipeline::errors::{ErrorName, Fault};
use pipeline::pace::in_sync_pause;
use pipeline::retire::ends_late_launch;
use pipeline::rows::CandidateRow;
use pipeline::wire::{DeployRequest, Deployed, Release};
use registry::{Polled, Registry};
use stage::Settings;
use std::time::{Duration, Instant};
use store::Store;

/// The names were published before the builds; usually they are INSYNC within 60 seconds.
const PEERS_DEADLINE: Duration = Duration::from_secs(150);

/// The longest between two looks at the table for what became of it.
const LOOK: Duration = Duration::from_millis(700);

struct Deployer {
    settings: Settings,
    region: String,
    registry: Registry,
    store: Store,
    dns: Dns,
    fleet: Fleet,
    prober: Prober,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let deployer = Deployer {
        region: Settings::variable("AWS_REGION")?,
        registry: Registry::new(&config, &settings.table),
        store: Store::new(&config, &settings.bucket),
        dns: Dns::new(&config),
        fleet: Fleet::new(&config),
        prober: Prober::new()?,
        settings,
    };
    stage::run(async |request: DeployRequest| deployer.deploy(request).await).await
}

impl Deployer {
    async fn deploy(&self, request: DeployRequest) -> Result<Deployed, Fault> {
        let deployed = self.launch_and_wait(&request).await;
        if deployed.is_err() {
            let ticket = request.release.ticket;
            match self.row(&request).await {
                Ok(row) if ends_late_launch(row.as_ref(), ticket) => {
                    self.end_own_instances(&request).await?
                }
                Ok(_) => {}
                // The failure itself is what a person has to read.
                Err(error) => tracing::warn!(%error, "not known whether the name is given up"),
            }
        }
        deployed
    }

    async fn launch_and_wait(&self, request: &DeployRequest) -> Result<Deployed, Fault> {
        let DeployRequest {
            release,
            item,
            peers,
        } = request;
        let planned = &item.planned;
        let row = self.own_row(request).await?;
        if let (Some(change_id), false) =
            (&peers.change_id, item.manifest.component.peers.is_empty())
        {
            self.peers_in_sync(release, change_id).await?;
        }
        let (version, seen, how) = self.instances(request, row.clone()).await?;
        let healthy = self.healthy(request, seen, row.launched()).await?;
        let ours = self
            .registry
            .set_candidate_healthy(release, item, &healthy, &version)
            .await?;
        if !ours {
            return Err(gone(release, planned.stands_at()?.as_str()));
        }
        let artifact = item.artifact.as_ref();
        Ok(Deployed {
            component: planned.component.clone(),
            version: planned.version.clone(),
            commit: planned.commit.clone(),
            hostname: planned.stands_at()?.clone(),
            companion: planned.companion,
            artifact_sha256: artifact
                .map(|artifact| artifact.bundle.sha256.clone())
                .unwrap_or_default(),
            instances: healthy.instances,
            launch_template_version: version,
            how,
        })
    }

    /// All components of the release wait for the same change. One asks Route 53, whoever's turn it
    /// is, and the others read in the table what became of it.
    async fn peers_in_sync(&self, release: &Release, change_id: &str) -> Result<(), Fault> {
        let deadline = Instant::now() + PEERS_DEADLINE;
        loop {
            let looks = match self.registry.polled(release, change_id).await? {
                Polled::InSync => return Ok(()),
                Polled::NotYet(looks) => looks,
            };
            let spacing = in_sync_pause(looks, aws::jitter());
            if self.registry.take_turn(release, spacing).await?
                && self.dns.is_in_sync(change_id).await?
            {
                self.registry.note_in_sync(release, change_id).await?;
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(not_in_sync(change_id, PEERS_DEADLINE));
            }
            tokio::time::sleep(spacing.min(LOOK)).await;
        }
    }

    async fn row(&self, request: &DeployRequest) -> Result<Option<CandidateRow>, Fault> {
        let hostname = request.item.planned.stands_at()?;
        let target = &request.release.target;
        Ok(self.registry.candidate(target, hostname).await?)
    }

    /// The name is still reserved for this release: nobody discarded it meanwhile.
    async fn own_row(&self, request: &DeployRequest) -> Result<CandidateRow, Fault> {
        let row = self.row(request).await?;
        let held = row.filter(|row| row.is_held_by(request.release.ticket));
        let hostname = request.item.planned.stands_at()?;
        held.ok_or_else(|| gone(&request.release, hostname.as_str()))
    }

    /// Ends what has this release's tags; what it took over has an earlier one's.
    async fn end_own_instances(&self, request: &DeployRequest) -> Result<(), Fault> {
        let (release, hostname) = (&request.release, request.item.planned.stands_at()?);
        let seen = self
            .fleet
            .of_release(&release.label(), hostname.as_str())
            .await?;
        let left = seen.into_iter().filter(Seen::can_end);
        let ids: Vec<String> = left.map(|one| one.id).collect();
        tracing::info!(?ids, "ending what was launched for a name that is given up");
        Ok(self.fleet.terminate_fresh(&ids).await?)
    }
}

fn gone(release: &Release, hostname: &str) -> Fault {
    Fault::new(
        ErrorName::CandidateGone,
        format!(
            "{hostname} is not reserved for {} any more: its candidates were discarded",
            release.label()
        ),
    )
}
