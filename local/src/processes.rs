//! Processes of the local cloud, found in /proc, so that none outlives it.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::root::Root;

/// Set in the environment of every process that belongs to the local cloud of a root.
pub const ROOT_MARK: &str = "CUTOVER_LOCAL_ROOT";
/// Set in the environment of every process of an instance.
pub const INSTANCE_MARK: &str = "CUTOVER_INSTANCE_ID";

/// How often a set of processes is looked at again while it ends.
const LOOK: Duration = Duration::from_millis(20);
/// A process can start another while it is being ended: look again this often at the most.
const ROUNDS: usize = 10;

/// One line of /proc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub zombie: bool,
    /// Clock ticks since the machine's boot; with the pid it names a process for good.
    pub started: u64,
}

/// The process with this pid, if it is there.
pub fn process(pid: i32) -> Option<Process> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(stat: &str) -> Option<Process> {
    // The name in brackets may hold anything, brackets and spaces too.
    let (pid, _) = stat.split_once(' ')?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    Some(Process {
        pid: pid.parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        zombie: *fields.first()? == "Z",
        started: fields.get(19)?.parse().ok()?,
    })
}

/// Every process of this machine that can be seen.
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| process(entry.file_name().to_str()?.parse().ok()?))
        .collect()
}

/// Those of `seeds` and everything that they started, directly or not, without the dead.
pub fn with_descendants(all: &[Process], seeds: &HashSet<i32>) -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for process in all {
        children
            .entry(process.parent)
            .or_default()
            .push(process.pid);
    }
    let mut found: HashSet<i32> = HashSet::new();
    let mut open: Vec<i32> = seeds.iter().copied().collect();
    while let Some(pid) = open.pop() {
        if found.insert(pid) {
            open.extend(children.get(&pid).into_iter().flatten());
        }
    }
    all.iter()
        .filter(|process| !process.zombie && found.contains(&process.pid))
        .map(|process| process.pid)
        .collect()
}

/// This process and those it descends from: they are never ended.
fn own_line(all: &[Process]) -> HashSet<i32> {
    let parents: HashMap<i32, i32> = all
        .iter()
        .map(|process| (process.pid, process.parent))
        .collect();
    let mut line = HashSet::new();
    let mut pid = std::process::id() as i32;
    while line.insert(pid) {
        match parents.get(&pid) {
            Some(parent) if *parent > 0 => pid = *parent,
            _ => break,
        }
    }
    line
}

/// The processes that belong to the local cloud of this root, whoever started them.
pub fn of_root(root: &Root) -> Vec<i32> {
    let mark = format!("{ROOT_MARK}={}", root.path().display());
    // A user's command has a clean environment, but its HOME is inside the local cloud.
    let home = format!("HOME={}/", root.local().display());
    marked(|variable| variable == mark || variable.starts_with(&home))
}

/// The processes of one instance, also those that left its process group.
pub fn of_instance(id: &str) -> Vec<i32> {
    let mark = format!("{INSTANCE_MARK}={id}");
    marked(|variable| variable == mark)
}

fn marked(wanted: impl Fn(&str) -> bool) -> Vec<i32> {
    let all = all();
    let spared = own_line(&all);
    let has_mark = |pid: i32| {
        let environment =
            fs::read(Path::new("/proc").join(pid.to_string()).join("environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| std::str::from_utf8(variable).is_ok_and(&wanted))
    };
    let seeds = all
        .iter()
        .map(|process| process.pid)
        .filter(|pid| !spared.contains(pid) && has_mark(*pid))
        .collect();
    with_descendants(&all, &seeds)
        .into_iter()
        .filter(|pid| !spared.contains(pid))
        .collect()
}

/// What ending a set of processes came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    NoneThere,
    All { count: usize },
    Left { pids: Vec<i32> },
}

/// Asks all that `find` names to end, gives them `grace`, then kills what is left.
pub fn end(find: impl Fn() -> Vec<i32>, grace: Duration) -> Ended {
    let first = find();
    if first.is_empty() {
        return Ended::NoneThere;
    }
    signal_all(&first, Signal::SIGTERM);
    if !gone_within(&find, grace) {
        for _ in 0..ROUNDS {
            signal_all(&find(), Signal::SIGKILL);
            if gone_within(&find, Duration::from_millis(200)) {
                break;
            }
        }
    }
    match find() {
        left if left.is_empty() => Ended::All { count: first.len() },
        pids => Ended::Left { pids },
    }
}

fn signal_all(pids: &[i32], signal: Signal) {
    for pid in pids {
        // Gone meanwhile is what is wanted.
        let _ = kill(Pid::from_raw(*pid), signal);
    }
}

fn gone_within(find: &impl Fn() -> Vec<i32>, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if find().is_empty() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_name_with_brackets_does_not_confuse_the_parser() {
        let stat = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 991 0 0";
        assert_eq!(
            parse_stat(stat),
            Some(Process {
                pid: 42,
                parent: 7,
                zombie: false,
                started: 991
            })
        );
    }

    #[test]
    fn descendants_are_found_through_any_depth_and_the_dead_are_not_counted() {
        let line = |pid, parent, zombie| Process {
            pid,
            parent,
            zombie,
            started: 0,
        };
        let all = [
            line(1, 0, false),
            line(5, 1, false),
            line(6, 5, false),
            line(7, 6, true),
            line(8, 1, false),
        ];
        assert_eq!(with_descendants(&all, &HashSet::from([5])), vec![5, 6]);
    }

    #[test]
    fn a_marked_process_that_ignores_the_polite_signal_is_killed() {
        let id = format!("i-test{}", std::process::id());
        let script = "trap '' TERM; while :; do sleep 1; done";
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .env(INSTANCE_MARK, &id)
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while of_instance(&id).is_empty() && Instant::now() < deadline {
            thread::sleep(LOOK);
        }
        let ended = end(|| of_instance(&id), Duration::from_millis(100));
        assert!(matches!(ended, Ended::All { .. }), "{ended:?}");
        assert!(!child.wait().unwrap().success());
        assert_eq!(end(|| of_instance(&id), Duration::ZERO), Ended::NoneThere);
    }
}
