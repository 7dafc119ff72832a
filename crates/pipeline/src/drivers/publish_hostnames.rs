//! Publish hostnames: every healthy candidate's A record in one batch, and what to test against what.

use super::{Answer, Ask, Attempts, ChangeOutcome, Driver, Next, Rows};
use crate::apex::absence;
use crate::cutover::candidate_ttl;
use crate::errors::{ErrorName, Fault};
use crate::names::Fqdn;
use crate::records::{Batch, Record, ZoneView};
use crate::rows::CandidateState;
use crate::suites::{ask_for_each_other, plan_suites};
use crate::wire::{Deployed, Prepared, PublishReply, PublishRequest, Release};
use std::sync::Arc;

const WHILE: &str = "while the hostnames were published";

/// The hostnames of one release's candidates.
#[derive(Debug, Clone, Hash)]
pub struct PublishHostnames {
    asked: Arc<PublishRequest>,
    rows: Arc<Rows>,
    attempts: Attempts,
    waits: Waits,
}

/// What it waits for.
#[derive(Debug, Clone, Default, Hash)]
enum Waits {
    #[default]
    ToBegin,
    Zone,
    /// Its own rows. They are read after the zone: who gives a candidate up takes its record away first.
    Rows(ZoneView),
    Changed(Batch),
    InSync,
    /// That resolvers forget that the names were not there.
    Forgotten,
}

type Step = Result<Next<PublishReply>, Fault>;

impl Driver for PublishHostnames {
    type Reply = PublishReply;

    fn release(&self) -> &Release {
        &self.asked.release
    }

    fn next(&mut self, answer: Answer, _now: &str) -> Step {
        match (std::mem::take(&mut self.waits), answer) {
            (Waits::ToBegin, Answer::Begin) => Ok(self.look()),
            (Waits::Zone, Answer::Zone(zone)) => Ok(self.ask_own(zone)),
            (Waits::Rows(zone), Answer::Rows(rows)) => self.looked(&zone, rows),
            (Waits::Changed(batch), Answer::Changed(outcome)) => self.changed(batch, outcome),
            (Waits::InSync, Answer::Done) => self.published(),
            (Waits::Forgotten, Answer::Done) => self.suites(),
            (_, answer) => Err(answer.out_of_turn()),
        }
    }
}

impl PublishHostnames {
    /// Of healthy candidates, and companions.
    pub fn new(asked: PublishRequest) -> Self {
        Self {
            asked: Arc::new(asked),
            rows: Arc::default(),
            attempts: Attempts::default(),
            waits: Waits::ToBegin,
        }
    }

    fn ask(&mut self, ask: Ask, waits: Waits) -> Next<PublishReply> {
        self.waits = waits;
        Next::Ask(ask)
    }

    fn ask_own(&mut self, zone: ZoneView) -> Next<PublishReply> {
        let names = self.asked.components.iter();
        let names = names.map(|one| one.hostname.clone()).collect();
        self.ask(Ask::Candidates(names), Waits::Rows(zone))
    }

    fn looked(&mut self, zone: &ZoneView, rows: Rows) -> Step {
        for one in &self.asked.components {
            self.still_ours(one, &rows)?;
        }
        self.rows = Arc::new(rows);
        self.plan(zone)
    }

    /// A hostname always tells its ticket: its row is there before the record is.
    fn still_ours(&self, one: &Deployed, rows: &Rows) -> Result<(), Fault> {
        let release = &self.asked.release;
        match rows.get(&one.hostname) {
            Some(row) if row.ticket == release.ticket && row.state == CandidateState::Healthy => {
                Ok(())
            }
            _ => Err(Fault::new(
                ErrorName::CandidateGone,
                format!(
                    "{} is not a healthy candidate of {} any more",
                    one.hostname,
                    release.label()
                ),
            )),
        }
    }

    fn look(&mut self) -> Next<PublishReply> {
        self.ask(Ask::View, Waits::Zone)
    }

