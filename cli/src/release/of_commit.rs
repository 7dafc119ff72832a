//! Which execution is the release of a commit that was pushed. Pure: what git, the table and Step
//! Functions know is given.

use pipeline::names::{Commit, Component, Target};
use pipeline::rows::ComponentRow;
use std::collections::{BTreeMap, BTreeSet};

/// The clocks of this machine and of AWS may differ by this, in milliseconds.
const CLOCKS: i64 = 60_000;

/// A branch of the component's repository that is at the commit, as far as git in the folder knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedBranch {
    /// Its name.
    pub branch: String,
    /// When it was pushed from this folder, milliseconds since 1970.
    pub at: Option<i64>,
}

/// An execution of the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Where it releases to.
    pub target: Target,
    /// Milliseconds since 1970.
    pub started: i64,
    /// Whether it still runs.
    pub running: bool,
}

/// A release that is waited for.
#[derive(Debug, Clone)]
pub struct Awaited {
    /// Whose.
    pub component: Component,
    /// Of what.
    pub commit: Commit,
    /// Branch to target, as the component's row has them.
    pub follows: BTreeMap<String, Target>,
    /// Where the commit was pushed to; empty where that is not known.
    pub pushed: Vec<PushedBranch>,
    /// Only a release to this target.
    pub only: Option<Target>,
}

/// What a look at the executions shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look<'a> {
    /// This is the one.
    Follow(&'a Seen),
    /// It may still begin.
    Wait,
    /// None will: nobody follows the branches that were pushed.
    NobodyFollows,
}

impl Awaited {
    /// How the executions begin that a push starts, and those of who types the whole commit.
    pub fn prefix(&self) -> String {
        format!("{}-{}-", self.component, self.commit.short())
    }

    /// Where an execution of that name releases the commit to; `None` if it is not one of it.
    pub fn target_of(&self, name: &str) -> Option<Target> {
        let rest = name.strip_prefix(&self.prefix())?;
        let (target, _) = rest.rsplit_once('-')?;
        Target::new(target).ok()
    }

    /// Which of the executions is the release, while it may still begin. `A` was released to stage
    /// an hour ago and is now pushed to production: the release to stage is not the one that is
    /// waited for.
    pub fn look<'a>(&self, seen: &'a [Seen]) -> Look<'a> {
        let Some(expected) = self.expected() else {
            return newest(seen.iter()).map_or(Look::Wait, Look::Follow);
        };
        let mine = seen.iter().filter(|one| expected.contains_key(&one.target));
        let fresh: Vec<&Seen> = mine
            .filter(|one| !is_older(one, expected.get(&one.target).copied().flatten()))
            .collect();
        let begun: BTreeSet<&Target> = fresh.iter().map(|one| &one.target).collect();
        let runs = fresh.iter().any(|one| one.running);
        match (runs || begun.len() == expected.len(), expected.is_empty()) {
            (_, true) => newest(seen.iter()).map_or(Look::NobodyFollows, Look::Follow),
            (true, _) => newest(fresh.into_iter()).map_or(Look::Wait, Look::Follow),
            (false, _) => Look::Wait,
        }
    }

    /// The same when it has been waited for long enough: what there is of the commit.
    pub fn last_look<'a>(&self, seen: &'a [Seen]) -> Option<&'a Seen> {
        let wanted = |one: &&Seen| self.only.as_ref().is_none_or(|only| one.target == *only);
        newest(seen.iter().filter(wanted))
    }

    /// Target to the time of the push; `None` where nothing is known of a push.
    fn expected(&self) -> Option<BTreeMap<Target, Option<i64>>> {
        let of_pushes = self.pushed.iter().filter_map(|pushed| {
            let target = self.follows.get(&pushed.branch)?;
            Some((target.clone(), pushed.at))
        });
        let of_pushes: BTreeMap<Target, Option<i64>> = of_pushes.collect();
        match &self.only {
            Some(only) => {
                let at = of_pushes.get(only).copied().flatten();
                Some([(only.clone(), at)].into())
            }
            None if self.pushed.is_empty() => None,
            None => Some(of_pushes),
        }
    }

    /// `a push to main releases it to stage`
    pub fn why(&self) -> String {
        let follows = |branch: &str| {
            let target = self.follows.get(branch)?;
            Some(format!("a push to {branch} releases it to {target}"))
        };
        let pushed: Vec<String> = match self.pushed.is_empty() {
            true => self.follows.keys().filter_map(|one| follows(one)).collect(),
            false => self
                .pushed
                .iter()
                .filter_map(|one| follows(&one.branch))
                .collect(),
        };
        match pushed.is_empty() {
            true => "no push releases it".into(),
            false => pushed.join(", "),
        }
    }

    /// What releases it nevertheless, to the default target.
    pub fn by_hand(&self) -> String {
        format!("cutover release {}={}", self.component, self.commit)
    }

    /// Why nothing will begin.
    pub fn nobody_follows(&self) -> String {
        let branches: Vec<&str> = self.pushed.iter().map(|one| one.branch.as_str()).collect();
        format!(
            "No release of {} {} will begin: it was pushed to {}, and {}.",
            self.component,
            self.commit.short(),
            branches.join(", "),
            match self.follows.is_empty() {
                true => format!("{} follows no branch", self.component),
                false => format!(
                    "{} follows {}",
                    self.component,
                    self.follows.keys().cloned().collect::<Vec<_>>().join(", ")
                ),
            }
        )
    }
}

