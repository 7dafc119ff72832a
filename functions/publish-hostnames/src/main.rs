//! Puts every healthy candidate's hostname up in one batch, and says what to test against what.

use drive::Drive;
use pipeline::drivers::PublishHostnames;
use pipeline::wire::PublishRequest;
use stage::Settings;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let drive = Drive::new(&config, &settings.table, &settings.bucket)?;
    stage::run(async |asked: PublishRequest| drive.run(PublishHostnames::new(asked)).await).await
}
