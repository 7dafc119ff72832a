//! What a cutover works on: what is asked, the rows of what stands, the question to the plan.

use super::Rows;
use crate::cutover::{Candidate, CutoverRequest};
use crate::errors::{ErrorName, Fault};
use crate::evidence::{Subject, suites_of};
use crate::health::{Condition, Tolerates};
use crate::names::{Component, Fqdn, alias};
use crate::proof::proof_of;
use crate::rows::{CandidateRow, ProofRow, SetResult, SetRow};
use crate::wire::{AlreadyLive, CutoverStep, HostedComponent, SuiteReply};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A cutover that is possible: every candidate is still the release's own.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) asked: CutoverStep,
    /// Of its candidates and companions.
    pub(super) rows: Rows,
    pub(super) request: CutoverRequest,
    pub(super) tolerates: Tolerates,
}

/// The rest follows from the release and from what it brings.
impl Hash for Job {
    fn hash<H: Hasher>(&self, to: &mut H) {
        (
            &self.asked.release,
            &self.asked.tested,
            &self.rows,
            &self.request,
        )
            .hash(to);
    }
}

impl Job {
    /// Of a release that is tested.
    pub(super) fn new(asked: CutoverStep, rows: Rows, tolerates: Tolerates) -> Result<Self, Fault> {
        let request = request(&asked, &rows)?;
        Ok(Self {
            asked,
            rows,
            request,
            tolerates,
        })
    }

    /// The rows of what is to go live.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &Arc<CandidateRow>> {
        let candidates = self.request.candidates.iter();
        candidates.filter_map(|one| self.rows.get(&one.hostname))
    }

    /// Looked at with each plan, since this function may go on when the release's execution was stopped: then the
    /// sweeper gives back what it took over, and ends the rest. Of the first nothing else tells; of the second its record
    /// is gone, unless a publish comes late.
    pub(super) fn are_still_its_own(&self, rows: &Rows) -> Result<(), Fault> {
        let is_own = |row: &&Arc<CandidateRow>| {
            let now = rows.get(&row.hostname);
            now.is_some_and(|now| now.is_held_by(self.request.ticket))
        };
        match self.candidates().find(|row| !is_own(row)) {
            None => Ok(()),
            Some(row) => Err(Fault::new(
                ErrorName::CandidateGone,
                format!(
                    "{} is not the release's any more: it was given up or given back, or another release has it",
                    row.hostname
                ),
            )),
        }
    }

    /// Every instance of every candidate runs, answers, and has not ended since it was healthy.
    pub(super) fn are_well(&self, seen: &BTreeMap<Fqdn, Condition>) -> Result<(), Fault> {
        for one in &self.request.candidates {
            let (name, why) = match seen.get(&one.hostname) {
                // A candidate that limps is one that users are sent back to: see `Tolerates`.
                Some(Condition::Well | Condition::Limping(_)) => continue,
                Some(Condition::Unwell(why)) => (ErrorName::NotHealthy, why.as_str()),
                Some(Condition::Gone(why)) => (ErrorName::CandidateGone, why.as_str()),
                None => (ErrorName::CandidateGone, "it is not on record"),
            };
            let text = format!("the candidate {} did not stay healthy: {why}", one.hostname);
            return Err(Fault::new(name, text));
        }
        Ok(())
    }

    /// The suites that must have passed. The state machine's own gate goes by answers, which a suite
    /// could give in the function's name.
    pub(super) fn suites(&self) -> Result<Vec<Subject>, Fault> {
        let asked = &self.asked;
        let all = asked.components.iter().chain(&asked.companions);
        let stand: Vec<&CandidateRow> = all.map(|one| self.row(one)).collect::<Result<_, _>>()?;
        Ok(suites_of(&asked.release, stand, asked.tested.round))
    }

    fn row(&self, one: &HostedComponent) -> Result<&CandidateRow, Fault> {
        let row = self.rows.get(&one.hostname).map(Arc::as_ref);
        let row = row.filter(|row| row.recipe.is_some());
        row.ok_or_else(|| {
            let text = format!("{} is not recorded any more", one.hostname);
            Fault::new(ErrorName::CandidateGone, text)
        })
    }

    /// What was tested together, with its proofs.
    pub(super) fn tested(
        &self,
        tests: &[SuiteReply],
        now: &str,
    ) -> Result<(SetRow, Vec<ProofRow>), Fault> {
        let asked = &self.asked;
        let released = asked.components.iter().map(|one| one.component.clone());
        let (released, at) = (released.collect(), now.to_owned());
        let set = SetRow::of(&asked.release, &asked.tested, released, tests, at);
        if set.result != SetResult::Passed {
            return Err(Fault::new(
                ErrorName::CutoverRefused,
                "not all suites passed; Deploy (cutover) was reached past the gate",
            ));
        }
        let all = asked.components.iter().chain(&asked.companions);
        let proofs = all.map(|one| self.proof(one, tests, now));
        Ok((set, proofs.collect::<Result<_, _>>()?))
    }

    fn proof(
        &self,
        one: &HostedComponent,
        tests: &[SuiteReply],
        now: &str,
    ) -> Result<ProofRow, Fault> {
        let Self { asked, rows, .. } = self;
        let peers = rows.get(&one.hostname).map(|row| row.peers());
        let proof = proof_of(
            &asked.tested.set,
            &one.component,
            &peers.unwrap_or_default(),
        )
        .map_err(|e| Fault::new(ErrorName::CutoverRefused, e.to_string()))?;
        let suites = tests.iter();
        let suites = suites.filter(|suite| suite.component == one.component);
        let skipped = asked.tested.skipped.iter();
        let skipped = skipped.filter(|suite| suite.component == one.component);
        Ok(ProofRow {
            proof,
            suites: Some(suites.count() as u32),
            skipped: skipped.map(|suite| suite.suite.clone()).collect(),
            release: asked.release.label(),
            at: now.to_owned(),
        })
    }

    /// What is live of the very commits that the release would bring, by another release.
    pub(super) fn already_live(&self, at: Vec<(Component, Fqdn)>) -> Vec<AlreadyLive> {
        let of = |(component, hostname): (Component, Fqdn)| {
            let own = self.request.candidates.iter();
            let own = own
                .filter(|one| one.component == component)
                .find_map(|one| self.rows.get(&one.hostname));
            let planned = own.and_then(|row| row.recipe.as_ref())?.planned.clone();
            Some(AlreadyLive {
                alias: alias(&component, &self.request.domain),
                component,
                version: planned.version,
                commit: planned.commit,
                hostname,
            })
        };
        at.into_iter().filter_map(of).collect()
    }
}

