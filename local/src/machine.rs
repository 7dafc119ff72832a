//! The first process of an instance: makes the instance's network, runs the user data in it, adopts
//! what that leaves behind, and ends all of it when the instance is terminated or the supervisor is
//! gone.

use std::collections::HashSet;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use cutover_net::{Inside, namespace};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::setsid;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::error::{LocalError, Result};
use crate::processes::{self, Ended};

/// EC2 gives an instance longer; a service that drains needs a few seconds.
pub const GRACE: Duration = Duration::from_secs(5);
/// A service on Amazon Linux 2023 has this soft limit, systemd's own.
const OPEN_FILES: u64 = 1024;
/// The user data's file in an instance's folder.
pub const USER_DATA: &str = "user-data";

/// Runs until told to end, by the line that is its standard input or because that closes.
pub fn run(folder: &Path, address: Ipv4Addr) -> Result<ExitCode> {
    // A session of its own: an interrupt at the supervisor's terminal is not for the instance.
    let _ = setsid();
    set_child_subreaper(true)
        .map_err(|error| LocalError::io("could not adopt processes")(error.into()))?;
    namespace::enter().map_err(no_network)?;
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, OPEN_FILES.min(most), most);
    }
    runtime()?.block_on(live(folder, address))
}

/// Makes the network of an instance and nothing in it, to see whether this machine allows it.
pub fn rehearse() -> Result<ExitCode> {
    namespace::enter().map_err(no_network)?;
    let furnish = namespace::furnish(Ipv4Addr::new(10, 0, 0, 1));
    runtime()?.block_on(furnish).map_err(no_network)?;
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LocalError::io("could not start the machine"))
}

fn no_network(error: namespace::NoNamespace) -> LocalError {
    LocalError::Namespace(error)
}

async fn live(folder: &Path, address: Ipv4Addr) -> Result<ExitCode> {
    let failed = || "could not listen for signals";
    let mut asked = signal(SignalKind::terminate()).map_err(LocalError::io(failed()))?;
    let mut ended = signal(SignalKind::child()).map_err(LocalError::io(failed()))?;
    let unheard = || LocalError::io("could not speak to the instance host");
    let line = Inside::of_stdin().map_err(unheard())?;
    let listeners = namespace::furnish(address).await.map_err(no_network)?;
    line.ready(listeners).await.map_err(unheard())?;
    let (end, mut told) = oneshot::channel();
    // Until the process exits: services are reached by it while they finish what they have begun.
    tokio::spawn(line.serve(end));
    boot(folder);
    loop {
        tokio::select! {
            _ = asked.recv() => break,
            _ = &mut told => break,
            _ = ended.recv() => reap(),
        }
    }
    let ending = tokio::task::spawn_blocking(end_everything).await;
    Ok(ending.unwrap_or(ExitCode::FAILURE))
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
