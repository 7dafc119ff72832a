//! The AWS CLI of these tests, loaded once for all of their clouds: a cloud loads its own at the first call, and
//! dozens of clouds would do so for a few calls each.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::harness::eventually;

struct Cli {
    program: PathBuf,
    /// It ends when its standard input closes, so with the tests.
    _process: Child,
}

/// Calls it as `aws`; each call has arguments, environment, folder and files of its caller's.
pub fn program(venv: &Path) -> &'static Path {
    static CLI: OnceLock<Cli> = OnceLock::new();
    &CLI.get_or_init(|| start(venv)).program
}

fn start(venv: &Path) -> Cli {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    remove_stale(parent);
    let folder = parent.join(format!("aws-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("aws");
    for name in ["server.py", "client.py"] {
        fs::copy(sources.join(name), folder.join(name)).unwrap();
    }
    let [python, aws] = ["bin/python", "bin/aws"].map(|name| venv.join(name));
    let program = folder.join("aws");
    let client = folder.join("client.py");
    let text = format!(
        "#!/bin/sh\nexec '{}' -IS '{}' '{}' \"$@\"\n",
        python.display(),
        client.display(),
        aws.display()
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let process = Command::new(python)
        .args(["-I", "-B", "server.py", "socket"])
        .current_dir(&folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", &folder)
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    eventually("the AWS CLI listens", || folder.join("socket").exists());
    Cli {
        program,
        _process: process,
    }
}

/// What earlier runs left, which are over.
fn remove_stale(parent: &Path) {
    for entry in fs::read_dir(parent).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix("aws-");
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
}
