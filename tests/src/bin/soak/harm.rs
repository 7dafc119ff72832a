//! What goes wrong while an interleaving runs and is nobody's release: it follows from its seed too.

use crate::dice::Dice;
use crate::script::Who;
use std::fmt;
use std::time::Duration;

/// Of one interleaving, at most.
const MOST: u64 = 3;
/// From the start of all, or of the release that is stopped: longer than a release takes here.
const WITHIN: u64 = 14_000;
/// So that the releases of a seed are the same with harms and without.
const OTHER: u64 = 0x6861_726d;

/// Functions that change something in most releases, without the project's name; and in how many calls.
const FUNCTIONS: [(&str, u64); 11] = [
    ("plan-release", 2),
    ("prepare-workspace", 1),
    ("plan-companions", 1),
    ("publish-peers", 1),
    ("build", 2),
    ("push-artifacts", 2),
    ("deploy-initial", 5),
    ("publish-hostnames", 1),
    ("integration-tests", 2),
    ("cutover", 12),
    ("terminate-previous", 4),
];

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Harm {
    /// An instance that users are sent to ends.
    Ends(Who),
    /// A release's execution is stopped.
    Stops(usize),
    /// A function of a release is killed.
    Kills(Kill),
}

/// As local/ministack/faults.py does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    pub release: usize,
    pub function: &'static str,
    /// At which of its calls that change something, from 1 on.
    pub call: u64,
    /// `before` or `after` the call.
    pub when: &'static str,
}

/// A harm and its time: after the start of all, or of its release.
#[derive(Debug, Clone)]
pub struct Timed {
    pub after: Duration,
    pub harm: Harm,
}

/// What happens to so many releases; nothing to one interleaving in four.
pub fn harms(seed: u64, releases: usize) -> Vec<Timed> {
    let mut dice = Dice::new(seed ^ OTHER << 32);
    let count = dice.below(MOST + 1);
    let all = (0..count).map(|_| {
        let harm = harm(releases, &mut dice);
        let after = Duration::from_millis(dice.below(WITHIN));
        Timed { after, harm }
    });
    all.collect()
}

fn harm(releases: usize, dice: &mut Dice) -> Harm {
    let release = dice.below(releases as u64) as usize;
    match dice.below(3) {
        0 => Harm::Ends(dice.one_of(&[Who::Ui, Who::Api, Who::Msa, Who::Msb])),
        1 => Harm::Stops(release),
        _ => {
            let (function, calls) = dice.one_of(&FUNCTIONS);
            Harm::Kills(Kill {
                release,
                function,
                call: 1 + dice.below(calls),
                when: dice.one_of(&["before", "after"]),
            })
        }
    }
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} killed {} call {}",
            self.function, self.when, self.call
        )
    }
}
