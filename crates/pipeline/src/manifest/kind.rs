//! What a component is, and the libraries that it pins.

use super::{FILE, Manifest, ManifestError, RunSection};
use crate::errors::{ErrorName, Fault};
use crate::names::{Commit, excerpt};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Libraries that one component may pin: each is in its instances' user data, which has 16 KB.
pub const MAX_VENDORED: usize = 10;

/// What a component is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Kind {
    /// It runs on instances, behind an alias.
    #[default]
    Service,
    /// Its artifact is for other components, which pin a commit of it. It has no instance, no hostname
    /// and no alias.
    Library,
}

impl Kind {
    /// Whether it is what all components were before there were others.
    pub fn is_service(&self) -> bool {
        *self == Self::Service
    }

    /// As manifests and the command line write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Library => "library",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Kind {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let found = [Self::Service, Self::Library].into_iter();
        let mut found = found.filter(|kind| kind.as_str() == text);
        found
            .next()
            .ok_or_else(|| format!("`{}` must be `service` or `library`", excerpt(&text)))
    }
}

impl std::str::FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.as_str().to_owned()
    }
}

/// `{ commit = "<40 digits>" }`: never a name that may move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The library's.
    pub commit: Commit,
}

/// A pin that is no commit, in words that name it: serde's would only have its line.
pub(super) fn bad_pin(text: &str) -> Option<ManifestError> {
    let table: BTreeMap<String, toml::Value> = toml::from_str(text).ok()?;
    let pins = table.get("vendor")?.as_table()?.iter();
    let mut bad = pins.filter_map(|(library, pin)| {
        let commit = pin.get("commit")?.as_str()?;
        Commit::new(commit).err().map(|_| (library, commit))
    });
    let (library, commit) = bad.next()?;
    Some(ManifestError(format!(
        "[vendor] {}: commit is `{}`, and must be the 40 lower-case hexadecimal digits of a commit: a branch, a tag or a shortened commit may mean another one tomorrow",
        excerpt(library),
        excerpt(commit)
    )))
}

impl Manifest {
    /// Whether other components pin it, and nothing runs.
    pub fn is_library(&self) -> bool {
        self.component.kind == Kind::Library
    }

    /// How an instance runs it.
    ///
    /// # Errors
    /// `ManifestInvalid` of a library: nothing that deploys gets one.
    pub fn service(&self) -> Result<&RunSection, Fault> {
        self.run.as_ref().ok_or_else(|| {
            let text = format!("{} is a library and is not run", self.component.name);
            Fault::new(ErrorName::ManifestInvalid, text)
        })
    }

    pub(super) fn problem_of_kind(&self) -> Option<String> {
        let own = &self.component.name;
        let pins = self.vendor.len();
        let problem = match (self.component.kind, &self.run) {
            (Kind::Service, None) => {
                "[run] is missing: it says how a service is started, and where it listens. What only other components use says kind = \"library\" in [component]"
            }
            (Kind::Library, Some(_)) => {
                "[run] is there, and a library has no instance that would run it; leave it out, or say kind = \"service\" in [component]"
            }
            (Kind::Library, None) if !self.component.peers.is_empty() => {
                "[component] peers is there, and a library has no instance that would talk to them; leave it out"
            }
            _ if self.vendor.contains_key(own) => {
                return Some(format!("[vendor] pins `{own}` itself"));
            }
            _ if pins > MAX_VENDORED => {
                return Some(format!(
                    "[vendor] pins {pins} libraries, at most {MAX_VENDORED}; have one library vendor the others into its output"
                ));
            }
            _ => return None,
        };
        Some(problem.to_owned())
    }
}

/// Why what a repository's manifest says of the kind does not fit what the component was added as.
pub fn other_kind(manifest: &Manifest, added: Kind) -> Option<String> {
    let (name, kind) = (&manifest.component.name, manifest.component.kind);
    (kind != added).then(|| {
        format!(
            "[component] kind is `{kind}` in {FILE}, and {name} was added as a {added}: correct {FILE}, or add it again with `cutover component add {name} --kind {kind} --repository URL`"
        )
    })
}
