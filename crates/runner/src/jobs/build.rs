//! The component's build, in a clean checkout; what it leaves is packed for Push artifacts.

use crate::{Checkout, Ran, Runner, Task, cache};
use pipeline::errors::{ErrorName, Fault, Named, chain};
use pipeline::evidence::Subject;
use pipeline::wire::{BuildReply, Bundle, Prepared, Step};
use std::path::PathBuf;
use store::{NotMade, Parts, Sent, Store};
use workspace::{Limits, blocking, bundle, command};

/// Runs it, packs what it left, and writes evidence of both.
///
/// # Errors
/// `BuildFailed`, and what keeps a command from running.
pub async fn build(runner: &Runner, step: Step<Prepared>) -> Result<BuildReply, Fault> {
    let checkout = runner.checkout(&step.item.source).await?;
    cache::placed(&runner.store, &step.item, &checkout).await?;
    let ran = runner.run(&checkout, task(&step)).await?;
    let made = Made {
        checkout: &checkout,
        caches: checkout.tree(),
        toolchain: runner.toolchain(),
    };
    built(&runner.store, step, ran, made).await
}

pub(crate) fn task(Step { release, item }: &Step<Prepared>) -> Task<'_> {
    let section = &item.manifest.build;
    Task {
        line: &section.command,
        environment: [("COMMIT".to_owned(), item.planned.commit.to_string())].into(),
        limit: section.timeout,
        log_key: release.log_key(&item.planned.component, "build"),
        vendor: &item.vendor,
        cache: &section.cache,
    }
}

/// What a build has made, and by what.
pub(crate) struct Made<'a> {
    /// Its files.
    pub(crate) checkout: &'a Checkout,
    /// Where the folders are that it leaves for later builds.
    pub(crate) caches: PathBuf,
    pub(crate) toolchain: String,
}

pub(crate) async fn built(
    store: &Store,
    Step { release, item }: Step<Prepared>,
    ran: Ran,
    made: Made<'_>,
) -> Result<BuildReply, Fault> {
    let Made {
        checkout,
        caches,
        toolchain,
    } = made;
    if let Some(reason) = ran.failure() {
        return Err(failed(&item, &reason));
    }
    let component = item.planned.component.clone();
    let packed = pack(store, checkout, &item, release.build_key(&component)).await;
    let (output, etag) = packed.map_err(|fault| with_log(fault, &ran.log))?;
    let cache = cache::left(store, &release, &item, checkout, caches).await;
    let (commit, source) = (&item.planned.commit, &item.source.sha256);
    let of = Subject::build(&release, &component, commit, source);
    let reply = BuildReply {
        component,
        output,
        etag: Some(etag),
        command_seconds: ran.seconds(),
        log: ran.log,
        toolchain,
        cache,
    };
    store.put_evidence(of, &reply).await?;
    Ok(reply)
}

/// Packs, hashes and sends in one pass.
async fn pack(
    store: &Store,
    checkout: &Checkout,
    item: &Prepared,
    key: String,
) -> Result<(Bundle, String), Fault> {
    let (tree, time, output, run) = (
        checkout.tree(),
        checkout.time,
        item.manifest.build.output.as_str().to_owned(),
        item.manifest.run.clone(),
    );
    // What cannot be started is said here, before a machine boots for it.
    let (folder, startable) = blocking(move || {
        let folder = bundle::output_folder(&tree, &output)?;
        let startable = run.map(|run| command::check_artifact(run.command.as_str(), &folder));
        Ok((folder, startable))
    })
    .await
    .map_err(|e: bundle::PackError| not_packed(item, &e))?;
    startable
        .transpose()
        .map_err(|e| failed(item, &format!("[run] command: {}", chain(&e))))?;
    let make = move |to: &mut Parts| bundle::pack_to(&folder, to, time, Limits::ARTIFACT);
    let sent = store.upload_made(&key, make).await;
    let Sent { made, etag } = sent.map_err(|e| match e {
        NotMade::Making(error) => not_packed(item, &error),
        NotMade::Sending(error) => error.into(),
    })?;
    let bundle = Bundle {
        key,
        sha256: made.sha256,
        bytes: made.bytes,
    };
    Ok((bundle, etag))
}

fn not_packed(item: &Prepared, error: &bundle::PackError) -> Fault {
    failed(item, &format!("[build] output: {}", chain(error)))
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
