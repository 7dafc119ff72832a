//! Folders that hold what users' commands leave, and how they are emptied: whatever the mode, the depth
//! and the names of what is in them, and without following a link.

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// For one folder. 10 GiB of `/tmp` hold some 600,000 files, and 100,000 go in a second.
const LONGEST: Duration = Duration::from_secs(60);
/// Names that are held in memory at once.
const BATCH: usize = 4096;

/// A fresh folder; when it is dropped it is removed, whatever a command has made of it.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one in a folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new_in(folder: &Path, prefix: &str) -> io::Result<Self> {
        let made = tempfile::Builder::new().prefix(prefix).tempdir_in(folder)?;
        Ok(Self(made.keep()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "a command's folder stays behind");
        }
    }
}

/// Removes a folder of somebody else's making, or what has taken its place.
///
/// # Errors
/// When something in it cannot be removed.
pub fn remove_tree(folder: &Path) -> io::Result<()> {
    match folder.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.is_dir() => return std::fs::remove_file(folder),
        Ok(_) => {}
    }
    empty(folder)?;
    std::fs::remove_dir(folder)
}

/// Removes what is in a folder, and not the folder itself. Build tools leave folders without write
/// permission behind (Go's module cache), and who wants to be in the way makes more of them, deeper than
/// open files allow. So no folder is entered from another: what is in a folder is moved to the top, and
/// the empty folder goes.
///
/// # Errors
/// When something in it cannot be removed, or grows as fast as it is removed.
pub fn empty(folder: &Path) -> io::Result<()> {
    let mut top = open(AT_FDCWD, folder)?;
    let mut emptying = Emptying {
        ends: Instant::now() + LONGEST,
        lifted: 0,
    };
    loop {
        let names = names(&mut top)?;
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            emptying.remove(&top, &name)?;
        }
    }
}

struct Emptying {
    ends: Instant,
    /// Folders that were moved to the top.
    lifted: u64,
}

impl Emptying {
    /// Removes one name at the top.
    fn remove(&mut self, top: &Dir, name: &CString) -> io::Result<()> {
        if self.unlinked(top, name)? {
            return Ok(());
        }
        let mut folder = open(top, name.as_c_str())?;
        loop {
            let names = names(&mut folder)?;
            if names.is_empty() {
                break;
            }
            for inner in names {
                if !self.unlinked(&folder, &inner)? {
                    self.lift(&folder, &inner, top)?;
                }
            }
        }
        Ok(unlinkat(top, name.as_c_str(), UnlinkatFlags::RemoveDir)?)
    }

    /// Whether it is gone; a folder is not.
    fn unlinked(&self, folder: &Dir, name: &CString) -> io::Result<bool> {
        self.in_time()?;
        match unlinkat(folder, name.as_c_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(true),
            Err(Errno::EISDIR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Moves a folder to the top, under a name that nothing there has.
    fn lift(&mut self, from: &Dir, name: &CString, top: &Dir) -> io::Result<()> {
        // What moves is written to: its `..` changes.
        allow(from, name.as_c_str())?;
        loop {
            self.in_time()?;
            self.lifted += 1;
            let free = format!("lifted-{}", self.lifted);
            match renameat(from, name.as_c_str(), top, free.as_str()) {
                Ok(()) => return Ok(()),
                Err(Errno::EEXIST | Errno::ENOTEMPTY | Errno::ENOTDIR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn in_time(&self) -> io::Result<()> {
        match Instant::now() < self.ends {
            true => Ok(()),
            false => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Opens a folder, never by a link.
fn open<P: ?Sized + nix::NixPath>(at: impl AsFd, name: &P) -> io::Result<Dir> {
    allow(&at, name)?;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(Dir::openat(at, name, flags, Mode::empty())?)
}

/// Lets its owner read, write and search a folder.
fn allow<P: ?Sized + nix::NixPath>(at: impl AsFd, name: &P) -> io::Result<()> {
    let found = fstatat(&at, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    let mode = Mode::from_bits_truncate(found.st_mode);
    if found.st_mode & SFlag::S_IFMT.bits() != SFlag::S_IFDIR.bits() {
        return Err(Errno::ENOTDIR.into());
    }
    if mode.contains(Mode::S_IRWXU) {
        return Ok(());
    }
    // It is no link, as was just seen, and no process is left that could make it one. Were there one,
    // it would gain nothing: it is of the same user and can change modes itself.
    Ok(fchmodat(
        at,
        name,
        Mode::S_IRWXU,
        FchmodatFlags::FollowSymlink,
    )?)
}

/// Some of the names in a folder; none if it is empty.
fn names(folder: &mut Dir) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in folder.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if ![&b"."[..], &b".."[..]].contains(&name.to_bytes()) {
            names.push(name.to_owned());
        }
        if names.len() == BATCH {
            break;
        }
    }
    Ok(names)
}
