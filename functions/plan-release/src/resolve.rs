//! A version becomes a commit, once.

use crate::Planner;
use pipeline::errors;
use pipeline::input::ReleaseInput;
use pipeline::names::{Commit, excerpt};
use pipeline::rows::{AliasRow, ComponentRow, Key};
use pipeline::version::Version;
use stage::{Fault, Named as _, blocking};
use workspace::git::{self, Bounds, GitError, Named, Origin, Refs};

impl Planner {
    pub(crate) async fn resolve(
        &self,
        row: &ComponentRow,
        version: &Version,
        input: &ReleaseInput,
    ) -> Result<Commit, Fault> {
        match version {
            Version::Live(target) => {
                let live: Option<AliasRow> = self
                    .registry
                    .get(&Key::alias(target, &row.component))
                    .await?;
                live.map(|live| live.commit).ok_or_else(|| {
                    unknown(row, version, &format!("nothing of it is live on {target}"))
                })
            }
            Version::Previous => {
                let live: Option<AliasRow> = self
                    .registry
                    .get(&Key::alias(&input.target, &row.component))
                    .await?;
                let previous = live
                    .and_then(|live| live.previous)
                    .map(|previous| previous.commit);
                previous.ok_or_else(|| {
                    unknown(
                        row,
                        version,
                        &format!("nothing of it was live on {} before", input.target),
                    )
                })
            }
            Version::Head | Version::Commit(_) | Version::Named(_) => {
                let secret = row.credentials.as_ref();
                let origin = self.secrets.origin(&row.repository, secret).await;
                let origin = origin.map_err(|e| unreadable(row, e.name(), &e.to_string()))?;
                resolve_by_git(row, origin, version, input.branch.as_deref()).await
            }
        }
    }
}

async fn resolve_by_git(
    row: &ComponentRow,
    origin: Origin,
    version: &Version,
    branch: Option<&str>,
) -> Result<Commit, Fault> {
    let asked = origin.clone();
    let refs = blocking(move || git::refs(&asked, &Bounds::default()))
        .await
        .map_err(|e| unread(row, &e))?;
    let found = refs
        .resolve(&version.to_string())
        .map_err(|e| unknown(row, version, &e.to_string()))?;
    let commit =
        Commit::new(found.commit.as_str()).map_err(|e| unknown(row, version, &e.to_string()))?;
    if let Some(branch) = branch {
        still_the_head(row, &refs, branch, &commit)?;
    }
    if found.named == Named::UnprovenSha {
        let sha = commit.to_string();
        let proof = blocking(move || git::manifest(&origin, &sha, &Bounds::default())).await;
        proof.map_err(|e| match e {
            GitError::NoSuchCommit { .. } | GitError::NotACommit { .. } => {
                unknown(row, version, &e.to_string())
            }
            other => unread(row, &other),
        })?;
    }
    Ok(commit)
}

/// A push whose branch has moved on is left to the newer push's own release.
fn still_the_head(
    row: &ComponentRow,
    refs: &Refs,
    branch: &str,
    commit: &Commit,
) -> Result<(), Fault> {
    match refs.branches.get(branch) {
        Some(head) if head == commit.as_str() => Ok(()),
        Some(head) => Err(Fault::new(
            errors::SUPERSEDED,
            format!(
                "{}: branch {branch} of {} is at {}, not at {}, which this release was to bring: a push that moved it there has a release of its own; if there is none, the event was of another repository of that name",
                row.component,
                row.repository,
                &head[..head.len().min(12)],
                commit.short()
            ),
        )),
        None => Err(Fault::new(
            errors::SUPERSEDED,
            format!(
                "{}: {} has no branch {branch} (any more), which this release was to bring",
                row.component, row.repository
            ),
        )),
    }
}

fn unknown(row: &ComponentRow, version: &Version, why: &str) -> Fault {
    Fault::new(
        errors::UNKNOWN_VERSION,
        format!(
            "version: {} has no version `{}`: {why}",
            row.component,
            excerpt(&version.to_string())
        ),
    )
}

fn unread(row: &ComponentRow, error: &GitError) -> Fault {
    let name = if error.is_transient() {
        errors::UNAVAILABLE
    } else {
        errors::REPOSITORY_UNREADABLE
    };
    unreadable(
        row,
        name,
        &secrets::explained(error, row.credentials.as_ref()),
    )
}

fn unreadable(row: &ComponentRow, name: &'static str, why: &str) -> Fault {
    Fault::new(
        name,
        format!(
            "the repository of {} could not be read: {why}",
            row.component
        ),
    )
}
