//! Keeps commands from reading the process that runs them.

use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Names the copy that runs now; see [`by_program`].
const COPY: &str = "CUTOVER_CLOSED_COPY";

/// Keeps other processes of this user, the commands that run here, from reading this process:
/// its memory and `/proc/<pid>/environ` hold credentials. (Root can do it all the same.) Also
/// turns core dumps off. Call it at the start of every function that runs commands, before it has done anything:
/// where `prctl` is refused, as on Lambda, the program begins anew.
///
/// # Errors
/// When the kernel refuses.
pub fn protect() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    match nix::sys::prctl::set_dumpable(false) {
        Ok(()) => Ok(()),
        Err(Errno::EPERM) => by_program(),
        Err(error) => Err(error.into()),
    }
}

/// Runs a copy of the program that its user may run but not read. Such a process is closed to others of its
/// user, as after `prctl(PR_SET_DUMPABLE, 0)`: else its program could be read in its memory
/// (`would_dump` in the kernel's `fs/exec.c`). Returns in the copy.
fn by_program() -> io::Result<()> {
    if let Some(copy) = std::env::var_os(COPY) {
        std::fs::remove_file(copy).ok();
        return match nix::unistd::geteuid().is_root() || !is_open()? {
            true => Ok(()),
            false => Err(io::Error::other(
                "others of its user can read it, and prctl is refused",
            )),
        };
    }
    let copy = copied()?;
    let mut again = Command::new(&copy);
    again.args(std::env::args_os().skip(1)).env(COPY, &copy);
    let error = again.exec();
    std::fs::remove_file(copy).ok();
    Err(error)
}

fn copied() -> io::Result<PathBuf> {
    let mut copy = tempfile::Builder::new().prefix("closed-").tempfile()?;
    io::copy(&mut File::open("/proc/self/exe")?, copy.as_file_mut())?;
    copy.as_file()
        .set_permissions(Permissions::from_mode(0o111))?;
    // Closed: what is open for writing cannot be run.
    Ok(copy.into_temp_path().keep()?)
}

/// Whether another process of this user can read this one: one tries.
fn is_open() -> io::Result<bool> {
    let mut other = Command::new("/bin/sh");
    other.args(["-c", ": <\"/proc/$PPID/environ\""]).env_clear();
    other.stdin(Stdio::null()).stdout(Stdio::null());
    Ok(other.stderr(Stdio::null()).status()?.success())
}
