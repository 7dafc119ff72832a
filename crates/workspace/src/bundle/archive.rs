use super::pack::Packed;
use crate::hash::Hashing;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// zstd's own default: faster than the network that the bundle goes through next.
const LEVEL: i32 = 3;

/// A deterministic `tar.zst` that is being written. It is whole when [`finish`](Archive::finish) has succeeded.
pub(crate) struct Archive<W: Write> {
    tar: tar::Builder<zstd::Encoder<'static, Hashing<W>>>,
    /// Seconds since 1970, the same for every entry.
    time: u64,
    files: u64,
}

/// Where an archive becomes a file: it appears there whole or not at all.
pub(crate) struct Place {
    file: NamedTempFile,
    dest: PathBuf,
}

impl Place {
    pub(crate) fn at(dest: &Path) -> io::Result<Self> {
        let folder = match dest.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        Ok(Self {
            file: NamedTempFile::new_in(folder)?,
            dest: dest.to_owned(),
        })
    }

    pub(crate) fn writer(&self) -> io::Result<BufWriter<File>> {
        Ok(BufWriter::with_capacity(128 * 1024, self.file.reopen()?))
    }

    pub(crate) fn keep(self) -> io::Result<()> {
        let kept = self.file.persist(&self.dest);
        kept.map(drop).map_err(|failed| failed.error)
    }
}

impl<W: Write> Archive<W> {
    pub(crate) fn new(to: W, time: u64) -> io::Result<Self> {
        let encoder = zstd::Encoder::new(Hashing::new(to), LEVEL)?;
        Ok(Self {
            tar: tar::Builder::new(encoder),
            time,
            files: 0,
        })
    }

    /// Adds a file of exactly `size` bytes; an error if `content` has fewer or more.
    pub(crate) fn file(
        &mut self,
        path: &Path,
        executable: bool,
        size: u64,
        content: impl Read,
    ) -> io::Result<()> {
        let mode = if executable { 0o755 } else { 0o644 };
        let mut header = self.header(tar::EntryType::Regular, mode, size);
        // One byte more than announced is enough to see that the file has grown.
        let mut counted = Counted {
            inner: content.take(size + 1),
            bytes: 0,
        };
        self.tar.append_data(&mut header, path, &mut counted)?;
        self.files += 1;
        match counted.bytes == size {
            true => Ok(()),
            false => Err(io::Error::other("the file changed while it was read")),
        }
    }

    pub(crate) fn link(&mut self, path: &Path, target: &Path) -> io::Result<()> {
        let mut header = self.header(tar::EntryType::Symlink, 0o777, 0);
        self.files += 1;
        self.tar.append_link(&mut header, path, target)
    }

    pub(crate) fn folder(&mut self, path: &Path) -> io::Result<()> {
        let mut header = self.header(tar::EntryType::Directory, 0o755, 0);
        self.tar.append_data(&mut header, path, io::empty())
    }

    pub(crate) fn finish(self) -> io::Result<Packed> {
        let sealed = self.tar.into_inner()?.finish()?;
        let (mut writer, sha256, bytes) = sealed.finish();
        writer.flush()?;
        Ok(Packed {
            sha256,
            bytes,
            files: self.files,
        })
    }

    fn header(&self, kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_mtime(self.time);
        header.set_uid(0);
        header.set_gid(0);
        header
    }
}

struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}
