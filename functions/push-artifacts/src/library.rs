//! Record libraries: what passed its suites is released, and others can pin it from then on.

use crate::Publisher;
use futures::future::try_join_all;
use pipeline::errors::{ErrorName, Fault};
use pipeline::evidence::Subject;
use pipeline::manifest::Kind;
use pipeline::rows::ArtifactRow;
use pipeline::suites::suites_of_library;
use pipeline::wire::{
    Artifact, Prepared, RecordLibraries, Release, ReleasedLibrary, SuiteOutcome, SuiteReply,
    artifact_key,
};

/// Libraries are tested once in a release: there is nothing beside them that could move.
const ROUND: u32 = 1;

impl Publisher {
    /// All of them or, where one has not passed or the release has ended meanwhile, none.
    pub(crate) async fn record(
        &self,
        request: RecordLibraries,
    ) -> Result<Vec<ReleasedLibrary>, Fault> {
        let RecordLibraries {
            release,
            libraries,
            alone,
        } = request;
        let passed = libraries
            .iter()
            .map(|library| self.passed(&release, library));
        let passed: Vec<ArtifactRow> = try_join_all(passed).await?;
        let recorded = self.registry.record_libraries(&release, &passed, alone);
        if !recorded.await? {
            return Err(ended_before(&release));
        }
        let released = |row: ArtifactRow| ReleasedLibrary {
            component: row.component,
            commit: row.commit,
            artifact_sha256: row.artifact.bundle.sha256,
            built_by: row.artifact.built_by,
        };
        Ok(passed.into_iter().map(released).collect())
    }

    /// The row of a library whose suites have all passed, by the evidence of those that ran them.
    async fn passed(&self, release: &Release, library: &Prepared) -> Result<ArtifactRow, Fault> {
        let artifact = self.pushed(library).await?;
        let built = Prepared {
            artifact: Some(artifact.clone()),
            ..library.clone()
        };
        // What an earlier release has recorded was tested by that one.
        let suites = match library.artifact {
            Some(_) => Vec::new(),
            None => suites_of_library(&built),
        };
        // One after the other: the first that has not passed ends it.
        for suite in &suites {
            let subject = Subject::suite(release, suite, ROUND);
            let seen: SuiteReply = self.store.evidence(subject).await?;
            if seen.outcome != SuiteOutcome::Passed {
                let (component, name) = (&suite.component, &suite.suite);
                let text = format!("{component}: suite {name} {}", seen.reason);
                return Err(Fault::new(ErrorName::IntegrationTestsFailed, text));
            }
        }
        Ok(ArtifactRow {
            component: library.planned.component.clone(),
            commit: library.planned.commit.clone(),
            kind: Kind::Library,
            artifact,
        })
    }

    async fn pushed(&self, library: &Prepared) -> Result<Artifact, Fault> {
        let key = artifact_key(&library.planned.component, &library.planned.commit);
        let artifact = self.store.artifact(&key).await?;
        artifact.ok_or_else(|| {
            let text = format!("{key} is not there; Push artifacts did not run");
            Fault::new(ErrorName::ObjectMissing, text)
        })
    }
}

/// Whoever undoes a release says which of its libraries are released: none comes later.
fn ended_before(release: &Release) -> Fault {
    let text = format!(
        "nothing changed for users: release {} has ended, so none of its libraries was recorded",
        release.label()
    );
    Fault::new(ErrorName::CandidateGone, text)
}

#[cfg(test)]
#[path = "library_tests.rs"]
mod tests;
