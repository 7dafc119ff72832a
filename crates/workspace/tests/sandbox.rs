//! That nothing of a hostile command is there for the next one: no file of any mode, no process.

mod nobody;

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nobody::{again_as_nobody, is_root};
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use workspace::command::{self, CommandError, Outcome};
use workspace::sandbox::{Sandbox, Unclean};
use workspace::scratch::{Scratch, remove_tree};

/// Another test's processes are strays to this one.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// What the review's commands left, and worse.
fn litter(folder: &Path, outside: &Path) {
    let cargo = folder.join(".cargo");
    fs::create_dir(&cargo).unwrap();
    fs::write(
        cargo.join("config.toml"),
        "[build]\nrustc-wrapper = \"evil\"\n",
    )
    .unwrap();
    for (name, bits) in [("no", 0o000), ("read", 0o500), ("search", 0o100)] {
        let inner = folder.join(name).join("inner/more");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("file"), "secret").unwrap();
        mode(&inner.join("file"), 0);
        mode(&inner, bits);
        mode(inner.parent().unwrap(), bits);
        mode(&folder.join(name), bits);
    }
    symlink(outside, folder.join("link")).unwrap();
    symlink(outside.join("kept"), folder.join(".npmrc")).unwrap();
    symlink("nowhere", folder.join("broken")).unwrap();
    // A name that emptying could want to use, and one that is no text.
    fs::create_dir_all(folder.join("lifted-1/lifted-2/lifted-3/x")).unwrap();
    fs::write(folder.join("lifted-2"), "").unwrap();
    fs::write(folder.join(std::ffi::OsStr::from_bytes(b"\xff\n")), "").unwrap();
    nix::unistd::mkfifo(&folder.join("fifo"), Mode::S_IRWXU).unwrap();
    mode(folder, 0o500);
}

#[test]
fn whatever_a_command_left_is_removed_and_no_link_is_followed() {
    let _alone = alone();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "kept").unwrap();
    mode(&outside.path().join("kept"), 0o400);
    let folder = tempfile::tempdir().unwrap();
    litter(folder.path(), outside.path());
    Sandbox::new(folder.path()).clear().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let kept = outside.path().join("kept");
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
    assert_eq!(kept.metadata().unwrap().permissions().mode() & 0o777, 0o400);
    assert_eq!(outside.path().read_dir().unwrap().count(), 1);
    again_as_nobody("whatever_a_command_left_is_removed_and_no_link_is_followed");
}

