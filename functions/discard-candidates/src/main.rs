//! The undo of everything before the cutover, and the sentences a failed release ends with.

use pipeline::another::live_by_another;
use pipeline::errors::Fault;
use pipeline::input::ReleaseInput;
use pipeline::names::{Component, alias};
use pipeline::retire::{Leaving, is_discarded};
use pipeline::rows::{CandidateRow, CandidateState, Key, ReleaseOutcome, ReleaseRow, SetRow};
use pipeline::verdict::{
    Happened, StillLive, Verdict, already_live, live_after_all, message_of, superseded_by, verdict,
};
use pipeline::wire::{
    AlreadyLive, DiscardReply, DiscardRequest, Failure, Release, ReleasedComponent, UndoPlanRequest,
};
use serde::Deserialize;
use stage::Settings;
use takedown::{Takedown, Taken};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let takedown = Takedown::new(&config, &Settings::from_env()?.table);
    stage::run(async |request: Ask| match request {
        Ask::Release(request) => discard(&takedown, *request).await,
        Ask::Plan(request) => undo_plan(&takedown, request).await,
    })
    .await
}

/// What is to be undone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Ask {
    /// A release that got its plan.
    Release(Box<DiscardRequest>),
    /// One whose plan never arrived.
    Plan(UndoPlanRequest),
}

/// Plan release may have reserved names and lost its answer. Nobody else knows of them.
async fn undo_plan(takedown: &Takedown, request: UndoPlanRequest) -> Result<DiscardReply, Fault> {
    let nothing = DiscardReply {
        error: request.failed.error.clone(),
        cause: message_of(&request.failed.error, &request.failed.cause),
        live: false,
        discarded: Vec::new(),
        already_live: Vec::new(),
    };
    let Ok(input) = ReleaseInput::parse(&request.input) else {
        return Ok(nothing); // it was refused for that, before anything was reserved
    };
    let plan = takedown
        .registry
        .plan_of(&input.target, &request.execution, &request.began)
        .await?;
    let Some(row) = plan.own() else {
        return Ok(nothing);
    };
    let undone = discard(
        takedown,
        DiscardRequest {
            release: row.plan.release,
            components: row
                .plan
                .components
                .into_iter()
                .map(|planned| ReleasedComponent {
                    component: planned.component,
                })
                .collect(),
            failures: vec![Failure {
                component: None,
                failed: request.failed,
            }],
            tests: Vec::new(),
            tested: None,
            already_live: Vec::new(),
        },
    );
    undone.await
}

async fn discard(takedown: &Takedown, request: DiscardRequest) -> Result<DiscardReply, Fault> {
    let release = &request.release;
    let mut rows = takedown.rows(release).await?;
    rows.extend(gone_already(takedown, release, &rows).await?);
    let own: Vec<&CandidateRow> = rows
        .iter()
        .filter(|row| row.ticket == release.ticket)
        .collect();
    let leaving = leave_to_others(takedown, release, &own).await?;
    let taken = takedown.take(release, &leaving).await?;
    let live = !taken.kept.is_empty();
    let mut by_another = live_by_another(&request, &taken.zone, &rows);
    let verdict = if live {
        by_another.clear();
        Verdict {
            cause: live_after_all(&request.failures, &release.label()),
            ..sentences(&request, &rows, &taken)
        }
    } else {
        let verdict = match by_another.is_empty() {
            true => sentences(&request, &rows, &taken),
            false => already_live(&by_another, &release.label()),
        };
        record(takedown, &request, &verdict, &by_another).await?;
        verdict
    };
    Ok(DiscardReply {
        error: verdict.error,
        cause: verdict.cause,
        live,
        discarded: taken.gone.into_iter().map(|one| one.hostname).collect(),
        already_live: by_another,
    })
}

/// Own candidates that are gone: an earlier run came so far, or a later release has ended them. What
/// was launched under their names since is ended too.
async fn gone_already(
    takedown: &Takedown,
    release: &Release,
    standing: &[CandidateRow],
) -> Result<Vec<CandidateRow>, Fault> {
    let key = Key::release(&release.target, release.ticket);
    let planned: Option<ReleaseRow> = takedown.registry.get(&key).await?;
    let planned = planned.map(|row| row.plan.components).unwrap_or_default();
    let names = planned.iter().map(|one| &one.hostname);
    let missing = names.filter(|name| !standing.iter().any(|row| row.hostname == **name));
    let mut found = takedown.by_name(release, missing).await?;
    found.retain(|row| row.ticket == release.ticket);
    Ok(found)
}

/// Gives the rows back of what is not for this release to end.
async fn leave_to_others(
    takedown: &Takedown,
    release: &Release,
    own: &[&CandidateRow],
) -> Result<Vec<Leaving>, Fault> {
    let zone = takedown.dns.view(&release.zone_id).await?;
    let mut leaving = Vec::new();
    for row in own {
        if is_discarded(row, &zone, release.hostname_ttl) {
            leaving.push(Leaving::of(row, CandidateState::Discarded));
            continue;
        }
        tracing::info!(hostname = row.hostname.as_str(), "left to a later release");
        let state = CandidateState::Live;
        takedown
            .registry
            .set_candidate(&release.target, &row.hostname, row.ticket, state)
            .await?;
    }
    Ok(leaving)
}

/// A release that is live in the place of one of these and came later.
fn superseded(request: &DiscardRequest, rows: &[CandidateRow], taken: &Taken) -> Option<String> {
    let release = &request.release;
    request.components.iter().find_map(|planned| {
        let at = taken
            .zone
            .points_to(&alias(&planned.component, &release.domain))?;
        let row = rows.iter().find(|row| row.hostname == at)?;
        (row.ticket > release.ticket)
            .then(|| superseded_by(&planned.component, row.ticket, release.ticket))
    })
}

fn sentences(request: &DiscardRequest, rows: &[CandidateRow], taken: &Taken) -> Verdict {
    let release = &request.release;
    let superseded = superseded(request, rows, taken);
    let still: Vec<StillLive> = request
        .components
        .iter()
        .map(|planned| {
            let alias = alias(&planned.component, &release.domain);
            let now = taken.zone.points_to(&alias);
            (alias, now)
        })
        .collect();
    let reached: Vec<(Component, bool)> = rows
        .iter()
        .filter(|row| row.ticket == release.ticket && !row.companion)
        .map(|row| (row.component.clone(), !row.instances.is_empty()))
        .collect();
    let happened = Happened {
        failures: &request.failures,
        tests: &request.tests,
        still: &still,
        reached: &reached,
        superseded: superseded.as_deref(),
    };
    verdict(&happened, &release.label())
}

async fn record(
    takedown: &Takedown,
    request: &DiscardRequest,
    verdict: &Verdict,
    by_another: &[AlreadyLive],
) -> Result<(), Fault> {
    let release = &request.release;
    if let Some(tested) = &request.tested
        && !request.tests.is_empty()
    {
        let released = request.components.iter().map(|one| one.component.clone());
        let row = SetRow::of(
            release,
            tested,
            released.collect(),
            &request.tests,
            aws::now(),
        );
        takedown
            .registry
            .record_set(&release.target, &row, &[])
            .await?;
    }
    let outcome = match by_another.is_empty() {
        true => ReleaseOutcome::NotReleased,
        false => ReleaseOutcome::AlreadyLive,
    };
    takedown
        .registry
        .record_outcome(
            &release.target,
            release.ticket,
            outcome,
            Some(&verdict.cause),
            None,
        )
        .await?;
    Ok(())
}
