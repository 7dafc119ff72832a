//! The last look at the candidates, right before the batch.

use crate::{Step, Switch};
use pipeline::errors::{ErrorName, Fault};
use pipeline::health::{Condition, Tolerates, settles_in};
use pipeline::names::{Component, Fqdn};
use pipeline::wire::Release;

impl Switch {
    /// Between the first look at a candidate and the last there is time for it to end: usually the
    /// suites have taken longer.
    pub(crate) async fn settle(&self, step: &Step) {
        let left = step.candidates().map(|row| {
            let found = row.found_healthy.as_ref();
            settles_in(row, found.and_then(|found| aws::since(&found.at)))
        });
        let left = left.max().unwrap_or_default();
        tracing::info!(?left, "the candidates settle");
        tokio::time::sleep(left).await;
    }

    /// Which of these do not serve users: another release of the same commits made them live.
    pub(crate) async fn not_well(
        &self,
        release: &Release,
        live: &[(Component, Fqdn)],
    ) -> Result<Vec<Fqdn>, Fault> {
        let names = live.iter().map(|(_, at)| at);
        let rows = self.registry.candidates(&release.target, names).await?;
        let seen = self
            .examiner
            .examine(&release.target, rows.values(), Tolerates::AnyEnd)
            .await?;
        let ill = seen
            .into_iter()
            .filter(|(_, condition)| !condition.is_well());
        Ok(ill.map(|(at, _)| at).collect())
    }

    /// Every instance of every candidate runs, answers, and has not ended since it was healthy.
    pub(crate) async fn are_well(&self, step: &Step) -> Result<(), Fault> {
        let target = &step.step.release.target;
        let seen = self
            .examiner
            .examine(target, step.candidates(), step.tolerates)
            .await?;
        for (at, condition) in seen {
            let (name, why) = match condition {
                Condition::Well => continue,
                Condition::Unwell(why) => (ErrorName::NotHealthy, why),
                Condition::Gone(why) => (ErrorName::CandidateGone, why),
            };
            let text = format!("the candidate {at} did not stay healthy: {why}");
            return Err(Fault::new(name, text));
        }
        Ok(())
    }
}
