//! Deletes what the project recorded of a target's releases. The counter of tickets stays, so that a
//! number never means two releases.

use pipeline::errors::{ErrorName, Fault};
use pipeline::names::Target;
use pipeline::rows::Key;
use pipeline::target_clear::{RELEASE_PREFIXES, is_of_release, releases_prefix};
use pipeline::target_wire::{Forgotten, TargetRequest};
use registry::Registry;
use stage::Settings;
use std::time::{Duration, Instant};
use store::Store;

/// Some hundred thousand objects go in that time; what is left is deleted when the state is retried.
const BUDGET: Duration = Duration::from_secs(780);

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let registry = Registry::new(&config, &settings.table);
    let store = Store::new(&config, &settings.bucket);
    stage::run(async |request: TargetRequest| forget(&registry, &store, &request.plan.target).await)
        .await
}

/// The row that says that the target is closed goes last.
async fn forget(registry: &Registry, store: &Store, target: &Target) -> Result<Forgotten, Fault> {
    let until = Instant::now() + BUDGET;
    let mut objects = 0;
    // One after the other: each deletes a thousand objects with a call.
    for folder in RELEASE_PREFIXES {
        let prefix = releases_prefix(folder, target);
        let swept = store
            .sweep(&prefix, until, |key| is_of_release(key, &prefix))
            .await?;
        objects += swept.objects;
        if !swept.done {
            return Err(Fault::new(
                ErrorName::Unavailable,
                format!("{folder}: there is more to delete"),
            ));
        }
    }
    let (environment, ticket) = (Key::environment(target).sk, Key::ticket(target).sk);
    let mut keys = registry.keys_of_target(target).await?;
    keys.remove(&ticket);
    let has_environment = keys.remove(&environment);
    let keys: Vec<String> = keys.into_iter().collect();
    registry.delete_of_target(target, &keys).await?;
    registry.delete_of_target(target, &[environment]).await?;
    Ok(Forgotten {
        rows: keys.len() as u64 + u64::from(has_environment),
        objects,
    })
}