fn is_older(one: &Seen, pushed: Option<i64>) -> bool {
    !one.running && pushed.is_some_and(|at| one.started < at - CLOCKS)
}

/// One that runs before one that ended.
fn newest<'a>(seen: impl Iterator<Item = &'a Seen>) -> Option<&'a Seen> {
    seen.max_by_key(|one| (one.running, one.started))
}

/// The component that a folder is of: the named one, else the one whose repository is among the
/// folder's remotes, else the only one.
pub fn component<'a>(
    rows: &'a [ComponentRow],
    named: Option<&Component>,
    remotes: &[String],
) -> Result<&'a ComponentRow, String> {
    let names = |rows: &[&ComponentRow]| {
        let names: Vec<&str> = rows.iter().map(|row| row.component.as_str()).collect();
        names.join(", ")
    };
    let all: Vec<&ComponentRow> = rows.iter().collect();
    if all.is_empty() {
        return Err("there are no components; add one with `cutover component add`".into());
    }
    if let Some(named) = named {
        let found = rows.iter().find(|row| row.component == *named);
        return found.ok_or_else(|| {
            format!(
                "component `{named}` was never added; there are {}",
                names(&all)
            )
        });
    }
    let here: Vec<&ComponentRow> = rows
        .iter()
        .filter(|row| {
            remotes
                .iter()
                .any(|one| is_same(one, row.repository.as_str()))
        })
        .collect();
    match (here.as_slice(), all.as_slice()) {
        ([one], _) | ([], [one]) => Ok(one),
        ([], _) => Err(format!(
            "no remote of this folder is the repository of a component; say which with --component: {}",
            names(&all)
        )),
        (several, _) => Err(format!(
            "several components are in this folder's repository; say which with --component: {}",
            names(several)
        )),
    }
}

/// Whether two addresses are of one repository: people push with ssh what is fetched with https.
pub fn is_same(a: &str, b: &str) -> bool {
    matches!((place(a), place(b)), (Some(a), Some(b)) if a == b)
}

/// `https://user@Git.example.com/team/api.git/` is `git.example.com`, `team/api`, as is
/// `git@git.example.com:team/api`. A port counts where it is in a URL: two local clouds have one host.
fn place(address: &str) -> Option<(String, String)> {
    let (host, path) = match address.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/')?;
            match scheme {
                // ssh has a port of its own, which tells nothing of the one for https.
                "ssh" | "git+ssh" => (host.split(':').next()?.to_owned() + ":", path),
                _ => (host.to_owned(), path),
            }
        }
        None => address
            .split_once(':')
            .map(|(host, path)| (format!("{host}:"), path))?,
    };
    let host = host.rsplit('@').next()?.to_lowercase();
    let usual = host
        .trim_end_matches(":443")
        .trim_end_matches(":80")
        .trim_end_matches(':');
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!usual.is_empty() && !path.is_empty()).then(|| (usual.to_owned(), path.to_owned()))
}

#[cfg(test)]
#[path = "of_commit_tests.rs"]
mod tests;
