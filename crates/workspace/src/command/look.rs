//! What `/proc` shows: which processes there are, and whose.

use super::adopter;
use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};

/// A number alone is not a process: numbers are used again. Number and start time are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) pid: i32,
    /// In clock ticks since boot.
    started: u64,
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
    found.extend(adopter::taken_in());
    found.retain(|process| is_of_our_user(process.pid) && !is_dead(process.pid));
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
pub(super) fn is_of_our_user(pid: i32) -> bool {
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

/// Whether any process is below this one. A look into `/proc` takes its time and can miss one that moves
/// on meanwhile; this is one question to the kernel, and what loses its parent is a child of ours.
pub(super) fn has_children() -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::All, flags | WaitPidFlag::__WALL) != Err(Errno::ECHILD)
}

/// Every process below this one.
pub(super) fn descendants() -> HashSet<Process> {
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
pub(super) fn all_processes() -> Vec<(i32, Process)> {
    let Ok(items) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = items.flatten();
    pids.filter_map(|item| parent_and_process(item.file_name().to_str()?.parse().ok()?))
        .collect()
}

/// Of one process, if it is there.
pub(super) fn parent_and_process(pid: i32) -> Option<(i32, Process)> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let Stat {
        parent, started, ..
    } = parse_stat(&stat)?;
    Some((parent, Process { pid, started }))
}

/// Whether only its number is left, which its parent does not free. Of a process whose first thread has ended
/// and whose others go on, the kernel says "zombie" too.
pub(super) fn is_dead(pid: i32) -> bool {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    parse_stat(&stat).is_none_or(|stat| stat.zombie && stat.threads <= 1)
}

/// A process's children, by one read. `None` where the kernel does not list them.
pub(super) fn listed_children(of: i32) -> Option<Vec<i32>> {
    let threads = std::fs::read_dir(format!("/proc/{of}/task")).ok()?;
    let mut found = Vec::new();
    for thread in threads.flatten() {
        let list = match std::fs::read_to_string(thread.path().join("children")) {
            // A thread that has ended meanwhile; its children are another's.
            Err(_) if !thread.path().exists() => continue,
            list => list.ok()?,
        };
        let pids = list.split_whitespace().map(str::parse::<i32>);
        found.extend(pids.filter_map(Result::ok));
    }
    Some(found)
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    zombie: bool,
    parent: i32,
    threads: u32,
    started: u64,
}

/// Fields 3 (state), 4 (parent), 20 (threads) and 22 (start time) of proc_pid_stat(5). Field 2, the name, may hold
/// anything, so counting starts behind its last parenthesis.
fn parse_stat(stat: &[u8]) -> Option<Stat> {
    let stat = String::from_utf8_lossy(stat);
    let (_, after) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    Some(Stat {
        zombie: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        threads: fields.get(17)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processs_name_cannot_forge_its_parent() {
        let stat = b"42 (x) S 1 (y) S 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 0 0";
        let stat = parse_stat(stat).unwrap();
        assert_eq!((stat.parent, stat.started), (7, 12345));
        assert_eq!((stat.zombie, stat.threads), (false, 1));
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
