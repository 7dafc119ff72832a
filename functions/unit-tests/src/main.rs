//! The component's unit tests, in a clean checkout.

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
        async |step: Step<Prepared>| jobs::unit_tests(&runner, step).await,
    )
    .await
}
