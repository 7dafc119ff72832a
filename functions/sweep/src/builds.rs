//! Containers that work on though their release has ended.

use crate::Sweeper;
use aws::CallError;
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::names::{Target, Ticket};
use pipeline::rows::{ActState, Actor, HistoryRow, Key, ReleaseRow};
use pipeline::sweep::{BuildsPlan, MOST_EXECUTIONS, OpenBuild, Run, Swept, builders, plan_builds};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All of CodeBuild that have not ended, or why that is not known.
type Open = Result<Vec<OpenBuild>, CallError>;

impl Sweeper {
    /// What there is to do.
    pub async fn tell_builds(&self, target: &Target, open: &Open, swept: &mut Swept) {
        for (_, sentence) in self.planned(target, open, swept).await {
            swept.plan.push(sentence);
        }
    }

    /// What cannot be done is told, and keeps nothing else.
    pub async fn stop_builds(
        &self,
        target: &Target,
        open: &Open,
        run: Option<&Run>,
        swept: &mut Swept,
    ) {
        for (id, sentence) in self.planned(target, open, swept).await {
            swept.plan.push(sentence.clone());
            match self.builds.stop(&id).await {
                Ok(()) => {
                    swept.did(&sentence);
                    self.tell(target, run, &id, &sentence).await;
                }
                Err(error) => failed(
                    swept,
                    &format!("{target}: the build {id} runs still"),
                    &error.into(),
                ),
            }
        }
    }

    async fn planned(
        &self,
        target: &Target,
        open: &Open,
        swept: &mut Swept,
    ) -> Vec<(String, String)> {
        let plan = match open {
            Ok(open) => self.plan_builds(target, open).await,
            Err(error) => Err(error.clone().into()),
        };
        match plan {
            Ok(plan) => {
                swept.unaccounted.extend(plan.named);
                swept.left += plan.left;
                plan.stops
            }
            Err(fault) => {
                failed(
                    swept,
                    &format!("{target}: containers were not looked at"),
                    &fault,
                );
                Vec::new()
            }
        }
    }

    /// It is done; that it cannot be told is no reason to do it again.
    async fn tell(&self, target: &Target, run: Option<&Run>, id: &str, sentence: &str) {
        let Some(run) = run else { return };
        let act = format!("sweep-{}-build-{id}", run.execution);
        let row = HistoryRow::begun(act, &run.entered, Actor::Sweeper);
        let what = format!("Users are not affected: no alias moved. {sentence}");
        let row = row.saying(&what, "").ended(ActState::Done);
        if let Err(error) = self.drive.registry.tell(target, &row).await {
            tracing::warn!(%error, row.act, "the history does not have it");
        }
    }

    async fn plan_builds(&self, target: &Target, open: &[OpenBuild]) -> Result<BuildsPlan, Fault> {
        let tickets = builders(target, open).into_iter().take(MOST_EXECUTIONS);
        let keys: Vec<Key> = tickets.map(|one| Key::release(target, one)).collect();
        let rows: Vec<ReleaseRow> = self.drive.registry.get_many(&keys).await?;
        let rows = rows.into_iter().map(|row| (row.ticket, Arc::new(row)));
        let rows: BTreeMap<Ticket, Arc<ReleaseRow>> = rows.collect();
        let executions = self.executions.how(rows).await?;
        Ok(plan_builds(target, open, &executions))
    }
}

fn failed(swept: &mut Swept, what: &str, fault: &Fault) {
    swept.may_pass |= fault.name() == ErrorName::Unavailable;
    swept.failed_at(&format!("{what}: {fault}"));
}
