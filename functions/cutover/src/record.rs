//! The table's rows of a cutover: written after the batch, and only over older releases.

use crate::Switch;
use pipeline::cutover::AliasMove;
use pipeline::rows::{AliasRow, CandidateRow, CandidateState, Key, Previous};
use pipeline::wire::{CutoverStep, Deployed};
use stage::Fault;

impl Switch {
    pub(crate) async fn record(
        &self,
        step: &CutoverStep,
        moves: &[AliasMove],
        change_id: Option<&str>,
    ) -> Result<(), Fault> {
        let release = &step.release;
        for candidate in &step.components {
            let planned = &candidate.prepared.planned;
            let from = moves.iter().find(|one| one.component == planned.component);
            let row = self.alias_row(step, candidate, from).await?;
            if !self.registry.record_alias(&release.target, &row).await? {
                tracing::info!(
                    component = planned.component.as_str(),
                    "a later release has recorded itself already"
                );
            }
            self.registry
                .set_candidate(
                    &release.target,
                    &planned.hostname,
                    release.ticket,
                    CandidateState::Live,
                )
                .await?;
        }
        self.registry
            .record_outcome(&release.target, release.ticket, "live", None, change_id)
            .await?;
        Ok(())
    }

    async fn alias_row(
        &self,
        step: &CutoverStep,
        candidate: &Deployed,
        moved: Option<&AliasMove>,
    ) -> Result<AliasRow, Fault> {
        let release = &step.release;
        let Deployed {
            prepared,
            instances,
            launch_template_version,
            ..
        } = candidate;
        let planned = &prepared.planned;
        let before: Option<AliasRow> = self
            .registry
            .get(&Key::alias(&release.target, &planned.component))
            .await?;
        Ok(AliasRow {
            component: planned.component.clone(),
            commit: planned.commit.clone(),
            hostname: planned.hostname.clone(),
            instances: instances.clone(),
            version: planned.version.clone(),
            release: release.label(),
            ticket: release.ticket,
            execution: release.execution.clone(),
            since: match &before {
                Some(row) if row.hostname == planned.hostname => row.since.clone(),
                _ => stage::now(),
            },
            port: prepared.manifest.run.port.number(),
            peers: prepared.manifest.component.peers.iter().cloned().collect(),
            artifact_sha256: prepared
                .artifact
                .as_ref()
                .map(|artifact| artifact.bundle.sha256.clone())
                .unwrap_or_default(),
            launch_template_version: launch_template_version.clone(),
            previous: self.previous(step, moved, before).await?,
        })
    }

    /// What was live before: as DNS said in the move, else as the row still says.
    async fn previous(
        &self,
        step: &CutoverStep,
        moved: Option<&AliasMove>,
        before: Option<AliasRow>,
    ) -> Result<Option<Previous>, Fault> {
        if let Some(from) = moved.and_then(|one| one.from.clone()) {
            let row: Option<CandidateRow> = self
                .registry
                .get(&Key::candidate(&step.release.target, &from))
                .await?;
            return Ok(row.map(|row| Previous {
                commit: row.commit,
                hostname: row.hostname,
                ticket: row.ticket,
                launch_template_version: row.launch_template_version,
            }));
        }
        Ok(match before {
            Some(row) if row.ticket == step.release.ticket => row.previous,
            Some(row) => Some(Previous {
                commit: row.commit,
                hostname: row.hostname,
                ticket: row.ticket,
                launch_template_version: row.launch_template_version,
            }),
            None => None,
        })
    }
}
