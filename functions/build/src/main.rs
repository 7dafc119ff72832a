//! The component's build, in a clean checkout; what it leaves is packed for Push artifacts.

use pipeline::wire::{Prepared, Step};
use runner::{Runner, jobs};
use stage::Settings;
use store::Store;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let runner = Runner::new(Store::new(&config, &settings.bucket), Settings::variable)?;
    stage::run_until(
        || runner.is_spoiled(),
        async |step: Step<Prepared>| jobs::build(&runner, step).await,
    )
    .await
}
