//! What is asked of a whole target: its instances and its releases.

use crate::Drive;
use pipeline::drivers::Answer;
use pipeline::errors::Fault;
use pipeline::names::{Target, Ticket};
use pipeline::rows::HistoryRow;
use pipeline::sweep::SeenRelease;
use pipeline::wire::Release;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Releases that are read however long a target's history is: more than run on it at the same time.
const NEWEST: i32 = 100;

impl Drive {
    pub(crate) async fn instances(&self, release: &Release) -> Result<Answer, Fault> {
        let up = self.fleet.launched_on(&release.project, &release.target);
        Ok(Answer::Instances(up.await?))
    }

    pub(crate) async fn releases(
        &self,
        target: &Target,
        these: &BTreeSet<Ticket>,
    ) -> Result<Answer, Fault> {
        let rows = self.registry.releases(target, these, NEWEST).await?;
        let seen = rows.into_iter().map(|row| SeenRelease {
            recorded: row.ended.as_deref().and_then(seconds_since),
            row: Arc::new(row),
        });
        Ok(Answer::Releases(seen.collect()))
    }

    pub(crate) async fn end_instances(&self, ids: Vec<String>) -> Result<Answer, Fault> {
        self.fleet.terminate(&ids).await?;
        Ok(Answer::Ended(ids))
    }

    pub(crate) async fn tell(&self, target: &Target, row: &HistoryRow) -> Result<Answer, Fault> {
        if !self.registry.tell(target, row).await? {
            tracing::info!(row.act, "the history says more already");
        }
        Ok(Answer::Done)
    }
}

fn seconds_since(time: &str) -> Option<i64> {
    i64::try_from(aws::since(time)?.as_secs()).ok()
}
