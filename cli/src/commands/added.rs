//! What adding a component means: which push releases it where, and what is in the way.

use pipeline::manifest::Kind;
use pipeline::names::{Commit, Target};
use pipeline::rows::ComponentRow;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use workspace::git::Refs;

/// What is known of the repository.
#[derive(Debug, Clone)]
pub enum Repository {
    /// It can be read by everybody, and has this.
    Open(Refs),
    /// It is opened by a secret, which only the pipeline reads.
    Private,
    /// Nobody looked.
    NotLookedAt,
}

/// What was seen when it was added.
#[derive(Debug, Clone)]
pub struct Around {
    /// Its own.
    pub repository: Repository,
    /// The other components.
    pub others: Vec<ComponentRow>,
    /// Those of its targets that are there, and what is live of it.
    pub targets: BTreeMap<Target, Option<Commit>>,
}

/// A component that was added or changed.
#[derive(Debug)]
pub struct Added<'a> {
    /// As it is now.
    pub new: &'a ComponentRow,
    /// As it was.
    pub old: Option<&'a ComponentRow>,
    /// What was seen.
    pub around: &'a Around,
}

impl Added<'_> {
    /// What it is, what is in the way, and what comes next.
    pub fn shown(&self) -> String {
        let how = match self.old {
            None => "Added",
            Some(old) if old == self.new => "Unchanged:",
            Some(_) => "Changed",
        };
        let new = self.new;
        let what = match new.kind {
            Kind::Service => String::new(),
            Kind::Library => ", a library: a release builds and tests it, and runs nothing".into(),
        };
        let mut lines = vec![format!(
            "{how} {} from {}{what}",
            new.component, new.repository
        )];
        for (branch, target) in &new.branches {
            lines.push(format!("  a push to {branch} releases it to {target}"));
        }
        if new.branches.is_empty() {
            lines.push("  no push releases it: no --branch BRANCH=TARGET was given".into());
        }
        lines.extend(self.notes().into_iter().map(|note| format!("Note: {note}")));
        lines.extend(self.next().into_iter().map(|next| format!("Next: {next}")));
        lines.join("\n")
    }

    /// The row, and what is in the way.
    pub fn as_json(&self) -> Value {
        let mut value = json!(self.new);
        value["notes"] = json!(self.notes());
        value["next"] = json!(self.next());
        value
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.of_the_repository();
        for target in self.targets() {
            if !self.around.targets.contains_key(target) {
                notes.push(format!(
                    "there is no target {target} yet: cutover target provision {target}"
                ));
            }
        }
        let others = self.around.others.iter();
        notes.extend(others.filter_map(|other| self.beside(other)));
        notes
    }

    fn of_the_repository(&self) -> Vec<String> {
        match (&self.around.repository, &self.new.credentials) {
            (Repository::Open(refs), _) => self
                .new
                .branches
                .keys()
                .filter(|branch| !refs.branches.contains_key(*branch))
                .map(|branch| format!("its repository has no branch {branch} yet"))
                .collect(),
            (Repository::Private, Some(secret)) => vec![format!(
                "its repository was not looked at: only the pipeline reads the secret {secret}, and the first release will show whether it opens it"
            )],
            _ => vec!["its repository was not looked at".into()],
        }
    }

    /// A push names its repository by the last part of the address only.
    fn beside(&self, other: &ComponentRow) -> Option<String> {
        let (mine, theirs) = (&self.new.repository, &other.repository);
        if mine.is_same(theirs) {
            return Some(format!(
                "{} is in the same repository, whose cutover.toml names one component: releases of the other are refused",
                other.component
            ));
        }
        (mine.repository_name() == theirs.repository_name()).then(|| {
            format!(
                "the repository of {} ({theirs}) is called `{}` too: if the event of a push has no repositoryUrl, it is not known which of the two was pushed, and neither is released",
                other.component,
                mine.repository_name()
            )
        })
    }

    fn targets(&self) -> Vec<&Target> {
        let mut targets: Vec<&Target> = self.new.branches.values().collect();
        targets.sort();
        targets.dedup();
        targets
    }

    /// What is on a branch already is released by no push any more; what is pushed next needs
    /// nothing else.
    fn next(&self) -> Vec<String> {
        let name = &self.new.component;
        if self.new.branches.is_empty() {
            return vec![format!("cutover release {name}")];
        }
        let mut next: Vec<String> = self
            .new
            .branches
            .iter()
            .filter_map(|(branch, target)| self.waiting(branch, target))
            .collect();
        next.push("git push, then cutover watch --commit".into());
        next
    }

    /// A commit that was pushed before anybody followed its branch.
    fn waiting(&self, branch: &str, target: &Target) -> Option<String> {
        let Repository::Open(refs) = &self.around.repository else {
            return None;
        };
        let commit = refs.branches.get(branch)?;
        let was_followed = self
            .old
            .is_some_and(|old| old.branches.get(branch) == Some(target));
        let live = self.around.targets.get(target)?;
        let is_live = live.as_ref().is_some_and(|live| live.as_str() == commit);
        (!was_followed && !is_live).then(|| {
            format!(
                "cutover release {} --version {branch} --target {target}   (what {branch} has now, {}; a push releases what comes after it)",
                self.new.component,
                commit.get(..12).unwrap_or(commit)
            )
        })
    }
}
