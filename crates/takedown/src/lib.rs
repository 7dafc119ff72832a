//! Takes hostnames and their instances away: what Terminate previous and Discard candidates do.
//!
//! The order leaves nobody without an instance at any point: records first, in a batch that fails
//! if an alias moved since the look; instances only when no record is left that leads to them.
#![warn(missing_docs)]

use dns::{ChangeError, Dns};
use fleet::{Fleet, Seen};
use futures::{StreamExt, TryStreamExt};
use pipeline::drivers::MAX_PLANS;
use pipeline::errors::{ErrorName, Fault};
use pipeline::names::{Fqdn, Ticket, release_label};
use pipeline::records::ZoneView;
use pipeline::retire::{Leaving, RetirePlan, plan_retire};
use pipeline::rows::{CandidateRow, CandidateState, Key};
use pipeline::wire::Release;
use registry::Registry;
use std::collections::BTreeMap;

/// Rows that are written at the same time.
const AT_ONCE: usize = 8;

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

    /// All candidates of the target that stand (and of the gone ones those that are from before gone ones
    /// had rows of their own).
    pub async fn rows(&self, release: &Release) -> Result<Vec<CandidateRow>, Fault> {
        Ok(self
            .registry
            .query(&Key::target(&release.target), "candidate#")
            .await?)
    }

    /// What is recorded of these hostnames, also of those that are gone. Few are asked for so, since what
    /// stands is in [`Self::rows`].
    pub async fn by_name(
        &self,
        release: &Release,
        names: impl IntoIterator<Item = &Fqdn>,
    ) -> Result<Vec<CandidateRow>, Fault> {
        let asked = names
            .into_iter()
            .map(|name| self.registry.candidate(&release.target, name));
        let asked: Vec<_> = asked.collect();
        let found = futures::stream::iter(asked)
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>();
        Ok(found.await?.into_iter().flatten().collect())
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
        taken.instances = self.end_instances(release, &again.retire).await?;
        let gone = again.retire.iter().map(|one| (one, one.becomes));
        for (one, _) in self.set_all(release, gone.collect()).await? {
            taken.gone.push(one.clone());
        }
        Ok(taken)
    }

    /// Marks the rows. Who finds that a row belongs to a later release by now (a roll-back took the
    /// instances over) leaves its instances alone.
    async fn mark(&self, release: &Release, plan: &RetirePlan) -> Result<Vec<Leaving>, Fault> {
        let leaving = plan.retire.iter().map(|one| (one, CandidateState::Leaving));
        let mut ours = Vec::new();
        for (one, marked) in self.set_all(release, leaving.collect()).await? {
            match marked {
                true => ours.push(one.clone()),
                false => {
                    tracing::info!(hostname = one.hostname.as_str(), "a later release has it");
                }
            }
        }
        Ok(ours)
    }

    /// Writes what becomes of each, and tells of which it is still its ticket's; in the same order.
    async fn set_all<'a>(
        &self,
        release: &Release,
        becomes: Vec<(&'a Leaving, CandidateState)>,
    ) -> Result<Vec<(&'a Leaving, bool)>, Fault> {
        let set = |(one, state): (&'a Leaving, CandidateState)| async move {
            let Leaving {
                hostname, ticket, ..
            } = one;
            let set = self
                .registry
                .set_candidate(&release.target, hostname, *ticket, state);
            Ok((one, set.await?))
        };
        let sets = futures::stream::iter(becomes).map(set);
        sets.buffered(AT_ONCE).try_collect().await
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
            let leaving = self.still_theirs(release, leaving, &rows).await?;
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

    /// Those whose row is still their ticket's, gone or not: what was launched under a name after it was
    /// gone is ended too.
    async fn still_theirs(
        &self,
        release: &Release,
        leaving: &[Leaving],
        rows: &[CandidateRow],
    ) -> Result<Vec<Leaving>, Fault> {
        let mut tickets: BTreeMap<&Fqdn, Ticket> =
            rows.iter().map(|row| (&row.hostname, row.ticket)).collect();
        let names = leaving.iter().map(|one| &one.hostname);
        let missing = names.filter(|name| !tickets.contains_key(name));
        let past = self.by_name(release, missing).await?;
        tickets.extend(past.iter().map(|row| (&row.hostname, row.ticket)));
        let still = |one: &&Leaving| tickets.get(&one.hostname) == Some(&one.ticket);
        Ok(leaving.iter().filter(still).cloned().collect())
    }

    /// Found by tag, not by row: also those that a crash left unrecorded.
    async fn end_instances(
        &self,
        release: &Release,
        gone: &[Leaving],
    ) -> Result<Vec<String>, Fault> {
        let of = |one: &Leaving| {
            (
                release_label(&release.target, one.launched),
                one.hostname.to_string(),
            )
        };
        let seen = self
            .fleet
            .of_releases(&gone.iter().map(of).collect())
            .await?;
        let up = seen.into_iter().filter(Seen::is_up);
        let ids: Vec<String> = up.map(|one| one.id).collect();
        self.fleet.terminate(&ids).await?;
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
