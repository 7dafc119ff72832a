//! A version becomes a commit, once.

use crate::Planner;
use crate::looks::Asked;
use crate::rollback::not_taken_back;
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::input::ReleaseInput;
use pipeline::look::Look;
use pipeline::names::{Commit, Component, Target, excerpt};
use pipeline::plan::Resolved;
use pipeline::rows::{AliasRow, ComponentRow, Key};
use pipeline::version::Version;
use std::collections::BTreeMap;
use workspace::blocking;
use workspace::git::{self, Bounds, GitError, Named, Origin, Refs};

impl Planner {
    /// All that is asked for, each at a commit.
    pub(crate) async fn resolve_all(
        &self,
        input: &ReleaseInput,
        look: &Look,
        rows: &BTreeMap<Component, ComponentRow>,
        asked: Vec<Asked>,
    ) -> Result<Vec<Resolved>, Fault> {
        let mut resolved = Vec::new();
        for one in asked {
            let row = &rows[&one.component];
            resolved.push(self.resolve(input, look, row, one).await?);
        }
        Ok(resolved)
    }

    /// What is asked for, at a commit.
    async fn resolve(
        &self,
        input: &ReleaseInput,
        look: &Look,
        row: &ComponentRow,
        asked: Asked,
    ) -> Result<Resolved, Fault> {
        let commit = match (&asked.back, &asked.version) {
            (Some(back), _) => back.commit.clone(),
            (None, Version::Live(target)) => {
                let live = self
                    .live_commit(input, look, target, &asked.component)
                    .await?;
                let why = format!("nothing of it is live on {target}");
                live.ok_or_else(|| unknown(row, &asked.version, &why))?
            }
            (None, version) => {
                let secret = row.credentials.as_ref();
                let origin = self.secrets.origin(&row.repository, secret).await;
                let origin = origin.map_err(|e| unreadable(row, e.name(), &e.to_string()))?;
                resolve_by_git(row, origin, version, input).await?
            }
        };
        let resolved = Resolved {
            component: asked.component,
            version: asked.version,
            commit,
            repository: row.repository.clone(),
            credentials: row.credentials.clone(),
            back: asked.back,
        };
        not_taken_back(input, look, &resolved)?;
        Ok(resolved)
    }

    /// What is live on a target: on the release's own, as DNS says.
    async fn live_commit(
        &self,
        input: &ReleaseInput,
        look: &Look,
        target: &Target,
        component: &Component,
    ) -> Result<Option<Commit>, Fault> {
        if *target == input.target {
            return Ok(look.live_commit(component).cloned());
        }
        let key = Key::alias(target, component);
        let live: Option<AliasRow> = self.registry.get(&key).await?;
        Ok(live.map(|live| live.commit))
    }

    /// The rows of these; a component that nobody added is refused.
    pub(crate) async fn components<'a>(
        &self,
        names: impl IntoIterator<Item = &'a Component>,
    ) -> Result<BTreeMap<Component, ComponentRow>, Fault> {
        let mut rows = BTreeMap::new();
        for component in names {
            let row = self.registry.get(&Key::component(component)).await?;
            let row = row.ok_or_else(|| unknown_component(component))?;
            rows.insert(component.clone(), row);
        }
        Ok(rows)
    }
}

fn unknown_component(component: &Component) -> Fault {
    Fault::new(
        ErrorName::UnknownComponent,
        format!(
            "component: `{component}` is not one of this project's; add it with `cutover component add {component} --repository URL`"
        ),
    )
}

async fn resolve_by_git(
    row: &ComponentRow,
    origin: Origin,
    version: &Version,
    input: &ReleaseInput,
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
    if let Some(branch) = &input.branch {
        still_the_head(&refs, branch, &commit).map_err(|head| {
            let moved = branch_moved(row, branch, &commit, &input.target, head);
            Fault::new(ErrorName::Superseded, moved)
        })?;
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

/// A push whose branch has moved on gives way: `Err` is where the branch points now.
fn still_the_head<'a>(
    refs: &'a Refs,
    branch: &str,
    commit: &Commit,
) -> Result<(), Option<&'a str>> {
    match refs.branches.get(branch) {
        Some(head) if head == commit.as_str() => Ok(()),
        head => Err(head.map(String::as_str)),
    }
}

/// Only the branch is known here, not why it moved: by a push whose event starts a release, or by one
/// that nobody hears of.
fn branch_moved(
    row: &ComponentRow,
    branch: &str,
    commit: &Commit,
    target: &Target,
    head: Option<&str>,
) -> String {
    let (component, repository) = (&row.component, &row.repository);
    match head {
        Some(head) => format!(
            "{component}: branch {branch} of {repository} points to {head} now, not to {} any more. If no release of that commit runs or has run, start one: `cutover release {component}={head} --target {target}`",
            commit.short()
        ),
        None => format!(
            "{component}: {repository} has no branch {branch} any more. To release {} all the same: `cutover release {component}={commit} --target {target}`",
            commit.short()
        ),
    }
}

fn unknown(row: &ComponentRow, version: &Version, why: &str) -> Fault {
    Fault::new(
        ErrorName::UnknownVersion,
        format!(
            "version: {} has no version `{}`: {why}",
            row.component,
            excerpt(&version.to_string())
        ),
    )
}

fn unread(row: &ComponentRow, error: &GitError) -> Fault {
    let name = if error.is_transient() {
        ErrorName::Unavailable
    } else {
        ErrorName::RepositoryUnreadable
    };
    unreadable(
        row,
        name,
        &secrets::explained(error, row.credentials.as_ref()),
    )
}

fn unreadable(row: &ComponentRow, name: ErrorName, why: &str) -> Fault {
    Fault::new(
        name,
        format!(
            "the repository of {} could not be read: {why}",
            row.component
        ),
    )
}
