use super::links::{self, Links};
use crate::limits::{Budget, Limits};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What an archive held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// How many files and links.
    pub files: u64,
    /// Size of all files together.
    pub bytes: u64,
    /// The newest time of an entry, in seconds since 1970: of a source bundle the commit's.
    pub time: u64,
}

/// Why an archive was not unpacked. What had been written by then stays.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Files would be mixed with others.
    #[error("{path} is not empty")]
    NotEmpty {
        /// The destination.
        path: String,
    },
    /// The archive holds something that no bundle of ours holds.
    #[error("the archive is refused at {path}: {reason}")]
    Refused {
        /// As the archive names it.
        path: String,
        /// Why.
        reason: String,
    },
    /// The archive is damaged or is none, or the disk is full.
    #[error("unpacking failed at {path}")]
    Io {
        /// What was read or written.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Unpacks a `tar.zst` into `dest`, which is created, or is empty. Nothing is written outside
/// of it and no link leads out of it. Entries that no bundle of ours has (devices, hard links,
/// setuid, paths with `..`) are refused, not skipped.
///
/// # Errors
/// [`UnpackError`].
pub fn unpack(archive: &Path, dest: &Path, limits: Limits) -> Result<Unpacked, UnpackError> {
    all_of(open(archive, limits)?, archive, dest, limits)
}

/// The same of a tar that is not compressed, whoever has made it.
///
/// # Errors
/// [`UnpackError`].
pub fn unpack_tar(archive: &Path, dest: &Path, limits: Limits) -> Result<Unpacked, UnpackError> {
    let file = File::open(archive).map_err(io_at(archive))?;
    let tar = tar::Archive::new(BufReader::new(file).take(most_of(limits)));
    all_of(tar, archive, dest, limits)
}

/// Writes what a `tar.zst` of ours is made of as a tar, and answers the newest time in it.
///
/// # Errors
/// When the archive is damaged, or the writer takes no more.
pub fn to_tar(archive: &Path, mut to: impl Write) -> io::Result<u64> {
    io::copy(&mut zstd::Decoder::new(File::open(archive)?)?, &mut to)?;
    let mut tar = tar::Archive::new(zstd::Decoder::new(File::open(archive)?)?);
    tar.entries()?
        .try_fold(0, |newest, entry| Ok(entry?.header().mtime()?.max(newest)))
}

fn all_of<R: Read>(
    mut tar: tar::Archive<R>,
    archive: &Path,
    dest: &Path,
    limits: Limits,
) -> Result<Unpacked, UnpackError> {
    fs::create_dir_all(dest).map_err(io_at(dest))?;
    if fs::read_dir(dest).map_err(io_at(dest))?.next().is_some() {
        return Err(UnpackError::NotEmpty {
            path: dest.display().to_string(),
        });
    }
    let mut unpacking = Unpacking {
        dest,
        budget: Budget::new(limits),
        links: Links::new(),
        files: 0,
        time: 0,
    };
    for entry in tar.entries().map_err(io_at(archive))? {
        unpacking.entry(entry.map_err(io_at(archive))?)?;
    }
    unpacking.finish()
}

/// The text of one file in an archive, without unpacking the others; `None` if it is not
/// there.
///
/// # Errors
/// [`UnpackError`]; also when the file has more than `most` bytes or is not UTF-8.
pub fn read_file(archive: &Path, path: &str, most: u64) -> Result<Option<String>, UnpackError> {
    let mut tar = open(archive, Limits::SOURCE)?;
    for entry in tar.entries().map_err(io_at(archive))? {
        let entry = entry.map_err(io_at(archive))?;
        let kind = entry.header().entry_type();
        if kind != tar::EntryType::Regular || entry.path_bytes() != path.as_bytes() {
            continue;
        }
        if entry.size() > most {
            return Err(refused(
                Path::new(path),
                &format!("it has more than {most} bytes"),
            ));
        }
        let mut text = String::new();
        let read = entry.take(most).read_to_string(&mut text);
        read.map_err(io_at(Path::new(path)))?;
        return Ok(Some(text));
    }
    Ok(None)
}

type Tar = tar::Archive<io::Take<zstd::Decoder<'static, BufReader<File>>>>;

fn open(archive: &Path, limits: Limits) -> Result<Tar, UnpackError> {
    let file = File::open(archive).map_err(io_at(archive))?;
    let decoder = zstd::Decoder::new(file).map_err(io_at(archive))?;
    Ok(tar::Archive::new(decoder.take(most_of(limits))))
}

/// Headers and padding take up to 1,536 bytes per entry, a long name one entry more; what is read
/// beyond that belongs to no entry, so it is cut before it can cost memory.
fn most_of(limits: Limits) -> u64 {
    let around = limits.entries.saturating_mul(4096);
    limits.bytes.saturating_add(around)
}

struct Unpacking<'a> {
    dest: &'a Path,
    budget: Budget,
    /// Made last: as long as there are no links in `dest`, no write can follow one.
    links: Links,
    files: u64,
    time: u64,
}

