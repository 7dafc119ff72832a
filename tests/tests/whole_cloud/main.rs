//! What concerns the whole local cloud: these tests change what all releases stand on, and put it
//! back. Stories run before them, in a program of their own.

mod excess;
mod excess_targets;
mod permissions;
mod prod;
mod search;
mod soak;
mod watch;

use tokio::sync::{Mutex, MutexGuard};

/// One test at a time: each would break the others.
async fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    ONE_AT_A_TIME.lock().await
}
