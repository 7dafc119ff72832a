use super::{CommandError, Ending};
use nix::errno::Errno;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The kernel ends a process within milliseconds of SIGKILL; only one that hangs in a driver or
/// a dead network disk takes longer.
const DEATH: Duration = Duration::from_secs(10);

/// The first process of a command, which leads a process group, and all that come of it.
pub(super) struct Leader {
    child: Child,
    before: HashSet<Process>,
    usage: Option<Usage>,
    exited: mpsc::Receiver<()>,
}

/// What the leader's end was, with everything else gone too.
pub(super) struct Ended {
    pub(super) ending: Ending,
    pub(super) user_time: Duration,
    pub(super) system_time: Duration,
}

/// A number alone is not a process: numbers are used again. Number and start time are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Process {
    pid: i32,
    /// In clock ticks since boot.
    started: u64,
}

impl Leader {
    pub(super) fn start(
        command: &mut std::process::Command,
        name: &str,
    ) -> Result<Self, CommandError> {
        // Whatever loses its parent becomes our child, not init's: so it stays to be found.
        nix::sys::prctl::set_child_subreaper(true).map_err(|error| CommandError::Prepare {
            what: "adopting orphans",
            source: error.into(),
        })?;
        let before = descendants();
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok();
        let child = command.spawn().map_err(|error| not_started(name, error))?;
        let exited = watch(pid(&child));
        Ok(Self {
            child,
            before,
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
        loop {
            let left: Vec<Process> = descendants().difference(&self.before).copied().collect();
            if left.is_empty() {
                break;
            }
            if Instant::now() >= ends {
                return Err(CommandError::StillRunning { count: left.len() });
            }
            for process in left {
                kill(Pid::from_raw(process.pid), Signal::SIGKILL).ok();
                // Only what has become our own child can be reaped; the rest becomes it.
                waitpid(Pid::from_raw(process.pid), Some(WaitPidFlag::WNOHANG)).ok();
            }
            pause();
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

/// Says when the process has ended, and leaves it to be reaped: until then its number is taken.
fn watch(pid: Pid) -> mpsc::Receiver<()> {
    let (ended, exited) = mpsc::channel();
    std::thread::spawn(move || {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while waitid(Id::Pid(pid), flags) == Err(Errno::EINTR) {}
        ended.send(()).ok();
    });
    exited
}

/// Every process below this one.
fn descendants() -> HashSet<Process> {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    for (parent, process) in all_processes() {
        children.entry(parent).or_default().push(process);
    }
    let mut found = HashSet::new();
    let mut next = vec![std::process::id().cast_signed()];
    while let Some(parent) = next.pop() {
        for &process in children.get(&parent).map_or(&[][..], Vec::as_slice) {
            if found.insert(process) {
                next.push(process.pid);
            }
        }
    }
    found
}

/// Parent and process, of all that `/proc` shows. One that goes away meanwhile is not there.
fn all_processes() -> Vec<(i32, Process)> {
    let Ok(items) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    items
        .flatten()
        .filter_map(|item| {
            let pid: i32 = item.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read(item.path().join("stat")).ok()?;
            let (parent, started) = parse_stat(&stat)?;
            Some((parent, Process { pid, started }))
        })
        .collect()
}

/// Fields 4 (parent) and 22 (start time) of proc_pid_stat(5). Field 2, the name, may hold
/// anything, so counting starts behind its last parenthesis.
fn parse_stat(stat: &[u8]) -> Option<(i32, u64)> {
    let stat = String::from_utf8_lossy(stat);
    let (_, after) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    Some((fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processs_name_cannot_forge_its_parent() {
        let stat = b"42 (x) S 1 (y) S 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 0 0";
        assert_eq!(parse_stat(stat), Some((7, 12345)));
    }
}
