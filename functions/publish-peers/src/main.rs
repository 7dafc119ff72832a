//! Gives a release its own names for peers, before anything of it boots.

use drive::Drive;
use pipeline::drivers::PublishPeers;
use pipeline::wire::{ListeningComponent, Together};
use stage::Settings;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let drive = Drive::new(&config, &settings.table, &settings.bucket)?;
    stage::run(async |asked: Together<ListeningComponent>| {
        drive.run(PublishPeers::new(asked)).await
    })
    .await
}
