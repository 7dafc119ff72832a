//! Discard candidates: the undo of everything before the cutover, and the sentences a failed release
//! ends with.

use super::take_down::{Step, TakeDown, Taken};
use super::{Answer, Ask, Attempts, ChangeOutcome, Driver, Mark, Next, Rows};
use crate::another::live_by_another;
use crate::errors::Fault;
use crate::leftover::given_back;
use crate::names::{Component, Fqdn, alias};
use crate::records::{Batch, ZoneView};
use crate::retire::{Leaving, is_discarded, other_mark, unfit};
use crate::rows::{CandidateRow, CandidateState, ReleaseOutcome, SetRow};
use crate::verdict::{
    FailedRelease, StillLive, Verdict, already_live, live_after_all, superseded_by, verdict,
};
use crate::wire::{DiscardReply, DiscardRequest, PlannedLibrary, Release, Tagged};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The undo of one release.
#[derive(Debug, Clone, Hash)]
pub struct Discard {
    asked: Arc<DiscardRequest>,
    /// Whether its execution has ended before: somebody else does it in its place.
    dead: bool,
    rows: Arc<Rows>,
    /// What it took over, and does not end.
    given_back: BTreeSet<Fqdn>,
    attempts: Attempts,
    waits: Waits,
}

/// What it waits for.
#[derive(Debug, Clone, Default, Hash)]
enum Waits {
    #[default]
    ToBegin,
    Rows,
    /// The hostnames that it planned.
    Names,
    /// The rows of those of them that do not stand any more.
    Past,
    Zone,
    /// The records of what is not for this release to end do not fit its cutover any more.
    Unfit(Batch, Chosen),
    /// And their rows are given back: these as they were before.
    Marked(Vec<CandidateRow>, Vec<Leaving>),
    GivenBack(Vec<Leaving>),
    Taken(Box<TakeDown>),
    /// Which of its libraries are released.
    Libraries(Box<Taken>),
    SetRecorded(DiscardReply),
    OutcomeRecorded(DiscardReply),
}

/// What becomes of its own candidates.
#[derive(Debug, Clone, Default, Hash)]
struct Chosen {
    leaving: Vec<Leaving>,
    /// As live ones of this ticket still.
    back: Vec<Mark>,
    /// As they were before it took them over.
    restored: Vec<CandidateRow>,
}

type Reply = Result<Next<DiscardReply>, Fault>;

impl Driver for Discard {
    type Reply = DiscardReply;

    fn release(&self) -> &Release {
        &self.asked.release
    }

    fn next(&mut self, answer: Answer, now: &str) -> Reply {
        match (std::mem::take(&mut self.waits), answer) {
            (Waits::ToBegin, Answer::Begin) => Ok(self.ask(Ask::AllCandidates, Waits::Rows)),
            (Waits::Rows, Answer::Rows(rows)) => {
                self.rows = Arc::new(rows);
                let ticket = self.asked.release.ticket;
                Ok(self.ask(Ask::PlannedNames(ticket), Waits::Names))
            }
            (Waits::Names, Answer::Names(names)) => Ok(self.ask_past(names)),
            (Waits::Past, Answer::Rows(past)) => Ok(self.look(past)),
            (Waits::Zone, Answer::Zone(zone)) => Ok(self.choose(&zone)),
            (Waits::Unfit(_, chosen), Answer::Changed(ChangeOutcome::Applied(_))) => {
                Ok(self.give_back(chosen))
            }
            (Waits::Unfit(batch, _), Answer::Changed(ChangeOutcome::Refused(why))) => {
                self.attempts
                    .refused(batch, &why, "while it was given back")?;
                Ok(self.ask(Ask::View, Waits::Zone))
            }
            (Waits::Marked(rows, leaving), Answer::Moved(_)) => Ok(self.restore(rows, leaving)),
            (Waits::GivenBack(leaving), Answer::Done) => Ok(self.begin_to_take(leaving)),
            (Waits::Taken(take_down), answer) => self.take(*take_down, answer, now),
            (Waits::Libraries(taken), Answer::Released(found)) => {
                self.tell_apart(found);
                Ok(self.conclude(*taken, now))
            }
            (Waits::SetRecorded(reply), Answer::Done) => Ok(self.record_outcome(reply)),
            (Waits::OutcomeRecorded(reply), Answer::Done) => Ok(Next::Done(reply)),
            (_, answer) => Err(answer.out_of_turn()),
        }
    }