impl Unpacking<'_> {
    fn entry<R: Read>(&mut self, entry: tar::Entry<'_, R>) -> Result<(), UnpackError> {
        let path = checked_path(&entry)?;
        let depth = path.components().count().saturating_sub(1);
        let header = entry.header();
        let mode = header.mode().map_err(io_at(&path))?;
        if mode & 0o7000 != 0 {
            return Err(refused(&path, "it is setuid, setgid or sticky"));
        }
        self.time = self.time.max(header.mtime().map_err(io_at(&path))?);
        let kind = header.entry_type();
        let size = if kind == tar::EntryType::Regular {
            entry.size()
        } else {
            0
        };
        let taken = self.budget.take(size, depth);
        taken.map_err(|reason| refused(&path, &reason))?;
        match kind {
            tar::EntryType::Regular => self.file(&path, mode, entry),
            tar::EntryType::Directory => {
                fs::create_dir_all(self.dest.join(&path)).map_err(io_at(&path))
            }
            tar::EntryType::Symlink => self.link(path, &entry),
            _ => Err(refused(
                &path,
                "it is neither a file, a folder nor a symbolic link",
            )),
        }
    }

    fn file<R: Read>(
        &mut self,
        path: &Path,
        mode: u32,
        mut entry: tar::Entry<'_, R>,
    ) -> Result<(), UnpackError> {
        let full = self.dest.join(path);
        self.parent_of(path)?;
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&full) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(refused(path, "it is there twice"));
            }
            opened => opened.map_err(io_at(path))?,
        };
        let size = entry.size();
        let copied = io::copy(&mut entry, &mut file).map_err(io_at(path))?;
        if copied != size {
            return Err(io_at(path)(io::ErrorKind::UnexpectedEof.into()));
        }
        let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.time);
        let dressed = file.set_permissions(Permissions::from_mode(mode));
        dressed
            .and_then(|()| file.set_modified(time))
            .map_err(io_at(path))?;
        self.files += 1;
        Ok(())
    }

    fn link<R: Read>(
        &mut self,
        path: PathBuf,
        entry: &tar::Entry<'_, R>,
    ) -> Result<(), UnpackError> {
        let target = entry.link_name().map_err(io_at(&path))?.unwrap_or_default();
        if self
            .links
            .insert(path.clone(), target.into_owned())
            .is_some()
        {
            return Err(refused(&path, "it is there twice"));
        }
        Ok(())
    }

    fn finish(self) -> Result<Unpacked, UnpackError> {
        links::check(&self.links).map_err(|(path, reason)| refused(&path, reason))?;
        // All folders before the first link: a folder that a link's path needs must be real.
        for path in self.links.keys() {
            self.parent_of(path)?;
        }
        for (path, target) in &self.links {
            match symlink(target, self.dest.join(path)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(refused(path, "it is both a link and something else"));
                }
                made => made.map_err(io_at(path))?,
            }
        }
        Ok(Unpacked {
            files: self.files + self.links.len() as u64,
            bytes: self.budget.bytes,
            time: self.time,
        })
    }

    fn parent_of(&self, path: &Path) -> Result<(), UnpackError> {
        let parent = path.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(self.dest.join(parent)).map_err(io_at(path))
    }
}

fn checked_path<R: Read>(entry: &tar::Entry<'_, R>) -> Result<PathBuf, UnpackError> {
    let path = entry
        .path()
        .map_err(io_at(Path::new("a name")))?
        .into_owned();
    let plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !plain || path.as_os_str().is_empty() || path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(refused(&path, "the path is absolute, or has . or .. in it"));
    }
    // Without the `.` that may stand between two of its parts.
    Ok(path.components().collect())
}

fn refused(path: &Path, reason: &str) -> UnpackError {
    UnpackError::Refused {
        path: path.display().to_string(),
        reason: reason.to_owned(),
    }
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> UnpackError + use<> {
    let path = path.display().to_string();
    |source| UnpackError::Io { path, source }
}
