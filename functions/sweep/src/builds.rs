//! Containers that work on though their release has ended.

use crate::Sweeper;
use aws::CallError;
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::names::{Target, Ticket};
use pipeline::rows::{ActState, Actor, HistoryRow, Key, ReleaseRow};
use pipeline::sweep::{BuildsPlan, MOST_EXECUTIONS, OpenBuild, Run, Swept, builders, plan_builds};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All of CodeBuild that have not ended, or why that is not known.
pub(crate) type Open = Result<Vec<OpenBuild>, CallError>;

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
        // One after the other: each is told before and after; few are left.
        for (id, sentence) in self.planned(target, open, swept).await {
            swept.plan.push(sentence.clone());
            let act = run.map(|run| act(run, &id, &sentence));
            self.tell(target, act.clone()).await;
            let stopped = self.builds.stop(&id).await;
            let state = match &stopped {
                Ok(()) => ActState::Done,
                Err(_) => ActState::Failed,
            };
            self.tell(target, act.map(|act| act.ended(state))).await;
            match stopped {
                Ok(()) => swept.did(&sentence),
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

    /// That it cannot be told is no reason not to do it, or to do it again.
    async fn tell(&self, target: &Target, row: Option<HistoryRow>) {
        let Some(row) = row else { return };
        if let Err(error) = self.drive.registry.tell(target, &row).await {
            tracing::warn!(%error, row.act, "the history does not have it");
        }
    }

    async fn plan_builds(&self, target: &Target, open: &[OpenBuild]) -> Result<BuildsPlan, Fault> {
        let all = builders(target, open).into_iter();
        let asked: BTreeSet<Ticket> = all.rev().take(MOST_EXECUTIONS).collect();
        let keys = asked.iter().map(|one| Key::release(target, *one));
        let keys: Vec<Key> = keys.collect();
        let rows: Vec<ReleaseRow> = self.drive.registry.get_many(&keys).await?;
        let rows = rows.into_iter().map(|row| (row.ticket, Arc::new(row)));
        let rows: BTreeMap<Ticket, Arc<ReleaseRow>> = rows.collect();
        let executions = self.executions.how(rows).await?;
        Ok(plan_builds(target, open, &executions, &asked))
    }
}

/// Told before and after: who stops it may be cut off between the two.
fn act(run: &Run, id: &str, sentence: &str) -> HistoryRow {
    let act = format!("sweep-{}-build-{id}", run.execution);
    let what = format!("Users are not affected: no alias moved. {sentence}");
    HistoryRow::begun(act, &run.entered, Actor::Sweeper).saying(&what, "")
}

fn failed(swept: &mut Swept, what: &str, fault: &Fault) {
    swept.may_pass |= fault.name() == ErrorName::Unavailable;
    swept.failed_at(&format!("{what}: {fault}"));
}
