//! What passed beside what is recorded before anything moves.

use crate::{Step, Switch};
use futures::{StreamExt, TryStreamExt, stream};
use pipeline::errors::{ErrorName, Fault};
use pipeline::evidence::suites_of;
use pipeline::names::Fqdn;
use pipeline::proof::proof;
use pipeline::rows::{ProofRow, SetResult, SetRow};
use pipeline::wire::{CutoverStep, Stands, SuiteReply};

/// Pieces of evidence that are read at once.
const READS: usize = 16;

impl Switch {
    /// Records the tested set. A set that is brought back because it is proven has its proofs.
    pub(crate) async fn record_proofs(&self, step: &Step) -> Result<(), Fault> {
        let asked = &step.step;
        if asked.release.proven {
            return Ok(());
        }
        let tests = self.verdicts(step).await?;
        let at = aws::now();
        let released = asked.components.iter().map(|one| one.component.clone());
        let set = SetRow::of(
            &asked.release,
            &asked.tested,
            released.collect(),
            &tests,
            at.clone(),
        );
        if set.result != SetResult::Passed {
            return Err(Fault::new(
                ErrorName::CutoverRefused,
                "not all suites passed; Deploy (cutover) was reached past the gate",
            ));
        }
        let proofs = self.proofs(step, &tests, &at)?;
        self.registry
            .record_set(&asked.release.target, &set, &proofs)
            .await?;
        Ok(())
    }

    /// How each suite ended, by what Run suite wrote of it. The state machine's own gate goes by answers,
    /// which a suite could give in the function's name.
    async fn verdicts(&self, step: &Step) -> Result<Vec<SuiteReply>, Fault> {
        let CutoverStep {
            release,
            components,
            companions,
            tested,
            ..
        } = &step.step;
        let gone = |at: &Fqdn| {
            Fault::new(
                ErrorName::CandidateGone,
                format!("{at} is not recorded any more"),
            )
        };
        let mut stand = Vec::new();
        for Stands { hostname, .. } in components.iter().chain(companions) {
            let row = step.stand.get(hostname).filter(|row| row.recipe.is_some());
            stand.push(row.ok_or_else(|| gone(hostname))?);
        }
        let needed = suites_of(release, stand, tested.round);
        let read = needed.into_iter().map(|one| self.store.evidence(one));
        let read = stream::iter(read).buffered(READS).try_collect().await?;
        Ok(read)
    }

    /// One for each component that was tested: the candidates and the companions.
    fn proofs(&self, step: &Step, tests: &[SuiteReply], at: &str) -> Result<Vec<ProofRow>, Fault> {
        let asked = &step.step;
        let mut proofs = Vec::new();
        for one in asked.components.iter().chain(&asked.companions) {
            let peers = step
                .stand
                .get(&one.hostname)
                .map(|row| row.peers())
                .unwrap_or_default();
            let proof = proof(&asked.tested.set, &one.component, &peers)
                .map_err(|e| Fault::new(ErrorName::CutoverRefused, e.to_string()))?;
            let skipped = asked
                .tested
                .skipped
                .iter()
                .filter(|suite| suite.component == one.component)
                .map(|suite| suite.suite.clone());
            let suites = tests.iter();
            let suites = suites.filter(|suite| suite.component == one.component);
            proofs.push(ProofRow {
                proof,
                suites: Some(suites.count() as u32),
                skipped: skipped.collect(),
                release: asked.release.label(),
                at: at.to_owned(),
            });
        }
        Ok(proofs)
    }
}
