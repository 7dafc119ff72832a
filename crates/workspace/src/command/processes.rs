use super::look::{descendants, has_children, listed_children};
use super::{CommandError, Ending, adopter};
use nix::errno::Errno;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// The kernel ends a process within milliseconds of SIGKILL; only one that hangs in a driver or
/// a dead network disk takes longer.
const DEATH: Duration = Duration::from_secs(10);

/// The first process of a command, which leads a process group, and all that come of it.
pub(super) struct Leader {
    child: Child,
    usage: Option<Usage>,
    exited: mpsc::Receiver<()>,
}

/// What the leader's end was, with everything else gone too.
pub(super) struct Ended {
    pub(super) ending: Ending,
    pub(super) user_time: Duration,
    pub(super) system_time: Duration,
}

impl Leader {
    pub(super) fn start(
        command: &mut std::process::Command,
        name: &str,
    ) -> Result<Self, CommandError> {
        adopter::settle()?;
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok();
        let child = command.spawn().map_err(|error| not_started(name, error))?;
        let exited = watch(pid(&child));
        Ok(Self {
            child,
            usage,
            exited,
        })
    }

    /// Whether it ended within `limit`.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        self.exited.recv_timeout(limit).is_ok()
    }

    /// Asks the group to end and waits for its leader, at most `grace`.
    pub(super) fn terminate(&self, grace: Duration) {
        killpg(pid(&self.child), Signal::SIGTERM).ok();
        self.wait(grace);
    }

    /// Ends the group and everything that has left it, and waits until all of it is gone.
    pub(super) fn end(mut self) -> Result<Ended, CommandError> {
        let ends = Instant::now() + DEATH;
        // The leader is not reaped yet, so its group's number cannot be another's.
        killpg(pid(&self.child), Signal::SIGKILL).ok();
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < ends => pause(),
                _ => return Err(CommandError::StillRunning { count: 1 }),
            }
        };
        end_descendants(ends)?;
        // Whoever watched this one must not reap the next command's.
        if self.exited.recv_timeout(DEATH) == Err(RecvTimeoutError::Timeout) {
            return Err(CommandError::StillRunning { count: 1 });
        }
        Ok(self.ended(status))
    }

    fn ended(&self, status: ExitStatus) -> Ended {
        let after = getrusage(UsageWho::RUSAGE_CHILDREN).ok();
        let spent = |of: fn(&Usage) -> Duration| match (&self.usage, &after) {
            (Some(before), Some(after)) => of(after).saturating_sub(of(before)),
            _ => Duration::ZERO,
        };
        Ended {
            ending: match (status.code(), status.signal()) {
                (Some(code), _) => Ending::Exited { code },
                (None, signal) => Ending::Signalled {
                    signal: signal.unwrap_or_default(),
                },
            },
            user_time: spent(|usage| duration(usage.user_time())),
            system_time: spent(|usage| duration(usage.system_time())),
        }
    }
}

/// Ends all that the command has started and that is left.
fn end_descendants(ends: Instant) -> Result<(), CommandError> {
    let mut quiet = 0;
    while quiet < QUIET {
        end_below(ends)?;
        let left = adopter::taken_in();
        if Instant::now() >= ends && !left.is_empty() {
            return Err(CommandError::StillRunning { count: left.len() });
        }
        match left.is_empty() {
            true if adopter::is_this_process() => return Ok(()),
            true => quiet += 1,
            false => quiet = 0,
        }
        left.iter().for_each(|process| end(process.pid));
        pause();
    }
    Ok(())
}

/// Looks without a find, one after the other, before it counts as gone what another process takes in: the kernel
/// may leave out what comes and goes meanwhile.
const QUIET: u32 = 3;

/// Ends every process below this one. Processes that end as soon as they have started their successor
/// are met by killing what the kernel lists at once, before looking further.
fn end_below(ends: Instant) -> Result<(), CommandError> {
    let me = std::process::id().cast_signed();
    while has_children() {
        reap_all();
        let left = descendants();
        if Instant::now() >= ends {
            reap_in_the_background();
            let count = left.len().max(1);
            return Err(CommandError::StillRunning { count });
        }
        left.iter().for_each(|process| end(process.pid));
        for _ in 0..ROUNDS {
            // What loses its parent is among them, where this process takes it in.
            match listed_children(me).unwrap_or_default() {
                none if none.is_empty() => break,
                some => some.into_iter().for_each(end),
            }
            reap_all();
        }
        pause();
    }
    Ok(())
}

/// Looks at what has been adopted, between two looks at all processes.
const ROUNDS: usize = 256;

fn end(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
    // Only what has become our own child can be reaped; the rest becomes it.
    reap(Pid::from_raw(pid));
}

/// The program is there and executable: what the kernel still objects to is mostly the
/// component's to mend.
fn not_started(name: &str, source: io::Error) -> CommandError {
    let program = name.to_owned();
    let reason = match source.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT) => "the interpreter that its first line names is not there",
        Some(Errno::ENOEXEC) => {
            "it is no program for this machine, nor a script that begins with #!"
        }
        Some(Errno::EACCES) => "it, or the interpreter that its first line names, may not be run",
        _ => return CommandError::Start { program, source },
    };
    let reason = reason.to_owned();
    CommandError::Program { program, reason }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// Between two looks at what the kernel has still to end.
fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

fn duration(time: nix::sys::time::TimeVal) -> Duration {
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec())) + Duration::from_micros(part(time.tv_usec()))
}

/// Says when the process has ended, and leaves it to be reaped: until then its number is taken. What else
/// ends meanwhile has lost its parent and become our child. It is reaped at once: the numbers of what a
/// command orphans, a hundred thousand a minute if it likes, would be missing on the whole machine.
fn watch(pid: Pid) -> mpsc::Receiver<()> {
    let (ended, exited) = mpsc::channel();
    std::thread::spawn(move || {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        let alive = || {
            let seen = waitid(Id::Pid(pid), flags | WaitPidFlag::WNOHANG);
            matches!(seen, Ok(WaitStatus::StillAlive) | Err(Errno::EINTR))
        };
        while alive() {
            match waitid(Id::All, flags | WaitPidFlag::__WALL).map(|status| status.pid()) {
                Ok(Some(other)) if other != pid => reap(other),
                _ => {}
            }
        }
        ended.send(()).ok();
    });
    exited
}

/// Frees the number of what has ended.
fn reap(pid: Pid) {
    waitpid(pid, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)).ok();
}

/// Frees the numbers of all that has ended, so far.
fn reap_all() {
    let flags = WaitPidFlag::WNOHANG | WaitPidFlag::__WALL;
    for _ in 0..MOST_REAPED {
        match waitpid(Pid::from_raw(-1), Some(flags)) {
            Ok(status) if status.pid().is_some() => {}
            _ => return,
        }
    }
}

/// At a time; more than there are numbers on most machines.
const MOST_REAPED: usize = 65_536;

/// Reaps what goes on until the process ends, which it is to do soon.
fn reap_in_the_background() {
    std::thread::spawn(|| {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::__WALL;
        while let Ok(Some(pid)) = waitid(Id::All, flags).map(|status| status.pid()) {
            reap(pid);
        }
    });
}
