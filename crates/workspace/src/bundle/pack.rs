use super::archive::{Archive, Place};
use super::links::{self, Links};
use crate::limits::{Budget, Limits};
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// An archive that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// SHA-256 of the archive, 64 hexadecimal digits.
    pub sha256: String,
    /// Size of the archive.
    pub bytes: u64,
    /// How many files and links it holds.
    pub files: u64,
}

/// Why a folder was not packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The build made no such folder.
    #[error("there is no folder {path}")]
    Missing {
        /// As the manifest names it.
        path: String,
    },
    /// An artifact of nothing is never what somebody wanted.
    #[error("the folder {path} has no files in it")]
    Empty {
        /// The folder.
        path: String,
    },
    /// It holds something that must not or cannot be packed.
    #[error("{path} cannot be packed: {reason}")]
    Refused {
        /// Relative to the folder.
        path: String,
        /// What to change.
        reason: String,
    },
    /// Reading the folder or writing the archive failed.
    #[error("packing failed at {path}")]
    Io {
        /// What was read or written.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Where a build put its output: `output` below `checkout`, both real folders, and not outside
/// by way of links.
///
/// # Errors
/// [`PackError::Missing`] and [`PackError::Refused`].
pub fn output_folder(checkout: &Path, output: &str) -> Result<PathBuf, PackError> {
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if output.is_empty() || !Path::new(output).components().all(plain) {
        return Err(refused(
            Path::new(output),
            "the output must be a folder inside the checkout",
        ));
    }
    let missing = |_| PackError::Missing {
        path: output.to_owned(),
    };
    let root = checkout.canonicalize().map_err(io_at(checkout))?;
    let folder = root.join(output).canonicalize().map_err(missing)?;
    if !folder.starts_with(&root) {
        let reason = "a link leads out of the checkout";
        return Err(refused(Path::new(output), reason));
    }
    match folder.is_dir() {
        true => Ok(folder),
        false => Err(refused(
            Path::new(output),
            "it is a file; the output must be a folder",
        )),
    }
}

/// Packs everything in `folder` into a deterministic `tar.zst` at `dest`, which is outside of
/// it. Every entry gets `time` (seconds since 1970): the commit's time, because a fixed one
/// would make files of two artifacts look unchanged to caches, and the clock's would make the
/// same content differ.
///
/// # Errors
/// [`PackError`]; then there is nothing at `dest`, or what was there before.
pub fn pack(folder: &Path, dest: &Path, time: u64, limits: Limits) -> Result<Packed, PackError> {
    let entries = entries(folder, limits)?;
    let place = Place::at(dest).map_err(io_at(dest))?;
    let writer = place.writer().map_err(io_at(dest))?;
    let packed = write(folder, &entries, writer, time)?;
    place.keep().map_err(io_at(dest))?;
    Ok(packed)
}

/// The same into a writer, which nothing of it reaches where something cannot be packed. What has been written is
/// not an archive where this fails.
///
/// # Errors
/// [`PackError`].
pub fn pack_to(
    folder: &Path,
    to: impl Write,
    time: u64,
    limits: Limits,
) -> Result<Packed, PackError> {
    write(folder, &entries(folder, limits)?, to, time)
}

fn entries(folder: &Path, limits: Limits) -> Result<Vec<Entry>, PackError> {
    let found = fs::symlink_metadata(folder).map_err(|_| PackError::Missing {
        path: folder.display().to_string(),
    })?;
    if !found.is_dir() {
        return Err(refused(folder, "it is not a folder"));
    }
    let entries = Listing::of(folder, limits)?;
    if !entries.iter().any(|entry| !entry.metadata.is_dir()) {
        return Err(PackError::Empty {
            path: folder.display().to_string(),
        });
    }
    Ok(entries)
}

fn write(folder: &Path, entries: &[Entry], to: impl Write, time: u64) -> Result<Packed, PackError> {
    let whole = Path::new("the archive");
    let mut archive = Archive::new(to, time).map_err(io_at(whole))?;
    for Entry { path, metadata } in entries {
        let full = folder.join(path);
        let added = if metadata.is_dir() {
            archive.folder(path)
        } else if metadata.is_symlink() {
            fs::read_link(&full).and_then(|target| archive.link(path, &target))
        } else {
            let executable = metadata.permissions().mode() & 0o111 != 0;
            File::open(&full).and_then(|file| archive.file(path, executable, metadata.len(), file))
        };
        added.map_err(io_at(path))?;
    }
    archive.finish().map_err(io_at(whole))
}

struct Entry {
    /// Relative to the folder.
    path: PathBuf,
    metadata: Metadata,
}

/// Lists first and packs then, so that a refusal costs no archive and links are checked as a
/// whole.
struct Listing {
    entries: Vec<Entry>,
    links: Links,
    budget: Budget,
}

impl Listing {
    fn of(folder: &Path, limits: Limits) -> Result<Vec<Entry>, PackError> {
        let mut listing = Self {
            entries: Vec::new(),
            links: Links::new(),
            budget: Budget::new(limits),
        };
        listing.read(folder, Path::new(""), 0)?;
        links::check(&listing.links).map_err(|(path, reason)| refused(&path, reason))?;
        Ok(listing.entries)
    }

    fn read(&mut self, root: &Path, below: &Path, depth: usize) -> Result<(), PackError> {
        let folder = root.join(below);
        let mut names = fs::read_dir(&folder)
            .and_then(|items| {
                items
                    .map(|item| Ok(item?.file_name()))
                    .collect::<io::Result<Vec<_>>>()
            })
            .map_err(io_at(below))?;
        names.sort();
        for name in names {
            let path = below.join(name);
            let metadata = fs::symlink_metadata(root.join(&path)).map_err(io_at(&path))?;
            let size = if metadata.is_file() {
                metadata.len()
            } else {
                0
            };
            let taken = self.budget.take(size, depth);
            taken.map_err(|reason| refused(&path, &reason))?;
            self.add(root, path, metadata, depth)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        root: &Path,
        path: PathBuf,
        metadata: Metadata,
        depth: usize,
    ) -> Result<(), PackError> {
        let folder = metadata.is_dir();
        if metadata.is_symlink() {
            let target = fs::read_link(root.join(&path)).map_err(io_at(&path))?;
            self.links.insert(path.clone(), target);
        } else if !folder && !metadata.is_file() {
            return Err(refused(
                &path,
                "it is a socket, a pipe or a device; only files, folders and links can be packed",
            ));
        }
        self.entries.push(Entry {
            path: path.clone(),
            metadata,
        });
        match folder {
            true => self.read(root, &path, depth + 1),
            false => Ok(()),
        }
    }
}

fn refused(path: &Path, reason: &str) -> PackError {
    PackError::Refused {
        path: path.display().to_string(),
        reason: reason.to_owned(),
    }
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> PackError + use<> {
    let path = path.display().to_string();
    |source| PackError::Io { path, source }
}
