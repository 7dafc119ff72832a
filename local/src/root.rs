//! Where everything is: the repository's root and the files under its `.local`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::error::{LocalError, Result};

/// The absolute root of the repository that the local cloud belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

/// A folder is the repository's root if it holds this.
const MARK: &str = "local/setup.sh";
/// Set by `.local/env`.
pub const CHECKOUT: &str = "CUTOVER_CHECKOUT";

impl Root {
    /// The given folder, or the nearest one above the current one that is a checkout of this
    /// repository, or the one whose `.local/env` this shell has read.
    pub fn find(given: Option<&Path>) -> Result<Self> {
        if let Some(path) = given {
            let path = fs::canonicalize(path).map_err(LocalError::io(format!(
                "{} is not a folder",
                path.display()
            )))?;
            return Ok(Self(path));
        }
        let here =
            env::current_dir().map_err(LocalError::io("could not tell the current folder"))?;
        let around = here.ancestors().map(Path::to_path_buf);
        let read = env::var_os(CHECKOUT).map(PathBuf::from);
        around
            .chain(read)
            .find(|folder| folder.join(MARK).is_file())
            .map(Self)
            .ok_or_else(|| {
                LocalError::Refused(format!(
                    "{} is not inside a checkout of cutover; read its .local/env, or give --root",
                    here.display()
                ))
            })
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Everything that the local cloud writes is under here.
    pub fn local(&self) -> PathBuf {
        self.0.join(".local")
    }

    pub fn in_local(&self, name: &str) -> PathBuf {
        self.local().join(name)
    }

    /// The Python environment that `local/setup.sh` makes.
    pub fn venv(&self) -> PathBuf {
        env::var_os("CUTOVER_VENV").map_or_else(|| self.in_local("venv"), PathBuf::from)
    }

    pub fn lock(&self) -> PathBuf {
        self.in_local("lock")
    }

    pub fn state(&self) -> PathBuf {
        self.in_local("state.json")
    }

    pub fn env(&self) -> PathBuf {
        self.in_local("env")
    }

    pub fn log(&self, part: &str) -> PathBuf {
        self.in_local("log").join(format!("{part}.log"))
    }

    pub fn instance(&self, id: &str) -> PathBuf {
        self.in_local("instances").join(id)
    }

    /// Grows with each change of instances and DNS records; see the emulator's launcher.
    pub fn changes(&self) -> PathBuf {
        self.in_local("tmp/changes")
    }

    pub fn repositories(&self) -> PathBuf {
        self.in_local("repositories")
    }

    /// Which ports an earlier `up` chose.
    pub fn ports(&self) -> PathBuf {
        self.in_local("ports.json")
    }

    /// `cutover` and `cutover-local`, for a shell that has read `.local/env`.
    pub fn commands(&self) -> PathBuf {
        self.in_local("bin")
    }

    /// `aws` for a shell that has read `.local/env`, and what answers it.
    pub fn aws(&self) -> PathBuf {
        self.in_local("aws")
    }

    /// Programs that an AL2023 machine has and this one may lack.
    pub fn machine_bin(&self) -> PathBuf {
        self.in_local("machine/bin")
    }

    /// Makes the folders that must be there. What an earlier run left in them is of no use: the
    /// emulator keeps nothing, so neither do its instances.
    pub fn prepare(&self) -> Result<()> {
        for stale in ["tmp", "instances", "home", "aws"] {
            let folder = self.in_local(stale);
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(LocalError::io(format!(
                        "could not clear {}",
                        folder.display()
                    ))(error));
                }
                _ => {}
            }
        }
        for name in [
            "tmp",
            "instances",
            "home",
            "log",
            "repositories",
            "machine/bin",
            "bin",
            "aws",
        ] {
            let folder = self.in_local(name);
            fs::create_dir_all(&folder).map_err(LocalError::io(format!(
                "could not make {}",
                folder.display()
            )))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_from_a_folder_below_it() {
        let root = Root::find(None).unwrap();
        assert!(root.path().join(MARK).is_file());
    }

    #[test]
    fn preparing_clears_what_an_earlier_run_left_and_keeps_repositories() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::find(Some(folder.path())).unwrap();
        root.prepare().unwrap();
        fs::write(root.in_local("tmp/left"), "").unwrap();
        fs::write(root.repositories().join("kept"), "").unwrap();
        root.prepare().unwrap();
        assert!(!root.in_local("tmp/left").exists());
        assert!(root.repositories().join("kept").exists());
    }
}
