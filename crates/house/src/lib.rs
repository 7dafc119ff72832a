//! What holds this repository's files to each other: documents, templates, state machines, events and
//! the stages' own files, against the code.
#![cfg(test)]

mod files;
mod machines;
mod templates;

mod causes;
mod crates;
mod docs;
mod errors;
mod events;
mod examples;
mod instance_role;
mod numbers;
mod one_by_one;
mod release_machine;
mod samples;
mod sizes;
mod stages;
mod tables;
mod tags;
mod target_machine;
mod tasks;
mod template_rules;
mod texts;
