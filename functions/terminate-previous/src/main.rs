//! Ends what was live before, after one more look at DNS.

use pipeline::names::Fqdn;
use pipeline::retire::Leaving;
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

/// Every hostname of these components that went live with an earlier release and is not live any
/// more: the previous one, and what an earlier run did not get to.
async fn terminate(
    takedown: &Takedown,
    TerminateRequest {
        release,
        components,
    }: TerminateRequest,
) -> Result<TerminateReply, Fault> {
    let rows = takedown.rows(&release).await?;
    let leaving: Vec<Leaving> = rows
        .into_iter()
        .filter(|row| {
            row.state == CandidateState::Live
                && row.ticket < release.ticket
                && components.contains(&row.component)
        })
        .map(|row| Leaving {
            component: row.component,
            hostname: row.hostname,
            ticket: row.ticket,
        })
        .collect();
    let taken = takedown
        .take(&release, &leaving, CandidateState::Retired)
        .await?;
    let kept: Vec<Fqdn> = taken.kept.into_iter().map(|one| one.hostname).collect();
    Ok(TerminateReply {
        retired: taken.gone,
        instances: taken.instances,
        kept,
    })
}
