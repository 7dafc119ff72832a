//! What cutover promises, each promise by a test on the local cloud.

// The longest stories, by their names the first to begin.
mod acceptance;
mod at_the_same_moment;
mod back_as_one;
mod bad_input;
mod barred;
mod by_hand;
mod caches;
mod command_line;
mod containers;
mod dying;
mod dying_live;
mod events;
mod evidence;
mod examples;
mod failures;
mod followed;
mod going_live;
mod hostile;
mod libraries;
mod logs;
mod names;
mod own_addresses;
mod pipeline;
mod records;
mod reports;
mod same_commit;
mod soak;
mod stopped;
mod swept;
mod tags;
mod target_failures;
mod target_updates;
mod targets;
mod trust;
mod umbrella;
