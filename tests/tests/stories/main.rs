//! What cutover promises, each promise by a test on the local cloud.

// The longest story, by its name the first to begin.
mod at_the_same_moment;
mod bad_input;
mod by_hand;
mod events;
mod examples;
mod failures;
mod going_live;
mod rollback;
mod tags;
mod target_failures;
mod targets;
mod trust;
mod umbrella;
