//! Takes what a user's command left in its container, and writes what counts of it.

use pipeline::wire::CollectRequest;
use runner::container::collect;
use stage::Settings;
use store::Store;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let store = Store::new(&config, &Settings::from_env()?.bucket);
    stage::run(async |request: CollectRequest| collect(&store, request).await).await
}
