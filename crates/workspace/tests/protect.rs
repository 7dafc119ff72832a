//! In a process of its own: this changes the process for good.

use nix::sys::prctl::get_dumpable;
use nix::sys::resource::{Resource, getrlimit};

#[test]
fn a_protected_process_is_closed_to_others_of_the_same_user() {
    assert!(get_dumpable().unwrap());
    workspace::command::protect().unwrap();
    assert!(!get_dumpable().unwrap());
    assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
    // What it starts is as open as ever: only the command's own environment is in there.
    let path = "/proc/self/environ";
    let read = std::process::Command::new("cat").arg(path).output();
    assert!(read.unwrap().status.success());
}