fn request(asked: &CutoverStep, rows: &Rows) -> Result<CutoverRequest, Fault> {
    let candidates = asked.components.iter();
    let candidates = candidates.map(|one| candidate(asked, one, rows));
    Ok(CutoverRequest {
        ticket: asked.release.ticket,
        domain: asked.release.domain.clone(),
        alias_ttl: asked.release.settings.alias_ttl,
        hostname_ttl: asked.release.settings.hostname_ttl,
        candidates: candidates.collect::<Result<_, _>>()?,
        read_set: asked.read_set.clone(),
        test_dependents: asked.release.settings.test_dependents,
        replaces: BTreeMap::new(),
    })
}

fn candidate(asked: &CutoverStep, one: &HostedComponent, rows: &Rows) -> Result<Candidate, Fault> {
    let row = rows.get(&one.hostname);
    let row = row.filter(|row| row.ticket == asked.release.ticket);
    let found = row.and_then(|row| Some((row, row.recipe.as_ref()?)));
    let (row, recipe) = found.ok_or_else(|| {
        let label = asked.release.label();
        let text = format!("{} is not a candidate of {label} any more", one.hostname);
        Fault::new(ErrorName::CandidateGone, text)
    })?;
    Ok(Candidate {
        component: one.component.clone(),
        commit: row.commit.clone(),
        hostname: one.hostname.clone(),
        peers: row.peers(),
        replaces: recipe.planned.replaces.iter().cloned().collect(),
    })
}
