//! Ends what was live before, after one more look at DNS, and the companions of the tests.

use pipeline::names::Fqdn;
use pipeline::retire::Leaving;
use pipeline::rows::{CandidateRow, CandidateState};
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
        .filter_map(|row| becomes(row, &request).map(|state| Leaving::of(row, state)))
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
    })
}

/// Every hostname of these components with a lower ticket is retired: the previous one, what an
/// earlier run did not get to, what was live and never recorded, and what is still being tested and
/// can not go live any more. Never this release's own: where a later one has moved the alias on, some
/// resolver may still remember it, and that one ends it after its drain. The companions of this
/// release are discarded.
fn becomes(row: &CandidateRow, request: &TerminateRequest) -> Option<CandidateState> {
    let ticket = request.release.ticket;
    if row.state.is_gone() {
        return None;
    }
    if row.companion {
        return (row.ticket == ticket).then_some(CandidateState::Discarded);
    }
    let earlier = row.ticket < ticket && request.components.contains(&row.component);
    earlier.then_some(CandidateState::Retired)
}
