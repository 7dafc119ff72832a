//! Terminate previous: what was live before ends, once what replaced it has drained and is well.

use super::take_down::{Step, TakeDown, Taken};
use super::{Answer, Ask, Driver, Next, Rows};
use crate::bake::PATIENCE;
use crate::connections::may_be_connected;
use crate::errors::Fault;
use crate::health::{Condition, Tolerates};
use crate::leftover::{ends_left_companion, was_superseded};
use crate::live::live_hostnames;
use crate::names::{Fqdn, Ticket};
use crate::records::ZoneView;
use crate::retire::{Leaving, ends_after, is_companion_of};
use crate::rows::{CandidateRow, CandidateState};
use crate::watch::{is_spared, to_be_spared, unwell};
use crate::wire::{HostedComponent, Release, TerminateReply, TerminateRequest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The end of what a release has replaced, and of its companions.
#[derive(Debug, Clone, Hash)]
pub struct Terminate {
    asked: Arc<TerminateRequest>,
    /// Of what users are sent to.
    tolerates: Tolerates,
    rows: Arc<Rows>,
    reply: TerminateReply,
    /// What was never live and is not going to be.
    superseded: BTreeSet<Fqdn>,
    /// At what users are sent to, while that is not well.
    looks_left: u32,
    waits: Waits,
}

/// Looks more, within a watch's patience, at what is not well.
const MORE_LOOKS: u32 = 2;

/// What was ended, and the rows that it was decided on.
#[derive(Debug, Clone, Hash)]
pub struct Terminated {
    /// What the stage replies.
    pub reply: TerminateReply,
    /// All rows of candidates, as they were at first.
    pub rows: Arc<Rows>,
}

/// What it waits for.
#[derive(Debug, Clone, Default, Hash)]
enum Waits {
    #[default]
    ToBegin,
    Rows,
    Zone,
    /// How what is live is.
    Conditions(ZoneView),
    /// That what is live is well again: it may have been seen while it was started again.
    Patience,
    Taken(Box<TakeDown>),
    /// That releases which cannot go live any more are not said to be running.
    Recorded(Box<Terminated>),
}

type Reply = Result<Next<Terminated>, Fault>;

impl Driver for Terminate {
    type Reply = Terminated;

    fn release(&self) -> &Release {
        &self.asked.release
    }

    fn next(&mut self, answer: Answer, now: &str) -> Reply {
        match (std::mem::take(&mut self.waits), answer) {
            (Waits::ToBegin, Answer::Begin) => Ok(self.ask(Ask::AllCandidates, Waits::Rows)),
            (Waits::Rows, Answer::Rows(rows)) => {
                self.rows = Arc::new(rows);
                Ok(self.ask(Ask::View, Waits::Zone))
            }
            (Waits::Zone, Answer::Zone(zone)) => Ok(self.examine(zone)),
            (Waits::Conditions(zone), Answer::Conditions(seen)) => {
                Ok(self.examined(&zone, &seen, now))
            }
            (Waits::Patience, Answer::Done) => Ok(self.ask(Ask::View, Waits::Zone)),
            (Waits::Taken(take_down), answer) => self.take(*take_down, answer),
            (Waits::Recorded(done), Answer::Done) => Ok(Next::Done(*done)),
            (_, answer) => Err(answer.out_of_turn()),
        }
    }

    /// All that was to go is gone by then.
    fn call_failed(&mut self, fault: Fault) -> Reply {
        match std::mem::take(&mut self.waits) {
            Waits::Recorded(done) => Ok(Next::Done(*done)),
            _ => Err(fault),
        }
    }
}

impl Terminate {
    /// Of a release that is live and has drained.
    pub fn new(asked: TerminateRequest) -> Self {
        Self {
            asked: Arc::new(asked),
            tolerates: Tolerates::OneEnd,
            rows: Arc::default(),
            reply: TerminateReply::default(),
            superseded: BTreeSet::new(),
            looks_left: MORE_LOOKS,
            waits: Waits::ToBegin,
        }
    }

    /// Of a release that may have been live for long: how often its components have ended says nothing of how they
    /// are now.
    pub fn late(asked: TerminateRequest) -> Self {
        Self {
            tolerates: Tolerates::AnyEndOfHalf,
            ..Self::new(asked)
        }
    }

    fn ask(&mut self, ask: Ask, waits: Waits) -> Next<Terminated> {
        self.waits = waits;
        Next::Ask(ask)
    }

    /// How that is which users of these components are sent to, whoever put it there.
    fn examine(&mut self, zone: ZoneView) -> Next<Terminated> {
        let live = live_hostnames(&zone, &self.asked.release.domain);
        let is_live = |row: &&Arc<CandidateRow>| {
            self.asked.components.contains(&row.component)
                && live.get(&row.component) == Some(&row.hostname)
        };
        let rows: Vec<Arc<CandidateRow>> = self.rows.values().filter(is_live).cloned().collect();
        // What was taken over has been live before: its ends are counted from then.
        let tolerates = match rows.iter().all(|row| row.launched_by.is_some()) {
            true => Tolerates::AnyEndOfHalf,
            false => self.tolerates,
        };
        let ask = Ask::Examine(rows, tolerates);
        self.ask(ask, Waits::Conditions(zone))
    }

    /// As Watch release does, it takes nothing for failed that may come back by itself.
    fn examined(
        &mut self,
        zone: &ZoneView,
        seen: &BTreeMap<Fqdn, Condition>,
        now: &str,
    ) -> Next<Terminated> {
        let is_unwell = |one: &Condition| matches!(one, Condition::Unwell(_));
        if self.looks_left > 0 && seen.values().any(is_unwell) {
            self.looks_left -= 1;
            let pause = PATIENCE.as_secs() / u64::from(MORE_LOOKS);
            return self.ask(Ask::Wait(pause), Waits::Patience);
        }
        self.choose(zone, seen, now)
    }

    /// What is to go, less what was live before a release that is not well.
    fn choose(
        &mut self,
        zone: &ZoneView,
        seen: &BTreeMap<Fqdn, Condition>,
        now: &str,
    ) -> Next<Terminated> {
        let asked = self.asked.clone();
        let domain = &asked.release.domain;
        let own: Vec<HostedComponent> = self
            .rows
            .values()
            .filter_map(|row| self.stands(row))
            .collect();
        if let Some((what, failed)) = unwell(&own, domain, zone, seen) {
            (self.reply.unwell, self.reply.failed) = (Some(what), failed);
        }
        // A release goes back as a whole, so all of what was live before it is kept.
        let spared = match self.reply.unwell {
            Some(_) => asked.components.iter().cloned().collect(),
            None => to_be_spared(&asked.components, domain, zone, seen),
        };
        let (spared, leaving): (Vec<Leaving>, Vec<Leaving>) = self
            .leaving()
            .partition(|one| is_spared(one, self.row(&one.hostname), &spared));
        let (connected, leaving): (Vec<Leaving>, Vec<Leaving>) = leaving
            .into_iter()
            .partition(|one| self.may_be_connected(one, now));
        self.reply.connected = connected.into_iter().map(|one| one.hostname).collect();
        let ttl = asked.release.settings.hostname_ttl;
        let never_live = leaving.iter().filter(|one| {
            let row = self.row(&one.hostname);
            row.is_some_and(|row| was_superseded(row, zone, ttl))
        });
        self.superseded = never_live.map(|one| one.hostname.clone()).collect();
        self.reply.spared = spared.into_iter().map(|one| one.hostname).collect();
        let (take_down, ask) = TakeDown::begin(asked.release.clone(), leaving);
        self.ask(ask, Waits::Taken(Box::new(take_down)))
    }

    fn leaving(&self) -> impl Iterator<Item = Leaving> {
        let asked = &self.asked;
        self.rows.values().filter_map(move |row| {
            let own = ends_after(row, asked.release.ticket, &asked.components);
            own.or_else(|| is_companion_of(row, asked.companions_of?))
                .or_else(|| self.left_companion(row))
        })
    }

    /// What another release has replaced, and may wait for.
    fn may_be_connected(&self, one: &Leaving, now: &str) -> bool {
        let row = self.row(&one.hostname);
        let is_own = self.asked.replaced.contains(&one.hostname);
        !is_own && row.is_some_and(|row| may_be_connected(row, now))
    }

    fn left_companion(&self, row: &CandidateRow) -> Option<Leaving> {
        let all = self.rows.values().map(Arc::as_ref);
        let asked = &self.asked;
        ends_left_companion(row, all, asked.release.ticket, &asked.components)
    }

    fn row(&self, at: &Fqdn) -> Option<&CandidateRow> {
        self.rows.get(at).map(Arc::as_ref)
    }

    /// Where a component of the release itself stands.
    fn stands(&self, row: &CandidateRow) -> Option<HostedComponent> {
        let ticket = self.asked.release.ticket;
        let own = row.ticket == ticket && !row.companion && !row.state.is_leaving();
        let is_asked = self.asked.components.contains(&row.component);
        (own && is_asked).then(|| HostedComponent {
            component: row.component.clone(),
            hostname: row.hostname.clone(),
        })
    }

    fn take(&mut self, mut take_down: TakeDown, answer: Answer) -> Reply {
        Ok(match take_down.next(answer)? {
            Step::Ask(ask) => self.ask(ask, Waits::Taken(Box::new(take_down))),
            Step::Taken(taken) => self.done(taken),
        })
    }

    fn done(&mut self, taken: Taken) -> Next<Terminated> {
        let superseded = taken
            .gone
            .iter()
            .filter(|one| self.superseded.contains(&one.hostname));
        let superseded: BTreeSet<Ticket> = superseded.map(|one| one.ticket).collect();
        let names = |of: CandidateState| -> Vec<Fqdn> {
            let gone = taken.gone.iter().filter(|one| one.becomes == of);
            gone.map(|one| one.hostname.clone()).collect()
        };
        let reply = TerminateReply {
            retired: names(CandidateState::Retired),
            companions: names(CandidateState::Discarded),
            kept: taken.kept.into_iter().map(|one| one.hostname).collect(),
            instances: taken.instances,
            ..std::mem::take(&mut self.reply)
        };
        let done = Terminated {
            reply: reply.within_bounds(),
            rows: self.rows.clone(),
        };
        match superseded.is_empty() {
            true => Next::Done(done),
            false => {
                let cause = superseded_cause(&self.asked.release.label());
                let ask = Ask::RecordSuperseded(superseded, cause);
                self.ask(ask, Waits::Recorded(Box::new(done)))
            }
        }
    }
}

/// If its execution runs still, it says the same in its own words.
fn superseded_cause(by: &str) -> String {
    format!(
        "Release {by} is later and is live, and its candidates were taken away by it. A newer version is never replaced by an older one."
    )
}

#[cfg(test)]
#[path = "terminate_tests.rs"]
mod tests;
