//! Hands a user's command to a container of its own. No user's code runs here, so nobody answers in this
//! function's name: what it says is what CodeBuild is asked.

use pipeline::wire::ContainerJob;
use runner::container::{Preparer, prepare};
use stage::Settings;
use store::Store;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let preparer = Preparer {
        store: Store::new(&config, &settings.bucket),
        bucket: settings.bucket,
        project: Settings::variable("COMMANDS_PROJECT")?,
        offline: Settings::optional("OFFLINE_PROJECT")?,
    };
    stage::run(async |job: ContainerJob| prepare(&preparer, &job).await).await
}
