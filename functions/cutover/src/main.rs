//! One Route 53 batch moves every alias of the release, or none.

mod back;
mod look;
mod proof;
mod record;

use dns::{ChangeError, Dns, MAX_PLANS, Refusals};
use health::Examiner;
use pipeline::back::{BackReply, BackRequest};
use pipeline::cutover::{AliasMove, Candidate, CutoverPlan, CutoverRequest, plan_cutover};
use pipeline::errors::{ErrorName, Fault};
use pipeline::health::Tolerates;
use pipeline::live::{KnownHosts, live};
use pipeline::names::{Component, Fqdn, alias};
use pipeline::records::{Batch, ZoneView};
use pipeline::rows::CandidateRow;
use pipeline::verdict::superseded_by;
use pipeline::wire::{AlreadyLive, CutoverReply, CutoverStep, Release};
use registry::Registry;
use serde::{Deserialize, Serialize};
use stage::Settings;
use std::collections::BTreeMap;
use store::Store;

struct Switch {
    registry: Registry,
    dns: Dns,
    examiner: Examiner,
    store: Store,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let switch = Switch {
        registry: Registry::new(&config, &settings.table),
        dns: Dns::new(&config),
        examiner: Examiner::new(&config, &settings.bucket)?,
        store: Store::new(&config, &settings.bucket),
    };
    stage::run(async |ask: Ask| match ask {
        Ask::Cutover(step) => switch.cutover(*step).await.map(Answer::Cutover),
        Ask::Back(request) => switch.back(*request).await.map(Answer::Back),
    })
    .await
}

/// What is asked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Ask {
    /// Deploy (cutover), Record cutover.
    Cutover(Box<CutoverStep>),
    /// Roll back.
    Back(Box<BackRequest>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Cutover(CutoverReply),
    Back(BackReply),
}

impl Switch {
    async fn cutover(&self, step: CutoverStep) -> Result<CutoverReply, Fault> {
        let names = step.components.iter().chain(&step.companions);
        let stand = self
            .registry
            .candidates(&step.release.target, names.map(|one| &one.hostname))
            .await?;
        let step = Step {
            request: request(&step, &stand)?,
            step,
            stand,
            tolerates: Tolerates::NoEnd,
        };
        self.settle(&step).await;
        self.switch(&step).await
    }

    async fn switch(&self, step: &Step) -> Result<CutoverReply, Fault> {
        let release = &step.step.release;
        let mut request = step.request.clone();
        let mut refusals = Refusals::default();
        for _ in 0..MAX_PLANS {
            let zone = self.dns.view(&release.zone_id).await?;
            let known = self.known(release, &zone).await?;
            let plan = plan_cutover(&request, &zone, &known);
            tracing::info!(?plan, "cutover planned");
            match plan {
                CutoverPlan::AlreadyDone => return self.again(step, &zone).await,
                CutoverPlan::AlreadyLive { at } => {
                    let ill = self.not_well(release, &at).await?;
                    if ill.is_empty() {
                        let already_live = already_live(step, at);
                        return Ok(CutoverReply::AlreadyLive { already_live });
                    }
                    for one in &mut request.candidates {
                        one.replaces.extend(ill.iter().cloned());
                    }
                }
                CutoverPlan::Commit { moves, batch } => {
                    self.are_well(step).await?;
                    // After the look, which shows that the suites met what they are said to have met;
                    // before anything moves, so that what is live is proven, whatever crashes.
                    self.record_proofs(step).await?;
                    match self
                        .dns
                        .change(
                            &release.zone_id,
                            &batch,
                            &format!("cutover of {}", release.label()),
                        )
                        .await
                    {
                        Ok(change_id) => return self.done(step, change_id, moves).await,
                        Err(ChangeError::Moved(why)) => refusals.note(&batch, &why)?,
                        Err(error) => return Err(error.into()),
                    }
                }
                CutoverPlan::Superseded { component, by } => {
                    let reason = superseded_by(&component, by, release.ticket);
                    return Ok(CutoverReply::Superseded { reason });
                }
                CutoverPlan::PeersMoved { moved } => {
                    let moved: Vec<&str> = moved.iter().map(|peer| peer.as_str()).collect();
                    let reason = format!(
                        "{} went live beside this release while it was tested",
                        moved.join(", ")
                    );
                    return Ok(CutoverReply::PeersMoved { reason });
                }
                CutoverPlan::Refused { reason } => {
                    return Err(Fault::new(ErrorName::CutoverRefused, reason));
                }
            }
        }
        Err(Fault::new(
            ErrorName::Unavailable,
            "the zone kept changing during the cutover; nothing moved",
        ))
    }

