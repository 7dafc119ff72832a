//! The component's unit tests, in a clean checkout.

use pipeline::errors::{ErrorName, Fault};
use pipeline::evidence::Subject;
use pipeline::wire::{Prepared, Step, UnitTestsReply};
use runner::{Runner, Task};
use stage::Settings;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let runner = Runner::new(
        store::Store::new(&config, &settings.bucket),
        Settings::variable,
    )?;
    stage::run_until(
        || runner.is_spoiled(),
        async |step: Step<Prepared>| unit_tests(&runner, step).await,
    )
    .await
}

async fn unit_tests(
    runner: &Runner,
    Step { release, item }: Step<Prepared>,
) -> Result<UnitTestsReply, Fault> {
    let component = item.planned.component.clone();
    let checkout = runner.checkout(&item.source).await?;
    let build = &item.manifest.build;
    let task = Task {
        line: &build.unit_tests,
        environment: Default::default(),
        limit: build.unit_tests_timeout,
        log_key: release.log_key(&component, "unit-tests"),
    };
    let ran = runner.run(&checkout, task).await?;
    match ran.failure() {
        None => {
            let of = Subject::unit_tests(
                &release,
                &component,
                &item.planned.commit,
                &item.source.sha256,
            );
            let reply = UnitTestsReply {
                component,
                command_seconds: ran.seconds(),
                log: ran.log,
            };
            runner.store.put_evidence(of, &reply).await?;
            Ok(reply)
        }
        Some(reason) => Err(Fault::new(
            ErrorName::UnitTestsFailed,
            format!("unit tests of {}: {reason}", item.planned.commit.short()),
        )),
    }
}
