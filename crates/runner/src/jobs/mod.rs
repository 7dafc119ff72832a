//! What the stages that run users' commands do before and after a command, whatever runs it.

mod build;
mod suite;
mod unit_tests;

pub use build::build;
pub use suite::suite;
pub use unit_tests::unit_tests;