    fn plan(&mut self, zone: &ZoneView) -> Step {
        let mut batch = Batch::default();
        for one in &self.asked.components {
            zone.publish(&mut batch, self.record(one))
                .map_err(|why| Fault::new(ErrorName::CutoverRefused, why.to_string()))?;
        }
        let label = self.asked.release.label();
        match batch.is_empty() {
            true if self.asked.release.proven => self.published(),
            true => self.seen_again(zone),
            false => Ok(self.change(batch, format!("hostnames of {label}"))),
        }
    }

    fn change(&mut self, batch: Batch, comment: String) -> Next<PublishReply> {
        let ask = Ask::Change(batch.clone(), comment);
        self.ask(ask, Waits::Changed(batch))
    }

    /// An earlier try published them, and whether its change is INSYNC was not told. A change that changes nothing,
    /// made after that one, is INSYNC only after it.
    fn seen_again(&mut self, zone: &ZoneView) -> Step {
        let names = self.asked.components.iter().map(|one| &one.hostname);
        let batch = zone.assertion(names);
        match batch.is_empty() {
            true => self.published(),
            false => {
                let label = self.asked.release.label();
                Ok(self.change(batch, format!("hostnames of {label}, seen again")))
            }
        }
    }

    fn record(&self, one: &Deployed) -> Record {
        let addresses = one.instances.iter().map(|one| one.address.clone());
        let ttl = candidate_ttl(self.asked.release.settings.hostname_ttl);
        Record::addresses(one.hostname.clone(), addresses.collect(), ttl)
    }

    fn changed(&mut self, batch: Batch, outcome: ChangeOutcome) -> Step {
        let proven = self.asked.release.proven;
        match outcome {
            // Taken over: the names have resolved all along, only their TTL changes.
            ChangeOutcome::Applied(_) if proven && batch.only_replaces() => self.published(),
            ChangeOutcome::Applied(id) => Ok(self.ask(Ask::WaitInSync(id), Waits::InSync)),
            ChangeOutcome::Refused(why) => {
                self.attempts.refused(batch, &why, WHILE)?;
                Ok(self.look())
            }
        }
    }

    /// A set that comes back because it is proven has passed its suites on this target before.
    fn published(&mut self) -> Step {
        if self.asked.release.proven {
            return Ok(Next::Done(PublishReply {
                suites: Vec::new(),
                skipped: Vec::new(),
            }));
        }
        let recipes = self.recipes()?;
        let together = recipes.iter();
        let together = together.map(|one| (&one.planned.component, &one.manifest.component.peers));
        match ask_for_each_other(&together.collect::<Vec<_>>()) {
            // Until a moment ago a name server may have said that a hostname is not there, to a
            // candidate that looked its peer up while it started.
            true => {
                let seconds = absence(self.asked.release.settings.alias_ttl);
                Ok(self.ask(Ask::Wait(seconds.into()), Waits::Forgotten))
            }
            false => self.suites(),
        }
    }

    fn suites(&self) -> Step {
        let asked = &self.asked;
        let skip = asked.release.skip_slow_scans;
        let (suites, skipped) = plan_suites(&self.recipes()?, &asked.peers.urls, skip);
        Ok(Next::Done(PublishReply { suites, skipped }))
    }

    /// What the candidates were booted from; without it their suites are not known, which is no pass.
    fn recipes(&self) -> Result<Vec<Prepared>, Fault> {
        let recipe = |at: &Fqdn| {
            let row = self.rows.get(at);
            row.and_then(|row| row.recipe.clone()).ok_or_else(|| {
                let text = format!("the row of {at} does not say what it was booted from");
                Fault::new(ErrorName::RowInvalid, text)
            })
        };
        let all = self.asked.components.iter();
        all.map(|one| recipe(&one.hostname)).collect()
    }
}

#[cfg(test)]
#[path = "publish_hostnames_tests.rs"]
mod tests;
