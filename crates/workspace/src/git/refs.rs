use super::address::{is_full_sha, is_lower_hex};
use gix::protocol::handshake::Ref;
use std::collections::{BTreeMap, BTreeSet};

/// git's own shortest abbreviation.
const SHORTEST: usize = 7;
/// In a message that says which branches there are.
const BRANCHES_SHOWN: usize = 3;

/// What a repository advertises. Commits are 40 lower-case hexadecimal digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refs {
    /// The commit that `HEAD` points to; none in an empty repository.
    pub head: Option<String>,
    /// The branch that `HEAD` stands for, without `refs/heads/`; also where there is no such branch.
    pub head_branch: Option<String>,
    /// Branch to commit, without `refs/heads/`.
    pub branches: BTreeMap<String, String>,
    /// Tag to commit, without `refs/tags/`; annotated tags are followed to the commit.
    pub tags: BTreeMap<String, String>,
}

/// A version that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// 40 lower-case hexadecimal digits.
    pub commit: String,
    /// What the version was.
    pub named: Named,
}

/// What a version turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// `HEAD`.
    Head,
    /// A tag.
    Tag(String),
    /// A branch.
    Branch(String),
    /// A full or shortened SHA that a branch or tag points to.
    AdvertisedSha,
    /// A full SHA that no branch or tag points to. That the repository has it is **not proven**
    /// until [`bundle`](super::bundle) or [`manifest`](super::manifest) has fetched it.
    UnprovenSha,
}

/// Why a version was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Nothing of that name.
    #[error("{version:?} is no branch, tag or commit that a branch or tag points to")]
    NotFound {
        /// As it was given, shortened.
        version: String,
    },
    /// The repository has no commit yet.
    #[error("the repository is empty: it has no branch, and HEAD points to no commit")]
    Empty,
    /// `HEAD` leads to a branch that is not there; others are.
    #[error(
        "HEAD leads to {to}, which the repository does not have; it has {has}: name one of them, or have HEAD lead to it"
    )]
    HeadLeadsNowhere {
        /// Where it leads.
        to: String,
        /// Branches, the first of them.
        has: String,
    },
    /// A short SHA that several commits begin with.
    #[error("{version} begins {count} commits: give the full SHA, a branch or a tag")]
    Ambiguous {
        /// As it was given.
        version: String,
        /// How many.
        count: usize,
    },
    /// A name that could be meant in two ways. Whoever may push tags must not be able to have another
    /// commit released than the one that was meant.
    #[error("{version} is {one} and {other}: write {instead}")]
    Poses {
        /// As it was given.
        version: String,
        /// What it is.
        one: String,
        /// What it also is, or reads like.
        other: String,
        /// What says it without a doubt.
        instead: String,
    },
    /// A short SHA of no branch's or tag's commit.
    #[error(
        "no branch or tag points to a commit that begins with {version}: \
         give the full SHA (40 digits), a branch or a tag"
    )]
    ShortSha {
        /// As it was given.
        version: String,
    },
}

impl Refs {
    pub(super) fn advertised(remote: &[Ref]) -> Self {
        let mut refs = Self::default();
        for entry in remote {
            let (name, commit, target) = match entry {
                Ref::Peeled {
                    full_ref_name,
                    object,
                    ..
                }
                | Ref::Direct {
                    full_ref_name,
                    object,
                } => (full_ref_name, object, None),
                Ref::Symbolic {
                    full_ref_name,
                    target,
                    object,
                    ..
                } => (full_ref_name, object, Some(target)),
                Ref::Unborn {
                    full_ref_name,
                    target,
                } => {
                    refs.unborn(full_ref_name, target);
                    continue;
                }
            };
            // A ref whose name is not UTF-8 cannot be asked for by a version, which is text.
            let Ok(name) = std::str::from_utf8(name) else {
                continue;
            };
            let target = target.and_then(|target| std::str::from_utf8(target).ok());
            refs.add(name, commit.to_string(), target);
        }
        refs
    }

    /// `HEAD` leads to a branch that has no commit.
    fn unborn(&mut self, name: &[u8], target: &[u8]) {
        let target = std::str::from_utf8(target).ok();
        let branch = target.and_then(|target| target.strip_prefix("refs/heads/"));
        if let (b"HEAD", Some(branch)) = (name, branch) {
            self.head_branch = Some(branch.to_owned());
        }
    }

    fn add(&mut self, name: &str, commit: String, target: Option<&str>) {
        if name == "HEAD" {
            let branch = target.and_then(|target| target.strip_prefix("refs/heads/"));
            self.head_branch = branch.map(str::to_owned);
            self.head = Some(commit);
        } else if let Some(branch) = name.strip_prefix("refs/heads/") {
            self.branches.insert(branch.to_owned(), commit);
        } else if let Some(tag) = name.strip_prefix("refs/tags/") {
            self.tags.insert(tag.to_owned(), commit);
        }
    }

