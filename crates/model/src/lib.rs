//! A model check of the cutover protocol: releases beside each other, whose steps come in any order,
//! crash, lose their answers and arrive late; every state that can be reached is looked at.
//!
//! What decides is not modelled: all but Plan release and Deploy (initial) are the very drivers that
//! the functions run (`pipeline::drivers`), stepped here from ask to ask ([`driving`]). These two are
//! written anew around `pipeline`'s own rules, in small functions that name what they stand for. What
//! is modelled is the world: zone, rows, instances, the calls of AWS, and what goes wrong.
//!
//! A step ends where somebody else can come before: after a look at the zone, before a batch, a
//! reservation, the rows of what is live, the marking of rows, the end of instances. In some scenarios
//! it ends before every single ask.
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
mod confirming;
mod cutting;
pub mod driving;
pub mod keeping;
mod lies;
mod planning;
pub mod release;
pub mod rules;
pub mod scenario;
pub mod shared;
pub mod suite;
mod sweeping;
mod taking;
pub mod tell;
mod testing;
pub mod world;
