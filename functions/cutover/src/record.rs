//! The table's rows of a cutover: written after the batch, and only over older releases.

use crate::{Step, Switch};
use futures::{StreamExt, TryStreamExt};
use pipeline::cutover::{AliasMove, Candidate};
use pipeline::errors::{ErrorName, Fault};
use pipeline::rows::{AliasRow, CandidateRow, CandidateState, Key, ReleaseOutcome};
use pipeline::succession::{Replaced, Succession, succession};

/// Components that are recorded at the same time.
const AT_ONCE: usize = 8;

impl Switch {
    pub(crate) async fn record(
        &self,
        step: &Step,
        moves: &[AliasMove],
        change_id: Option<&str>,
    ) -> Result<(), Fault> {
        let release = &step.step.release;
        let moved = |one: &Candidate| moves.iter().find(|to| to.component == one.component);
        futures::stream::iter(&step.request.candidates)
            .map(|one| self.record_one(step, one, moved(one), change_id))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        self.registry
            .record_outcome(
                &release.target,
                release.ticket,
                ReleaseOutcome::Live,
                None,
                change_id,
            )
            .await?;
        Ok(())
    }

    async fn record_one(
        &self,
        step: &Step,
        candidate: &Candidate,
        moved: Option<&AliasMove>,
        change_id: Option<&str>,
    ) -> Result<(), Fault> {
        let release = &step.step.release;
        let mut row = self.alias_row(step, candidate, moved).await?;
        row.change_id = row.change_id.or_else(|| change_id.map(str::to_owned));
        if !self.registry.record_alias(&release.target, &row).await? {
            let component = candidate.component.as_str();
            tracing::info!(component, "a later release has recorded itself already");
        }
        let (hostname, state) = (&candidate.hostname, CandidateState::Live);
        self.registry
            .set_candidate(&release.target, hostname, release.ticket, state)
            .await?;
        Ok(())
    }

    async fn alias_row(
        &self,
        step: &Step,
        candidate: &Candidate,
        moved: Option<&AliasMove>,
    ) -> Result<AliasRow, Fault> {
        let release = &step.step.release;
        let before: Option<AliasRow> = self
            .registry
            .get(&Key::alias(&release.target, &candidate.component))
            .await?;
        let found = step
            .stand
            .get(&candidate.hostname)
            .and_then(|row| Some((row, row.recipe.as_ref()?)));
        let (row, recipe) = found.ok_or_else(|| {
            Fault::new(
                ErrorName::RowInvalid,
                format!(
                    "the row of {} does not say what it was booted from",
                    candidate.hostname
                ),
            )
        })?;
        let again = before.as_ref().filter(|before| {
            before.hostname == candidate.hostname && before.ticket == release.ticket
        });
        let Succession {
            previous,
            brought_by,
            rolled_back,
        } = match again {
            Some(before) => Succession {
                previous: before.previous.clone(),
                brought_by: before.brought_by,
                rolled_back: before.rolled_back.clone(),
            },
            None => self.succession(step, row, moved, before.as_ref()).await?,
        };
        Ok(AliasRow {
            component: candidate.component.clone(),
            commit: row.commit.clone(),
            hostname: candidate.hostname.clone(),
            instances: row.instances.clone(),
            version: recipe.planned.version.clone(),
            release: release.label(),
            ticket: release.ticket,
            execution: release.execution.clone(),
            since: again.map_or_else(aws::now, |before| before.since.clone()),
            port: recipe.manifest.run.port.number(),
            peers: candidate.peers.iter().cloned().collect(),
            artifact_sha256: recipe
                .artifact
                .as_ref()
                .map(|artifact| artifact.bundle.sha256.clone())
                .unwrap_or_default(),
            launch_template_version: row.launch_template_version.clone(),
            change_id: again.and_then(|before| before.change_id.clone()),
            previous,
            brought_by,
            rolled_back,
        })
    }

    /// What was live before: as DNS said in the move, else as the row still says.
    async fn succession(
        &self,
        step: &Step,
        row: &CandidateRow,
        moved: Option<&AliasMove>,
        before: Option<&AliasRow>,
    ) -> Result<Succession, Fault> {
        let release = &step.step.release;
        let at: Option<CandidateRow> = match moved.and_then(|one| one.from.as_ref()) {
            Some(from) => self.registry.candidate(&release.target, from).await?,
            None => None,
        };
        let replaced = Replaced {
            at: at.as_ref(),
            row: before,
            rollback: release.rollback,
        };
        Ok(succession(&row.commit, &replaced))
    }
}
