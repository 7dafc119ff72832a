//! What is live already is what a release asked for: from then on no earlier release replaces it.
//!
//! A release that finds its commits live moves nothing, so the rows say nothing of it. An earlier one of other
//! commits may still be building, and would go live over it. So the later one is noted in the rows of what is
//! live, and cutovers give way to it ([`CutoverPlan::Confirmed`](crate::cutover::CutoverPlan::Confirmed)). Then it
//! changes the mark from what it was when that was seen as live: a batch that was planned before the note fits
//! no more, and is planned anew. Whoever else moves the mark at this moment may have moved other aliases, or none:
//! then it is changed from what it is by now. If what was live is not any more, whoever asked looks again.

use super::{Answer, Ask, Attempts, ChangeOutcome, Driver, Next};
use crate::errors::Fault;
use crate::names::{Fqdn, Ticket, alias, cutover_of, last_cutover};
use crate::records::{Batch, Record, RecordType, ZoneView};
use crate::retire::other_mark;
use crate::rows::CandidateRow;
use crate::wire::Release;
use std::collections::BTreeSet;
use std::sync::Arc;

const WHILE: &str = "while what is live was asked for again; nothing moved";

/// What a release found live already.
#[derive(Debug, Clone, Hash)]
pub struct Confirm {
    release: Arc<Release>,
    /// In whose rows it is to be noted, and whose they are.
    notes: Vec<(Fqdn, Ticket)>,
    /// Each alias, and where it leads.
    live: Vec<(Fqdn, Fqdn)>,
    /// For the mark.
    batch: Batch,
    attempts: Attempts,
    waits: Waits,
}

/// What it waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Waits {
    #[default]
    ToBegin,
    Noted,
    Changed,
    Zone,
}

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// It is live, and no earlier release replaces it.
    Stays,
    /// Something has moved since it was seen: look again.
    Moved,
}

type Step = Result<Next<Confirmed>, Fault>;

impl Confirm {
    /// Of what is live in this zone, with the rows that say so; `None` where all of it is later than the release
    /// anyway.
    pub fn of<'a>(
        release: &Release,
        zone: ZoneView,
        live: impl Iterator<Item = &'a CandidateRow>,
    ) -> Option<Self> {
        let earlier: Vec<_> = live.filter(|row| row.ticket < release.ticket).collect();
        if earlier.is_empty() {
            return None;
        }
        // A note of a later release counts as well as its own.
        let is_to_note = |row: &&&CandidateRow| row.confirmed_by < Some(release.ticket);
        let notes = earlier.iter().filter(is_to_note);
        let leads = |row: &&CandidateRow| {
            let alias = alias(&row.component, &release.domain);
            (alias, row.hostname.clone())
        };
        Some(Self {
            live: earlier.iter().map(leads).collect(),
            attempts: Attempts::default(),
            notes: notes
                .map(|row| (row.hostname.clone(), row.ticket))
                .collect(),
            batch: mark(release, &zone),
            release: Arc::new(release.clone()),
            waits: Waits::ToBegin,
        })
    }

    fn ask(&mut self, ask: Ask, waits: Waits) -> Next<Confirmed> {
        self.waits = waits;
        Next::Ask(ask)
    }

    fn note(&mut self) -> Next<Confirmed> {
        match self.notes.is_empty() {
            true => self.change(),
            false => self.ask(
                Ask::Confirm(self.release.ticket, self.notes.clone()),
                Waits::Noted,
            ),
        }
    }

    fn noted(&mut self, noted: &BTreeSet<Fqdn>) -> Next<Confirmed> {
        match self.notes.iter().all(|(at, _)| noted.contains(at)) {
            true => self.change(),
            false => Next::Done(Confirmed::Moved),
        }
    }

    fn change(&mut self) -> Next<Confirmed> {
        if self.batch.is_empty() {
            return Next::Done(Confirmed::Stays); // no cutover comes past what is in the mark's place
        }
        let comment = format!("{} found live what it asked for", self.release.label());
        self.ask(Ask::Change(self.batch.clone(), comment), Waits::Changed)
    }

    fn refused(&mut self, why: &str) -> Step {
        let batch = std::mem::take(&mut self.batch);
        self.attempts.refused(batch, why, WHILE)?;
        Ok(self.ask(Ask::View, Waits::Zone))
    }

    fn looked(&mut self, zone: &ZoneView) -> Next<Confirmed> {
        let stays = |(alias, at): &(Fqdn, Fqdn)| zone.points_to(alias).as_ref() == Some(at);
        if !self.live.iter().all(stays) {
            return Next::Done(Confirmed::Moved);
        }
        self.batch = mark(&self.release, zone);
        self.change()
    }
}

impl Driver for Confirm {
    type Reply = Confirmed;

    fn release(&self) -> &Release {
        &self.release
    }

    fn next(&mut self, answer: Answer, _now: &str) -> Step {
        match (std::mem::take(&mut self.waits), answer) {
            (Waits::ToBegin, Answer::Begin) => Ok(self.note()),
            (Waits::Noted, Answer::Moved(noted)) => Ok(self.noted(&noted)),
            (Waits::Changed, Answer::Changed(ChangeOutcome::Applied(_))) => {
                Ok(Next::Done(Confirmed::Stays))
            }
            (Waits::Changed, Answer::Changed(ChangeOutcome::Refused(why))) => self.refused(&why),
            (Waits::Zone, Answer::Zone(zone)) => Ok(self.looked(&zone)),
            (_, answer) => Err(answer.out_of_turn()),
        }
    }
}

/// Where nothing has cut over since the mark was lost, it is made: a batch that would make it does not fit any more. Not
/// as the release's own cutover would leave it, which may come yet.
fn mark(release: &Release, zone: &ZoneView) -> Batch {
    let batch = other_mark(zone, &release.domain);
    let name = last_cutover(&release.domain);
    if !batch.is_empty() || zone.in_the_way(&name, RecordType::Cname).is_some() {
        return batch;
    }
    let to = cutover_of(release.ticket, &release.domain);
    let mut batch = Batch::default();
    batch.create(Record::cname(name, &to, release.settings.alias_ttl + 1));
    batch
}

#[cfg(test)]
#[path = "confirm_tests.rs"]
mod tests;
