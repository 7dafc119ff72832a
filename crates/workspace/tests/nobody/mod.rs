//! Tests as a user to whom modes are obstacles, as Lambda's is.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

const NOBODY: u32 = 65_534;

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Runs a test of this file again without root's rights, to which no mode is an obstacle.
pub fn again_as_nobody(test: &str) {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let own = folder.path().join("tmp");
    fs::create_dir(&own).unwrap();
    std::os::unix::fs::chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let mut again = Command::new(program);
    again.args(["--exact", test, "--nocapture"]);
    again.env("TMPDIR", own).current_dir("/");
    let ended = again.uid(NOBODY).gid(NOBODY).status().unwrap();
    assert!(ended.success(), "as nobody");
}
