//! What a suite left in its report folder. It is opened once, and everything in it from there, never by
//! a link: a suite could point one anywhere.

use super::{FIRST_FAILURES, is_xml};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstatat};
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Java's tools write one for each class.
pub(super) const MOST_FILES: usize = 10_000;
/// Files, folders and whatever else.
const MOST_NAMES: usize = 2 * MOST_FILES;
const MOST_DEPTH: usize = 20;
/// Of a report folder, this much is kept beside the release.
const MOST_KEPT: u64 = 512 << 20;

/// What a suite left in its report folder.
#[derive(Debug, Default)]
pub struct Folder {
    root: Option<OwnedFd>,
    /// Regular files, sorted.
    pub(super) files: Vec<Found>,
    names: usize,
    /// Why not all of it was read.
    pub(super) problems: Vec<String>,
    pub(super) removed: bool,
}

/// A regular file.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// From the report folder.
    pub(super) name: PathBuf,
    pub(super) size: u64,
}

/// Looks into a report folder and the folders in it.
pub fn look(root: &Path) -> Folder {
    let mut folder = Folder::default();
    match open_folder(AT_FDCWD, root) {
        Ok(mut opened) => {
            folder.root = opened.as_fd().try_clone_to_owned().ok();
            folder.collect(&mut opened, Path::new(""), 0);
        }
        Err(Errno::ENOENT) => folder.removed = true,
        Err(error) => folder.problem(&match root.symlink_metadata() {
            Ok(found) if !found.is_dir() => "the report folder is no folder any more".to_owned(),
            _ => format!("the report folder: {}", io::Error::from(error)),
        }),
    }
    folder.files.sort();
    folder
}

impl Folder {
    /// What is kept of it: names in the folder, and how large each is. And how many files are not.
    pub fn to_keep(&self) -> (Vec<(&str, u64)>, usize) {
        let mut room = MOST_KEPT;
        let mut kept = Vec::new();
        for file in &self.files {
            let readable = file.size <= room && self.open(&file.name).is_ok();
            if let (Some(name), true) = (file.name.to_str(), readable) {
                room -= file.size;
                kept.push((name, file.size));
            }
        }
        let left_out = self.files.len() - kept.len();
        (kept, left_out)
    }

    /// Opens a file in it that is a regular one.
    ///
    /// # Errors
    /// When it is another kind of file by now, or cannot be read.
    pub fn open(&self, name: impl AsRef<Path>) -> io::Result<File> {
        let root = self.root.as_ref().ok_or(Errno::ENOENT)?;
        let mut at = root.try_clone()?;
        let mut parts = name.as_ref().iter().peekable();
        while let Some(part) = parts.next() {
            // A FIFO would be waited for without the last of these.
            let kind = match parts.peek() {
                Some(_) => OFlag::O_PATH | OFlag::O_DIRECTORY,
                None => OFlag::O_RDONLY | OFlag::O_NONBLOCK,
            };
            let flags = kind | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            at = openat(&at, part, flags, Mode::empty())?;
        }
        let file = File::from(at);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::other("it is no regular file")),
        }
    }

    fn collect(&mut self, folder: &mut Dir, at: &Path, depth: usize) {
        let mut names = Vec::new();
        for entry in folder.iter() {
            match entry {
                Ok(entry) if is_dots(entry.file_name()) => continue,
                Ok(entry) => names.push(entry.file_name().to_owned()),
                Err(error) => return self.problem_at(at, &io::Error::from(error).to_string()),
            }
            self.names += 1;
            if self.names > MOST_NAMES {
                return self.problem(&format!(
                    "the report folder has more than {MOST_FILES} files"
                ));
            }
        }
        for name in names {
            if self.files.len() >= MOST_FILES {
                return self.problem(&format!(
                    "the report folder has more than {MOST_FILES} files"
                ));
            }
            let path = at.join(OsStr::from_bytes(name.to_bytes()));
            self.sort_in(folder, &name, path, depth);
        }
    }

    /// Takes what a name stands for.
    fn sort_in(&mut self, folder: &Dir, name: &CStr, path: PathBuf, depth: usize) {
        let found = match fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(found) => found,
            Err(error) => return self.problem_at(&path, &io::Error::from(error).to_string()),
        };
        let kind = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT;
        match kind {
            SFlag::S_IFREG => self.files.push(Found {
                name: path,
                size: found.st_size.max(0).cast_unsigned(),
            }),
            SFlag::S_IFDIR if depth == MOST_DEPTH => {
                self.problem_at(&path, &format!("more than {MOST_DEPTH} folders deep"));
            }
            SFlag::S_IFDIR => match open_folder(folder, name) {
                Ok(mut inner) => self.collect(&mut inner, &path, depth + 1),
                Err(error) => self.problem_at(&path, &io::Error::from(error).to_string()),
            },
            // What a report would say that is not read could be a failure.
            _ if is_xml(&path) => self.problem_at(&path, "it is no regular file"),
            _ => {}
        }
    }

    fn problem_at(&mut self, at: &Path, reason: &str) {
        self.problem(&format!("{}: {reason}", at.display()));
    }

    /// No more than are told.
    fn problem(&mut self, problem: &str) {
        if self.problems.len() < FIRST_FAILURES {
            self.problems.push(problem.to_owned());
        }
    }
}

fn open_folder<P: ?Sized + nix::NixPath>(at: impl AsFd, name: &P) -> Result<Dir, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Dir::openat(at, name, flags, Mode::empty())
}

fn is_dots(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}
