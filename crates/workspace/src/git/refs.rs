use super::address::{is_full_sha, is_lower_hex};
use gix::protocol::handshake::Ref;
use std::collections::{BTreeMap, BTreeSet};

/// git's own shortest abbreviation.
const SHORTEST: usize = 7;

/// What a repository advertises. Commits are 40 lower-case hexadecimal digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refs {
    /// The commit that `HEAD` points to; none in an empty repository.
    pub head: Option<String>,
    /// The branch that `HEAD` stands for, without `refs/heads/`.
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
    #[error("the repository is empty: HEAD points to no commit")]
    Empty,
    /// A short SHA that several commits begin with.
    #[error("{version} begins {count} commits: give the full SHA, a branch or a tag")]
    Ambiguous {
        /// As it was given.
        version: String,
        /// How many.
        count: usize,
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
                Ref::Unborn { .. } => continue,
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

    /// Finds a version. In this order: `HEAD`, a full SHA (so that no ref can pose as one), a
    /// tag (**before** a branch of the same name, as git does), a branch, the beginning of a
    /// SHA, at least 7 digits, of a commit that a branch or tag points to. `refs/heads/…` and
    /// `refs/tags/…` name exactly one of the two.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub fn resolve(&self, version: &str) -> Result<Resolution, ResolveError> {
        if version == "HEAD" {
            let commit = self.head.clone().ok_or(ResolveError::Empty)?;
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
        let tag = (!version.starts_with("refs/heads/"))
            .then(|| version.strip_prefix("refs/tags/").unwrap_or(version));
        let branch = (!version.starts_with("refs/tags/"))
            .then(|| version.strip_prefix("refs/heads/").unwrap_or(version));
        if let Some((name, commit)) = tag.and_then(|tag| self.tags.get_key_value(tag)) {
            return Ok(found(commit, Named::Tag(name.clone())));
        }
        if let Some((name, commit)) = branch.and_then(|branch| self.branches.get_key_value(branch))
        {
            return Ok(found(commit, Named::Branch(name.clone())));
        }
        self.resolve_short(version, &lower)
    }

    fn resolve_short(&self, version: &str, lower: &str) -> Result<Resolution, ResolveError> {
        if !(SHORTEST..40).contains(&lower.len()) || !is_lower_hex(lower) {
            return Err(ResolveError::NotFound {
                version: version.chars().take(100).collect(),
            });
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

fn found(commit: &str, named: Named) -> Resolution {
    Resolution {
        commit: commit.to_owned(),
        named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaa100000000000000000000000000000000";
    const B: &str = "aaaaaaa200000000000000000000000000000000";
    const C: &str = "ccccccc300000000000000000000000000000000";

    fn refs() -> Refs {
        let map = |pairs: &[(&str, &str)]| {
            let owned = |(name, commit): &(&str, &str)| (name.to_string(), commit.to_string());
            pairs.iter().map(owned).collect()
        };
        Refs {
            head: Some(A.to_owned()),
            head_branch: Some("main".to_owned()),
            branches: map(&[("main", A), ("v1", B), ("fix/x", C), ("abcdef0", C), (B, C)]),
            tags: map(&[("v1", C), ("v2", B)]),
        }
    }

    fn check(version: &str, commit: &str, named: Named) {
        assert_eq!(
            refs().resolve(version),
            Ok(found(commit, named)),
            "{version}"
        );
    }

    #[test]
    fn head_tags_and_branches_are_found_by_their_exact_name() {
        check("HEAD", A, Named::Head);
        check("v2", B, Named::Tag("v2".into()));
        check("main", A, Named::Branch("main".into()));
        check("fix/x", C, Named::Branch("fix/x".into()));
    }

    #[test]
    fn a_tag_wins_over_a_branch_of_the_same_name() {
        check("v1", C, Named::Tag("v1".into()));
        check("refs/heads/v1", B, Named::Branch("v1".into()));
        check("refs/tags/v1", C, Named::Tag("v1".into()));
    }

    #[test]
    fn a_full_sha_is_itself_even_if_a_branch_is_called_that() {
        check(B, B, Named::AdvertisedSha);
        check(&B.to_uppercase(), B, Named::AdvertisedSha);
        let other = "1".repeat(40);
        check(&other, &other, Named::UnprovenSha);
    }

    #[test]
    fn a_short_sha_is_found_if_exactly_one_commit_begins_with_it() {
        check("ccccccc", C, Named::AdvertisedSha);
        check("abcdef0", C, Named::Branch("abcdef0".into()));
        let ambiguous = refs().resolve("aaaaaaa").unwrap_err();
        let text = "aaaaaaa begins 2 commits: give the full SHA, a branch or a tag";
        assert_eq!(ambiguous.to_string(), text);
        let unknown = refs().resolve("1234567").unwrap_err();
        assert!(
            unknown.to_string().contains("give the full SHA"),
            "{unknown}"
        );
    }

    #[test]
    fn anything_else_is_not_found() {
        for version in [
            "",
            "head",
            "v3",
            "--upload-pack=x",
            "../../etc",
            "mai",
            "ccc",
            "refs/heads/v2",
        ] {
            let error = refs().resolve(version).unwrap_err();
            assert!(matches!(error, ResolveError::NotFound { .. }), "{version}");
        }
    }

    #[test]
    fn an_empty_repository_has_no_head() {
        assert_eq!(Refs::default().resolve("HEAD"), Err(ResolveError::Empty));
    }
}
