//! Taking hostnames and their instances away: what Terminate previous and Discard candidates do.
//!
//! The order leaves nobody without an instance at any point: records first, in a batch that fails if an
//! alias moved since the look; then the rows, so that nobody takes the instances over; instances only
//! when no record is left that leads to them; and a row says that it is gone only when its instances
//! have ended. Until then its name is not free, and who runs again finds it.

use super::{Answer, Ask, Attempts, ChangeOutcome, Mark, Rows};
use crate::errors::Fault;
use crate::leftover::{came_late, unclaimed};
use crate::names::{Fqdn, Ticket};
use crate::records::ZoneView;
use crate::retire::{Leaving, RetirePlan, Taker, plan_retire, points_at};
use crate::rows::CandidateState;
use crate::wire::Release;
use std::collections::{BTreeMap, BTreeSet};

const WHILE: &str = "while hostnames were taken away";

/// What was taken away.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Taken {
    /// Hostnames that are gone.
    pub(super) gone: Vec<Leaving>,
    /// Instances that were ended.
    pub(super) instances: Vec<String>,
    /// Who stays, because an alias points there.
    pub(super) kept: Vec<Leaving>,
    /// The zone as it was looked at last.
    pub(super) zone: ZoneView,
}

/// The part of a driver that takes these away, except those that an alias points to.
#[derive(Debug, Clone, Hash)]
pub(super) struct TakeDown {
    release: Release,
    leaving: Vec<Leaving>,
    /// Whether the rows are marked, and it looks for the second time.
    marked: bool,
    attempts: Attempts,
    taken: Taken,
    waits: Waits,
}

/// What it waits for.
#[derive(Debug, Clone, Default, Hash)]
enum Waits {
    #[default]
    Zone,
    /// All rows. They are read after the records: a row that still is this ticket's says that the
    /// record, as it was seen, is too, and the batch deletes it only as it was seen.
    Rows,
    /// The rows of those that do not stand any more. They are ended too, if they are still this
    /// ticket's: something may have been launched under the name after it was gone. And of others whose
    /// records came after they were gone.
    Past(Rows),
    Changed(RetirePlan),
    Marked(Vec<Leaving>),
    Ended(Vec<Leaving>),
    Gone,
}

/// What comes next.
pub(super) enum Step {
    Ask(Ask),
    Taken(Taken),
}

impl TakeDown {
    /// It begins with a look at the zone.
    pub(super) fn begin(release: Release, leaving: Vec<Leaving>) -> (Self, Ask) {
        let begun = Self {
            release,
            leaving,
            marked: false,
            attempts: Attempts::default(),
            taken: Taken::default(),
            waits: Waits::Zone,
        };
        (begun, Ask::View)
    }

    /// What comes next.
    pub(super) fn next(&mut self, answer: Answer) -> Result<Step, Fault> {
        match (std::mem::take(&mut self.waits), answer) {
            (Waits::Zone, Answer::Zone(zone)) => {
                self.taken.zone = zone;
                Ok(self.ask(Ask::AllCandidates, Waits::Rows))
            }
            (Waits::Rows, Answer::Rows(rows)) => Ok(self.ask_past(rows)),
            (Waits::Past(mut rows), Answer::Rows(past)) => {
                rows.extend(past);
                Ok(self.plan(&rows))
            }
            (Waits::Changed(plan), Answer::Changed(outcome)) => self.changed(plan, outcome),
            (Waits::Marked(retire), Answer::Moved(moved)) => Ok(self.look_again(retire, &moved)),
            (Waits::Ended(retire), Answer::Ended(instances)) => {
                self.taken.instances = instances;
                Ok(self.go(retire))
            }
            (Waits::Gone, Answer::Moved(_)) => Ok(self.done()),
            (_, answer) => Err(answer.out_of_turn()),
        }
    }

    fn ask(&mut self, ask: Ask, waits: Waits) -> Step {
        self.waits = waits;
        Step::Ask(ask)
    }

    fn done(&mut self) -> Step {
        Step::Taken(std::mem::take(&mut self.taken))
    }

    fn ask_past(&mut self, rows: Rows) -> Step {
        let names = self.leaving.iter().map(|one| one.hostname.clone());
        let names = names.chain(unclaimed(&self.taken.zone, &self.release.domain, &rows));
        let missing: BTreeSet<Fqdn> = names.filter(|name| !rows.contains_key(name)).collect();
        match missing.is_empty() {
            true => self.plan(&rows),
            false => self.ask(Ask::Candidates(missing), Waits::Past(rows)),
        }
    }

