//! What a release is doing, read from its execution's history. Pure: no clock, no AWS.

pub mod cells;
pub mod checked;
pub mod ending;
mod failures;
pub mod frame;
pub mod history;
pub mod input;
pub mod kept;
pub mod model;
pub mod of_commit;
pub mod pairing;
pub mod planned;
pub mod reading;
pub mod stages;
mod suites;
pub mod summary;
mod tags;

#[cfg(test)]
mod ending_tests;
#[cfg(test)]
mod frame_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod rounds_tests;
