//! The component's build, in a clean checkout; what it leaves is packed for Push artifacts.

use pipeline::errors::{ErrorName, Fault, Named, chain};
use pipeline::evidence::Subject;
use pipeline::wire::{BuildReply, Bundle, Prepared, Step};
use runner::{Checkout, Runner, Task};
use stage::Settings;
use std::collections::HashMap;
use store::Store;
use workspace::{Limits, blocking, bundle, command};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let runner = Runner::new(Store::new(&config, &settings.bucket), Settings::variable)?;
    stage::run_until(
        || runner.is_spoiled(),
        async |step: Step<Prepared>| build(&runner, step).await,
    )
    .await
}

async fn build(
    runner: &Runner,
    Step { release, item }: Step<Prepared>,
) -> Result<BuildReply, Fault> {
    let component = item.planned.component.clone();
    let checkout = runner.checkout(&item.source).await?;
    let section = &item.manifest.build;
    let task = Task {
        line: &section.command,
        environment: [("COMMIT".to_owned(), item.planned.commit.to_string())].into(),
        limit: section.timeout,
        log_key: release.log_key(&component, "build"),
    };
    let ran = runner.run(&checkout, task).await?;
    if let Some(reason) = ran.failure() {
        return Err(failed(&item, &reason));
    }
    let packed = pack(runner, &checkout, &item, release.build_key(&component)).await;
    let output = packed.map_err(|fault| with_log(fault, &ran.log))?;
    let of = Subject::build(
        &release,
        &component,
        &item.planned.commit,
        &item.source.sha256,
    );
    let reply = BuildReply {
        component,
        output,
        command_seconds: ran.seconds(),
        log: ran.log,
        toolchain: toolchain(),
    };
    runner.store.put_evidence(of, &reply).await?;
    Ok(reply)
}

async fn pack(
    runner: &Runner,
    checkout: &Checkout,
    item: &Prepared,
    key: String,
) -> Result<Bundle, Fault> {
    let (tree, time, output, run) = (
        checkout.tree(),
        checkout.time,
        item.manifest.build.output.as_str().to_owned(),
        item.manifest.run.command.as_str().to_owned(),
    );
    let file = checkout.beside("output")?.join("output.tar.zst");
    let to = file.clone();
    // What cannot be started is said here, before a machine boots for it.
    let (startable, packed) = blocking(move || {
        let folder = bundle::output_folder(&tree, &output)?;
        let startable = command::check_artifact(&run, &folder);
        let packed = bundle::pack(&folder, &to, time, Limits::ARTIFACT)?;
        Ok::<_, bundle::PackError>((startable, packed))
    })
    .await
    .map_err(|e| failed(item, &format!("[build] output: {}", chain(&e))))?;
    startable.map_err(|e| failed(item, &format!("[run] command: {}", chain(&e))))?;
    runner
        .store
        .upload(
            &file,
            &key,
            HashMap::from([("sha256".to_owned(), packed.sha256.clone())]),
        )
        .await?;
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

/// What built it, as far as the function knows: where it ran.
fn toolchain() -> String {
    let version = std::env::var("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default();
    format!(
        "{} {} build function {version}",
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}
