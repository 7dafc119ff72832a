//! On Lambda: nobody's rights, `prctl` refused, and the sandbox's first process takes in what loses its parent.
//! In a process of its own, which this changes for good.

mod nobody;

use nobody::again_as_nobody;
use seccompiler::{SeccompAction, SeccompFilter};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;
use workspace::command::{Command, protect, strays};
use workspace::sandbox::Sandbox;

const BELOW: &str = "BELOW_THE_FIRST";
const TEST: &str = "where_prctl_is_refused_a_process_is_closed_and_ends_what_a_command_left";
/// What has left the group and lost its parent goes on, and tells its number.
const LEAVES: &str =
    "sh -c 'setsid sh -c \"echo \\$\\$ >left; exec sleep 30\" & while [ ! -s left ]; do :; done'";

#[test]
fn where_prctl_is_refused_a_process_is_closed_and_ends_what_a_command_left() {
    again_as_nobody(TEST);
    if nobody::is_root() {
        return;
    }
    if std::env::var_os(BELOW).is_none() {
        // This one is the sandbox's first process then.
        nix::sys::prctl::set_child_subreaper(true).unwrap();
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", TEST, "--nocapture"]).env(BELOW, "1");
        assert!(again.status().unwrap().success());
        return;
    }
    refuse_prctl();
    protect().unwrap();
    let me = std::process::id();
    let reads = format!("sh -c 'cat /proc/{me}/environ /proc/{me}/maps; test $? != 0'");
    let folder = tempfile::tempdir().unwrap();
    assert!(run(&reads, folder.path()).contains("Permission denied"));

    let sandbox = Sandbox::new(folder.path());
    sandbox.clear().unwrap();
    run(LEAVES, folder.path());
    let left = fs::read_to_string(folder.path().join("left")).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", left.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
    assert_eq!(strays(), []);
    sandbox.clear().unwrap();
}

fn refuse_prctl() {
    let refused = BTreeMap::from([(nix::libc::SYS_prctl, Vec::new())]);
    let filter = SeccompFilter::new(
        refused,
        SeccompAction::Allow,
        SeccompAction::Errno(nix::libc::EPERM.cast_unsigned()),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let program: seccompiler::BpfProgram = filter.unwrap().try_into().unwrap();
    // A second time, in the copy that runs then, it is in force already.
    match nix::sys::prctl::get_no_new_privs() {
        Ok(_) => seccompiler::apply_filter(&program).unwrap(),
        Err(error) => assert_eq!(error, nix::errno::Errno::EPERM),
    }
}

/// Its output.
fn run(line: &str, folder: &std::path::Path) -> String {
    let log = tempfile::tempfile_in(folder).unwrap();
    let outcome = workspace::command::run(&Command {
        line,
        cwd: folder,
        env: &[],
        timeout: Duration::from_secs(20),
        note: None,
        log: &log,
        scratch: folder,
        path: "/usr/local/bin:/usr/bin:/bin",
    });
    let outcome = outcome.unwrap();
    assert!(outcome.succeeded(), "{line}: {}", outcome.tail);
    outcome.tail
}
