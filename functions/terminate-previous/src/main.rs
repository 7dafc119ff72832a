//! Ends what was live before, after one more look at DNS, and the companions of the tests.

use pipeline::names::Fqdn;
use pipeline::retire::{Leaving, ends_after};
use pipeline::rows::CandidateState;
use pipeline::wire::{TerminateReply, TerminateRequest};
use stage::{Fault, Settings};
use takedown::Takedown;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = stage::sdk_config().await;
    let takedown = Takedown::new(&config, &Settings::from_env()?);
    stage::run(async |request: TerminateRequest| terminate(&takedown, request).await).await
}

async fn terminate(
    takedown: &Takedown,
    request: TerminateRequest,
) -> Result<TerminateReply, Fault> {
    let rows = takedown.rows(&request.release).await?;
    let leaving: Vec<Leaving> = rows
        .iter()
        .filter_map(|row| ends_after(row, request.release.ticket, &request.components))
        .collect();
    let taken = takedown.take(&request.release, &leaving).await?;
    let names = |of: CandidateState, from: &[Leaving]| -> Vec<Fqdn> {
        from.iter()
            .filter(|one| one.becomes == of)
            .map(|one| one.hostname.clone())
            .collect()
    };
    Ok(TerminateReply {
        retired: names(CandidateState::Retired, &taken.gone),
        companions: names(CandidateState::Discarded, &taken.gone),
        kept: taken.kept.into_iter().map(|one| one.hostname).collect(),
        instances: taken.instances,
        not_listed: 0,
    }
    .within_bounds())
}
