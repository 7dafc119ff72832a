//! Watch release: whether what went live stays well while what was live before still runs.
//!
//! A component **fails** if its instances do (EC2's state, the health path at their own addresses, ends of
//! the component), or if users do not get through to it from outside. It is given up when each answer of ten
//! seconds was a failure, and there were three at least; or at once, when an instance is gone. What is sick
//! beside more that is well is no failure (`health`, `outside`).
//!
//! Three things are not held against a release: what users met already before its cutover; a component that a
//! later release has taken over; and a look that could not be made, which is made again. What could not be seen on one
//! side, inside or outside, takes nothing away from what is seen on the other.

mod wire;

pub use wire::{BeforeReply, BeforeRequest, SoFar, WatchOutcome, WatchReply, WatchRequest};

use crate::health::Condition;
use crate::names::{Component, Fqdn, Ticket};
use crate::outside::{Before, Outside};
use crate::reason::Reason;
use crate::rows::{AliasRow, CandidateRow};
use crate::wire::HostedComponent;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long something may fail: a service that is started again has time to come back.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Answers that must have failed: a slow one or two are no proof.
const LEAST: u32 = 3;
/// An instance that is not well has been asked so often at each look.
const ASKED: u32 = 3;
/// How long one look of the drain may be repeated. The function has 110 s, and says what it needs the rest for
/// (`watch-release/src/times.rs`).
pub const GIVE_UP: Duration = Duration::from_secs(60);
/// Bytes of why a look could not be made, and of what is noticed of a component.
const WHY: usize = 300;

/// Of what fails at the end of a look, and began so late that it is no failure yet: a predicate.
const STILL_FAILS: &str = "failed when the look ended, for too short a time to tell";

/// What was seen at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sight {
    /// Of the instances, by hostname; why, where that could not be seen.
    pub inside: BTreeMap<Fqdn, Result<Condition, String>>,
    /// From outside.
    pub outside: BTreeMap<Component, Outside>,
    /// What a later release has by now.
    pub moved_on: BTreeSet<Component>,
}

/// Whether a later release has this component, as far as is recorded.
pub fn has_moved_on(
    one: &HostedComponent,
    ticket: Ticket,
    row: Option<&CandidateRow>,
    alias: Option<&AliasRow>,
) -> bool {
    let is_taken = row.is_some_and(|row| row.ticket != ticket || row.state.is_leaving());
    let is_later = |row: &AliasRow| row.ticket > ticket && row.hostname != one.hostname;
    is_taken || alias.is_some_and(is_later)
}

/// When a look was made, since the first one of this part of the drain.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Its beginning, RFC 3339.
    pub now: &'a str,
    /// Its beginning.
    pub began: Duration,
    /// Its end.
    pub elapsed: Duration,
}

/// One look of the drain, repeated until it is clear what it shows.
#[derive(Debug)]
pub struct Bake<'a> {
    request: &'a WatchRequest,
    so_far: SoFar,
    why: Option<String>,
    streaks: BTreeMap<Component, Streak>,
}

/// A component that fails look after look.
#[derive(Debug)]
struct Streak {
    since: String,
    began: Duration,
    /// The end of the last look at which it failed: one that shows nothing makes it no longer.
    until: Duration,
    answers: u32,
    failure: Failure,
}

/// What is wrong with a component.
#[derive(Debug, Clone)]
enum Failure {
    /// It has lost an instance for good.
    Gone(String),
    /// Its instances are not well, each asked three times.
    Inside(String),
    /// Users do not get through.
    Outside(String),
}

impl Failure {
    fn what(&self) -> &str {
        let (Self::Gone(what) | Self::Inside(what) | Self::Outside(what)) = self;
        what
    }

    fn answers(&self) -> u32 {
        match self {
            Self::Outside(_) => 1,
            Self::Gone(_) | Self::Inside(_) => ASKED,
        }
    }
}

