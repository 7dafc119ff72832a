//! What concerns the whole local cloud: these tests change what all releases stand on, and put it
//! back. Stories run after them, in a program of their own.

mod differing;
mod excess;
mod excess_targets;
mod forged;
mod permissions;
mod prod;
mod search;
mod unreadable;
mod watch;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

// What a test takes away from all, or needs whole. Who locks several takes them in this order.
/// The roles of the functions of a release.
static RELEASES: RwLock<()> = RwLock::const_new(());
/// The role that makes targets.
static STACKS: RwLock<()> = RwLock::const_new(());
/// The role of what a push starts.
static PUSHES: RwLock<()> = RwLock::const_new(());

/// Nothing runs beside who holds this.
async fn alone() -> [RwLockWriteGuard<'static, ()>; 3] {
    [
        RELEASES.write().await,
        STACKS.write().await,
        PUSHES.write().await,
    ]
}

/// Releases and targets are made as ever while somebody holds this.
async fn undisturbed() -> [RwLockReadGuard<'static, ()>; 2] {
    [RELEASES.read().await, STACKS.read().await]
}
