//! One Route 53 batch moves every alias of the release, or none.

use drive::{Announcer, Drive};
use pipeline::back::{BackReply, BackRequest};
use pipeline::drivers::{Cutover, RollBack};
use pipeline::wire::{CutoverReply, CutoverStep};
use serde::{Deserialize, Serialize};
use stage::Settings;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let drive = Drive::new(&config, &settings.table, &settings.bucket)?;
    let announcer = Announcer::new(&config, &settings.table, settings.project.clone());
    stage::run(async |request: Request| match request {
        Request::Cutover(asked) => drive.run(Cutover::new(*asked)).await.map(Reply::Cutover),
        Request::RollBack(asked) => {
            let target = asked.release.target.clone();
            let mut reply = drive.run(RollBack::new(*asked)).await?;
            reply.unannounced = announcer.announce(&target).await;
            Ok(Reply::RollBack(reply))
        }
    })
    .await
}

/// What is asked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Request {
    /// Deploy (cutover), Record cutover.
    Cutover(Box<CutoverStep>),
    /// Roll back.
    RollBack(Box<BackRequest>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reply {
    Cutover(CutoverReply),
    RollBack(BackReply),
}
