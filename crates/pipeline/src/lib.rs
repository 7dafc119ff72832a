//! The rules of cutover as pure functions: names, versions, manifests, plans, verdicts.
//!
//! Nothing here is async, knows AWS, reads the environment or the clock: a stage observes the
//! world, a function of this crate returns a complete plan, the stage applies it conditionally
//! on what was observed.
#![warn(missing_docs)]

pub mod another;
pub mod apex;
pub mod back;
pub mod bake;
pub mod boot;
pub mod bounds;
pub mod closing;
pub mod connections;
pub mod cutover;
pub mod delegation;
pub mod drivers;
pub mod ends;
pub mod errors;
pub mod event;
pub mod evidence;
pub mod execution;
pub mod foreign;
pub mod health;
pub mod input;
pub mod keep;
pub mod launch_template;
pub mod leftover;
pub mod live;
pub mod look;
pub mod manifest;
pub mod names;
pub mod outside;
pub mod pace;
pub mod plan;
pub mod proof;
pub mod quota;
pub mod reason;
pub mod records;
pub mod retire;
pub mod rows;
pub mod running;
pub mod settings;
pub mod shell;
pub mod stages;
pub mod succession;
pub mod suites;
pub mod sweep;
pub mod target;
pub mod target_clear;
pub mod target_stack;
pub mod target_wire;
#[cfg(test)]
mod testing;
mod typed;
pub mod vendor;
pub mod verdict;
pub mod version;
pub mod watch;
pub mod wire;
