//! What a person asks for, before it is resolved to a commit.

use crate::names::{Commit, InvalidName, Target, excerpt};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A version as asked for: resolved to one [`Commit`] once, at the start of a release.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Version {
    /// The newest commit of the repository's default branch.
    Head,
    /// Exactly this commit.
    Commit(Commit),
    /// A tag, a branch or the beginning of a SHA; the repository decides.
    Named(String),
    /// What is live on another target: a promotion.
    Live(Target),
    /// What was live before the component's last cutover: a roll-back.
    Previous,
}

impl Version {
    /// Parses what a person typed.
    ///
    /// A name must be one that git accepts for a ref (git-check-ref-format) out of letters,
    /// digits and `. _ / + @ -`, so it can never be read as an option or a path outside.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        if let Some(target) = text.strip_prefix("live:") {
            return Target::new(target)
                .map(Self::Live)
                .map_err(|e| InvalidName(format!("version `{}`: {e}", excerpt(text))));
        }
        if let Ok(commit) = Commit::new(text.to_ascii_lowercase()) {
            return Ok(Self::Commit(commit));
        }
        match text {
            "HEAD" => Ok(Self::Head),
            "previous" => Ok(Self::Previous),
            name if is_ref_name(name) => Ok(Self::Named(name.to_owned())),
            _ => Err(InvalidName(format!(
                "version `{}` is not a tag, a branch, a commit SHA, `HEAD`, `previous` or `live:<target>`",
                excerpt(text)
            ))),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(&text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> String {
        version.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("HEAD"),
            Self::Commit(commit) => commit.fmt(f),
            Self::Named(name) => f.write_str(name),
            Self::Live(target) => write!(f, "live:{target}"),
            Self::Previous => f.write_str("previous"),
        }
    }
}

/// Whether git would accept the name for a tag or a branch, and nothing could mistake it.
pub fn is_ref_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._/+@-".contains(&b);
    let part_ok =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    (1..=200).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && name != "@"
        && name.split('/').all(part_ok)
}

/// Whether git takes the name for a branch, by the rules of git-check-ref-format
/// (<https://git-scm.com/docs/git-check-ref-format>). Such a name is only ever compared, and never
/// becomes a part of a command, an address or a path.
pub fn is_branch_name(name: &str) -> bool {
    let part_ok =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let forbidden = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    (1..=200).contains(&name.len())
        && !name.contains(forbidden)
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && name != "@"
        && name.split('/').all(part_ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_what_it_is() {
        let sha = "3f2a9c1b04de000000000000000000000000beef";
        assert_eq!(Version::new("HEAD").unwrap(), Version::Head);
        assert_eq!(Version::new("previous").unwrap(), Version::Previous);
        assert_eq!(
            Version::new("live:dev").unwrap(),
            Version::Live(Target::new("dev").unwrap())
        );
        assert_eq!(
            Version::new(sha).unwrap(),
            Version::Commit(Commit::new(sha).unwrap())
        );
        assert_eq!(
            Version::new("v1.4.0").unwrap(),
            Version::Named("v1.4.0".into())
        );
        assert_eq!(
            Version::new("release/2026-11").unwrap(),
            Version::Named("release/2026-11".into())
        );
    }

    #[test]
    fn a_version_can_not_be_an_option_or_a_path() {
        for bad in [
            "",
            "--upload-pack=x",
            "-v",
            "../../etc",
            "a..b",
            "/etc/passwd",
            "a b",
            "x;rm",
            "$(x)",
            "a/.git",
            "refs//x",
            "x.lock",
            "live:",
            "live:../x",
            "a\nb",
        ] {
            let message = Version::new(bad).unwrap_err().to_string();
            assert!(message.starts_with("version `"), "{bad}: {message}");
        }
    }

    #[test]
    fn a_branch_may_be_called_what_git_allows() {
        for good in [
            "main",
            "feature/#7-größe",
            "wip!",
            "a,b",
            "50%",
            "it's",
            "release/2026&q1",
            "日本",
        ] {
            assert!(is_branch_name(good), "{good}");
        }
        for bad in [
            "", "-x", "a b", "a..b", "a~1", "a^", "a:b", "a?", "a*", "[a", "a\\b", "@", "a@{b",
            "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.", "a\nb",
        ] {
            assert!(!is_branch_name(bad), "{bad}");
        }
    }
}