    /// Finds a version: `HEAD`, a full SHA (so that no ref can pose as one), a tag, a branch, or the
    /// beginning of a SHA, at least 7 digits, of a commit that a branch or tag points to.
    /// `refs/heads/…` and `refs/tags/…` name exactly one of the two. What could be meant in two ways
    /// is refused, with what to write instead: a tag and a branch of one name at different commits,
    /// and a name that reads like the beginning of another commit's SHA.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub fn resolve(&self, version: &str) -> Result<Resolution, ResolveError> {
        if version == "HEAD" {
            let commit = self.head.clone().ok_or_else(|| self.no_head())?;
            return Ok(found(&commit, Named::Head));
        }
        let lower = version.to_ascii_lowercase();
        if is_full_sha(&lower) {
            let known = self.commits().contains(lower.as_str());
            let named = if known {
                Named::AdvertisedSha
            } else {
                Named::UnprovenSha
            };
            return Ok(found(&lower, named));
        }
        if let Some(tag) = version.strip_prefix("refs/tags/") {
            return self.tag(tag).ok_or_else(|| not_found(version));
        }
        if let Some(branch) = version.strip_prefix("refs/heads/") {
            return self.branch(branch).ok_or_else(|| not_found(version));
        }
        match (self.tag(version), self.branch(version)) {
            (Some(tag), Some(branch)) if tag.commit != branch.commit => {
                Err(two_names(version, &tag, &branch))
            }
            (Some(found), _) | (None, Some(found)) => self.not_a_sha(version, &lower, found),
            (None, None) => self.resolve_short(version, &lower),
        }
    }

    fn tag(&self, name: &str) -> Option<Resolution> {
        let commit = self.tags.get(name)?;
        Some(found(commit, Named::Tag(name.to_owned())))
    }

    fn branch(&self, name: &str) -> Option<Resolution> {
        let commit = self.branches.get(name)?;
        Some(found(commit, Named::Branch(name.to_owned())))
    }

    fn no_head(&self) -> ResolveError {
        if self.branches.is_empty() {
            return ResolveError::Empty;
        }
        let shown: Vec<&str> = self
            .branches
            .keys()
            .take(BRANCHES_SHOWN)
            .map(String::as_str)
            .collect();
        let more = match self.branches.len() - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        ResolveError::HeadLeadsNowhere {
            to: match &self.head_branch {
                Some(branch) => format!("branch {branch}"),
                None => "a branch".to_owned(),
            },
            has: format!("{}{more}", shown.join(", ")),
        }
    }

    /// A name that reads like a SHA is taken only if it is the beginning of its own commit's. One of
    /// digits alone (a date) is refused only where another commit begins with it.
    fn not_a_sha(
        &self,
        version: &str,
        lower: &str,
        named: Resolution,
    ) -> Result<Resolution, ResolveError> {
        let reads_like_one = (SHORTEST..40).contains(&lower.len()) && is_lower_hex(lower);
        if !reads_like_one || named.commit.starts_with(lower) {
            return Ok(named);
        }
        let another = self
            .commits()
            .into_iter()
            .find(|commit| commit.starts_with(lower));
        let other = match another {
            Some(commit) => format!("the beginning of commit {commit}"),
            None if lower.bytes().all(|digit| digit.is_ascii_digit()) => return Ok(named),
            None => "reads like the beginning of another commit's SHA".to_owned(),
        };
        Err(ResolveError::Poses {
            version: version.to_owned(),
            one: shown(&named),
            other,
            instead: format!("{}, or the full SHA of the commit", full_name(&named)),
        })
    }

    fn resolve_short(&self, version: &str, lower: &str) -> Result<Resolution, ResolveError> {
        if !(SHORTEST..40).contains(&lower.len()) || !is_lower_hex(lower) {
            return Err(not_found(version));
        }
        let commits = self.commits();
        let matching: Vec<_> = commits
            .iter()
            .filter(|commit| commit.starts_with(lower))
            .collect();
        let version = version.to_owned();
        match matching[..] {
            [commit] => Ok(found(commit, Named::AdvertisedSha)),
            [] => Err(ResolveError::ShortSha { version }),
            _ => Err(ResolveError::Ambiguous {
                version,
                count: matching.len(),
            }),
        }
    }

    fn commits(&self) -> BTreeSet<&str> {
        let refs = self.branches.values().chain(self.tags.values());
        refs.chain(&self.head).map(String::as_str).collect()
    }
}

fn not_found(version: &str) -> ResolveError {
    ResolveError::NotFound {
        version: version.chars().take(100).collect(),
    }
}

fn two_names(version: &str, tag: &Resolution, branch: &Resolution) -> ResolveError {
    ResolveError::Poses {
        version: version.to_owned(),
        one: shown(tag),
        other: shown(branch),
        instead: format!("{} or {}", full_name(tag), full_name(branch)),
    }
}

fn shown(named: &Resolution) -> String {
    let kind = match named.named {
        Named::Branch(_) => "a branch",
        _ => "a tag",
    };
    format!("{kind} at {}", &named.commit[..12.min(named.commit.len())])
}

fn full_name(named: &Resolution) -> String {
    match &named.named {
        Named::Branch(name) => format!("refs/heads/{name}"),
        Named::Tag(name) => format!("refs/tags/{name}"),
        _ => named.commit.clone(),
    }
}

fn found(commit: &str, named: Named) -> Resolution {
    Resolution {
        commit: commit.to_owned(),
        named,
    }
}

#[cfg(test)]
#[path = "refs_tests.rs"]
mod tests;
