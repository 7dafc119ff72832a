//! Who is live beside the release and depends on it: each gets one more instance of its live commit,
//! booted with this release's names for peers, to be tested with it.

use drive::Drive;
use pipeline::drivers::PlanCompanions;
use pipeline::wire::{ComponentPeers, Together};
use stage::Settings;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let drive = Drive::new(&config, &settings.table, &settings.bucket)?;
    stage::run(async |asked: Together<ComponentPeers>| drive.run(PlanCompanions::new(asked)).await)
        .await
}
