//! A model check of the cutover protocol: releases beside each other, whose steps come in any order,
//! crash, lose their answers and arrive late; every state that can be reached is looked at.
//!
//! What decides is not modelled: it is `pipeline`'s own functions and its zone. What is modelled by
//! hand is the glue of the stages, in small functions that name what they stand for, and the calls
//! of AWS. A stage is one step for each call that somebody else can come before: view of the zone,
//! rows, batch, marking of rows, end of instances.
//!
//! - A lost answer: the act is done, and the stage begins again at its look, or not at all.
//! - A late batch: it is applied at any later moment, if it still fits.
//! - What came back from a look is as old as it takes: others act in between as often as they like.
//!
//! Where a step of one release can neither be seen nor be prevented by another, it is taken at once
//! ([`checker`]): every order of it gives the same. So Plan release of a new commit, Deploy and
//! Publish are single steps, and a crash in them is a crash before or after.
#![warn(missing_docs)]

pub mod act;
mod backing;
pub mod cast;
pub mod check;
pub mod checker;
mod cutting;
mod planning;
pub mod release;
pub mod rules;
pub mod scenario;
pub mod shared;
pub mod suite;
mod taking;
pub mod tell;
mod testing;
pub mod world;
