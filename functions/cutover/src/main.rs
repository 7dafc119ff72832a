//! One Route 53 batch moves every alias of the release, or none.

mod record;

use dns::{ChangeError, Dns, IN_SYNC_DEADLINE, MAX_PLANS, POLL};
use pipeline::cutover::{AliasMove, Candidate, CutoverPlan, CutoverRequest, Tickets, plan_cutover};
use pipeline::errors;
use pipeline::names::alias;
use pipeline::records::{Batch, ZoneView};
use pipeline::rows::{CandidateRow, Key};
use pipeline::wire::{CutoverReply, CutoverStep, Release};
use registry::Registry;
use stage::{Fault, Settings};

struct Switch {
    registry: Registry,
    dns: Dns,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = stage::sdk_config().await;
    let settings = Settings::from_env()?;
    let switch = Switch {
        registry: Registry::new(&config, &settings.table),
        dns: Dns::new(&config),
    };
    stage::run(async |step: CutoverStep| switch.cutover(step).await).await
}

impl Switch {
    async fn cutover(&self, step: CutoverStep) -> Result<CutoverReply, Fault> {
        let request = request(&step);
        for _ in 0..MAX_PLANS {
            let zone = self.dns.view(&step.release.zone_id).await?;
            let tickets = self.tickets(&step.release, &request, &zone).await?;
            let plan = plan_cutover(&request, &zone, &tickets);
            tracing::info!(?plan, "cutover planned");
            match plan {
                CutoverPlan::AlreadyDone => return self.again(&step, &request, &zone).await,
                CutoverPlan::Commit { moves, batch } => match self
                    .dns
                    .change(
                        &step.release.zone_id,
                        &batch,
                        &format!("cutover of {}", step.release.label()),
                    )
                    .await
                {
                    Ok(change_id) => return self.done(&step, change_id, moves).await,
                    Err(ChangeError::Moved(why)) => tracing::info!(why, "looking again"),
                    Err(error) => return Err(error.into()),
                },
                CutoverPlan::Superseded { component, by } => {
                    let reason = format!(
                        "{component}: release {by} is later than {} and is live; a newer version is never replaced by an older one",
                        step.release.ticket
                    );
                    return Ok(CutoverReply::Superseded { reason });
                }
                CutoverPlan::PeersMoved { moved, read_set } => {
                    let moved: Vec<&str> = moved.iter().map(|peer| peer.as_str()).collect();
                    let reason = format!(
                        "{} went live beside this release while its suites ran",
                        moved.join(", ")
                    );
                    return Ok(CutoverReply::PeersMoved { reason, read_set });
                }
                CutoverPlan::Refused { reason } => {
                    return Err(Fault::new(errors::CUTOVER_REFUSED, reason));
                }
            }
        }
        Err(Fault::new(
            errors::UNAVAILABLE,
            "the zone kept changing during the cutover; nothing moved",
        ))
    }

    /// Which release put up what this release's aliases point to now.
    async fn tickets(
        &self,
        release: &Release,
        request: &CutoverRequest,
        zone: &ZoneView,
    ) -> Result<Tickets, Fault> {
        let mut tickets = Tickets::new();
        for candidate in &request.candidates {
            let Some(live) = zone.points_to(&alias(&candidate.component, &request.domain)) else {
                continue;
            };
            let row: Option<CandidateRow> = self
                .registry
                .get(&Key::candidate(&release.target, &live))
                .await?;
            if let Some(row) = row {
                tickets.insert(live, row.ticket);
            }
        }
        Ok(tickets)
    }

    async fn done(
        &self,
        step: &CutoverStep,
        change_id: String,
        moves: Vec<AliasMove>,
    ) -> Result<CutoverReply, Fault> {
        tracing::info!(change_id, "the aliases moved");
        self.record(step, &moves, Some(&change_id)).await?;
        self.dns
            .wait_in_sync(&change_id, POLL, IN_SYNC_DEADLINE)
            .await?;
        Ok(CutoverReply::Live {
            change_id: Some(change_id),
            moves,
        })
    }

    /// An earlier try moved the aliases and its answer was lost, and with it the change to wait
    /// for. A change that changes nothing, made after it, is INSYNC only after it.
    async fn again(
        &self,
        step: &CutoverStep,
        request: &CutoverRequest,
        zone: &ZoneView,
    ) -> Result<CutoverReply, Fault> {
        let moves: Vec<AliasMove> = request
            .candidates
            .iter()
            .map(|candidate| AliasMove {
                component: candidate.component.clone(),
                alias: alias(&candidate.component, &request.domain),
                to: candidate.hostname.clone(),
                from: None,
            })
            .collect();
        self.record(step, &moves, None).await?;
        let mut batch = Batch::default();
        moves
            .iter()
            .filter_map(|one| zone.get(&one.alias))
            .for_each(|record| batch.assert(record.clone()));
        match self
            .dns
            .change(
                &step.release.zone_id,
                &batch,
                &format!("cutover of {}, seen again", step.release.label()),
            )
            .await
        {
            Ok(change_id) => {
                self.dns
                    .wait_in_sync(&change_id, POLL, IN_SYNC_DEADLINE)
                    .await?
            }
            // A later release moved on meanwhile: then this one's move is older than its.
            Err(ChangeError::Moved(why)) => tracing::info!(why, "moved on by a later release"),
            Err(error) => return Err(error.into()),
        }
        Ok(CutoverReply::Live {
            change_id: None,
            moves,
        })
    }
}

fn request(step: &CutoverStep) -> CutoverRequest {
    let candidate = |one: &pipeline::wire::Deployed| {
        let planned = &one.prepared.planned;
        Candidate {
            component: planned.component.clone(),
            commit: planned.commit.clone(),
            hostname: planned.hostname.clone(),
        }
    };
    CutoverRequest {
        ticket: step.release.ticket,
        domain: step.release.domain.clone(),
        alias_ttl: step.release.alias_ttl,
        hostname_ttl: step.release.hostname_ttl,
        candidates: step.components.iter().map(candidate).collect(),
        read_set: step.read_set.clone(),
    }
}
