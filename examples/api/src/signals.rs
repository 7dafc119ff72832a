//! SIGTERM and SIGINT as a plain function call: blocked in every thread, taken by the one that
//! waits. So nothing runs inside a signal handler.

use std::ffi::c_int;

const SIGINT: c_int = 2;
const SIGTERM: c_int = 15;
const SIG_BLOCK: c_int = if cfg!(target_os = "macos") { 1 } else { 0 };

/// At least as large as any libc's `sigset_t` (128 bytes with glibc and musl).
#[repr(C)]
struct SignalSet([u64; 16]);

unsafe extern "C" {
    fn sigemptyset(set: *mut SignalSet) -> c_int;
    fn sigaddset(set: *mut SignalSet, signal: c_int) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    fn sigwait(set: *const SignalSet, signal: *mut c_int) -> c_int;
}

fn stop_signals() -> SignalSet {
    let mut set = SignalSet([0; 16]);
    // SAFETY: `set` is large enough for a sigset_t and lives through both calls.
    unsafe {
        sigemptyset(&mut set);
        sigaddset(&mut set, SIGINT);
        sigaddset(&mut set, SIGTERM);
    }
    set
}

/// Keeps the stop signals pending in this thread and in those it starts.
pub fn block() {
    // SAFETY: the set is initialised; the old mask is not wanted, for which null is allowed.
    unsafe { pthread_sigmask(SIG_BLOCK, &stop_signals(), std::ptr::null_mut()) };
}

/// Returns when one of the stop signals arrives.
pub fn wait() {
    let mut signal = 0;
    // SAFETY: both pointers are valid; sigwait fails only for an invalid set.
    unsafe { sigwait(&stop_signals(), &mut signal) };
}
