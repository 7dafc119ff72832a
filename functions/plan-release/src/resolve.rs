//! A version becomes a commit, once.

use crate::Planner;
use crate::looks::Asked;
use crate::rollback::not_taken_back;
use futures::future::join_all;
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::input::ReleaseInput;
use pipeline::look::Look;
use pipeline::names::{Commit, Component, Target, excerpt};
use pipeline::plan::Resolved;
use pipeline::rows::{AliasRow, ComponentRow, Key};
use pipeline::version::Version;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use workspace::blocking;
use workspace::git::{self, Bounds, GitError, Named, Origin, Refs};

/// Repositories that are asked at once: often one git host serves all of a project.
const AT_ONCE: usize = 8;
/// For all of them together. The function has 170 s, and more to do.
const ALL: Duration = Duration::from_secs(120);

impl Planner {
    /// All that is asked for, each at a commit. What was begun is waited for also where another one fails: a function
    /// stands still between two calls, and would go on with it in the next one.
    pub(crate) async fn resolve_all(
        &self,
        input: &ReleaseInput,
        look: &Look,
        rows: &BTreeMap<Component, ComponentRow>,
        asked: Vec<Asked>,
    ) -> Result<Vec<Resolved>, Fault> {
        let reads = Reads::begin();
        let (mut resolved, mut asked) = (Vec::new(), asked.into_iter().peekable());
        while asked.peek().is_some() {
            let some = asked.by_ref().take(AT_ONCE).map(|one| {
                let row = &rows[&one.component];
                self.resolve(input, look, row, one, &reads)
            });
            let done: Vec<Result<Resolved, Fault>> = join_all(some).await;
            for one in done {
                resolved.push(one?);
            }
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
        reads: &Reads,
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
                reads.commit(row, origin, version, input).await?
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
        let names: Vec<&Component> = names.into_iter().collect();
        let keys: Vec<Key> = names.iter().copied().map(Key::component).collect();
        let rows: Vec<ComponentRow> = self.registry.get_many(&keys).await?;
        let named = rows.into_iter().map(|row| (row.component.clone(), row));
        let rows: BTreeMap<Component, ComponentRow> = named.collect();
        match names.into_iter().find(|name| !rows.contains_key(*name)) {
            Some(unknown) => Err(unknown_component(unknown)),
            None => Ok(rows),
        }
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

/// What is read from repositories for one plan.
struct Reads {
    /// When all of them must be done.
    ends: Instant,
    /// A commit that no branch or tag points at is fetched, and may fill the disk: one at a time.
    fetches: Mutex<()>,
}

impl Reads {
    fn begin() -> Self {
        Self {
            ends: Instant::now() + ALL,
            fetches: Mutex::new(()),
        }
    }

    /// Of a conversation that begins now.
    fn bounds(&self) -> Bounds {
        let bounds = Bounds::default();
        let left = self.ends.saturating_duration_since(Instant::now());
        Bounds {
            deadline: bounds.deadline.min(left),
            ..bounds
        }
    }

    async fn commit(
        &self,
        row: &ComponentRow,
        origin: Origin,
        version: &Version,
        input: &ReleaseInput,
    ) -> Result<Commit, Fault> {
        let (asked, bounds) = (origin.clone(), self.bounds());
        let refs = blocking(move || git::refs(&asked, &bounds))
            .await
            .map_err(|e| unread(row, &e))?;
        let found = refs
            .resolve(&version.to_string())
            .map_err(|e| unknown(row, version, &e.to_string()))?;
        let commit = Commit::new(found.commit.as_str())
            .map_err(|e| unknown(row, version, &e.to_string()))?;
        if let Some(branch) = &input.branch {
            still_the_head(&refs, branch, &commit).map_err(|head| {
                let moved = branch_moved(row, branch, &commit, &input.target, head);
                Fault::new(ErrorName::Superseded, moved)
            })?;
        }
        if found.named == Named::UnprovenSha {
            self.prove(row, origin, version, &commit).await?;
        }
        Ok(commit)
    }

    /// That the repository has this commit.
    async fn prove(
        &self,
        row: &ComponentRow,
        origin: Origin,
        version: &Version,
        commit: &Commit,
    ) -> Result<(), Fault> {
        let _one = self.fetches.lock().await;
        let (sha, bounds) = (commit.to_string(), self.bounds());
        let proof = blocking(move || git::manifest(&origin, &sha, &bounds)).await;
        match proof {
            Ok(_) => Ok(()),
            Err(e @ (GitError::NoSuchCommit { .. } | GitError::NotACommit { .. })) => {
                Err(unknown(row, version, &e.to_string()))
            }
            Err(other) => Err(unread(row, &other)),
        }
    }
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