#[test]
fn a_checkout_of_any_mode_goes_when_it_is_dropped() {
    let _alone = alone();
    let (parent, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let checkout = Scratch::new_in(parent.path(), "checkout-").unwrap();
    litter(checkout.path(), outside.path());
    drop(checkout);
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    // A command may have removed it, or put a link in its place.
    let gone = Scratch::new_in(parent.path(), "checkout-").unwrap();
    fs::remove_dir(gone.path()).unwrap();
    symlink(outside.path(), gone.path()).unwrap();
    fs::write(outside.path().join("kept"), "").unwrap();
    drop(gone);
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    assert_eq!(outside.path().read_dir().unwrap().count(), 1);
    remove_tree(&parent.path().join("never")).unwrap();
    again_as_nobody("a_checkout_of_any_mode_goes_when_it_is_dropped");
}

#[test]
fn a_folder_deeper_than_paths_and_open_files_allow_is_removed() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY;
    let mut at = openat(AT_FDCWD, folder.path(), flags, Mode::empty()).unwrap();
    for _ in 0..3000 {
        mkdirat(&at, "d", Mode::S_IRWXU).unwrap();
        at = openat(&at, "d", flags, Mode::empty()).unwrap();
    }
    Sandbox::new(folder.path()).clear().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_emptied_serves_no_more() {
    let _alone = alone();
    let check = |sandbox: Sandbox| {
        assert!(!sandbox.is_spoiled());
        let refused = sandbox.clear().unwrap_err();
        assert!(matches!(refused, Unclean::Leftovers { .. }), "{refused}");
        assert!(sandbox.is_spoiled());
        assert!(matches!(sandbox.clear(), Err(Unclean::Spoiled)));
    };
    let folder = tempfile::tempdir().unwrap();
    check(Sandbox::new(folder.path().join("missing")));
    let link = folder.path().join("link");
    symlink(folder.path(), &link).unwrap();
    check(Sandbox::new(link));
    if !is_root() {
        // Of another user, and full.
        check(Sandbox::new("/proc/1"));
    }
    again_as_nobody("what_cannot_be_emptied_serves_no_more");
}

/// A process that ends with the test, whatever becomes of it.
struct Sleeper(Child);

impl Sleeper {
    fn new() -> Self {
        Self(Command::new("sleep").arg("30").spawn().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_process_that_was_there_before_the_command_ends_the_sandbox() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("left"), "").unwrap();
    let sandbox = Sandbox::new(folder.path());
    let stray = Sleeper::new();
    // Until it has become `sleep`, it has this test's name.
    let comm = format!("/proc/{}/comm", stray.0.id());
    let ends = Instant::now() + Duration::from_secs(10);
    while fs::read_to_string(&comm).unwrap().trim() != "sleep" {
        assert!(Instant::now() < ends);
    }
    let refused = sandbox.clear().unwrap_err().to_string();
    let pid = stray.0.id();
    let expected = format!(
        "1 processes are there that no running command has started, {pid} (\"sleep\") among them"
    );
    assert_eq!(refused, expected);
    drop(stray);
    // It is not believed again, even when all looks well.
    assert!(matches!(sandbox.clear(), Err(Unclean::Spoiled)));
    Sandbox::new(folder.path()).clear().unwrap();
}

/// Runs a line as a command, with this folder for everything.
fn run(line: &str, folder: &Path, log: &File) -> Result<Outcome, CommandError> {
    command::run(&command::Command {
        line,
        cwd: folder,
        env: &[],
        timeout: Duration::from_secs(20),
        note: None,
        log,
        scratch: folder,
        path: "/usr/local/bin:/usr/bin:/bin",
    })
}

#[test]
fn a_command_that_limits_the_process_that_started_it_is_the_last_in_its_sandbox() {
    let _alone = alone();
    // First: limits are passed on.
    again_as_nobody("a_command_that_limits_the_process_that_started_it_is_the_last_in_its_sandbox");
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(folder.path());
    sandbox.clear().unwrap();
    let log = tempfile::tempfile().unwrap();
    let line = "sh -c 'prlimit --pid $PPID --msgqueue=4096:4096'";
    assert!(run(line, folder.path(), &log).unwrap().succeeded());
    assert!(matches!(sandbox.clear(), Err(Unclean::Limited)));
    assert!(sandbox.is_spoiled());
}

/// Each of 24 processes starts its successor in a session of its own and ends, for 15 seconds at most. A
/// hundred times a second: faster, they would use up the numbers that this machine has for processes.
const HOPPING: &str = "
#include <time.h>
#include <unistd.h>
int main(void) {
    time_t ends = time(0) + 15;
    for (int n = 0; n < 24; n++)
        if (fork() == 0)
            for (;;) {
                setsid();
                usleep(10000);
                if (time(0) > ends || fork() != 0)
                    _exit(0);
            }
    return 0;
}
";

#[test]
fn processes_that_hop_are_ended_or_the_answer_is_a_failure() {
    let _alone = alone();
    let folder: TempDir = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hop.c"), HOPPING).unwrap();
    let mut compiler = Command::new("cc");
    compiler
        .args(["-o", "hop", "hop.c"])
        .current_dir(folder.path());
    assert!(compiler.status().unwrap().success());
    let log: File = tempfile::tempfile().unwrap();
    let began = Instant::now();
    let ended = run("./hop", folder.path(), &log);
    let left = command::strays();
    match ended {
        Ok(outcome) => assert!(outcome.succeeded() && left.is_empty(), "{left:?}"),
        Err(CommandError::StillRunning { count }) => assert!(count > 0),
        Err(other) => panic!("{other}"),
    }
    println!("{:?}, {} left", began.elapsed(), left.len());
    assert!(began.elapsed() < Duration::from_secs(20));
    let mut text = [0; 8];
    log.read_exact_at(&mut text, 0).unwrap();
    assert_eq!(&text, b"$ ./hop\n");
    // They end by themselves, and other tests begin without them.
    let ends = Instant::now() + Duration::from_secs(20);
    while !command::strays().is_empty() {
        assert!(Instant::now() < ends);
        std::thread::sleep(Duration::from_millis(50));
    }
}
