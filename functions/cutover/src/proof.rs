//! What passed beside what is recorded before anything moves.

use crate::{Step, Switch};
use pipeline::errors::{ErrorName, Fault};
use pipeline::proof::proof;
use pipeline::rows::{ProofRow, SetResult, SetRow};

impl Switch {
    /// Records the tested set. A set that is brought back because it is proven has its proofs.
    pub(crate) async fn record_proofs(&self, step: &Step) -> Result<(), Fault> {
        let asked = &step.step;
        if asked.release.proven {
            return Ok(());
        }
        let at = aws::now();
        let released = asked.components.iter().map(|one| one.component.clone());
        let set = SetRow::of(
            &asked.release,
            &asked.tested,
            released.collect(),
            &asked.tests,
            at.clone(),
        );
        if set.result != SetResult::Passed {
            return Err(Fault::new(
                ErrorName::CutoverRefused,
                "not all suites passed; Deploy (cutover) was reached past the gate",
            ));
        }
        let proofs = self.proofs(step, &at)?;
        self.registry
            .record_set(&asked.release.target, &set, &proofs)
            .await?;
        Ok(())
    }

    /// One for each component that was tested: the candidates and the companions.
    fn proofs(&self, step: &Step, at: &str) -> Result<Vec<ProofRow>, Fault> {
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
            let suites = asked.tests.iter();
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
