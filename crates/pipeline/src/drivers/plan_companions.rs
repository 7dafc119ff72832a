//! Plan companions: who is live beside the release and depends on it. Each gets one more instance of its
//! live commit, booted with this release's names for peers, to be tested with it.

use super::cutover::known;
use super::{Answer, Ask, Driver, Next, Rows};
use crate::bounds::check_beside;
use crate::cutover::check_cutover;
use crate::errors::{ErrorName, Fault};
use crate::live::{Brings, KnownHosts, dependents, live_hostnames, read_set};
use crate::names::{Component, Fqdn, hostname_of_release};
use crate::proof::{Proof, Set, needed};
use crate::records::ZoneView;
use crate::rows::CandidateRow;
use crate::wire::{CompanionsReply, ComponentPeers, Planned, Prepared, Release, Together};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is tested beside one release.
#[derive(Debug, Clone)]
pub struct PlanCompanions {
    asked: Arc<Together<ComponentPeers>>,
    waits: Waits,
}

/// What it waits for.
#[derive(Debug, Clone, Default)]
enum Waits {
    #[default]
    ToBegin,
    Zone,
    /// The rows of what is live in this zone.
    Live(ZoneView),
    /// The companions' rows, where an earlier try has reserved them.
    Own(Plan),
    Reserved(Plan),
    /// Whether these have passed.
    Proven(CompanionsReply),
}

/// What it comes to, and what must have passed for it where the release is not tested.
#[derive(Debug, Clone)]
struct Plan {
    reply: CompanionsReply,
    proofs: Option<Vec<Proof>>,
}

type Step = Result<Next<CompanionsReply>, Fault>;

impl Driver for PlanCompanions {
    type Reply = CompanionsReply;

    fn release(&self) -> &Release {
        &self.asked.release
    }

    fn next(&mut self, answer: Answer, _now: &str) -> Step {
        match (std::mem::take(&mut self.waits), answer) {
            (Waits::ToBegin, Answer::Begin) => Ok(self.ask(Ask::View, Waits::Zone)),
            (Waits::Zone, Answer::Zone(zone)) => Ok(self.looked(zone)),
            (Waits::Live(zone), Answer::Rows(rows)) => self.plan(&zone, &rows),
            (Waits::Own(plan), Answer::Rows(rows)) => Ok(self.reserve(plan, &rows)),
            (Waits::Reserved(plan), Answer::Reserved(true)) => Ok(self.prove(plan)),
            (Waits::Reserved(_), Answer::Reserved(false)) => Err(Fault::new(
                ErrorName::Unavailable,
                "another try of this stage reserves the companions' names at this moment",
            )),
            (Waits::Proven(reply), Answer::Passed(true)) => Ok(Next::Done(reply)),
            (Waits::Proven(_), Answer::Passed(false)) => Err(moved()),
            (_, answer) => Err(answer.out_of_turn()),
        }
    }
}

impl PlanCompanions {
    /// Of what a release brings.
    pub fn new(asked: Together<ComponentPeers>) -> Self {
        Self {
            asked: Arc::new(asked),
            waits: Waits::ToBegin,
        }
    }

    fn ask(&mut self, ask: Ask, waits: Waits) -> Next<CompanionsReply> {
        self.waits = waits;
        Next::Ask(ask)
    }

    fn looked(&mut self, zone: ZoneView) -> Next<CompanionsReply> {
        let live = live_hostnames(&zone, &self.asked.release.domain).into_values();
        let ask = Ask::Candidates(live.collect());
        self.ask(ask, Waits::Live(zone))
    }

    /// One look gives the read-set and what must have passed beside it: since Plan release looked,
    /// something may have gone live.
    fn plan(&mut self, zone: &ZoneView, rows: &Rows) -> Step {
        let asked = self.asked.clone();
        let release = &asked.release;
        let (live, known) = (live_hostnames(zone, &release.domain), known(rows));
        let talks = asked.components.iter();
        let brings: Brings = talks
            .map(|one| (one.component.clone(), one.peers.clone()))
            .collect();
        let tested = release.settings.test_dependents && !release.proven;
        let dependents = tested.then(|| dependents(&brings, &live, &known));
        let companions = dependents.unwrap_or_default().into_iter();
        let companions = companions.map(|one| companion(release, &one, &live, rows));
        let reply = CompanionsReply {
            companions: companions.collect::<Result<_, _>>()?,
            read_set: read_set(&brings, &live, &known, release.settings.test_dependents),
            set: set(&live, &known, &asked.components),
        };
        check_beside(release, &reply.companions, &reply.read_set, &reply.set)
            .and_then(|()| check_cutover(release, &asked.components, &reply.read_set, zone))
            .map_err(|e| Fault::new(ErrorName::ReleaseTooLarge, e.to_string()))?;
        let proofs = release
            .proven
            .then(|| proofs(&reply.set, &brings, &live, &known));
        let proofs = proofs.transpose()?;
        Ok(self.ask_own(Plan { reply, proofs }))
    }

