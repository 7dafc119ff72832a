//! The first process of an instance: runs the user data, adopts what it leaves behind, and ends
//! all of it when the instance is terminated or the supervisor is gone.

use std::collections::HashSet;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;
use std::{fs, thread};

use nix::sys::prctl::set_child_subreaper;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::setsid;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::error::{LocalError, Result};
use crate::processes::{self, Ended};

/// EC2 gives an instance longer; a service that drains needs a few seconds.
pub const GRACE: Duration = Duration::from_secs(5);
/// The user data's file in an instance's folder.
pub const USER_DATA: &str = "user-data";

/// Runs until told to end. Its standard input is the leash: when it closes, the machine ends.
pub fn run(folder: &Path) -> Result<ExitCode> {
    // A session of its own: an interrupt at the supervisor's terminal is not for the instance.
    let _ = setsid();
    set_child_subreaper(true)
        .map_err(|error| LocalError::io("could not adopt processes")(error.into()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LocalError::io("could not start the machine"))?;
    runtime.block_on(live(folder))?;
    Ok(end_everything())
}

async fn live(folder: &Path) -> Result<()> {
    let failed = || "could not listen for signals";
    let mut asked = signal(SignalKind::terminate()).map_err(LocalError::io(failed()))?;
    let mut ended = signal(SignalKind::child()).map_err(LocalError::io(failed()))?;
    let mut leash = leash();
    boot(folder);
    loop {
        tokio::select! {
            _ = asked.recv() => return Ok(()),
            _ = &mut leash => return Ok(()),
            _ = ended.recv() => reap(),
        }
    }
}

fn leash() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let mut buffer = [0; 64];
        while matches!(std::io::stdin().read(&mut buffer), Ok(count) if count > 0) {}
        let _ = sender.send(());
    });
    receiver
}

/// Starts the user data as cloud-init would. If that cannot be, the instance is up and does
/// nothing, as on EC2, and its console says why.
fn boot(folder: &Path) {
    let script = folder.join(USER_DATA);
    let text = match fs::read(&script) {
        Ok(text) => text,
        Err(error) => return println!("cloud-init: no user data: {error}"),
    };
    if !text.starts_with(b"#!") {
        return println!("cloud-init: the user data is not a script: it does not begin with #!");
    }
    let started = fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).and_then(|()| {
        Command::new(&script)
            .current_dir(folder)
            .stdin(Stdio::null())
            .spawn()
    });
    if let Err(error) = started {
        println!("cloud-init: the user data could not be started: {error}");
    }
}

/// Takes the exit status of everything that ended, own children and adopted ones.
fn reap() {
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        if status == WaitStatus::StillAlive {
            return;
        }
    }
}

fn end_everything() -> ExitCode {
    let this = std::process::id() as i32;
    let below = || {
        reap();
        let all = processes::all();
        processes::with_descendants(&all, &HashSet::from([this]))
            .into_iter()
            .filter(|pid| *pid != this)
            .collect()
    };
    match processes::end(below, GRACE) {
        Ended::Left { pids } => {
            println!("machine: these processes cannot be ended: {pids:?}");
            ExitCode::FAILURE
        }
        Ended::NoneThere | Ended::All { .. } => ExitCode::SUCCESS,
    }
}
