//! Record libraries: what passed its suites is released, and others can pin it from then on.

use crate::Publisher;
use futures::future::try_join_all;
use pipeline::errors::{ErrorName, Fault};
use pipeline::evidence::Subject;
use pipeline::manifest::Kind;
use pipeline::rows::{ArtifactRow, Key, ReleaseOutcome};
use pipeline::suites::suites_of_library;
use pipeline::wire::{
    Artifact, Prepared, RecordLibraries, Release, ReleasedLibrary, SuiteOutcome, SuiteReply,
    artifact_key,
};

/// Libraries are tested once in a release: there is nothing beside them that could move.
const ROUND: u32 = 1;

impl Publisher {
    /// All of them or, where one has not passed, none.
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
        let mut released = Vec::new();
        // One after the other: what was recorded is known where the next is refused.
        for row in passed {
            let key = Key::artifact(&row.component, &row.commit);
            self.registry.put(&key, &row).await?;
            released.push(ReleasedLibrary {
                component: row.component,
                commit: row.commit,
                artifact_sha256: row.artifact.bundle.sha256,
                built_by: row.artifact.built_by,
            });
        }
        if alone {
            let outcome = ReleaseOutcome::LibrariesReleased;
            let (target, ticket) = (&release.target, release.ticket);
            self.registry
                .record_outcome(target, ticket, outcome, None, None)
                .await?;
        }
        Ok(released)
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
