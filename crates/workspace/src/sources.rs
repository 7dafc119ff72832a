//! What a release takes of a repository, looked at before it is there: the same rules for a
//! checkout that nobody has pushed yet.

use crate::bundle::links::{self, Links};
use crate::git::{GitError, check_name};
use crate::limits::{Budget, Limits};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What is at a path of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file of so many bytes.
    File(u64),
    /// A symbolic link and where it leads.
    Link(PathBuf),
    /// A submodule.
    Submodule,
}

/// How much a repository holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Files and links.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Looks at files, links and submodules by their paths from the root, as a release does.
///
/// # Errors
/// [`GitError`]: the one that a release of this would fail with.
pub fn check(
    sources: impl IntoIterator<Item = (PathBuf, Source)>,
    limits: Limits,
) -> Result<Held, GitError> {
    let mut budget = Budget::new(limits);
    let mut links = Links::new();
    let mut folders = BTreeSet::new();
    let mut files = 0;
    for (path, source) in sources {
        for folder in path.ancestors().skip(1) {
            if folder != Path::new("") && folders.insert(folder.to_owned()) {
                named(folder)?;
                take(&mut budget, folder, 0)?;
            }
        }
        named(&path)?;
        files += 1;
        match source {
            Source::File(bytes) => take(&mut budget, &path, bytes)?,
            Source::Link(target) => {
                take(&mut budget, &path, 0)?;
                links.insert(path, target);
            }
            Source::Submodule => {
                return Err(GitError::Submodules {
                    path: path.display().to_string(),
                });
            }
        }
    }
    links::check(&links).map_err(|(path, reason)| GitError::Refused {
        path: path.display().to_string(),
        reason: reason.to_owned(),
    })?;
    Ok(Held {
        files,
        bytes: budget.bytes,
    })
}

fn named(path: &Path) -> Result<(), GitError> {
    let name = path.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
    check_name(name, path)
}

fn take(budget: &mut Budget, path: &Path, bytes: u64) -> Result<(), GitError> {
    let depth = path.components().count().saturating_sub(1);
    let taken = budget.take(bytes, depth);
    taken.map_err(|reason| GitError::TooLarge { reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(sources: &[(&str, Source)]) -> Result<Held, String> {
        let limits = Limits {
            bytes: 100,
            file_bytes: 60,
            entries: 6,
            depth: 3,
        };
        let sources = sources
            .iter()
            .map(|(path, source)| (PathBuf::from(path), source.clone()));
        check(sources, limits).map_err(|error| error.to_string())
    }

    #[test]
    fn files_and_links_that_stay_inside_are_counted() {
        let held = checked(&[
            ("a/b/file", Source::File(60)),
            ("a/b/other", Source::File(40)),
            ("link", Source::Link("a/b/file".into())),
        ]);
        let expected = Held {
            files: 3,
            bytes: 100,
        };
        assert_eq!(held, Ok(expected));
    }

    #[test]
    fn what_a_release_refuses_is_refused_in_its_words() {
        let refused = |path: &str, source: Source| checked(&[(path, source)]).unwrap_err();
        let said = refused("big", Source::File(61));
        assert_eq!(
            said,
            "the repository is too large: one file has 61 bytes, the limit is 60"
        );
        let said = refused("a/b/c/d/e", Source::File(1));
        assert!(said.contains("nested more than 3 levels"), "{said}");
        let said = refused("out", Source::Link("../elsewhere".into()));
        assert_eq!(
            said,
            "out cannot be bundled: the link leads out of the folder"
        );
        let said = refused("vendor/lib", Source::Submodule);
        assert!(
            said.starts_with("submodules are not supported (vendor/lib)"),
            "{said}"
        );
        let folders_count = [
            ("a/x", Source::File(1)),
            ("b/x", Source::File(1)),
            ("c/x", Source::File(1)),
            ("d", Source::File(1)),
        ];
        assert!(checked(&folders_count).unwrap_err().contains("more than 6"));
    }
}
