//! What a container begins with: a zip archive, which CodeBuild unpacks, with the checkout as a tar and
//! the script that runs the command in it.

use crate::Task;
use pipeline::manifest::CachedFolder;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use workspace::bundle;
use workspace::command::{CommandError, words};

/// What runs the command, below the values.
const SCRIPT: &str = include_str!("command.sh");

/// What it leaves, beside how it ended and what it printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves<'a> {
    /// Nothing.
    Nothing,
    /// This folder of the checkout.
    Output(&'a str),
    /// The folder of its reports.
    Reports,
}

/// Where reports are, beside the checkout.
pub(super) const REPORTS: &str = "reports";

/// The script with its values, each in single quotes: none of them is read by a shell.
///
/// # Errors
/// [`CommandError::Words`].
pub fn script(task: &Task<'_>, leaves: Leaves<'_>) -> Result<String, CommandError> {
    let words: Vec<String> = words(task.line.as_str())?
        .iter()
        .map(|word| quoted(word))
        .collect();
    let variables = task.environment.iter();
    let variables = variables.map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    let (output, reports) = match leaves {
        Leaves::Nothing => ("", ""),
        Leaves::Output(folder) => (folder, ""),
        Leaves::Reports => ("", REPORTS),
    };
    Ok(format!(
        "set -- {}\n{}limit='{}'\noutput={}\nreports='{reports}'\nvendor='{}'\ncache='{}'\n{SCRIPT}",
        words.join(" "),
        variables.collect::<String>(),
        task.limit.duration().as_secs(),
        quoted(output),
        names(task.vendor.iter().map(|pin| pin.library.as_str())),
        names(task.cache.iter().map(CachedFolder::as_str)),
    ))
}

/// Nothing in them means anything to a shell.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(" ")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Writes the archive from a source bundle and others by the names of their entries, and answers the commit's time.
///
/// # Errors
/// When the bundle is damaged, or the disk is full.
pub fn write(
    script: &str,
    source: &Path,
    archives: &[(String, PathBuf)],
    to: &Path,
) -> io::Result<u64> {
    let mut zip = Zip::create(to)?;
    zip.entry("command.sh", |file| file.write_all(script.as_bytes()))?;
    let mut time = 0;
    zip.entry("source.tar", |file| {
        time = bundle::to_tar(source, file)?;
        Ok(())
    })?;
    for (name, archive) in archives {
        zip.entry(name, |file| bundle::to_tar(archive, file).map(drop))?;
    }
    zip.finish()?;
    Ok(time)
}

/// A zip archive of files that are not compressed, each below 4 GiB:
/// <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>, 4.3.
struct Zip {
    file: BufWriter<File>,
    directory: Vec<u8>,
    entries: u16,
    at: u32,
}

/// 1980-01-01: the format has no earlier date.
const DATE: u16 = 0x21;

impl Zip {
    fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::with_capacity(128 * 1024, File::create(path)?),
            directory: Vec::new(),
            entries: 0,
            at: 0,
        })
    }

    fn entry(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let start = self.at;
        let blank = header(name, 0, 0);
        self.put(b"PK\x03\x04", &blank, name)?;
        let mut counted = Counted {
            file: &mut self.file,
            sum: crc32fast::Hasher::new(),
            bytes: 0,
        };
        write(&mut counted)?;
        let (sum, bytes) = (counted.sum.finalize(), counted.bytes);
        let bytes = u32::try_from(bytes).map_err(|_| io::Error::other("more than 4 GiB"))?;
        let known = header(name, sum, bytes);
        // What is known by now goes in front of it.
        self.file.seek(SeekFrom::Start(u64::from(start) + 4))?;
        self.file.write_all(&known)?;
        self.file.seek(SeekFrom::End(0))?;
        self.at = self
            .at
            .checked_add(bytes)
            .ok_or_else(|| io::Error::other("more than 4 GiB"))?;
        self.directory.extend(b"PK\x01\x02\x14\x00");
        self.directory.extend(known);
        // No comment, one disk, no attributes; then where its own header is.
        self.directory.extend([0; 10]);
        self.directory.extend(start.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.entries += 1;
        Ok(())
    }

    fn put(&mut self, mark: &[u8], header: &[u8], name: &str) -> io::Result<()> {
        for part in [mark, header, name.as_bytes()] {
            self.file.write_all(part)?;
            self.at += part.len() as u32;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        let count = self.entries.to_le_bytes();
        self.file.write_all(&self.directory)?;
        self.file.write_all(b"PK\x05\x06\0\0\0\0")?;
        self.file.write_all(&[count, count].concat())?;
        self.file
            .write_all(&(self.directory.len() as u32).to_le_bytes())?;
        self.file.write_all(&self.at.to_le_bytes())?;
        self.file.write_all(&[0; 2])?;
        self.file.flush()
    }
}

/// What a file's two headers have in common.
fn header(name: &str, sum: u32, bytes: u32) -> Vec<u8> {
    let mut all = vec![0x14, 0, 0, 0, 0, 0, 0, 0]; // version 2.0, no flags, stored, midnight
    all.extend(DATE.to_le_bytes());
    all.extend(sum.to_le_bytes());
    all.extend(bytes.to_le_bytes());
    all.extend(bytes.to_le_bytes());
    all.extend((name.len() as u16).to_le_bytes());
    all.extend([0; 2]); // no extra field
    all
}

struct Counted<'a> {
    file: &'a mut BufWriter<File>,
    sum: crc32fast::Hasher,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, some: &[u8]) -> io::Result<usize> {
        let written = self.file.write(some)?;
        self.sum.update(&some[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
