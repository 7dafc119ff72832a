/// How much a checkout, a bundle or a folder may hold: a repository or an archive that
/// unpacks to more than `/tmp` takes must fail with a sentence, not with a full disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sum of the sizes of all files, unpacked, in bytes.
    pub bytes: u64,
    /// Size of one file, in bytes. In git a file is held in memory while it is copied.
    pub file_bytes: u64,
    /// Number of files, folders and links.
    pub entries: u64,
    /// Folders within folders.
    pub depth: usize,
}

impl Limits {
    /// For source bundles. 2 GiB leaves room in the 10 GiB of `/tmp` for the bundle, the
    /// checkout and what a build makes of it; 100 MiB is the largest file that the large git
    /// hosts take; a Linux kernel has about 90,000 files.
    pub const SOURCE: Self = Self {
        bytes: 2 << 30,
        file_bytes: 100 << 20,
        entries: 200_000,
        depth: 100,
    };

    /// For artifacts, which are streamed: one file may be as large as the whole.
    pub const ARTIFACT: Self = Self {
        file_bytes: 2 << 30,
        ..Self::SOURCE
    };
}

/// Counts against [`Limits`], and says which of them was passed.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            bytes: 0,
            entries: 0,
        }
    }

    /// Takes one entry of `bytes` at `depth` folders below the root.
    pub(crate) fn take(&mut self, bytes: u64, depth: usize) -> Result<(), String> {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        let Limits {
            bytes: most,
            file_bytes,
            entries,
            depth: deepest,
        } = self.limits;
        if self.entries > entries {
            return Err(format!(
                "there are more than {entries} files, folders and links"
            ));
        }
        if bytes > file_bytes {
            return Err(format!(
                "one file has {bytes} bytes, the limit is {file_bytes}"
            ));
        }
        if self.bytes > most {
            return Err(format!("all files together have more than {most} bytes"));
        }
        if depth > deepest {
            return Err(format!(
                "folders are nested more than {deepest} levels deep"
            ));
        }
        Ok(())
    }
}
