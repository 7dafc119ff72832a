//! The one process that starts every part, and ends all of them when it ends or one of them does.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::commands;
use crate::error::{LocalError, Result};
use crate::lock::{self, Asked, Holder, Lock};
use crate::ministack::{self, MiniStack};
use crate::root::Root;
use crate::state::{self, ACCOUNT, PROJECT, REGION, State};

/// `status` when there is nothing to show.
pub const EXIT_DOWN: u8 = 3;

/// Runs the local cloud until a signal, or until a part of it fails.
pub fn run(root: &Root) -> Result<ExitCode> {
    let mut lock = take_lock(root)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(LocalError::io("could not start the runtime"))?;
    let outcome = runtime.block_on(supervise(root));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    state::forget(root);
    commands::sweep(root)?;
    lock.clear()?;
    outcome.map(|()| ExitCode::SUCCESS)
}

fn take_lock(root: &Root) -> Result<Lock> {
    let holder = Holder::this_process()?;
    match lock::ask(root)? {
        Asked::Theirs(_) => Err(LocalError::Refused("the local cloud is up already".into())),
        Asked::Ours { mut lock, left_by } => {
            lock.sign(holder)?;
            let swept = commands::sweep(root)?;
            if let Some(left_by) = left_by {
                println!("Process {} ended without cleaning up; {swept} processes it left were ended.", left_by.pid);
            }
            state::forget(root);
            root.prepare()?;
            Ok(lock)
        }
    }
}

async fn supervise(root: &Root) -> Result<()> {
    let credentials = ministack::new_credentials()?;
    let command_path = ministack::command_path(root);
    let mut emulator = MiniStack::start(root, &credentials, &command_path).await?;
    let state = State {
        supervisor: Holder::this_process()?,
        endpoint: emulator.endpoint.clone(),
        gateway: String::new(),
        dns: String::new(),
        git: String::new(),
        region: REGION.into(),
        account: ACCOUNT.into(),
        project: PROJECT.into(),
        command_path,
        credentials,
        instances: Vec::new(),
    };
    state.write_env(root)?;
    state.write(root)?;
    println!("ready: {}", state.endpoint);
    let outcome = tokio::select! {
        () = asked_to_end() => Ok(()),
        status = emulator.ended() => Err(LocalError::Refused(format!("MiniStack ended ({status}); everything else is ended too"))),
    };
    emulator.stop().await;
    outcome
}

async fn asked_to_end() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
