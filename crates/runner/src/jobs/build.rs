//! The component's build, in a clean checkout; what it leaves is packed for Push artifacts.

use crate::{Checkout, Ran, Runner, Task};
use pipeline::errors::{ErrorName, Fault, Named, chain};
use pipeline::evidence::Subject;
use pipeline::wire::{BuildReply, Bundle, Prepared, Step};
use std::collections::HashMap;
use store::Store;
use workspace::{Limits, blocking, bundle, command};

/// Runs it, packs what it left, and writes evidence of both.
///
/// # Errors
/// `BuildFailed`, and what keeps a command from running.
pub async fn build(runner: &Runner, step: Step<Prepared>) -> Result<BuildReply, Fault> {
    let checkout = runner.checkout(&step.item.source).await?;
    let ran = runner.run(&checkout, task(&step)).await?;
    built(&runner.store, step, ran, &checkout, runner.toolchain()).await
}

pub(crate) fn task(Step { release, item }: &Step<Prepared>) -> Task<'_> {
    let section = &item.manifest.build;
    Task {
        line: &section.command,
        environment: [("COMMIT".to_owned(), item.planned.commit.to_string())].into(),
        limit: section.timeout,
        log_key: release.log_key(&item.planned.component, "build"),
        vendor: &item.vendor,
    }
}

pub(crate) async fn built(
    store: &Store,
    Step { release, item }: Step<Prepared>,
    ran: Ran,
    checkout: &Checkout,
    toolchain: String,
) -> Result<BuildReply, Fault> {
    if let Some(reason) = ran.failure() {
        return Err(failed(&item, &reason));
    }
    let component = item.planned.component.clone();
    let packed = pack(store, checkout, &item, release.build_key(&component)).await;
    let output = packed.map_err(|fault| with_log(fault, &ran.log))?;
    let (commit, source) = (&item.planned.commit, &item.source.sha256);
    let of = Subject::build(&release, &component, commit, source);
    let reply = BuildReply {
        component,
        output,
        command_seconds: ran.seconds(),
        log: ran.log,
        toolchain,
    };
    store.put_evidence(of, &reply).await?;
    Ok(reply)
}

async fn pack(
    store: &Store,
    checkout: &Checkout,
    item: &Prepared,
    key: String,
) -> Result<Bundle, Fault> {
    let (tree, time, output, run) = (
        checkout.tree(),
        checkout.time,
        item.manifest.build.output.as_str().to_owned(),
        item.manifest.run.clone(),
    );
    let file = checkout.beside("output")?.join("output.tar.zst");
    let to = file.clone();
    // What cannot be started is said here, before a machine boots for it.
    let (startable, packed) = blocking(move || {
        let folder = bundle::output_folder(&tree, &output)?;
        let startable = run.map(|run| command::check_artifact(run.command.as_str(), &folder));
        let packed = bundle::pack(&folder, &to, time, Limits::ARTIFACT)?;
        Ok::<_, bundle::PackError>((startable, packed))
    })
    .await
    .map_err(|e| failed(item, &format!("[build] output: {}", chain(&e))))?;
    startable
        .transpose()
        .map_err(|e| failed(item, &format!("[run] command: {}", chain(&e))))?;
    let sum = HashMap::from([("sha256".to_owned(), packed.sha256.clone())]);
    store.upload(&file, &key, sum).await?;
    Ok(Bundle {
        key,
        sha256: packed.sha256,
        bytes: packed.bytes,
    })
}

fn failed(item: &Prepared, reason: &str) -> Fault {
    Fault::new(
        ErrorName::BuildFailed,
        format!("build of {}: {reason}", item.planned.commit.short()),
    )
}

/// A failure of ours keeps its name; a build that left nothing says where its output is.
fn with_log(fault: Fault, log: &str) -> Fault {
    match fault.name() {
        ErrorName::BuildFailed => {
            Fault::new(ErrorName::BuildFailed, format!("{fault}; log: {log}"))
        }
        _ => fault,
    }
}