    /// Nothing is left by then, and that is what the release has to say: its row can wait for the next
    /// release, its reader cannot.
    fn call_failed(&mut self, fault: Fault) -> Reply {
        match std::mem::take(&mut self.waits) {
            Waits::SetRecorded(reply) => {
                Ok(self.record_outcome(unrecorded(reply, "what it tested", &fault)))
            }
            Waits::OutcomeRecorded(reply) => {
                Ok(Next::Done(unrecorded(reply, "how it ended", &fault)))
            }
            _ => Err(fault),
        }
    }
}

impl Discard {
    /// Of a release that failed, or that another one made needless.
    pub fn new(asked: DiscardRequest) -> Self {
        Self {
            asked: Arc::new(asked),
            dead: false,
            rows: Arc::default(),
            given_back: BTreeSet::new(),
            attempts: Attempts::default(),
            waits: Waits::ToBegin,
        }
    }

    /// Of a release whose execution has ended and can not do it any more. What is recorded of how it ended
    /// stays.
    pub fn of_dead(asked: DiscardRequest) -> Self {
        Self {
            dead: true,
            ..Self::new(asked)
        }
    }

    fn ask(&mut self, ask: Ask, waits: Waits) -> Next<DiscardReply> {
        self.waits = waits;
        Next::Ask(ask)
    }

    fn own(&self) -> impl Iterator<Item = &CandidateRow> {
        let ticket = self.asked.release.ticket;
        let rows = self.rows.values().map(Arc::as_ref);
        rows.filter(move |row| row.ticket == ticket)
    }

    /// Own candidates that are gone: an earlier run came so far, or a later release has ended them. What
    /// was launched under their names since is ended too. What an earlier run gave back has its old ticket.
    fn ask_past(&mut self, names: BTreeSet<Fqdn>) -> Next<DiscardReply> {
        let earlier = |name: &&Fqdn| {
            let row = self.rows.get(*name);
            row.is_some_and(|row| row.ticket < self.asked.release.ticket)
        };
        self.given_back = names.iter().filter(earlier).cloned().collect();
        let missing = names.into_iter();
        let missing = missing.filter(|name| !self.rows.contains_key(name));
        let missing: BTreeSet<Fqdn> = missing.collect();
        match missing.is_empty() {
            true => self.look(Rows::new()),
            false => self.ask(Ask::Candidates(missing), Waits::Past),
        }
    }

    fn look(&mut self, past: Rows) -> Next<DiscardReply> {
        let ticket = self.asked.release.ticket;
        let own = past.into_iter().filter(|(_, row)| row.ticket == ticket);
        Arc::make_mut(&mut self.rows).extend(own);
        self.ask(Ask::View, Waits::Zone)
    }

    fn choose(&mut self, zone: &ZoneView) -> Next<DiscardReply> {
        let ttl = self.asked.release.settings.hostname_ttl;
        let (leaving, back): (Vec<&CandidateRow>, Vec<&CandidateRow>) =
            self.own().partition(|row| is_discarded(row, zone, ttl));
        let mut batch = unfit(back.iter().map(|row| &row.hostname), zone, ttl);
        let took_over = back.iter().any(|row| row.launched_by.is_some());
        if self.dead && took_over && batch.is_empty() {
            batch = other_mark(zone, &self.asked.release.domain);
        }
        let leaving = leaving.into_iter();
        let leaving = leaving.map(|row| Leaving::of(row, CandidateState::Discarded));
        let as_before = |row: &&CandidateRow| self.as_before(row, zone);
        let restored: Vec<CandidateRow> = back.iter().filter_map(as_before).collect();
        let is_restored =
            |row: &CandidateRow| restored.iter().any(|one| one.hostname == row.hostname);
        let kept = back.iter().filter(|row| !is_restored(row));
        let names: BTreeSet<Fqdn> = back.iter().map(|row| row.hostname.clone()).collect();
        let chosen = Chosen {
            leaving: leaving.collect(),
            back: kept.map(|row| still_live(row)).collect(),
            restored,
        };
        self.given_back.extend(names);
        match batch.is_empty() {
            true => self.give_back(chosen),
            false => {
                let comment = format!("{} gives back what it took", self.asked.release.label());
                let ask = Ask::Change(batch.clone(), comment);
                self.ask(ask, Waits::Unfit(batch, chosen))
            }
        }
    }

