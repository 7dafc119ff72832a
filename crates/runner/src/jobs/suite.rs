//! Runs one suite of one component against its candidate. A suite that fails is an answer, not an
//! error: the Choice after the Map is the gate.

use crate::{Ran, Runner, Task};
use futures::{StreamExt, TryStreamExt};
use pipeline::bounds;
use pipeline::errors::{ErrorName, Fault};
use pipeline::evidence::Subject;
use pipeline::wire::{Release, SuiteOutcome, SuiteReply, SuiteRequest, SuiteRun};
use std::path::PathBuf;
use std::sync::Arc;
use store::Store;
use workspace::blocking;
use workspace::junit::{self, Folder, Reports};

/// Reports that are uploaded at once.
const UPLOADS: usize = 16;

/// Runs it, keeps its reports, and writes evidence of how it ended.
///
/// # Errors
/// What keeps a command from running, or its reports from being kept.
pub async fn suite(runner: &Runner, request: SuiteRequest) -> Result<SuiteReply, Fault> {
    let checkout = runner.checkout(&request.item.source).await?;
    let reports = checkout.beside("reports")?;
    let mut task = task(&request);
    let folder = reports.display().to_string();
    task.environment.insert("REPORT_DIR".into(), folder);
    let ran = runner.run(&checkout, task).await?;
    ended(&runner.store, request, &ran, reports).await
}

pub(crate) fn task(SuiteRequest { release, item, .. }: &SuiteRequest) -> Task<'_> {
    Task {
        line: &item.command,
        environment: item.environment.clone(),
        limit: item.timeout,
        log_key: release.log_key(&item.component, &format!("suite-{}", item.suite)),
        vendor: &item.vendor,
        cache: &[],
    }
}

pub(crate) async fn ended(
    store: &Store,
    SuiteRequest {
        release,
        item: suite,
        round,
    }: SuiteRequest,
    ran: &Ran,
    reports: PathBuf,
) -> Result<SuiteReply, Fault> {
    let folder = blocking(move || {
        let folder = junit::look(&reports);
        let found = folder.summarise();
        (folder, found)
    });
    let (folder, found) = folder.await;
    let left_out = keep(store, &release, &suite, &folder).await?;
    let of = Subject::suite(&release, &suite, round);
    let reply = reply(suite, ran, &found, left_out);
    store.put_evidence(of, &reply).await?;
    Ok(reply)
}

/// Keeps the suite's reports beside the release's. Answers how many are not kept.
async fn keep(
    store: &Store,
    release: &Release,
    suite: &SuiteRun,
    folder: &Folder,
) -> Result<usize, Fault> {
    let prefix = release.report_prefix(&suite.component, &suite.suite);
    let (files, left_out) = folder.to_keep();
    let uploads = files.into_iter().map(|(name, size)| {
        let key = format!("{prefix}{name}");
        async move {
            let file = folder.open(name).map_err(|error| {
                Fault::new(ErrorName::WorkspaceFailed, format!("{name}: {error}"))
            })?;
            let uploaded = store.upload_open(&Arc::new(file), size, &key).await;
            uploaded.map_err(Fault::from)
        }
    });
    // A thousand one after the other would take a minute.
    futures::stream::iter(uploads)
        .buffer_unordered(UPLOADS)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(left_out)
}

fn reply(suite: SuiteRun, ran: &Ran, reports: &Reports, left_out: usize) -> SuiteReply {
    let (outcome, reason) = match ran.failure() {
        Some(reason) if ran.timed_out() => (SuiteOutcome::TimedOut, reason),
        Some(reason) => (SuiteOutcome::Failed, reason),
        None if reports.passed() => (SuiteOutcome::Passed, String::new()),
        None => (
            SuiteOutcome::Failed,
            format!("its reports are not all green; log: {}", ran.log),
        ),
    };
    let remark = remark(reports, left_out);
    let (reason, remark) = match outcome {
        SuiteOutcome::Passed => (String::new(), remark),
        _ => (reason_of(reports, &reason, &remark), String::new()),
    };
    if !remark.is_empty() {
        tracing::warn!(remark, "passed");
    }
    SuiteReply {
        component: suite.component,
        companion: suite.companion,
        suite: suite.suite,
        outcome,
        reason: bounds::reason(&reason, suite.of),
        remark: bounds::reason(&remark, suite.of),
        command_seconds: ran.seconds(),
        tests: reports.tests,
        failures: reports.failures + reports.errors,
        log: ran.log.clone(),
    }
}

/// First the test that failed, then the command, then what else is to be known.
fn reason_of(reports: &Reports, ending: &str, remark: &str) -> String {
    let first = reports.first_failures.iter().chain(&reports.malformed);
    let mut parts: Vec<&str> = first.take(3).map(String::as_str).collect();
    if !remark.is_empty() {
        parts.push(remark);
    }
    parts.push(ending);
    format!("did not pass: {}", parts.join("; "))
}

fn remark(reports: &Reports, left_out: usize) -> String {
    let said = reports.remark();
    let kept = match left_out {
        0 => String::new(),
        more => format!("{more} files of its report folder are not kept: it is too large"),
    };
    let parts = [said, kept];
    let parts: Vec<&str> = parts
        .iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    parts.join("; ")
}

#[cfg(test)]
#[path = "suite_tests.rs"]
mod tests;
