//! What is packed can be unpacked, and what could do harm cannot.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use workspace::Limits;
use workspace::bundle::{PackError, UnpackError, output_folder, pack, pack_to, unpack};

const TIME: u64 = 1_700_000_000;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        for (path, text) in files {
            let path = folder.path(&format!("dist/{path}"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn pack(&self) -> Result<workspace::bundle::Packed, PackError> {
        pack(
            &self.path("dist"),
            &self.path("archive"),
            TIME,
            Limits::ARTIFACT,
        )
    }
}

#[test]
fn a_writer_gets_the_bytes_of_the_file_and_nothing_of_what_cannot_be_packed() {
    let folder = Folder::with(&[("bin/tool", "#!/bin/sh\n"), ("data", "1")]);
    let mut written = Vec::new();
    let packed = pack_to(&folder.path("dist"), &mut written, TIME, Limits::ARTIFACT).unwrap();
    assert_eq!(packed, folder.pack().unwrap());
    assert_eq!(written, fs::read(folder.path("archive")).unwrap());
    symlink("/etc/passwd", folder.path("dist/out")).unwrap();
    let mut written = Vec::new();
    let refused = pack_to(&folder.path("dist"), &mut written, TIME, Limits::ARTIFACT);
    assert!(
        matches!(refused, Err(PackError::Refused { .. })),
        "{refused:?}"
    );
    assert!(written.is_empty());
}

#[test]
fn a_folder_comes_out_as_it_went_in() {
    let folder = Folder::with(&[("bin/tool", "#!/bin/sh\n"), ("data", "1"), ("empty", "")]);
    let tool = folder.path("dist/bin/tool");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o700)).unwrap();
    symlink("bin/tool", folder.path("dist/start")).unwrap();
    fs::create_dir(folder.path("dist/spool")).unwrap();
    let packed = folder.pack().unwrap();
    assert_eq!(packed.files, 4);
    let out = folder.path("out");
    let unpacked = unpack(&folder.path("archive"), &out, Limits::ARTIFACT).unwrap();
    assert_eq!(
        (unpacked.files, unpacked.bytes, unpacked.time),
        (4, 11, TIME)
    );
    let mode = |path: &str| out.join(path).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        (mode("bin/tool"), mode("data"), mode("spool")),
        (0o755, 0o644, 0o755)
    );
    assert_eq!(
        fs::read_link(out.join("start")).unwrap(),
        Path::new("bin/tool")
    );
    assert_eq!(
        fs::read_to_string(out.join("start")).unwrap(),
        "#!/bin/sh\n"
    );
    let modified = out.join("data").metadata().unwrap().modified().unwrap();
    let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(since.as_secs(), TIME);
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let files = [("b", "2"), ("a", "1"), ("c/d", "3")];
    let (one, two) = (Folder::with(&files), Folder::new());
    for (path, text) in files.iter().rev() {
        let path = two.path(&format!("dist/{path}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(two.path("dist/a"), mode).unwrap();
    assert_eq!(one.pack().unwrap(), two.pack().unwrap());
    assert_eq!(
        fs::read(one.path("archive")).unwrap(),
        fs::read(two.path("archive")).unwrap()
    );
    let sha256 = workspace::hash::sha256_file(&one.path("archive")).unwrap();
    assert_eq!(one.pack().unwrap().sha256, sha256);
    fs::write(one.path("dist/a"), "other").unwrap();
    assert_ne!(one.pack().unwrap().sha256, sha256);
}

#[test]
fn a_folder_without_files_is_no_artifact() {
    let folder = Folder::new();
    assert!(matches!(folder.pack(), Err(PackError::Missing { .. })));
    fs::create_dir_all(folder.path("dist/deeper")).unwrap();
    assert!(matches!(folder.pack(), Err(PackError::Empty { .. })));
    assert!(!folder.path("archive").exists());
}

#[test]
fn a_link_that_leaves_the_folder_is_not_packed() {
    for target in ["/etc/passwd", "../secret", "up/../.."] {
        let folder = Folder::with(&[("a/file", "1")]);
        symlink("a", folder.path("dist/up")).unwrap();
        symlink(target, folder.path("dist/out")).unwrap();
        let error = folder.pack().unwrap_err();
        assert!(
            matches!(&error, PackError::Refused { path, .. } if path == "out"),
            "{target}: {error:?}"
        );
        assert!(!folder.path("archive").exists());
    }
}

#[test]
fn special_files_are_not_packed() {
    let folder = Folder::with(&[("file", "1")]);
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("dist/socket")).unwrap();
    let error = folder.pack().unwrap_err();
    assert!(
        error.to_string().starts_with("socket cannot be packed"),
        "{error}"
    );
}

#[test]
fn a_folder_beyond_the_limits_is_not_packed() {
    let folder = Folder::with(&[("a", "12345"), ("b", "12345")]);
    let limits = Limits {
        bytes: 9,
        ..Limits::ARTIFACT
    };
    let error = pack(&folder.path("dist"), &folder.path("archive"), TIME, limits).unwrap_err();
    let text = "b cannot be packed: all files together have more than 9 bytes";
    assert_eq!(error.to_string(), text);
}

#[test]
fn the_output_of_a_build_must_lie_in_the_checkout() {
    let folder = Folder::with(&[("file", "1")]);
    let found = output_folder(folder.0.path(), "dist").unwrap();
    assert_eq!(found, folder.path("dist").canonicalize().unwrap());
    symlink("/", folder.path("root")).unwrap();
    for output in [
        "",
        "..",
        "/etc",
        "dist/../..",
        "root/etc",
        "root",
        "dist/file",
    ] {
        let error = output_folder(folder.0.path(), output).unwrap_err();
        assert!(
            matches!(error, PackError::Refused { .. }),
            "{output}: {error:?}"
        );
    }
    let missing = output_folder(folder.0.path(), "build").unwrap_err();
    assert_eq!(missing.to_string(), "there is no folder build");
}

/// An archive that our own code would never write.
struct Bad(tar::Builder<Vec<u8>>);

impl Bad {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    fn entry(
        mut self,
        kind: tar::EntryType,
        path: &str,
        link: &str,
        mode: u32,
        data: &[u8],
    ) -> Self {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(data.len() as u64);
        header.set_mode(mode);
        // Written past the checks of the tar crate.
        let fields = header.as_gnu_mut().unwrap();
        fields.name[..path.len()].copy_from_slice(path.as_bytes());
        fields.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        self.0.append(&header, data).unwrap();
        self
    }

    fn file(self, path: &str) -> Self {
        self.entry(tar::EntryType::Regular, path, "", 0o644, b"data")
    }

    fn link(self, path: &str, target: &str) -> Self {
        self.entry(tar::EntryType::Symlink, path, target, 0o777, b"")
    }

    /// Unpacks it into a folder two levels down, and looks whether anything is outside of it.
    fn refusal(self) -> String {
        let folder = Folder::new();
        let tar = self.0.into_inner().unwrap();
        fs::write(
            folder.path("archive"),
            zstd::encode_all(&tar[..], 1).unwrap(),
        )
        .unwrap();
        let dest = folder.path("one/two");
        let error = unpack(&folder.path("archive"), &dest, Limits::SOURCE).unwrap_err();
        let names = |path: &Path| fs::read_dir(path).unwrap().count();
        assert_eq!((names(folder.0.path()), names(&folder.path("one"))), (2, 1));
        error.to_string()
    }
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    for path in ["../escaped", "a/../../escaped", "/tmp/escaped", "./x", ".."] {
        let error = Bad::new().file(path).refusal();
        assert!(
            error.contains("the path is absolute, or has . or .. in it"),
            "{path}: {error}"
        );
    }
}

#[test]
fn links_that_leave_the_folder_are_refused() {
    let leaves = "the link leads out of the folder";
    assert!(Bad::new().link("out", "..").refusal().contains(leaves));
    assert!(
        Bad::new()
            .link("out", "/etc")
            .refusal()
            .contains("the link is absolute")
    );
    let chain = Bad::new()
        .link("a/b/c/up", "../../..")
        .link("top", "a/b/c/up")
        .link("d/e/out", "../../top/..");
    assert!(chain.refusal().contains(leaves));
}

#[test]
fn nothing_is_written_through_a_link() {
    let twice = "it is both a link and something else";
    assert!(
        Bad::new()
            .link("a", "b")
            .file("a/file")
            .refusal()
            .contains(twice)
    );
    assert!(
        Bad::new()
            .file("a/file")
            .link("a", "b")
            .refusal()
            .contains(twice)
    );
    assert!(
        Bad::new()
            .link("a", "b")
            .link("a/deeper", "c")
            .refusal()
            .contains(twice)
    );
    assert!(
        Bad::new()
            .file("a")
            .file("a")
            .refusal()
            .contains("it is there twice")
    );
    assert!(
        Bad::new()
            .link("a", "b")
            .link("a", "c")
            .refusal()
            .contains("it is there twice")
    );
}

#[test]
fn what_is_neither_file_folder_nor_link_is_refused() {
    use tar::EntryType;
    for kind in [
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Link,
        EntryType::GNUSparse,
    ] {
        let error = Bad::new()
            .file("a")
            .entry(kind, "b", "a", 0o644, b"")
            .refusal();
        assert!(
            error.starts_with("the archive is refused at b")
                || error.starts_with("unpacking failed"),
            "{kind:?}: {error}"
        );
    }
    let setuid = Bad::new()
        .entry(EntryType::Regular, "su", "", 0o4755, b"")
        .refusal();
    assert!(setuid.contains("setuid"), "{setuid}");
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let folder = Folder::new();
    let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    for name in ["a", "b", "c"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(4 << 20);
        header.set_mode(0o644);
        let zeros = std::io::Read::take(std::io::repeat(0), 4 << 20);
        tar.append_data(&mut header, name, zeros).unwrap();
    }
    let bytes = tar.into_inner().unwrap().finish().unwrap();
    assert!(bytes.len() < 10_000);
    fs::write(folder.path("archive"), bytes).unwrap();
    let limits = Limits {
        bytes: 10 << 20,
        ..Limits::SOURCE
    };
    let error = unpack(&folder.path("archive"), &folder.path("out"), limits).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("refused at c: all files together"),
        "{error}"
    );
    assert!(!folder.path("out/c").exists());
}

#[test]
fn a_damaged_archive_is_an_error() {
    let folder = Folder::with(&[("file", "content that takes some room in the archive")]);
    folder.pack().unwrap();
    let whole = fs::read(folder.path("archive")).unwrap();
    for (at, damaged) in [&whole[..whole.len() / 2], b"not an archive at all", b""]
        .iter()
        .enumerate()
    {
        let path = folder.path("damaged");
        fs::File::create(&path).unwrap().write_all(damaged).unwrap();
        let error = unpack(&path, &folder.path(&format!("out{at}")), Limits::SOURCE);
        assert!(
            matches!(error, Err(UnpackError::Io { .. })),
            "{at}: {error:?}"
        );
    }
}

#[test]
fn files_are_not_mixed_with_others() {
    let folder = Folder::with(&[("file", "1")]);
    folder.pack().unwrap();
    let error = unpack(
        &folder.path("archive"),
        &folder.path("dist"),
        Limits::SOURCE,
    )
    .unwrap_err();
    assert!(matches!(error, UnpackError::NotEmpty { .. }), "{error:?}");
}
