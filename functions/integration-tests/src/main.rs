//! Runs one suite of one component against its candidate. A suite that fails is an answer, not an
//! error: the Choice after the Map is the gate.

use pipeline::wire::SuiteRequest;
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
        async |request: SuiteRequest| jobs::suite(&runner, request).await,
    )
    .await
}
