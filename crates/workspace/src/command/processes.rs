use super::{CommandError, Ending};
use nix::errno::Errno;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
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

/// Ends every process below this one. Processes that end as soon as they have started their successor
/// are met by killing what the kernel lists at once, before looking further.
fn end_descendants(ends: Instant) -> Result<(), CommandError> {
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
            match adopted() {
                none if none.is_empty() => break,
                some => some.into_iter().for_each(end),
            }
            reap_all();
        }
        pause();
    }
    Ok(())
}

/// Whether any process is below this one. A look into `/proc` takes its time and can miss one that moves
/// on meanwhile; this is one question to the kernel, and what loses its parent is a child of ours.
fn has_children() -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::All, flags | WaitPidFlag::__WALL) != Err(Errno::ECHILD)
}

/// Looks at what has been adopted, between two looks at all processes.
const ROUNDS: usize = 256;

fn end(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
    // Only what has become our own child can be reaped; the rest becomes it.
    reap(Pid::from_raw(pid));
}

/// This process's children, by one read: what loses its parent is among them. None where the kernel
/// does not list them.
fn adopted() -> Vec<i32> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let lists = threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let pids = lists.flat_map(|list| {
        let pids = list.split_whitespace().map(str::parse);
        pids.filter_map(Result::ok).collect::<Vec<i32>>()
    });
    pids.collect()
}

/// A process that is there while no command runs, and that is not ours: below this process, which starts
/// nothing but commands; or, where the sandbox's first process is its parent, as on Lambda, beside it. The
/// first process adopts what a function leaves that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Its number.
    pub pid: i32,
    /// What it calls itself.
    pub name: String,
}

pub(super) fn strays() -> Vec<Stray> {
    let me = std::process::id().cast_signed();
    let all = all_processes();
    let mut found = of_others(me, &all);
    found.retain(|process| is_of_our_user(process.pid));
    found.extend(descendants_in(me, &all));
    let found = found.into_iter().filter(|process| !reaped(process.pid));
    let mut found: Vec<Stray> = found.map(named).collect();
    // Whoever cannot see all cannot say that there is none.
    let sees = all.iter().any(|(_, process)| process.pid == me);
    if found.is_empty() && (!sees || has_children()) {
        let name = "not shown by /proc".to_owned();
        found.push(Stray { pid: 0, name });
    }
    found
}

/// A command's processes are of its user, which is ours; the sandbox may have others of its own.
fn is_of_our_user(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let own = nix::unistd::getuid().to_string();
    line.is_none_or(|ids| ids.split_whitespace().any(|id| id == own))
}

/// A zombie that is our child is only a number.
fn reaped(pid: i32) -> bool {
    let ended = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
    ended.is_ok_and(|status| status.pid().is_some())
}

fn named(process: Process) -> Stray {
    let comm = format!("/proc/{}/comm", process.pid);
    Stray {
        pid: process.pid,
        name: std::fs::read(comm)
            .map(|name| {
                String::from_utf8_lossy(&name)
                    .trim()
                    .escape_debug()
                    .collect()
            })
            .unwrap_or_default(),
    }
}

/// The first process of a sandbox.
const FIRST: i32 = 1;

/// Children of the first process beside this one, if it is one itself.
fn of_others(me: i32, all: &[(i32, Process)]) -> HashSet<Process> {
    let below_first = |&&(parent, _): &&(i32, Process)| parent == FIRST;
    let siblings: HashSet<Process> = all
        .iter()
        .filter(below_first)
        .map(|&(_, process)| process)
        .collect();
    match siblings.iter().any(|process| process.pid == me) {
        true => siblings.into_iter().filter(|one| one.pid != me).collect(),
        false => HashSet::new(),
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

/// Every process below this one.
fn descendants() -> HashSet<Process> {
    descendants_in(std::process::id().cast_signed(), &all_processes())
}

fn descendants_in(me: i32, all: &[(i32, Process)]) -> HashSet<Process> {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    for &(parent, process) in all {
        children.entry(parent).or_default().push(process);
    }
    let mut found = HashSet::new();
    let mut next = vec![me];
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

    fn process(parent: i32, pid: i32) -> (i32, Process) {
        let started = 1;
        (parent, Process { pid, started })
    }

    fn others(me: i32, all: &[(i32, Process)]) -> Vec<i32> {
        let mut found: Vec<i32> = of_others(me, all).iter().map(|one| one.pid).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn in_a_sandbox_of_its_own_what_the_first_process_has_adopted_is_not_ours() {
        let left = [process(0, 1), process(1, 8), process(8, 9), process(1, 7)];
        assert_eq!(others(8, &left), [7]);
        let alone = [process(0, 1), process(1, 8), process(8, 9)];
        assert_eq!(others(8, &alone), [0; 0]);
        // A machine's other services are nobody's leftovers.
        let on_a_machine = [process(0, 1), process(1, 5), process(5, 8), process(1, 7)];
        assert_eq!(others(8, &on_a_machine), [0; 0]);
    }
}
