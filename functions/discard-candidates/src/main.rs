//! The undo of everything before the cutover, and the sentences a failed release ends with.

use pipeline::names::alias;
use pipeline::retire::Leaving;
use pipeline::rows::CandidateState;
use pipeline::verdict::{StillLive, verdict};
use pipeline::wire::{DiscardReply, DiscardRequest};
use stage::{Fault, Settings};
use takedown::Takedown;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = stage::sdk_config().await;
    let takedown = Takedown::new(&config, &Settings::from_env()?);
    stage::run(async |request: DiscardRequest| discard(&takedown, request).await).await
}

async fn discard(takedown: &Takedown, request: DiscardRequest) -> Result<DiscardReply, Fault> {
    let DiscardRequest {
        release,
        components,
        failures,
        tests,
    } = request;
    let leaving: Vec<Leaving> = components
        .iter()
        .map(|planned| Leaving {
            component: planned.component.clone(),
            hostname: planned.hostname.clone(),
            ticket: release.ticket,
        })
        .collect();
    let taken = takedown
        .take(&release, &leaving, CandidateState::Discarded)
        .await?;
    let still: Vec<StillLive> = components
        .iter()
        .map(|planned| {
            let alias = alias(&planned.component, &release.domain);
            let now = taken.zone.points_to(&alias);
            (alias, now)
        })
        .collect();
    let verdict = verdict(&failures, &tests, &still, &release.label());
    let live = !taken.kept.is_empty();
    if !live {
        takedown
            .registry
            .record_outcome(
                &release.target,
                release.ticket,
                "not released",
                Some(&verdict.cause),
                None,
            )
            .await?;
    }
    Ok(DiscardReply {
        error: verdict.error,
        cause: verdict.cause,
        live,
        discarded: taken.gone,
    })
}
