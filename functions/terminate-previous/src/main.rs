//! Ends what was live before, after one more look at DNS and at what is live now, and the companions
//! of the tests.

use drive::{Drive, versions};
use pipeline::drivers::{Rows, Terminate, Terminated};
use pipeline::errors::Fault;
use pipeline::rows::CandidateRow;
use pipeline::wire::{Release, TerminateReply, TerminateRequest};
use stage::Settings;

/// Rows of gone candidates, from before they had rows of their own, that one release puts away.
const PUT_AWAY: usize = 500;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let drive = Drive::new(&config, &settings.table, &settings.bucket)?;
    stage::run(async |asked: TerminateRequest| terminate(&drive, asked).await).await
}

/// The release is live whatever becomes of what comes after the take-down.
async fn terminate(drive: &Drive, asked: TerminateRequest) -> Result<TerminateReply, Fault> {
    let release = asked.release.clone();
    let Terminated { reply, rows } = drive.run(Terminate::new(asked)).await?;
    let old_versions = versions::clean_up(drive, &release, &rows).await;
    put_away(drive, &release, &rows).await;
    Ok(TerminateReply {
        old_versions,
        ..reply
    })
}

/// Where this fails, the next release does it.
async fn put_away(drive: &Drive, release: &Release, rows: &Rows) {
    let rows: Vec<CandidateRow> = rows.values().map(|row| CandidateRow::clone(row)).collect();
    let put_away = drive.registry.put_away(&release.target, &rows, PUT_AWAY);
    match put_away.await {
        Ok(0) => {}
        Ok(rows) => tracing::info!(rows, "gone candidates have rows of their own now"),
        Err(error) => tracing::warn!(%error, "gone candidates stay among the others"),
    }
}
