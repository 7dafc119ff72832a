//! Puts every healthy candidate's hostname up in one batch, and says what to test against what.

use dns::{ChangeError, Dns, MAX_PLANS, Refusals};
use pipeline::apex::absence;
use pipeline::cutover::candidate_ttl;
use pipeline::errors::{ErrorName, Fault};
use pipeline::names::Fqdn;
use pipeline::records::{Batch, Record, ZoneView};
use pipeline::rows::{CandidateRow, CandidateState};
use pipeline::suites::{ask_for_each_other, plan_suites};
use pipeline::wire::{Deployed, Prepared, PublishReply, PublishRequest, Release};
use registry::Registry;
use stage::Settings;
use std::time::Duration;

struct Publisher {
    registry: Registry,
    dns: Dns,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
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
        let hostnames = components.iter().map(|one| &one.hostname);
        let rows = self.registry.candidates(&release.target, hostnames).await?;
        for candidate in &components {
            still_ours(&release, candidate, rows.get(&candidate.hostname))?;
        }
        self.apply(&release, &components).await?;
        if release.proven {
            // The set that comes back passed its suites on this target before.
            return Ok(PublishReply {
                suites: Vec::new(),
                skipped: Vec::new(),
            });
        }
        let recipes = components
            .iter()
            .map(|one| recipe(rows.get(&one.hostname), &one.hostname))
            .collect::<Result<Vec<Prepared>, Fault>>()?;
        self.until_absence_is_forgotten(&release, &recipes).await;
        let (suites, skipped) = plan_suites(&recipes, &peers.urls, release.skip_slow_scans);
        Ok(PublishReply { suites, skipped })
    }

    /// Until a moment ago a name server may have said that a hostname is not there, to a candidate that
    /// looked its peer up while it started.
    async fn until_absence_is_forgotten(&self, release: &Release, recipes: &[Prepared]) {
        let together: Vec<_> = recipes
            .iter()
            .map(|one| (&one.planned.component, &one.manifest.component.peers))
            .collect();
        if ask_for_each_other(&together) {
            let seconds = absence(release.alias_ttl);
            tracing::info!(seconds, "resolvers forget that the names were not there");
            tokio::time::sleep(Duration::from_secs(seconds.into())).await;
        }
    }

    async fn apply(&self, release: &Release, components: &[Deployed]) -> Result<(), Fault> {
        let mut refusals = Refusals::default();
        for _ in 0..MAX_PLANS {
            let zone = self.dns.view(&release.zone_id).await?;
            let batch = plan(release, components, &zone)?;
            if batch.is_empty() {
                return Ok(());
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
                // Taken over: the names have resolved all along, only their TTL changes.
                Ok(_) if release.proven && batch.only_replaces() => return Ok(()),
                Ok(change_id) => {
                    return self.dns.wait_in_sync(&change_id).await;
                }
                Err(ChangeError::Moved(why)) => refusals.note(&batch, &why)?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Fault::new(
            ErrorName::Unavailable,
            "the zone kept changing while the hostnames were published",
        ))
    }
}

fn plan(release: &Release, components: &[Deployed], zone: &ZoneView) -> Result<Batch, Fault> {
    let mut batch = Batch::default();
    for candidate in components {
        let addresses = candidate
            .instances
            .iter()
            .map(|instance| instance.address.clone())
            .collect();
        let wanted = Record::addresses(
            candidate.hostname.clone(),
            addresses,
            candidate_ttl(release.hostname_ttl),
        );
        zone.publish(&mut batch, wanted)
            .map_err(|why| Fault::new(ErrorName::CutoverRefused, why.to_string()))?;
    }
    Ok(batch)
}

/// A hostname always tells its ticket: its row is there before the record is.
fn still_ours(
    release: &Release,
    candidate: &Deployed,
    row: Option<&CandidateRow>,
) -> Result<(), Fault> {
    match row {
        Some(row) if row.ticket == release.ticket && row.state == CandidateState::Healthy => Ok(()),
        _ => Err(Fault::new(
            ErrorName::CandidateGone,
            format!(
                "{} is not a healthy candidate of {} any more",
                candidate.hostname,
                release.label()
            ),
        )),
    }
}

/// What a candidate was booted from; without it its suites are not known, which is no pass.
fn recipe(row: Option<&CandidateRow>, hostname: &Fqdn) -> Result<Prepared, Fault> {
    row.and_then(|row| row.recipe.clone()).ok_or_else(|| {
        Fault::new(
            ErrorName::RowInvalid,
            format!("the row of {hostname} does not say what it was booted from"),
        )
    })
}
