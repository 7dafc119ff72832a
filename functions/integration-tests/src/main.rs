//! Runs one suite of one component against its candidate. A suite that fails is an answer, not an
//! error: the Choice after the Map is the gate.

use pipeline::errors;
use pipeline::wire::{Release, Step, SuiteOutcome, SuiteReply, SuiteRun};
use runner::{Ran, Runner, Task};
use stage::{Fault, Settings};
use std::collections::HashMap;
use std::path::Path;
use workspace::junit::{self, Reports};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = stage::sdk_config().await;
    let settings = Settings::from_env()?;
    let runner = Runner::new(store::Store::new(&config, &settings.bucket))?;
    stage::run(async |step: Step<SuiteRun>| run_suite(&runner, step).await).await
}

async fn run_suite(
    runner: &Runner,
    Step {
        release,
        item: suite,
    }: Step<SuiteRun>,
) -> Result<SuiteReply, Fault> {
    let checkout = runner.checkout(&suite.source).await?;
    let reports = checkout.beside("reports")?;
    let mut environment = suite.environment.clone();
    environment.insert("REPORT_DIR".into(), reports.display().to_string());
    let log_key = release.log_key(&suite.component, &format!("suite-{}", suite.suite));
    let ran = runner
        .run(
            &checkout,
            Task {
                line: &suite.command,
                environment,
                limit: suite.timeout,
                log_key,
            },
        )
        .await?;
    let found = junit::summarise(&reports).map_err(|e| {
        Fault::new(
            errors::WORKSPACE_FAILED,
            format!("reading the reports: {e}"),
        )
    })?;
    keep(runner, &release, &suite, &reports).await?;
    Ok(reply(suite, &ran, &found))
}

/// Keeps the suite's reports beside the release's.
async fn keep(
    runner: &Runner,
    release: &Release,
    suite: &SuiteRun,
    reports: &Path,
) -> Result<(), Fault> {
    let files = junit::files(reports).map_err(|e| {
        Fault::new(
            errors::WORKSPACE_FAILED,
            format!("reading the reports: {e}"),
        )
    })?;
    let prefix = release.report_prefix(&suite.component, &suite.suite);
    for file in files {
        let Some(name) = file.strip_prefix(reports).ok().and_then(Path::to_str) else {
            tracing::warn!(?file, "a report whose name is not text is left out");
            continue;
        };
        runner
            .store
            .upload(&file, &format!("{prefix}{name}"), HashMap::new())
            .await?;
    }
    Ok(())
}

fn reply(suite: SuiteRun, ran: &Ran, reports: &Reports) -> SuiteReply {
    let (outcome, reason) = match ran.failure() {
        Some(reason) if ran.timed_out() => (SuiteOutcome::TimedOut, reason),
        Some(reason) => (SuiteOutcome::Failed, reason),
        None if reports.passed() => (SuiteOutcome::Passed, String::new()),
        None => (
            SuiteOutcome::Failed,
            format!("its reports are not all green; log: {}", ran.log),
        ),
    };
    let first: Vec<String> = reports
        .first_failures
        .iter()
        .chain(&reports.malformed)
        .take(3)
        .cloned()
        .collect();
    let reason = match (outcome, first.is_empty()) {
        (SuiteOutcome::Passed, _) => String::new(),
        (_, true) => format!("did not pass: {reason}"),
        (_, false) => format!("did not pass: {}; {reason}", first.join("; ")),
    };
    SuiteReply {
        component: suite.component,
        companion: suite.companion,
        suite: suite.suite,
        outcome,
        reason,
        command_seconds: ran.seconds(),
        tests: reports.tests,
        failures: reports.failures + reports.errors,
        log: ran.log.clone(),
    }
}
