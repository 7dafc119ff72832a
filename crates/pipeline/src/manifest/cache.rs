//! `[build] cache`: folders of the checkout that a later build of the component begins with.

use super::{Manifest, RelativePath};
use serde::{Deserialize, Serialize};

/// Folders that one component keeps.
pub const MAX_CACHED: usize = 10;

/// A folder in the checkout whose name no shell would read: it is in the script of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct CachedFolder(String);

impl CachedFolder {
    /// Relative to the checkout.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CachedFolder {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
        match RelativePath::try_from(text) {
            Ok(path) if begins && path.as_str().chars().all(plain) => Ok(Self(path.0)),
            Ok(path) => Err(format!(
                "`{}` must be a folder inside the checkout, of letters, digits, `.`, `_`, `-` and `/`",
                path.as_str()
            )),
            Err(problem) => Err(problem),
        }
    }
}

impl Manifest {
    pub(super) fn problem_of_cache(&self) -> Option<String> {
        let count = self.build.cache.len();
        if count > MAX_CACHED {
            return Some(format!(
                "[build] cache names {count} folders, at most {MAX_CACHED}"
            ));
        }
        (count > 0 && self.is_library()).then(|| {
            "[build] cache is there, and what a build leaves is kept when its release goes live, which a library's never does; leave it out".to_owned()
        })
    }

    /// Where its build runs, as far as what one build leaves is of use to another: of a manifest whose
    /// machines are settled.
    pub fn place_of_build(&self) -> String {
        let Some(machine) = &self.build.machine else {
            return "lambda".to_owned();
        };
        let image = machine.image.as_ref().map_or("", |image| image.as_str());
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        format!("codebuild-{}", image.chars().map(plain).collect::<String>())
    }
}
