//! Runs a function's program as Lambda does: below a process that takes in whatever loses its parent and ends it
//! with the function, and without what Lambda refuses.
//!
//! Refused with `EPERM`: `prctl`, whatever is asked for (<https://github.com/krallin/tini/issues/227>,
//! <https://github.com/hashicorp/terraform-exec/issues/172>), and namespaces
//! (<https://github.com/aws/aws-lambda-base-images/issues/143>).

use nix::libc::{EPERM, SYS_prctl, SYS_setns, SYS_unshare};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::{Pid, getpid, getppid};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::error::Error;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// Followed by the number of the process that watches over this one.
const INSIDE: &str = "--inside";
/// The kernel ends a process within milliseconds of SIGKILL.
const DEATH: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let done = match &words[..] {
        [inside, above, program] if inside == INSIDE => begin(above, program),
        [program] => watch(program),
        _ => Err("which program?".into()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("the function was not started: {error}");
        ExitCode::FAILURE
    })
}

/// Becomes the function's program, which ends with the process above.
fn begin(above: &OsString, program: &OsString) -> Result<ExitCode, Box<dyn Error>> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if above != getppid().to_string().as_str() {
        return Err("the process above has ended".into());
    }
    seccompiler::apply_filter(&refused()?)?;
    Err(Command::new(program).exec().into())
}

fn refused() -> Result<BpfProgram, Box<dyn Error>> {
    let calls = [SYS_prctl, SYS_unshare, SYS_setns];
    let filter = SeccompFilter::new(
        calls.into_iter().map(|call| (call, Vec::new())).collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(EPERM.cast_unsigned()),
        std::env::consts::ARCH.try_into()?,
    )?;
    Ok(filter.try_into()?)
}

/// Starts it, and ends as it does.
fn watch(program: &OsString) -> Result<ExitCode, Box<dyn Error>> {
    prctl::set_child_subreaper(true)?;
    let mut inside = Command::new(std::env::current_exe()?);
    inside.arg(INSIDE).arg(getpid().to_string()).arg(program);
    let function = Pid::from_raw(inside.spawn()?.id().cast_signed());
    let ended = loop {
        match wait()? {
            WaitStatus::Exited(pid, code) if pid == function => break Ok(code),
            WaitStatus::Signaled(pid, signal, _) if pid == function => break Err(signal),
            // An orphan. Its number is free now.
            _ => {}
        }
    };
    end_the_rest();
    match ended {
        Ok(code) => Ok(ExitCode::from(u8::try_from(code & 0xff)?)),
        Err(signal) => {
            raise(signal)?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What the function has left goes with its sandbox.
fn end_the_rest() {
    let ends = Instant::now() + DEATH;
    while Instant::now() < ends {
        let list = format!("/proc/self/task/{}/children", getpid());
        let left = std::fs::read_to_string(list).unwrap_or_default();
        let pids = left
            .split_whitespace()
            .filter_map(|pid| pid.parse::<i32>().ok());
        let pids: Vec<i32> = pids.collect();
        if pids.is_empty() {
            return;
        }
        for pid in pids {
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
            wait().ok();
        }
    }
}
