//! The component's unit tests, in a clean checkout.

use crate::{Ran, Runner, Task, cache};
use pipeline::errors::{ErrorName, Fault};
use pipeline::evidence::Subject;
use pipeline::wire::{Prepared, Step, UnitTestsReply};
use store::Store;

/// Runs them. That they passed is evidence only when they did.
///
/// # Errors
/// `UnitTestsFailed`, and what keeps a command from running.
pub async fn unit_tests(runner: &Runner, step: Step<Prepared>) -> Result<UnitTestsReply, Fault> {
    let checkout = runner.checkout(&step.item.source).await?;
    cache::placed(&runner.store, &step.item, &checkout).await?;
    let ran = runner.run(&checkout, task(&step)).await?;
    tested(&runner.store, step, ran).await
}

pub(crate) fn task(Step { release, item }: &Step<Prepared>) -> Task<'_> {
    let build = &item.manifest.build;
    Task {
        line: &build.unit_tests,
        environment: Default::default(),
        limit: build.unit_tests_timeout,
        log_key: release.log_key(&item.planned.component, "unit-tests"),
        vendor: &item.vendor,
        cache: &build.cache,
    }
}

pub(crate) async fn tested(
    store: &Store,
    Step { release, item }: Step<Prepared>,
    ran: Ran,
) -> Result<UnitTestsReply, Fault> {
    let planned = &item.planned;
    if let Some(reason) = ran.failure() {
        return Err(Fault::new(
            ErrorName::UnitTestsFailed,
            format!("unit tests of {}: {reason}", planned.commit.short()),
        ));
    }
    let (component, source) = (&planned.component, &item.source.sha256);
    let of = Subject::unit_tests(&release, component, &planned.commit, source);
    let reply = UnitTestsReply {
        component: component.clone(),
        command_seconds: ran.seconds(),
        log: ran.log,
    };
    store.put_evidence(of, &reply).await?;
    Ok(reply)
}