/// What one look shows of one side of a component.
#[derive(Debug)]
enum Side {
    Well,
    Fails(Failure),
    /// It could not be looked: no answer, so it ends no streak.
    NotSeen,
}

impl Streak {
    fn is_over(&self) -> bool {
        let long = self.until.saturating_sub(self.began) >= PATIENCE;
        matches!(self.failure, Failure::Gone(_)) || (long && self.answers >= LEAST)
    }

    fn told(&self) -> String {
        let (what, since) = (self.failure.what(), &self.since);
        match &self.failure {
            Failure::Gone(_) => what.to_owned(),
            _ => format!("{what}: {} answers in a row since {since}", self.answers),
        }
    }
}

impl<'a> Bake<'a> {
    /// Nothing was seen yet.
    pub fn new(request: &'a WatchRequest) -> Self {
        Self {
            request,
            so_far: request.so_far.clone(),
            why: None,
            streaks: BTreeMap::new(),
        }
    }

    /// Takes what was seen, or why nothing could be; the reply, unless it is to be looked again.
    pub fn take(&mut self, seen: Result<Sight, String>, at: Moment<'_>) -> Option<WatchReply> {
        let is_late = at.elapsed >= GIVE_UP;
        let outcome = match seen {
            Err(why) => {
                self.why = Some(why);
                is_late.then(|| self.late())
            }
            Ok(sight) => {
                self.fold(&sight, at);
                match self.streaks.values().any(Streak::is_over) {
                    true => Some(WatchOutcome::Unwell),
                    false if self.streaks.is_empty() && self.why.is_none() => {
                        Some(WatchOutcome::Well)
                    }
                    false => is_late.then(|| self.late()),
                }
            }
        };
        outcome.map(|outcome| self.reply(outcome))
    }

    /// What failed and came back is well enough. What fails still, or was not seen, is not known.
    fn late(&mut self) -> WatchOutcome {
        let open: Vec<(Component, String)> = self
            .streaks
            .iter()
            .map(|(one, streak)| (one.clone(), format!("{STILL_FAILS}: {}", streak.told())))
            .collect();
        for (component, what) in &open {
            self.notice(component, what);
        }
        let first = open.into_iter().next();
        self.why = self
            .why
            .take()
            .or_else(|| first.map(|(component, what)| format!("{component} {what}")));
        match self.why {
            Some(_) => WatchOutcome::NotKnown,
            None => WatchOutcome::Well,
        }
    }

    fn fold(&mut self, sight: &Sight, at: Moment<'_>) {
        self.why = None;
        let request = self.request;
        for one in &request.components {
            let component = &one.component;
            if sight.moved_on.contains(component) {
                self.notice(component, "a later release has moved its alias on");
                self.streaks.remove(component);
                continue;
            }
            match (self.inside(one, sight), self.outside(component, sight)) {
                (Side::Fails(failure), _) | (_, Side::Fails(failure)) => {
                    self.fails(component, failure, at);
                }
                (inside, outside) => self.does_not_fail(component, &inside, &outside),
            }
        }
    }

    /// What failed has come back if it is seen where it failed.
    fn does_not_fail(&mut self, component: &Component, inside: &Side, outside: &Side) {
        let side = match self.streaks.get(component).map(|streak| &streak.failure) {
            None => return,
            Some(Failure::Outside(_)) => outside,
            Some(Failure::Gone(_) | Failure::Inside(_)) => inside,
        };
        if matches!(side, Side::Well)
            && let Some(streak) = self.streaks.remove(component)
        {
            self.notice(component, &format!("came back: {}", streak.told()));
        }
    }

    fn fails(&mut self, component: &Component, failure: Failure, at: Moment<'_>) {
        let (asked, before) = (failure.answers(), self.streaks.remove(component));
        let streak = match before {
            Some(streak) => Streak {
                answers: streak.answers + asked,
                until: at.elapsed,
                failure,
                ..streak
            },
            None => Streak {
                since: at.now.to_owned(),
                began: at.began,
                until: at.elapsed,
                answers: asked,
                failure,
            },
        };
        self.streaks.insert(component.clone(), streak);
    }

