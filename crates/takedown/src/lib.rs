//! Takes hostnames and their instances away: what Terminate previous and Discard candidates do.
//!
//! The order leaves nobody without an instance at any point: records first, in a batch that fails
//! if an alias moved since the look; instances only when no record is left that leads to them.
#![warn(missing_docs)]

use dns::{ChangeError, Dns, MAX_PLANS};
use fleet::{Fleet, Seen};
use pipeline::errors::{ErrorName, Fault};
use pipeline::names::{Fqdn, Ticket, release_label};
use pipeline::records::ZoneView;
use pipeline::retire::{Leaving, RetirePlan, plan_retire};
use pipeline::rows::{CandidateRow, CandidateState, Key};
use pipeline::wire::Release;
use registry::Registry;
use std::collections::BTreeMap;

/// The three clients that a take-down needs.
#[derive(Debug)]
pub struct Takedown {
    /// Rows.
    pub registry: Registry,
    /// Records.
    pub dns: Dns,
    /// Instances.
    pub fleet: Fleet,
}

/// What was taken away.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// Hostnames that are gone.
    pub gone: Vec<Leaving>,
    /// Instances that were ended.
    pub instances: Vec<String>,
    /// Who stays, because an alias points there.
    pub kept: Vec<Leaving>,
    /// The zone as it was looked at last.
    pub zone: ZoneView,
}

impl Takedown {
    /// Clients on this configuration; the rows are in this table.
    pub fn new(config: &aws_config::SdkConfig, table: &str) -> Self {
        Self {
            registry: Registry::new(config, table),
            dns: Dns::new(config),
            fleet: Fleet::new(config),
        }
    }

    /// All candidates of the target that are recorded.
    pub async fn rows(&self, release: &Release) -> Result<Vec<CandidateRow>, Fault> {
        Ok(self
            .registry
            .query(&Key::target(&release.target), "candidate#")
            .await?)
    }

    /// Takes these away, except those that an alias points to; each row becomes what it says.
    ///
    /// Records, rows, instances, in this order, and a row says that it is gone only when its
    /// instances have ended: until then its name is not free, and who runs again finds it.
    pub async fn take(&self, release: &Release, leaving: &[Leaving]) -> Result<Taken, Fault> {
        let mut taken = Taken::default();
        let plan = self.records(release, leaving, &mut taken).await?;
        taken.kept.extend(plan.keep.clone());
        let ours = self.mark(release, &plan).await?;
        // A publish that was under way when its candidate was discarded may have come after the
        // look; its row says `leaving` now, so it cannot come again. And of two who take the last
        // two hostnames of a release at once, each saw the other's standing: its peer names are left.
        let again = self.records(release, &ours, &mut taken).await?;
        taken.kept.extend(again.keep);
        for one in &again.retire {
            taken
                .instances
                .extend(self.end_instances(release, one).await?);
            self.registry
                .set_candidate(&release.target, &one.hostname, one.ticket, one.becomes)
                .await?;
            taken.gone.push(one.clone());
        }
        Ok(taken)
    }

    /// Marks the rows. Who finds that a row belongs to a later release by now (a roll-back took the
    /// instances over) leaves its instances alone.
    async fn mark(&self, release: &Release, plan: &RetirePlan) -> Result<Vec<Leaving>, Fault> {
        let mut ours = Vec::new();
        for one in &plan.retire {
            let state = CandidateState::Leaving;
            let marked = self
                .registry
                .set_candidate(&release.target, &one.hostname, one.ticket, state)
                .await?;
            if marked {
                ours.push(one.clone());
            } else {
                tracing::info!(hostname = one.hostname.as_str(), "a later release has it");
            }
        }
        Ok(ours)
    }

    async fn records(
        &self,
        release: &Release,
        leaving: &[Leaving],
        taken: &mut Taken,
    ) -> Result<RetirePlan, Fault> {
        for _ in 0..MAX_PLANS {
            taken.zone = self.dns.view(&release.zone_id).await?;
            // Rows after records: a row that still is this ticket's says that the record, as it was
            // seen, is too, and the batch deletes it only as it was seen.
            let rows = self.rows(release).await?;
            let still = |one: &&Leaving| {
                rows.iter()
                    .any(|row| row.hostname == one.hostname && row.ticket == one.ticket)
            };
            let leaving: Vec<Leaving> = leaving.iter().filter(still).cloned().collect();
            let plan = plan_retire(&leaving, &release.domain, &taken.zone, &standing(rows));
            tracing::info!(?plan, "take-down planned");
            if plan.batch.is_empty() {
                return Ok(plan);
            }
            let names: Vec<&str> = plan
                .retire
                .iter()
                .map(|one| one.hostname.as_str())
                .collect();
            // Route 53 keeps 256 characters of a comment.
            let comment: String = format!("{} takes away {}", release.label(), names.join(", "))
                .chars()
                .take(256)
                .collect();
            match self
                .dns
                .change(&release.zone_id, &plan.batch, &comment)
                .await
            {
                Ok(_) => return Ok(plan),
                Err(ChangeError::Moved(why)) => tracing::info!(why, "looking again"),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Fault::new(
            ErrorName::Unavailable,
            "the zone kept changing while hostnames were taken away",
        ))
    }

    /// Found by tag, not by row: also those that a crash left unrecorded.
    async fn end_instances(&self, release: &Release, one: &Leaving) -> Result<Vec<String>, Fault> {
        let label = release_label(&release.target, one.launched);
        let seen = self.fleet.of_release(&label, one.hostname.as_str()).await?;
        let ids: Vec<String> = seen
            .into_iter()
            .filter(Seen::is_up)
            .map(|seen| seen.id)
            .collect();
        if !ids.is_empty() {
            self.fleet.terminate(&ids).await?;
        }
        Ok(ids)
    }
}

/// Which release launched what still stands: the instances have its peer names.
fn standing(rows: Vec<CandidateRow>) -> BTreeMap<Fqdn, Ticket> {
    rows.into_iter()
        .filter(|row| !row.state.is_leaving())
        .map(|row| (row.hostname.clone(), row.launched()))
        .collect()
}
