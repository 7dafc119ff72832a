//! Who takes in a process that loses its parent, so that all that a command has started is found again.
//!
//! The kernel gives it to this process, if it asks for that by `prctl`. Lambda refuses `prctl`, whatever is asked
//! for (<https://github.com/krallin/tini/issues/227>, <https://github.com/hashicorp/terraform-exec/issues/172>).
//! There the sandbox's first process takes it in. That one is this process's parent, so what a command
//! left is beside this process.

use super::CommandError;
use super::look::{Process, is_dead, is_of_our_user, parent_and_process};
use nix::errno::Errno;
use nix::unistd::getppid;
use std::collections::HashSet;
use std::io;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A process that is our parent and takes in what loses its own.
#[derive(Debug)]
struct Parent {
    pid: i32,
    /// Its children before the first command: not a command's.
    before: HashSet<Process>,
}

/// Set with the first command, where this process cannot do it itself.
static PARENT: OnceLock<Parent> = OnceLock::new();

/// Sees to it that what loses its parent is found again.
///
/// # Errors
/// When neither this process nor its parent takes it in.
pub(super) fn settle() -> Result<(), CommandError> {
    let refused = |source: io::Error| CommandError::Prepare {
        what: "adopting orphans",
        source,
    };
    match nix::sys::prctl::set_child_subreaper(true) {
        Ok(()) => return Ok(()),
        Err(Errno::EPERM) if PARENT.get().is_some() => return Ok(()),
        Err(Errno::EPERM) => {}
        Err(error) => return Err(refused(error.into())),
    }
    let parent = getppid().as_raw();
    let before = children_of(parent).into_iter().collect();
    match who_adopts().map_err(refused)? {
        found if found == parent => {
            PARENT.get_or_init(|| Parent {
                pid: parent,
                before,
            });
            Ok(())
        }
        other => Err(refused(io::Error::other(format!(
            "what loses its parent goes to process {other}, and this one's parent is {parent}"
        )))),
    }
}

/// Whether this process takes in what loses its parent.
pub(super) fn is_this_process() -> bool {
    PARENT.get().is_none()
}

/// Tries it with a process that loses its parent.
fn who_adopts() -> io::Result<i32> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "sleep 10 >/dev/null 2>&1 & echo $!"]);
    let said = shell.env_clear().env("PATH", SYSTEM);
    let said = said.stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&said.stdout);
    let unknown = || io::Error::other("a process that lost its parent is not to be found");
    let orphan: i32 = text.trim().parse().map_err(|_| unknown())?;
    let found = parent_and_process(orphan).ok_or_else(unknown);
    let pid = nix::unistd::Pid::from_raw(orphan);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).ok();
    found.map(|(parent, _)| parent)
}

const SYSTEM: &str = "/usr/local/bin:/usr/bin:/bin";

/// What a command left with the process that takes it in; nothing where that is this one.
pub(super) fn taken_in() -> HashSet<Process> {
    let Some(parent) = PARENT.get() else {
        return HashSet::new();
    };
    let me = std::process::id().cast_signed();
    let of_commands = |one: &Process| {
        one.pid != me
            && !parent.before.contains(one)
            && is_of_our_user(one.pid)
            && !is_dead(one.pid)
    };
    children_of(parent.pid)
        .into_iter()
        .filter(of_commands)
        .collect()
}

/// By one read where the kernel lists them, else by a look at all.
fn children_of(parent: i32) -> Vec<Process> {
    match super::look::listed_children(parent) {
        Some(pids) => pids
            .into_iter()
            .filter_map(parent_and_process)
            .filter(|&(of, _)| of == parent)
            .map(|(_, process)| process)
            .collect(),
        None => super::look::all_processes()
            .into_iter()
            .filter(|&(of, _)| of == parent)
            .map(|(_, process)| process)
            .collect(),
    }
}
