//! What one interleaving does: it follows from its seed.

use crate::dice::Dice;
use std::fmt;
use std::time::Duration;

/// Between the starts of two releases, at most: less than one takes.
const APART: u64 = 6_000;
/// From a release's candidates being put up to its cutover, or so.
const AIMED: u64 = 4_000;

/// The four components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Ui,
    Api,
    Msa,
    Msb,
}

impl Who {
    /// It, and those whose suites may meet it: ui talks to api, and that to msa.
    pub fn talk(self) -> &'static [Self] {
        match self {
            Self::Ui | Self::Api | Self::Msa => &[Self::Ui, Self::Api, Self::Msa],
            Self::Msb => &[Self::Msb],
        }
    }
}

/// What is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// New versions of these, by hand.
    Together(Vec<Who>),
    /// A new version, by a push.
    Push(Who),
    /// `{"target": ..., "version": "previous"}`
    TakeBack,
    /// `{"component": ..., "version": "previous"}`
    Previous(Who),
}

/// What is wrong with a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    Build,
    UnitTests,
    /// A version of api that no ui works with.
    BreaksUi,
}

/// One release.
#[derive(Debug, Clone)]
pub struct Step {
    /// After the start of the one before.
    pub after: Duration,
    /// Not before the one before it has put its candidates up: then it goes live soon, and what
    /// this one saw at its start is old by the time it goes live itself.
    pub is_aimed: bool,
    pub act: Act,
    /// Of the first of what it brings.
    pub flaw: Option<Flaw>,
}

/// Two to four releases.
pub fn script(seed: u64) -> Vec<Step> {
    let mut dice = Dice::new(seed);
    let count = 2 + dice.below(3);
    (0..count).map(|n| step(n, &mut dice)).collect()
}

fn step(n: u64, dice: &mut Dice) -> Step {
    let act = act(dice);
    let is_aimed = n > 0 && act.is_rollback() && dice.percent(50);
    let longest = match (n, is_aimed) {
        (0, _) => 0,
        (_, true) => AIMED,
        (_, false) => APART,
    };
    Step {
        after: Duration::from_millis(dice.below(longest + 1)),
        is_aimed,
        flaw: flaw(&act, dice),
        act,
    }
}

fn act(dice: &mut Dice) -> Act {
    let all = [Who::Ui, Who::Api, Who::Msa, Who::Msb];
    match dice.below(10) {
        0 | 1 => Act::Together(vec![Who::Api, Who::Ui]),
        2 => Act::Together(vec![Who::Ui, Who::Msa]),
        3 => Act::Together(vec![Who::Api, Who::Msb]),
        4..=6 => Act::Push(dice.one_of(&all)),
        7 => Act::TakeBack,
        _ => Act::Previous(dice.one_of(&all)),
    }
}

fn flaw(act: &Act, dice: &mut Dice) -> Option<Flaw> {
    let first = *act.brings().first()?;
    if first == Who::Api && dice.percent(20) {
        return Some(Flaw::BreaksUi);
    }
    dice.percent(10)
        .then(|| dice.one_of(&[Flaw::Build, Flaw::UnitTests]))
}

impl Act {
    /// Of what there is a new version; nothing in a roll-back.
    pub fn brings(&self) -> &[Who] {
        match self {
            Self::Together(all) => all,
            Self::Push(one) => std::slice::from_ref(one),
            Self::TakeBack | Self::Previous(_) => &[],
        }
    }

    pub fn is_rollback(&self) -> bool {
        self.brings().is_empty()
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.act.brings().iter().map(Who::to_string).collect();
        match &self.act {
            Act::Together(_) => write!(f, "{}", names.join("+"))?,
            Act::Push(one) => write!(f, "push {one}")?,
            Act::TakeBack => write!(f, "take back")?,
            Act::Previous(one) => write!(f, "previous {one}")?,
        }
        match self.flaw {
            Some(flaw) => write!(f, "({flaw:?})"),
            None => Ok(()),
        }
    }
}
