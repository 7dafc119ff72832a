//! The place where users' commands run one after the other, each of another component perhaps. What one
//! leaves must not be there for the next: build tools take settings from every folder above a checkout,
//! and a process that goes on can change any file. What cannot be cleaned up ends the sandbox.

use crate::command::{Stray, strays};
use crate::scratch;
use nix::sys::resource::{Resource, getrlimit, rlim_t};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A folder that only commands and what belongs to them use, and the processes below this one.
#[derive(Debug)]
pub struct Sandbox {
    folder: PathBuf,
    /// This process's own, as they were before any command.
    limits: Vec<Limits>,
    spoiled: AtomicBool,
}

/// Soft and hard.
type Limits = Option<(rlim_t, rlim_t)>;

/// What a command may change of the process that has started it, since it is of the same user: with files
/// of at most 4 KiB, say, every later command of the sandbox would fail.
const LIMITED: [Resource; 15] = [
    Resource::RLIMIT_AS,
    Resource::RLIMIT_CORE,
    Resource::RLIMIT_CPU,
    Resource::RLIMIT_DATA,
    Resource::RLIMIT_FSIZE,
    Resource::RLIMIT_LOCKS,
    Resource::RLIMIT_MEMLOCK,
    Resource::RLIMIT_MSGQUEUE,
    Resource::RLIMIT_NICE,
    Resource::RLIMIT_NOFILE,
    Resource::RLIMIT_NPROC,
    Resource::RLIMIT_RSS,
    Resource::RLIMIT_RTPRIO,
    Resource::RLIMIT_RTTIME,
    Resource::RLIMIT_STACK,
];

/// Why nothing may run in a sandbox any more.
#[derive(Debug, thiserror::Error)]
pub enum Unclean {
    /// An earlier command's processes are still there, or others that nobody here has started.
    #[error("{count} processes are there that no running command has started, {} ({:?}) among them", first.pid, first.name)]
    Occupied {
        /// How many.
        count: usize,
        /// One of them.
        first: Stray,
    },
    /// The process has other limits than it began with.
    #[error("an earlier command has changed the limits of its function's process")]
    Limited,
    /// Something in its folder stays.
    #[error("{} cannot be emptied", folder.display())]
    Leftovers {
        /// The sandbox's folder.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Something has happened in it after which nothing may run.
    #[error("an earlier command has left it with processes that could not be ended")]
    Spoiled,
}

impl Sandbox {
    /// Everything in `folder` is going to be removed, again and again.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            limits: limits(),
            spoiled: AtomicBool::new(false),
        }
    }

    /// Where checkouts and folders of commands are made.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes it as if nothing had ever run in it. To be called before each checkout; where it fails, the
    /// sandbox is spoiled.
    ///
    /// # Errors
    /// [`Unclean`].
    pub fn clear(&self) -> Result<(), Unclean> {
        let cleared = self.try_clear();
        if cleared.is_err() {
            self.spoil();
        }
        cleared
    }

    fn try_clear(&self) -> Result<(), Unclean> {
        if self.is_spoiled() {
            return Err(Unclean::Spoiled);
        }
        // First: what is alive could fill the folder again.
        let strays = strays();
        if let Some(first) = strays.first().cloned() {
            let count = strays.len();
            return Err(Unclean::Occupied { count, first });
        }
        if limits() != self.limits {
            return Err(Unclean::Limited);
        }
        scratch::empty(&self.folder).map_err(|source| Unclean::Leftovers {
            folder: self.folder.clone(),
            source,
        })
    }

    /// Nothing may run here any more: the process is to end, and with it the sandbox.
    pub fn spoil(&self) {
        self.spoiled.store(true, Ordering::Release);
    }

    /// Whether the process is to end instead of serving again.
    pub fn is_spoiled(&self) -> bool {
        self.spoiled.load(Ordering::Acquire)
    }
}

fn limits() -> Vec<Limits> {
    let all = LIMITED.into_iter();
    all.map(|resource| getrlimit(resource).ok()).collect()
}
