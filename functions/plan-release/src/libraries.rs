//! The libraries among what is asked for: nothing of them runs, so there are no names to reserve.

use crate::Planner;
use pipeline::errors::{ErrorName, Fault};
use pipeline::manifest::Kind;
use pipeline::names::Component;
use pipeline::plan::Resolved;
use pipeline::rows::{ArtifactRow, ComponentRow, Key};
use pipeline::wire::{AlreadyBuilt, Planned};
use std::collections::BTreeMap;

/// Libraries that one release takes: each of its users is told of all of them.
const MOST: usize = 20;

/// What becomes of them.
#[derive(Debug, Default)]
pub(crate) struct Libraries {
    pub(crate) planned: Vec<Planned>,
    pub(crate) already_built: Vec<AlreadyBuilt>,
}

impl Planner {
    /// Libraries, and what is to go live.
    pub(crate) async fn apart(
        &self,
        resolved: Vec<Resolved>,
        rows: &BTreeMap<Component, ComponentRow>,
        force: bool,
    ) -> Result<(Libraries, Vec<Resolved>), Fault> {
        let is_library = |one: &Resolved| {
            let row = rows.get(&one.component);
            row.is_some_and(|row| row.kind == Kind::Library)
        };
        let (libraries, live) = resolved.into_iter().partition(is_library);
        Ok((self.libraries(libraries, force).await?, live))
    }

    /// What is released already needs nothing: its artifact is what that commit is, for good.
    async fn libraries(&self, resolved: Vec<Resolved>, force: bool) -> Result<Libraries, Fault> {
        if resolved.len() > MOST {
            let text = format!(
                "versions: {} libraries; one release takes at most {MOST}",
                resolved.len()
            );
            return Err(Fault::new(ErrorName::InputInvalid, text));
        }
        if let (true, Some(library)) = (force, resolved.first()) {
            let text = format!(
                "force: {} is a library; nothing of it runs that could be launched again",
                library.component
            );
            return Err(Fault::new(ErrorName::InputInvalid, text));
        }
        let keys = resolved
            .iter()
            .map(|one| Key::artifact(&one.component, &one.commit));
        let keys: Vec<Key> = keys.collect();
        let mut rows: Vec<ArtifactRow> = self.registry.get_many(&keys).await?;
        rows.retain(|row| row.kind == Kind::Library);
        let mut libraries = Libraries::default();
        for one in resolved {
            let is_its =
                |row: &&ArtifactRow| row.component == one.component && row.commit == one.commit;
            match rows.iter().find(is_its).cloned() {
                Some(row) => libraries.already_built.push(AlreadyBuilt {
                    component: one.component,
                    version: one.version,
                    commit: one.commit,
                    artifact_sha256: row.artifact.bundle.sha256,
                }),
                None => libraries.planned.push(planned(one)),
            }
        }
        Ok(libraries)
    }
}

fn planned(one: Resolved) -> Planned {
    Planned {
        component: one.component,
        version: one.version,
        commit: one.commit,
        repository: one.repository,
        hostname: None,
        credentials: one.credentials,
        companion: false,
        warm: false,
        repeats: None,
        replaces: None,
    }
}
