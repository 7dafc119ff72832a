//! What a person types: up, down, status.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::{LocalError, Result};
use crate::lock::{self, Asked, Holder};
use crate::processes::{self, Ended};
use crate::root::Root;
use crate::state::{self, State};
use crate::{ministack, network, supervisor};

/// Longer than the emulator's own limit, so that its message comes first.
const UP_LIMIT: Duration = Duration::from_secs(90);
/// The supervisor gives its instances 5 s; then it is killed and the rest swept up.
const DOWN_LIMIT: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(50);

/// Starts the supervisor in the background and waits until everything is ready.
pub fn up(root: &Root) -> Result<ExitCode> {
    if let Asked::Theirs(holder) = lock::ask(root)? {
        let state = wait_ready(root, holder, None)?;
        println!(
            "The local cloud is up already (process {}).",
            state.supervisor.pid
        );
        if !ministack::is_of_this_build(root) {
            println!(
                "  note: another build of this program started its emulator; `make down up` starts this one's"
            );
        }
        print_table(&state);
        return Ok(ExitCode::SUCCESS);
    }
    network::check()?;
    let child = start_supervisor(root)?;
    let state = wait_ready(root, None, Some(child))?;
    println!("The local cloud is up.");
    print_table(&state);
    println!("\nFor any AWS client:  . .local/env\nTo end it:           cutover-local down");
    Ok(ExitCode::SUCCESS)
}

fn start_supervisor(root: &Root) -> Result<Child> {
    std::fs::create_dir_all(root.in_local("log"))
        .map_err(LocalError::io("could not make .local/log"))?;
    let log = ministack::log_file(&root.log("supervisor"))?;
    let errors = log
        .try_clone()
        .map_err(LocalError::io("could not open the supervisor's log"))?;
    let this =
        env::current_exe().map_err(LocalError::io("could not find this program's own file"))?;
    Command::new(this)
        .args(["up", "--foreground", "--root"])
        .arg(root.path())
        .current_dir(root.path())
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        // Its own group: an interrupt at this terminal is not meant for it.
        .process_group(0)
        .spawn()
        .map_err(LocalError::io("could not start the supervisor"))
}

/// Waits for the state of a supervisor that holds the lock now.
fn wait_ready(root: &Root, holder: Option<Holder>, mut child: Option<Child>) -> Result<State> {
    let deadline = Instant::now() + UP_LIMIT;
    while Instant::now() < deadline {
        if let Some(state) = State::read(root).filter(|state| state.supervisor.is_alive())
            && holder.is_none_or(|holder| holder == state.supervisor)
        {
            return Ok(state);
        }
        // If two start at once, one of them finds the lock taken and ends; the other gets ready.
        let over = child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(Some(_))));
        if over && matches!(lock::ask(root)?, Asked::Ours { .. }) {
            return Err(LocalError::Refused(format!(
                "the local cloud did not start. The end of .local/log/supervisor.log:\n{}",
                ministack::tail(&root.log("supervisor"))
            )));
        }
        thread::sleep(LOOK);
    }
    Err(LocalError::Refused(format!(
        "the local cloud is not ready after {} s; see .local/log, and `cutover-local down` ends it",
        UP_LIMIT.as_secs()
    )))
}

/// Ends the supervisor and everything that belongs to this root, whoever started it.
pub fn down(root: &Root) -> Result<ExitCode> {
    if !root.local().is_dir() {
        println!("The local cloud is down.");
        return Ok(ExitCode::SUCCESS);
    }
    if let Asked::Theirs(holder) = lock::ask(root)? {
        end_supervisor(root, holder)?;
    }
    // Held while its traces go, so that nobody who starts it meanwhile loses theirs.
    let Asked::Ours { mut lock, .. } = lock::ask(root)? else {
        println!("The local cloud was started again meanwhile, and stays up.");
        return Ok(ExitCode::SUCCESS);
    };
    let swept = sweep(root)?;
    state::forget(root);
    lock.clear()?;
    match swept {
        0 => println!("The local cloud is down."),
        count => {
            println!("The local cloud is down; {count} processes that it had left were ended.")
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn end_supervisor(root: &Root, holder: Option<Holder>) -> Result<()> {
    let holder = holder
        .or_else(|| State::read(root).map(|state| state.supervisor))
        .filter(|holder| holder.is_alive());
    let Some(holder) = holder else {
        return Err(LocalError::Refused(
            "the local cloud is just starting; try `down` again in a moment".into(),
        ));
    };
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let _ = kill(Pid::from_raw(holder.pid), signal);
        let deadline = Instant::now() + DOWN_LIMIT;
        while holder.is_alive() && Instant::now() < deadline {
            thread::sleep(LOOK);
        }
        if !holder.is_alive() {
            return Ok(());
        }
    }
    Err(LocalError::Refused(format!(
        "process {} cannot be ended",
        holder.pid
    )))
}

/// Ends processes that nobody looks after any more; returns how many there were.
pub fn sweep(root: &Root) -> Result<usize> {
    match processes::end(|| processes::of_root(root), Duration::from_secs(2)) {
        Ended::NoneThere => Ok(0),
        Ended::All { count } => Ok(count),
        Ended::Left { pids } => Err(LocalError::Refused(format!(
            "these processes cannot be ended: {pids:?}"
        ))),
    }
}

/// Prints what runs where.
pub fn status(root: &Root, json: bool) -> Result<ExitCode> {
    let Some(state) = State::read(root).filter(|state| state.supervisor.is_alive()) else {
        println!(
            "{}",
            if json {
                "null"
            } else {
                "The local cloud is down. `cutover-local up` starts it."
            }
        );
        return Ok(ExitCode::from(supervisor::EXIT_DOWN));
    };
    if json {
        let mut value = serde_json::to_value(&state).unwrap_or_default();
        value
            .as_object_mut()
            .map(|fields| fields.remove("credentials"));
        println!("{value:#}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("The local cloud is up (process {}).", state.supervisor.pid);
    print_table(&state);
    print_instances(&state);
    Ok(ExitCode::SUCCESS)
}

fn print_table(state: &State) {
    for (part, address) in [
        ("AWS endpoint", &state.endpoint),
        ("gateway", &state.gateway),
        ("DNS", &state.dns),
        ("git", &state.git),
        ("region", &state.region),
    ] {
        println!("  {part:<13} {address}");
    }
    for note in &state.notes {
        println!("  note: {note}");
    }
}

fn print_instances(state: &State) {
    if state.instances.is_empty() {
        println!("\nNo instances.");
        return;
    }
    println!(
        "\n  {:<20} {:<16} {:<12} {:<10} {:<20} STATE",
        "INSTANCE", "COMPONENT", "COMMIT", "RELEASE", "ADDRESS"
    );
    for line in &state.instances {
        let commit: String = line.commit.chars().take(12).collect();
        let address = line.port.map_or_else(
            || line.address.clone(),
            |port| format!("{}:{port}", line.address),
        );
        println!(
            "  {:<20} {:<16} {:<12} {:<10} {:<20} {}",
            line.id, line.component, commit, line.release, address, line.state
        );
    }
}
