//! The table's rows of a cutover: written after the batch, and only over older releases.

use super::request::Job;
use super::{Answer, Ask, Mark, Next, Rows};
use crate::connections::drain_of;
use crate::cutover::{AliasMove, Candidate};
use crate::errors::{ErrorName, Fault};
use crate::names::{Component, Fqdn};
use crate::records::Batch;
use crate::rows::{AliasRow, CandidateRow, CandidateState};
use crate::succession::{Replaced, Succession, succession};
use crate::wire::{CutoverReply, Prepared};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Aliases that have moved.
#[derive(Debug, Clone, Hash)]
pub(super) struct Moved {
    pub(super) moves: Vec<AliasMove>,
    /// `None` where an earlier try's answer was lost.
    pub(super) change_id: Option<String>,
}

impl Moved {
    /// What the cutover replies.
    pub(super) fn live(self) -> Next<CutoverReply> {
        Next::Done(CutoverReply::Live {
            change_id: self.change_id,
            moves: self.moves,
        })
    }
}

/// The part of a cutover that records what has moved.
#[derive(Debug, Clone, Hash)]
pub(super) struct Recording {
    job: Arc<Job>,
    moved: Moved,
    /// What is asserted afterwards, where the change is not known.
    assertion: Batch,
    waits: Waits,
}

/// What it waits for.
#[derive(Debug, Clone, Default, Hash)]
enum Waits {
    /// What the aliases' rows say still.
    #[default]
    Before,
    /// What the aliases pointed to before.
    Replaced(Vec<AliasRow>),
    /// Until when that is kept is noted first: whoever ends what is not live may come at any time.
    Kept(Vec<AliasRow>, Rows),
    Aliases,
    States,
    Outcome,
}

impl Recording {
    /// It begins with this.
    pub(super) fn begin(job: Arc<Job>, moved: Moved, assertion: Batch) -> (Self, Ask) {
        let candidates = job.request.candidates.iter();
        let ask = Ask::Aliases(candidates.map(|one| one.component.clone()).collect());
        let begun = Self {
            job,
            moved,
            assertion,
            waits: Waits::Before,
        };
        (begun, ask)
    }

    /// What comes next; `None` when all is recorded.
    pub(super) fn next(&mut self, answer: Answer, now: &str) -> Result<Option<Ask>, Fault> {
        Ok(Some(match (std::mem::take(&mut self.waits), answer) {
            (Waits::Before, Answer::Aliases(rows)) => self.ask_replaced(rows, now)?,
            (Waits::Replaced(before), Answer::Rows(at)) => self.keep(before, at, now)?,
            (Waits::Kept(before, at), Answer::Done) => self.write(&before, &at, now)?,
            (Waits::Aliases, Answer::Done) => self.move_on(),
            (Waits::States, Answer::Moved(_)) => {
                self.waits = Waits::Outcome;
                Ask::RecordLive(self.job.request.ticket, self.moved.change_id.clone())
            }
            (Waits::Outcome, Answer::Done) => return Ok(None),
            (_, answer) => return Err(answer.out_of_turn()),
        }))
    }

    /// What moved, and what is to be asserted.
    pub(super) fn done(self) -> (Moved, Batch) {
        (self.moved, self.assertion)
    }

    fn ask_replaced(&mut self, before: Vec<AliasRow>, now: &str) -> Result<Ask, Fault> {
        let from = self.moved.moves.iter().filter_map(|one| one.from.clone());
        let from: BTreeSet<Fqdn> = from.collect();
        match from.is_empty() {
            true => self.write(&before, &Rows::new(), now),
            false => {
                self.waits = Waits::Replaced(before);
                Ok(Ask::Candidates(from))
            }
        }
    }

    fn keep(&mut self, before: Vec<AliasRow>, at: Rows, now: &str) -> Result<Ask, Fault> {
        let kept = |row: &Arc<CandidateRow>| Some((row.hostname.clone(), drain_of(row)?));
        let kept: Vec<_> = at.values().filter_map(kept).collect();
        if kept.is_empty() {
            return self.write(&before, &at, now);
        }
        self.waits = Waits::Kept(before, at);
        Ok(Ask::KeepConnected(self.job.request.ticket, kept))
    }