    fn as_before(&self, row: &CandidateRow, zone: &ZoneView) -> Option<CandidateRow> {
        let release = &self.asked.release;
        let at = zone.points_to(&alias(&row.component, &release.domain))?;
        let live = self.rows.get(&at).map(|row| row.ticket);
        given_back(row, live, &release.target)
    }

    fn give_back(&mut self, chosen: Chosen) -> Next<DiscardReply> {
        let Chosen {
            leaving,
            back,
            restored,
        } = chosen;
        match back.is_empty() {
            true => self.restore(restored, leaving),
            false => self.ask(Ask::MoveOn(back), Waits::Marked(restored, leaving)),
        }
    }

    fn restore(&mut self, rows: Vec<CandidateRow>, leaving: Vec<Leaving>) -> Next<DiscardReply> {
        let ticket = self.asked.release.ticket;
        match rows.is_empty() {
            true => self.begin_to_take(leaving),
            false => self.ask(Ask::GiveBack(ticket, rows), Waits::GivenBack(leaving)),
        }
    }

    fn begin_to_take(&mut self, leaving: Vec<Leaving>) -> Next<DiscardReply> {
        let (take_down, ask) = TakeDown::begin(self.asked.release.clone(), leaving);
        self.ask(ask, Waits::Taken(Box::new(take_down)))
    }

    fn take(&mut self, mut take_down: TakeDown, answer: Answer, now: &str) -> Reply {
        Ok(match take_down.next(answer)? {
            Step::Ask(ask) => self.ask(ask, Waits::Taken(Box::new(take_down))),
            Step::Taken(taken) => self.ask_released(taken, now),
        })
    }

    /// The table knows, also where the answer of Record libraries was lost. It is asked last: what is recorded of the
    /// release next keeps a late one from recording any.
    fn ask_released(&mut self, taken: Taken, now: &str) -> Next<DiscardReply> {
        let libraries = self.asked.libraries.iter();
        let libraries: Vec<Tagged> = libraries.filter_map(PlannedLibrary::tagged).collect();
        match libraries.is_empty() {
            true => self.conclude(taken, now),
            false => self.ask(Ask::Released(libraries), Waits::Libraries(Box::new(taken))),
        }
    }

    fn tell_apart(&mut self, found: Vec<Tagged>) {
        let asked = Arc::make_mut(&mut self.asked);
        let is = |one: &Component| found.iter().any(|row| row.component == *one);
        asked.libraries.retain(|one| !is(&one.component));
        asked.released.retain(|one| !is(&one.component));
        asked.released.extend(found);
    }

    /// What the release ends with. What is live after all is not recorded as failed.
    fn conclude(&mut self, taken: Taken, now: &str) -> Next<DiscardReply> {
        let ticket = self.asked.release.ticket;
        let is_live = taken.kept.iter().any(|one| one.ticket == ticket);
        let label = self.asked.release.label();
        let rows: Vec<CandidateRow> = self
            .rows
            .values()
            .map(|row| CandidateRow::clone(row))
            .collect();
        let mut by_another = live_by_another(&self.asked, &taken.zone, &rows);
        let sentences = || self.sentences(&taken.zone);
        let verdict = match (is_live, by_another.is_empty()) {
            (true, _) => Verdict {
                cause: live_after_all(&self.asked.failures, &label),
                ..sentences()
            },
            (false, true) => sentences(),
            (false, false) => already_live(&by_another, &label),
        };
        if is_live {
            by_another.clear();
        }
        let gone = taken.gone.into_iter();
        let reply = DiscardReply {
            error: verdict.error,
            cause: verdict.cause,
            live: is_live,
            discarded: gone.map(|one| one.hostname).collect(),
            already_live: by_another,
        };
        match is_live {
            true => Next::Done(reply),
            false => self.record(reply, now),
        }
    }

