//! As on Lambda: a process without rights that other processes of its user cannot read, and that cannot
//! read all of itself in `/proc`. In a process of its own, which this changes for good.

mod nobody;

use nobody::again_as_nobody;
use std::fs;
use std::time::Duration;
use workspace::command::{Command, protect, strays};
use workspace::sandbox::Sandbox;

const LEAVES: &str = "sh -c 'setsid sh -c \"setsid sleep 30 & sleep 30\" & mkdir -p no/in; touch no/in/x; chmod 0 no/in no; sleep 0.3'";

#[test]
fn a_protected_process_without_rights_ends_and_removes_what_is_left() {
    again_as_nobody("a_protected_process_without_rights_ends_and_removes_what_is_left");
    protect().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(folder.path());
    sandbox.clear().unwrap();
    let log = tempfile::tempfile_in(folder.path()).unwrap();
    let outcome = workspace::command::run(&Command {
        line: LEAVES,
        cwd: folder.path(),
        env: &[],
        timeout: Duration::from_secs(20),
        note: None,
        log: &log,
        scratch: folder.path(),
        path: "/usr/local/bin:/usr/bin:/bin",
    });
    assert!(outcome.unwrap().succeeded());
    assert_eq!(strays(), []);
    sandbox.clear().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