    fn plan(&mut self, rows: &Rows) -> Step {
        let still = |one: &&Leaving| {
            let row = rows.get(&one.hostname);
            row.is_some_and(|row| row.ticket == one.ticket)
        };
        let own = self.leaving.iter().filter(still);
        let own = own.filter(|one| !self.has_been_live(one));
        let mut leaving: Vec<Leaving> = own.cloned().collect();
        let (domain, zone) = (&self.release.domain, &self.taken.zone);
        let late = came_late(&unclaimed(zone, domain, rows), rows).into_iter();
        let late = late.filter(|one| !leaving.iter().any(|own| own.hostname == one.hostname));
        leaving.extend(late.collect::<Vec<_>>());
        let taker = Taker {
            ticket: self.release.ticket,
            domain,
        };
        let plan = plan_retire(&leaving, taker, zone, &standing(rows));
        match plan.batch.is_empty() {
            true => self.no_record_left(plan),
            false => {
                let ask = Ask::Change(plan.batch.clone(), self.comment(&plan));
                self.ask(ask, Waits::Changed(plan))
            }
        }
    }

    /// A candidate that went live after all, and from which a later release has moved users on since: some resolver may
    /// still remember it. That release ends it after its drain.
    fn has_been_live(&self, one: &Leaving) -> bool {
        let zone = &self.taken.zone;
        let live = self.release.settings.hostname_ttl;
        let is_live_ones = zone.get(&one.hostname).is_some_and(|own| own.ttl == live);
        one.becomes == CandidateState::Discarded && is_live_ones && !points_at(zone, &one.hostname)
    }

    /// Route 53 keeps 256 characters of a comment.
    fn comment(&self, plan: &RetirePlan) -> String {
        let names = plan.retire.iter().map(|one| one.hostname.as_str());
        let names: Vec<&str> = names.collect();
        let comment = format!("{} takes away {}", self.release.label(), names.join(", "));
        comment.chars().take(256).collect()
    }

    fn changed(&mut self, plan: RetirePlan, outcome: ChangeOutcome) -> Result<Step, Fault> {
        match outcome {
            ChangeOutcome::Applied(_) => Ok(self.no_record_left(plan)),
            ChangeOutcome::Refused(why) => {
                self.attempts.refused(plan.batch, &why, WHILE)?;
                Ok(self.ask(Ask::View, Waits::Zone))
            }
        }
    }

    fn no_record_left(&mut self, plan: RetirePlan) -> Step {
        self.taken.kept.extend(plan.keep);
        let retire = plan.retire;
        match (self.marked, retire.is_empty()) {
            (_, true) => self.done(),
            (false, _) => {
                let ask = Ask::MoveOn(marks(&retire, |_| CandidateState::Leaving));
                self.ask(ask, Waits::Marked(retire))
            }
            (true, _) => self.ask(Ask::End(retire.clone()), Waits::Ended(retire)),
        }
    }

    /// A row that belongs to a later release by now (a roll-back took the instances over) was not
    /// marked: its instances are left alone.
    ///
    /// A publish that was under way when its candidate was discarded may have come after the look; its
    /// row says `leaving` now, so it cannot come again. And of two who take the last two hostnames of a
    /// release at once, each saw the other's standing: its peer names are left.
    fn look_again(&mut self, retire: Vec<Leaving>, moved: &BTreeSet<Fqdn>) -> Step {
        let ours = retire.into_iter();
        self.leaving = ours.filter(|one| moved.contains(&one.hostname)).collect();
        self.marked = true;
        self.attempts = Attempts::default();
        match self.leaving.is_empty() {
            true => self.done(),
            false => self.ask(Ask::View, Waits::Zone),
        }
    }

    fn go(&mut self, retire: Vec<Leaving>) -> Step {
        let ask = Ask::MoveOn(marks(&retire, |one| one.becomes));
        self.taken.gone = retire;
        self.ask(ask, Waits::Gone)
    }
}

fn marks(leaving: &[Leaving], state: impl Fn(&Leaving) -> CandidateState) -> Vec<Mark> {
    let mark = |one: &Leaving| Mark {
        hostname: one.hostname.clone(),
        ticket: one.ticket,
        state: state(one),
    };
    leaving.iter().map(mark).collect()
}

/// Which release launched what still stands: the instances have its peer names.
fn standing(rows: &Rows) -> BTreeMap<Fqdn, Ticket> {
    let standing = rows.values().filter(|row| !row.state.is_leaving());
    standing
        .map(|row| (row.hostname.clone(), row.launched()))
        .collect()
}