    fn sentences(&self, zone: &ZoneView) -> Verdict {
        let (asked, release) = (&self.asked, &self.asked.release);
        let superseded = superseded(asked, &self.rows, zone);
        let still = asked.components.iter().map(|planned| {
            let alias = alias(&planned.component, &release.domain);
            let now = zone.points_to(&alias);
            (alias, now)
        });
        let still: Vec<StillLive> = still.collect();
        let own = self.own().filter(|row| !row.companion);
        let reached = own.map(|row| (row.component.clone(), !row.instances.is_empty()));
        let reached: Vec<(Component, bool)> = reached.collect();
        let given_back: Vec<&Fqdn> = self.given_back.iter().collect();
        let libraries = asked.libraries.iter().map(|one| &one.component);
        let libraries: Vec<&Component> = libraries.collect();
        let happened = FailedRelease {
            failures: &asked.failures,
            tests: &asked.tests,
            still: &still,
            libraries: &libraries,
            released: &asked.released,
            reached: &reached,
            superseded: superseded.as_deref(),
            given_back: &given_back,
        };
        verdict(&happened, &release.label())
    }

    fn record(&mut self, reply: DiscardReply, now: &str) -> Next<DiscardReply> {
        let asked = &self.asked;
        match &asked.tested {
            // Without a set, what was tested were libraries.
            Some(tested) if !asked.tests.is_empty() && !tested.set.is_empty() => {
                let released = asked.components.iter().map(|one| one.component.clone());
                let (released, at) = (released.collect(), now.to_owned());
                let set = SetRow::of(&asked.release, tested, released, &asked.tests, at);
                let ask = Ask::RecordSet(Box::new(set), Vec::new());
                self.ask(ask, Waits::SetRecorded(reply))
            }
            _ => self.record_outcome(reply),
        }
    }

    fn record_outcome(&mut self, reply: DiscardReply) -> Next<DiscardReply> {
        let outcome = match reply.already_live.is_empty() {
            true => ReleaseOutcome::NotReleased,
            false => ReleaseOutcome::AlreadyLive,
        };
        let ticket = self.asked.release.ticket;
        let ask = match (self.dead, outcome) {
            (true, ReleaseOutcome::NotReleased) => {
                Ask::RecordSuperseded([ticket].into(), reply.cause.clone())
            }
            _ => Ask::RecordFailure(ticket, outcome, reply.cause.clone()),
        };
        self.ask(ask, Waits::OutcomeRecorded(reply))
    }
}

/// The same, and what could not be written.
fn unrecorded(reply: DiscardReply, what: &str, fault: &Fault) -> DiscardReply {
    DiscardReply {
        cause: format!("{} Not recorded is {what}: {fault}.", reply.cause),
        ..reply
    }
}

/// Some resolver may still remember it as live: a later release ends it after its drain.
fn still_live(row: &CandidateRow) -> Mark {
    Mark {
        hostname: row.hostname.clone(),
        ticket: row.ticket,
        state: CandidateState::Live,
    }
}

/// A release that is live in the place of one of these and came later.
fn superseded(asked: &DiscardRequest, rows: &Rows, zone: &ZoneView) -> Option<String> {
    let release = &asked.release;
    asked.components.iter().find_map(|planned| {
        let at = zone.points_to(&alias(&planned.component, &release.domain))?;
        let row = rows.get(&at)?;
        (row.ticket > release.ticket)
            .then(|| superseded_by(&planned.component, row.ticket, release.ticket))
    })
}

#[cfg(test)]
#[path = "discard_tests.rs"]
mod tests;
