//! What a stage that runs a user's command saw of it. The stage writes it to the bucket with its own
//! credentials, under a key that the next stage computes itself. The command has no credentials, so an
//! answer that it gives in the function's name (the Runtime API of Lambda asks nobody who he is) proves
//! nothing.
//!
//! Example: the build of `ui` takes the next event of its sandbox, which is the unit tests of `api` in
//! `prod-r7`, and answers that they passed. `evidence/prod-r7/api/unit-tests.json` is not there, so Push
//! artifacts refuses.

use crate::names::{Commit, Component};
use crate::rows::CandidateRow;
use crate::wire::{Release, SuiteRun};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The prefix of all evidence; objects below it expire with reports and logs.
pub const PREFIX: &str = "evidence/";
/// More than any stage writes: a suite's answer is cut long before.
pub const MOST_BYTES: usize = 64 << 10;

/// What ran for whom. Evidence counts for exactly this and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `stage-r42`. Numbers begin again when a target is provisioned again, so it is not enough.
    pub release: String,
    /// The name of the release's execution.
    pub execution: String,
    /// The component whose command ran.
    pub component: Component,
    /// The commit whose files it ran in.
    pub commit: Commit,
    /// SHA-256 of the source bundle with these files.
    pub source_sha256: String,
    /// What ran: `unit-tests`, `build` or `suite-<name>`.
    pub stage: String,
    /// Which round of suites, from 1; 0 for what runs once in a release.
    pub round: u32,
}

impl Subject {
    /// The unit tests of a component in a release.
    pub fn unit_tests(
        release: &Release,
        component: &Component,
        commit: &Commit,
        source: &str,
    ) -> Self {
        Self {
            release: release.label(),
            execution: release.execution.clone(),
            component: component.clone(),
            commit: commit.clone(),
            source_sha256: source.to_owned(),
            stage: "unit-tests".to_owned(),
            round: 0,
        }
    }

    /// The build of a component in a release.
    pub fn build(release: &Release, component: &Component, commit: &Commit, source: &str) -> Self {
        Self {
            stage: "build".to_owned(),
            ..Self::unit_tests(release, component, commit, source)
        }
    }

    /// A suite of a release, in one round.
    pub fn suite(release: &Release, suite: &SuiteRun, round: u32) -> Self {
        Self {
            stage: format!("suite-{}", suite.suite),
            round,
            ..Self::unit_tests(
                release,
                &suite.component,
                &suite.commit,
                &suite.source.sha256,
            )
        }
    }

    /// `evidence/stage-r42/api/suite-smoke-1.json`
    pub fn key(&self) -> String {
        let Self {
            release,
            component,
            stage,
            round,
            ..
        } = self;
        match round {
            0 => format!("{PREFIX}{release}/{component}/{stage}.json"),
            round => format!("{PREFIX}{release}/{component}/{stage}-{round}.json"),
        }
    }
}

/// A piece of evidence: what a stage saw, and of what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence<T> {
    /// What it is for.
    pub of: Subject,
    /// What the stage saw.
    pub saw: T,
}

/// Why a piece does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// There is none: the stage did not get as far as writing it, whatever it answered.
    Missing,
    /// It is for something else: an earlier release with this number, another commit or round.
    OfAnother,
    /// It cannot be read.
    Unreadable,
}

/// A piece of evidence that is needed and does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What it should be for.
    pub subject: Box<Subject>,
    /// Why it does not count.
    pub flaw: Flaw,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Subject {
            component,
            stage,
            commit,
            ..
        } = &*self.subject;
        let why = match self.flaw {
            Flaw::Missing => "is not there",
            Flaw::OfAnother => "is of another run",
            Flaw::Unreadable => "cannot be read",
        };
        write!(
            f,
            "the evidence that {stage} of {component} {} ran ({}) {why}, so its answer is not believed; \
             release it again, and if this happens twice, look at what its commands do",
            commit.short(),
            self.subject.key()
        )
    }
}

impl std::error::Error for Refused {}

/// What a stage saw, if it is evidence for this subject.
pub fn check<T: DeserializeOwned>(subject: Subject, found: Option<&str>) -> Result<T, Refused> {
    let refused = |flaw| Refused {
        subject: Box::new(subject.clone()),
        flaw,
    };
    let text = found.ok_or_else(|| refused(Flaw::Missing))?;
    let evidence: Evidence<T> =
        serde_json::from_str(text).map_err(|_| refused(Flaw::Unreadable))?;
    match evidence.of == subject {
        true => Ok(evidence.saw),
        false => Err(refused(Flaw::OfAnother)),
    }
}

/// The suites that a cutover needs evidence of: all that the manifests of what stands have, but slow
/// ones where the release leaves them out. An answer that leaves a suite out changes nothing.
pub fn suites_of<'a>(
    release: &Release,
    stand: impl IntoIterator<Item = &'a CandidateRow>,
    round: u32,
) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for recipe in stand.into_iter().filter_map(|row| row.recipe.as_ref()) {
        let planned = &recipe.planned;
        for suite in &recipe.manifest.suites {
            if suite.slow && release.skip_slow_scans {
                continue;
            }
            subjects.push(Subject {
                stage: format!("suite-{}", suite.name),
                round,
                ..Subject::unit_tests(
                    release,
                    &planned.component,
                    &planned.commit,
                    &recipe.source.sha256,
                )
            });
        }
    }
    subjects
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