    fn inside(&mut self, one: &HostedComponent, sight: &Sight) -> Side {
        match sight.inside.get(&one.hostname) {
            None => {
                let what = format!("the table has no row of {}", one.hostname);
                return Side::Fails(Failure::Inside(what));
            }
            Some(Err(why)) => {
                self.why = Some(why.clone());
                return Side::NotSeen;
            }
            Some(Ok(Condition::Gone(why))) => return Side::Fails(Failure::Gone(why.clone())),
            Some(Ok(Condition::Unwell(why))) => return Side::Fails(Failure::Inside(why.clone())),
            Some(Ok(Condition::Limping(why))) => self.notice(&one.component, why),
            Some(Ok(Condition::Well)) => {}
        }
        Side::Well
    }

    fn outside(&mut self, component: &Component, sight: &Sight) -> Side {
        let Some(seen) = sight.outside.get(component) else {
            return Side::Well;
        };
        match (seen, self.before(component)) {
            (Outside::Well, _) => {}
            (Outside::Failing(what), Some(Before::Well)) => {
                return Side::Fails(Failure::Outside(what.clone()));
            }
            (Outside::Failing(what), before) => {
                self.notice(component, &format!("{what}; {}", not_its_doing(before)));
            }
            (Outside::NotMade(why), Some(Before::Well)) => {
                self.why = Some(why.clone());
                return Side::NotSeen;
            }
            // Where nobody could ask before either, the cutover has changed nothing.
            (Outside::NotMade(why), _) => self.notice(component, why),
        }
        Side::Well
    }

    fn before(&self, component: &Component) -> Option<&'a Before> {
        self.request.before.components.get(component)
    }

    fn notice(&mut self, component: &Component, what: &str) {
        let noticed = &mut self.so_far.noticed;
        noticed.insert(component.clone(), cut(what));
    }

    fn reply(&mut self, outcome: WatchOutcome) -> WatchReply {
        match outcome {
            WatchOutcome::NotKnown => self.so_far.not_made += 1,
            _ => self.so_far.looks += 1,
        }
        let SoFar {
            looks, not_made, ..
        } = self.so_far;
        if let Some(why) = self.why.as_deref().filter(|_| not_made > looks) {
            let why = Reason::within(why, WHY);
            let all = looks + not_made;
            self.so_far.too_few = Some(format!(
                "of {all} looks during the drain {not_made} showed nothing for sure, the last one because {why}"
            ));
        }
        if not_made <= looks {
            self.so_far.too_few = None;
        }
        let over = self.streaks.iter().filter(|(_, one)| one.is_over());
        let over: Vec<(&Component, &Streak)> = over.collect();
        let told: Vec<String> = over.iter().map(|(_, one)| one.told()).collect();
        WatchReply {
            outcome,
            reason: (!told.is_empty()).then(|| Reason::new(&told.join("; ")).to_string()),
            connected: BTreeSet::new(),
            connections_not_told: None,
            failed: over.into_iter().map(|(one, _)| one.clone()).collect(),
            so_far: self.so_far.clone(),
        }
    }
}

fn not_its_doing(before: Option<&Before>) -> String {
    match before {
        Some(Before::Failing { what }) => format!("so it was before the cutover: {what}"),
        Some(Before::NotKnown { why }) => {
            format!("how it was before the cutover is not known: {why}")
        }
        Some(Before::New) => "there was no alias before".into(),
        _ => "how it was before the cutover is not known".into(),
    }
}

/// 98 components may all have something to be noticed.
fn cut(text: &str) -> String {
    Reason::within(text, WHY).to_string()
}

#[cfg(test)]
#[path = "bake_tests.rs"]
mod tests;
