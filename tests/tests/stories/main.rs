//! What cutover promises, each promise by a test on the local cloud.

mod bad_input;
mod by_hand;
mod events;
mod examples;
mod failures;
mod going_live;
mod pairs_of_pushes;
mod trust;
