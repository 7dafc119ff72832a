//! What the stages that run users' commands do before and after a command, whatever runs it.

mod build;
mod suite;
mod unit_tests;

pub use build::build;
pub(crate) use build::{Made, built, task as build_task};
pub use suite::suite;
pub(crate) use suite::{ended, task as suite_task};
pub use unit_tests::unit_tests;
pub(crate) use unit_tests::{task as unit_tests_task, tested};
