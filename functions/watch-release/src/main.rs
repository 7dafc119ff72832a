//! Looks at what went live while the previous instances still run, and says whether it is well.

use health::Examiner;
use pipeline::errors::Fault;
use pipeline::health::{Condition, Tolerates};
use pipeline::names::Fqdn;
use pipeline::watch::{WatchReply, WatchRequest, told};
use registry::Registry;
use stage::Settings;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long what runs may be unwell: a service that is started again has time to come back.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at what is not well.
const PAUSE: Duration = Duration::from_secs(1);

struct Watch {
    registry: Registry,
    examiner: Examiner,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let watch = Watch {
        registry: Registry::new(&config, &settings.table),
        examiner: Examiner::new(&config, &settings.bucket)?,
    };
    stage::run(async |request: WatchRequest| watch.look(request).await).await
}

impl Watch {
    async fn look(&self, request: WatchRequest) -> Result<WatchReply, Fault> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let conditions = self.conditions(&request).await?;
            let Some(reason) = told(&request.components, &conditions) else {
                return Ok(WatchReply::Well);
            };
            let is_gone = |one: &Condition| matches!(one, Condition::Gone(_));
            if conditions.values().any(is_gone) || Instant::now() >= deadline {
                return Ok(WatchReply::Unwell { reason });
            }
            tracing::info!(reason, "looking again");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn conditions(&self, request: &WatchRequest) -> Result<BTreeMap<Fqdn, Condition>, Fault> {
        let target = &request.release.target;
        let hostnames = request.components.iter().map(|one| &one.hostname);
        let rows = self.registry.candidates(target, hostnames).await?;
        self.examiner
            .examine(target, rows.values(), Tolerates::OneEnd)
            .await
    }
}