    fn ask_own(&mut self, plan: Plan) -> Next<CompanionsReply> {
        let names = plan.reply.companions.iter();
        let names: std::collections::BTreeSet<Fqdn> = names
            .filter_map(|one| one.planned.hostname.clone())
            .collect();
        match names.is_empty() {
            true => self.prove(plan),
            false => self.ask(Ask::Candidates(names), Waits::Own(plan)),
        }
    }

    /// Their names carry the ticket, so that only this release can have taken them.
    fn reserve(&mut self, plan: Plan, there: &Rows) -> Next<CompanionsReply> {
        let companions = plan.reply.companions.iter();
        let named = companions.filter_map(|one| Some((one.planned.hostname.as_ref()?, one)));
        let missing = named.filter(|(at, _)| !there.contains_key(*at));
        let missing = missing.map(|(at, one)| row(&self.asked.release, &one.planned, at));
        let missing: Vec<CandidateRow> = missing.collect();
        match missing.is_empty() {
            true => self.prove(plan),
            false => self.ask(Ask::ReserveCompanions(missing), Waits::Reserved(plan)),
        }
    }

    fn prove(&mut self, plan: Plan) -> Next<CompanionsReply> {
        match plan.proofs {
            Some(proofs) => self.ask(Ask::HavePassed(proofs), Waits::Proven(plan.reply)),
            None => Next::Done(plan.reply),
        }
    }
}

/// What must have passed for what comes back to be proven beside what is live now.
fn proofs(
    set: &Set,
    brings: &Brings,
    live: &BTreeMap<Component, Fqdn>,
    known: &KnownHosts,
) -> Result<Vec<Proof>, Fault> {
    let beside = live.iter();
    let beside = beside
        .filter_map(|(component, at)| Some((component.clone(), known.get(at)?.peers.clone())));
    let talks: Brings = beside.chain(brings.clone()).collect();
    let changed = brings.keys().cloned().collect();
    needed(set, &talks, &changed).map_err(|_| moved())
}

fn moved() -> Fault {
    Fault::new(
        ErrorName::PeersKeptMoving,
        "something went live beside this roll-back, and what comes back has not been tested beside it; roll back again",
    )
}

/// One more instance of what is live, from the very same source and artifact.
fn companion(
    release: &Release,
    component: &Component,
    live: &BTreeMap<Component, Fqdn>,
    rows: &Rows,
) -> Result<Prepared, Fault> {
    let row = live.get(component).and_then(|at| rows.get(at));
    let found = row.and_then(|row| Some((row, row.recipe.clone()?)));
    let (row, recipe) = found.ok_or_else(|| {
        let text = format!(
            "{component} depends on this release, and the table does not say what its live instances were booted from; release {component} once, then this again"
        );
        Fault::new(ErrorName::RowInvalid, text)
    })?;
    Ok(Prepared {
        planned: Planned {
            hostname: Some(hostname_of_release(
                component,
                &row.commit,
                release.ticket,
                &release.domain,
            )),
            companion: true,
            warm: false,
            repeats: Some(row.launch_template_version.clone()),
            replaces: None,
            ..recipe.planned
        },
        ..recipe
    })
}

fn row(release: &Release, planned: &Planned, hostname: &Fqdn) -> CandidateRow {
    CandidateRow {
        companion: true,
        ..CandidateRow::planned(
            hostname.clone(),
            planned.component.clone(),
            planned.commit.clone(),
            (release.ticket, release.label()),
        )
    }
}

/// All that would be live after the cutover.
fn set(live: &BTreeMap<Component, Fqdn>, known: &KnownHosts, brings: &[ComponentPeers]) -> Set {
    let beside = live
        .iter()
        .filter_map(|(component, at)| Some((component.clone(), known.get(at)?.commit.clone())));
    let brought = brings.iter();
    let brought = brought.map(|one| (one.component.clone(), one.commit.clone()));
    beside.chain(brought).collect()
}

#[cfg(test)]
#[path = "plan_companions_tests.rs"]
mod tests;