    fn write(&mut self, before: &[AliasRow], at: &Rows, now: &str) -> Result<Ask, Fault> {
        self.waits = Waits::Aliases;
        let before = before.iter().map(|row| (&row.component, row));
        let before = Before {
            aliases: before.collect(),
            at,
        };
        let candidates = self.job.request.candidates.iter();
        let rows = candidates.map(|one| self.alias_row(one, &before, now));
        Ok(Ask::RecordAliases(rows.collect::<Result<_, _>>()?))
    }

    fn move_on(&mut self) -> Ask {
        self.waits = Waits::States;
        let ticket = self.job.request.ticket;
        let candidates = self.job.request.candidates.iter();
        let live = candidates.map(|one| Mark {
            hostname: one.hostname.clone(),
            ticket,
            state: CandidateState::Live,
        });
        Ask::MoveOn(live.collect())
    }

    fn alias_row(
        &self,
        candidate: &Candidate,
        before: &Before<'_>,
        now: &str,
    ) -> Result<AliasRow, Fault> {
        let release = &self.job.asked.release;
        let (row, recipe) = self.booted_from(candidate)?;
        let was = before.aliases.get(&candidate.component).copied();
        // An earlier try has recorded it: then what was before that stays what was before.
        let again =
            was.filter(|was| was.hostname == candidate.hostname && was.ticket == release.ticket);
        let Succession {
            previous,
            replaced,
            brought_by,
            rolled_back,
        } = match again {
            Some(was) => recorded(was),
            None => self.succession(row, was, before.at),
        };
        let artifact = recipe.artifact.as_ref();
        let change_id = again.and_then(|was| was.change_id.clone());
        Ok(AliasRow {
            component: candidate.component.clone(),
            commit: row.commit.clone(),
            hostname: candidate.hostname.clone(),
            instances: row.instances.clone(),
            version: recipe.planned.version.clone(),
            release: release.label(),
            ticket: release.ticket,
            execution: release.execution.clone(),
            since: again.map_or_else(|| now.to_owned(), |was| was.since.clone()),
            port: recipe.manifest.service()?.port.number(),
            peers: candidate.peers.iter().cloned().collect(),
            artifact_sha256: artifact.map_or_else(String::new, |one| one.bundle.sha256.clone()),
            launch_template_version: row.launch_template_version.clone(),
            change_id: change_id.or_else(|| self.moved.change_id.clone()),
            previous,
            // Never itself: its own row may have been there before it came back.
            replaced: replaced.filter(|one| one.hostname != candidate.hostname),
            brought_by,
            rolled_back,
        })
    }

    fn booted_from(&self, candidate: &Candidate) -> Result<(&CandidateRow, &Prepared), Fault> {
        let row = self.job.rows.get(&candidate.hostname);
        let found = row.and_then(|row| Some((&**row, row.recipe.as_ref()?)));
        found.ok_or_else(|| {
            let at = &candidate.hostname;
            let text = format!("the row of {at} does not say what it was booted from");
            Fault::new(ErrorName::RowInvalid, text)
        })
    }

    /// What was live before: as DNS said in the move, else as the alias's row still says.
    fn succession(&self, row: &CandidateRow, was: Option<&AliasRow>, at: &Rows) -> Succession {
        let mut moves = self.moved.moves.iter();
        let moved = moves.find(|one| one.component == row.component);
        let from = moved.and_then(|one| one.from.as_ref());
        let replaced = Replaced {
            at: from.and_then(|from| at.get(from)).map(Arc::as_ref),
            row: was,
            rollback: self.job.asked.release.rollback,
        };
        succession(&row.commit, &replaced)
    }
}

/// What an earlier try has recorded of before.
fn recorded(row: &AliasRow) -> Succession {
    Succession {
        previous: row.previous.clone(),
        replaced: row.replaced.clone(),
        brought_by: row.brought_by,
        rolled_back: row.rolled_back.clone(),
    }
}

/// What was live before the aliases moved.
struct Before<'a> {
    aliases: BTreeMap<&'a Component, &'a AliasRow>,
    /// What they pointed to.
    at: &'a Rows,
}
