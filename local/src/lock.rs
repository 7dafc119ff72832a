//! One supervisor per root. The kernel frees the lock when its holder dies, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};

use crate::error::{LocalError, Result};
use crate::processes;
use crate::root::Root;

/// Who holds the lock, or held it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: i32,
    /// See [`processes::Process::started`]: a pid alone may have been given to another process.
    pub started: u64,
}

impl Holder {
    pub fn this_process() -> Result<Self> {
        let pid = std::process::id() as i32;
        let process = processes::process(pid).ok_or_else(|| {
            LocalError::Refused("/proc does not show this process; is it mounted?".into())
        })?;
        Ok(Self {
            pid,
            started: process.started,
        })
    }

    pub fn is_alive(self) -> bool {
        processes::process(self.pid)
            .is_some_and(|process| !process.zombie && process.started == self.started)
    }
}

/// What was found when the lock was asked for.
#[derive(Debug)]
pub enum Asked {
    /// It is ours now. `left_by` is set when its last holder did not clean up.
    Ours { lock: Lock, left_by: Option<Holder> },
    /// Somebody holds it; `None` while they have not yet written who they are.
    Theirs(Option<Holder>),
}

/// Held until dropped.
#[derive(Debug)]
pub struct Lock(File);

/// Asks for the lock without waiting.
pub fn ask(root: &Root) -> Result<Asked> {
    let path = root.lock();
    let failed = || format!("could not lock {}", path.display());
    std::fs::create_dir_all(root.local()).map_err(LocalError::io(failed()))?;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(LocalError::io(failed()))?;
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(LocalError::io(failed()))?;
    let named = serde_json::from_str(&text).ok();
    match file.try_lock() {
        Ok(()) => Ok(Asked::Ours {
            lock: Lock(file),
            left_by: named,
        }),
        Err(TryLockError::WouldBlock) => Ok(Asked::Theirs(named)),
        Err(TryLockError::Error(error)) => Err(LocalError::io(failed())(error)),
    }
}

impl Lock {
    /// Writes who holds it, for `down` and for messages.
    pub fn sign(&mut self, holder: Holder) -> Result<()> {
        self.write(&serde_json::to_string(&holder).unwrap_or_default())
    }

    /// Leaves nothing for the next holder to clean up.
    pub fn clear(&mut self) -> Result<()> {
        self.write("")
    }

    fn write(&mut self, text: &str) -> Result<()> {
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(text.as_bytes())
        };
        write(&mut self.0).map_err(LocalError::io("could not write the lock file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::find(Some(folder.path())).unwrap();
        (folder, root)
    }

    /// Asked after its holder let it go. A process that another test starts just now still has it, until it runs
    /// its program.
    fn ask_again(root: &Root) -> (Lock, Option<Holder>) {
        let ends = std::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            if let Asked::Ours { lock, left_by } = ask(root).unwrap() {
                return (lock, left_by);
            }
            assert!(std::time::Instant::now() < ends, "the lock is free again");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_held_lock_names_its_holder() {
        let (_folder, root) = root();
        let Asked::Ours {
            mut lock,
            left_by: None,
        } = ask(&root).unwrap()
        else {
            panic!("the lock was free")
        };
        let me = Holder::this_process().unwrap();
        lock.sign(me).unwrap();
        let Asked::Theirs(Some(holder)) = ask(&root).unwrap() else {
            panic!("the lock is held")
        };
        assert_eq!(holder, me);
        assert!(holder.is_alive());
    }

    #[test]
    fn a_lock_whose_holder_did_not_clean_up_says_so_and_a_cleared_one_does_not() {
        let (_folder, root) = root();
        let Asked::Ours { mut lock, .. } = ask(&root).unwrap() else {
            panic!("the lock was free")
        };
        lock.sign(Holder { pid: 1, started: 7 }).unwrap();
        drop(lock);
        let (mut lock, left_by) = ask_again(&root);
        assert_eq!(left_by, Some(Holder { pid: 1, started: 7 }));
        assert!(!left_by.unwrap().is_alive());
        lock.clear().unwrap();
        drop(lock);
        assert_eq!(ask_again(&root).1, None);
    }
}
