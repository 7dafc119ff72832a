use super::connection::Remote;
use super::error::{GitError, chain};
use super::{Bundle, MANIFEST};
use crate::bundle::links::{self, Links};
use crate::bundle::{Archive, EARLIEST, Place};
use crate::limits::Budget;
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A manifest is some 50 lines; this is where it stops being one.
const MANIFEST_BYTES: u64 = 64 * 1024;
/// Linux's PATH_MAX: no longer link can be made.
const LINK_BYTES: u64 = 4096;

/// Packs the tree of a fetched commit.
pub(super) fn bundle(remote: &Remote, commit: ObjectId, dest: &Path) -> Result<Bundle, GitError> {
    let (root, time) = root_of(remote, commit)?;
    let manifest = manifest(remote, commit)?;
    let mut walk = Walk {
        remote,
        budget: Budget::new(remote.bounds.limits),
        links: Links::new(),
        entries: Vec::new(),
    };
    walk.tree(root, Path::new(""), 0)?;
    links::check(&walk.links).map_err(|(path, reason)| refused(&path, reason))?;
    let place = Place::at(dest).map_err(write_at(dest))?;
    let writer = place.writer().map_err(write_at(dest))?;
    let mut archive = Archive::new(writer, time).map_err(write_at(dest))?;
    for entry in &walk.entries {
        remote.in_time()?;
        entry.add_to(&mut archive, remote)?;
    }
    let packed = archive.finish().map_err(write_at(dest))?;
    place.keep().map_err(write_at(dest))?;
    Ok(Bundle {
        sha256: packed.sha256,
        bytes: packed.bytes,
        files: packed.files,
        unpacked_bytes: walk.budget.bytes,
        time,
        manifest,
    })
}

/// Reads the manifest of a fetched commit.
pub(super) fn manifest(remote: &Remote, commit: ObjectId) -> Result<Option<String>, GitError> {
    let (root, _) = root_of(remote, commit)?;
    let tree = remote.here.find_tree(root).map_err(incomplete)?;
    let Some(entry) = tree.find_entry(MANIFEST) else {
        return Ok(None);
    };
    let path = Path::new(MANIFEST);
    if !entry.mode().is_blob() {
        return Err(refused(path, "it is not a file"));
    }
    if size(remote, entry.object_id())? > MANIFEST_BYTES {
        let reason = format!("it has more than {MANIFEST_BYTES} bytes");
        return Err(refused(path, &reason));
    }
    let bytes = content(remote, entry.object_id())?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(refused(path, "it is not UTF-8")),
    }
}

fn root_of(remote: &Remote, commit: ObjectId) -> Result<(ObjectId, u64), GitError> {
    let commit = remote.here.find_commit(commit).map_err(incomplete)?;
    let root = commit.tree_id().map_err(incomplete)?.detach();
    let seconds = commit.time().map_err(incomplete)?.seconds;
    let time = u64::try_from(seconds).unwrap_or(0);
    Ok((root, time.max(EARLIEST)))
}

struct Entry {
    path: PathBuf,
    id: ObjectId,
    kind: Kind,
}

enum Kind {
    File { executable: bool, size: u64 },
    Link { target: PathBuf },
}

impl Entry {
    fn add_to(&self, archive: &mut Archive<impl Write>, remote: &Remote) -> Result<(), GitError> {
        let Self { path, id, kind } = self;
        let added = match kind {
            Kind::Link { target } => archive.link(path, target),
            Kind::File { executable, size } => {
                let content = content(remote, *id)?;
                archive.file(path, *executable, *size, content.as_slice())
            }
        };
        added.map_err(write_at(path))
    }
}

/// Looks at the whole tree before anything is written. Its order is git's, which is the same
/// for the same commit.
struct Walk<'a> {
    remote: &'a Remote,
    budget: Budget,
    links: Links,
    entries: Vec<Entry>,
}

impl Walk<'_> {
    fn tree(&mut self, id: ObjectId, below: &Path, depth: usize) -> Result<(), GitError> {
        self.remote.in_time()?;
        let tree = self.remote.here.find_tree(id).map_err(incomplete)?;
        for entry in tree.iter() {
            let entry = entry.map_err(incomplete)?;
            let name: &[u8] = entry.filename();
            let path = below.join(OsStr::from_bytes(name));
            check_name(name, &path)?;
            let id = entry.object_id();
            match entry.kind() {
                EntryKind::Tree => {
                    self.count(0, depth)?;
                    self.tree(id, &path, depth + 1)?;
                }
                EntryKind::Blob => self.file(id, path, depth, false)?,
                EntryKind::BlobExecutable => self.file(id, path, depth, true)?,
                EntryKind::Link => self.link(id, path, depth)?,
                EntryKind::Commit => return Err(submodules(&path)),
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        id: ObjectId,
        path: PathBuf,
        depth: usize,
        executable: bool,
    ) -> Result<(), GitError> {
        let size = size(self.remote, id)?;
        self.count(size, depth)?;
        let kind = Kind::File { executable, size };
        self.entries.push(Entry { path, id, kind });
        Ok(())
    }

    fn link(&mut self, id: ObjectId, path: PathBuf, depth: usize) -> Result<(), GitError> {
        self.count(0, depth)?;
        if size(self.remote, id)? > LINK_BYTES {
            return Err(refused(&path, "the link is too long"));
        }
        let target = PathBuf::from(OsStr::from_bytes(&content(self.remote, id)?));
        self.links.insert(path.clone(), target.clone());
        let kind = Kind::Link { target };
        self.entries.push(Entry { path, id, kind });
        Ok(())
    }

    fn count(&mut self, bytes: u64, depth: usize) -> Result<(), GitError> {
        let taken = self.budget.take(bytes, depth);
        taken.map_err(|reason| GitError::TooLarge { reason })
    }
}

/// git never makes such names, but whoever writes objects by hand can.
pub(crate) fn check_name(name: &[u8], path: &Path) -> Result<(), GitError> {
    let special = matches!(name, b"" | b"." | b"..") || name.eq_ignore_ascii_case(b".git");
    if special || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
        return Err(refused(path, "the name is not one of a file"));
    }
    Ok(())
}

fn size(remote: &Remote, id: ObjectId) -> Result<u64, GitError> {
    Ok(remote.here.find_header(id).map_err(incomplete)?.size())
}

fn content(remote: &Remote, id: ObjectId) -> Result<Vec<u8>, GitError> {
    let mut object = remote.here.find_object(id).map_err(incomplete)?;
    Ok(std::mem::take(&mut object.data))
}

fn incomplete(error: gix::Error) -> GitError {
    GitError::Incomplete {
        reason: chain(&error),
    }
}

fn submodules(path: &Path) -> GitError {
    GitError::Submodules {
        path: path.display().to_string(),
    }
}

fn refused(path: &Path, reason: &str) -> GitError {
    GitError::Refused {
        path: path.display().to_string(),
        reason: reason.to_owned(),
    }
}

fn write_at(path: &Path) -> impl FnOnce(io::Error) -> GitError + use<> {
    let path = path.display().to_string();
    |source| GitError::Write { path, source }
}