    /// What is recorded of everything that is live now.
    async fn known(&self, release: &Release, zone: &ZoneView) -> Result<KnownHosts, Fault> {
        let live = live(zone, &release.domain);
        let rows = self
            .registry
            .candidates(&release.target, live.values())
            .await?;
        Ok(rows
            .into_iter()
            .map(|(at, row)| (at, row.known()))
            .collect())
    }

    async fn done(
        &self,
        step: &Step,
        change_id: String,
        moves: Vec<AliasMove>,
    ) -> Result<CutoverReply, Fault> {
        tracing::info!(change_id, "the aliases moved");
        // Side by side, and both to their ends: the record does not wait for name servers, and is
        // written also where they are slow.
        let (recorded, in_sync) = tokio::join!(
            self.record(step, &moves, Some(&change_id)),
            self.dns.wait_in_sync(&change_id)
        );
        recorded.and(in_sync)?;
        Ok(CutoverReply::Live {
            change_id: Some(change_id),
            moves,
        })
    }

    /// An earlier try moved the aliases and its answer was lost, and with it the change to wait
    /// for. A change that changes nothing, made after it, is INSYNC only after it.
    async fn again(&self, step: &Step, zone: &ZoneView) -> Result<CutoverReply, Fault> {
        let Step { request, .. } = step;
        let release = &step.step.release;
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
                &release.zone_id,
                &batch,
                &format!("cutover of {}, seen again", release.label()),
            )
            .await
        {
            Ok(change_id) => self.dns.wait_in_sync(&change_id).await?,
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

/// What is live of the very commits that the release would bring, by another release.
fn already_live(step: &Step, at: Vec<(Component, Fqdn)>) -> Vec<AlreadyLive> {
    let domain = &step.request.domain;
    let of = |(component, hostname): (Component, Fqdn)| {
        let own = step.request.candidates.iter();
        let own = own
            .filter(|one| one.component == component)
            .find_map(|one| step.stand.get(&one.hostname));
        let planned = own.and_then(|row| row.recipe.as_ref())?.planned.clone();
        Some(AlreadyLive {
            alias: alias(&component, domain),
            component,
            version: planned.version,
            commit: planned.commit,
            hostname,
        })
    };
    at.into_iter().filter_map(of).collect()
}

/// What a cutover works on: what it was asked, the plan's question, the rows of what stands.
struct Step {
    step: CutoverStep,
    request: CutoverRequest,
    stand: BTreeMap<Fqdn, CandidateRow>,
    tolerates: Tolerates,
}

impl Step {
    /// The rows of what is to go live.
    fn candidates(&self) -> impl Iterator<Item = &CandidateRow> {
        let candidates = self.request.candidates.iter();
        candidates.filter_map(|one| self.stand.get(&one.hostname))
    }
}

fn request(
    step: &CutoverStep,
    stand: &BTreeMap<Fqdn, CandidateRow>,
) -> Result<CutoverRequest, Fault> {
    let mut candidates = Vec::new();
    for one in &step.components {
        let row = stand
            .get(&one.hostname)
            .filter(|row| row.ticket == step.release.ticket && row.recipe.is_some());
        let row = row.ok_or_else(|| {
            Fault::new(
                ErrorName::CandidateGone,
                format!(
                    "{} is not a candidate of {} any more",
                    one.hostname,
                    step.release.label()
                ),
            )
        })?;
        let planned = row.recipe.as_ref().map(|recipe| &recipe.planned);
        let replaces = planned.and_then(|planned| planned.replaces.clone());
        candidates.push(Candidate {
            component: one.component.clone(),
            commit: row.commit.clone(),
            hostname: one.hostname.clone(),
            peers: row.peers(),
            replaces: replaces.into_iter().collect(),
        });
    }
    Ok(CutoverRequest {
        ticket: step.release.ticket,
        domain: step.release.domain.clone(),
        alias_ttl: step.release.alias_ttl,
        hostname_ttl: step.release.hostname_ttl,
        candidates,
        read_set: step.read_set.clone(),
        test_dependents: step.release.test_dependents,
        replaces: BTreeMap::new(),
    })
}
