//! What git knows of a folder: its commit, its remotes, what it has pushed, what it tracks.

use crate::error::Failure;
use crate::release::of_commit::{PushedBranch, is_same};
use pipeline::names::{Commit, RepositoryUrl, excerpt};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use workspace::sources::Source;

/// The commit that a person means: git in the folder knows it, or it is whole.
pub fn commit_of(folder: &Path, text: &str) -> Result<Commit, Failure> {
    let named = format!("{text}^{{commit}}");
    if let Some(found) = git(
        folder,
        &[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &named,
        ],
    ) {
        return Ok(Commit::new(found.trim())?);
    }
    Commit::new(text).map_err(|_| {
        Failure::Usage(format!(
            "--commit `{}`: git in this folder knows no such commit; go to the component's checkout, or give the full SHA (40 digits)",
            excerpt(text)
        ))
    })
}

/// The addresses of the folder's remotes, by their names; none where it is no checkout.
pub fn remotes(folder: &Path) -> Vec<(String, String)> {
    let text = git(folder, &["remote", "--verbose"]).unwrap_or_default();
    text.lines().filter_map(remote).collect()
}

/// `origin <tab> https://... (push)`
fn remote(line: &str) -> Option<(String, String)> {
    let (name, rest) = line.split_once('\t')?;
    let (address, _) = rest.rsplit_once(' ')?;
    Some((name.to_owned(), address.to_owned()))
}

/// The branches of a repository that are at a commit, by what a push or a fetch has left here.
pub fn pushed(folder: &Path, commit: &Commit, repository: &RepositoryUrl) -> Vec<PushedBranch> {
    let points_at = format!("--points-at={commit}");
    let format = "--format=%(refname)";
    let refs = git(
        folder,
        &["for-each-ref", &points_at, format, "refs/remotes"],
    );
    let here: Vec<String> = remotes(folder)
        .into_iter()
        .filter(|(_, address)| is_same(address, repository.as_str()))
        .map(|(name, _)| format!("refs/remotes/{name}/"))
        .collect();
    let mut pushed: Vec<PushedBranch> = Vec::new();
    for name in refs.unwrap_or_default().lines() {
        let branch = here.iter().find_map(|remote| name.strip_prefix(remote));
        if let Some(branch) = branch.filter(|branch| *branch != "HEAD")
            && pushed.iter().all(|one| one.branch != branch)
        {
            pushed.push(PushedBranch {
                branch: branch.to_owned(),
                at: pushed_at(folder, name),
            });
        }
    }
    pushed
}

/// When this folder pushed a branch, milliseconds since 1970, by the log that git keeps of it.
fn pushed_at(folder: &Path, name: &str) -> Option<i64> {
    let arguments = [
        "log",
        "--walk-reflogs",
        "--max-count=1",
        "--date=unix",
        "--format=%gd %gs",
        name,
        "--",
    ];
    let text = git(folder, &arguments)?;
    let (at, what) = text.trim().rsplit_once("@{")?.1.split_once("} ")?;
    (what == "update by push").then_some(at.parse::<i64>().ok()? * 1000)
}

/// What git would commit of the folder, by path; `None` where it is no checkout.
pub fn tracked(folder: &Path) -> Option<Vec<(PathBuf, Source)>> {
    let text = git_bytes(folder, &["ls-files", "--stage", "-z"])?;
    let entries = text.split(|byte| *byte == 0).filter_map(|entry| {
        let tab = entry.iter().position(|byte| *byte == b'\t')?;
        let path = PathBuf::from(OsStr::from_bytes(&entry[tab + 1..]));
        match entry.starts_with(b"160000 ") {
            true => Some((path, Source::Submodule)),
            // What was deleted and not committed is said among the changes.
            false => source(folder, &path).map(|source| (path, source)),
        }
    });
    Some(entries.collect())
}

/// What is at a path of the folder; `None` for folders and for what git does not keep.
pub fn source(folder: &Path, path: &Path) -> Option<Source> {
    let there = folder.join(path);
    let data = std::fs::symlink_metadata(&there).ok()?;
    match data.file_type() {
        kind if kind.is_symlink() => std::fs::read_link(&there).ok().map(Source::Link),
        kind if kind.is_file() => Some(Source::File(data.len())),
        _ => None,
    }
}

/// The paths in the folder that a commit of everything would change.
pub fn changes(folder: &Path) -> Vec<String> {
    let arguments = [
        "status",
        "--porcelain",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--",
        ".",
    ];
    let text = git(folder, &arguments).unwrap_or_default();
    // Two letters and a space before paths from the root of the checkout.
    let above = below_root(folder).map_or(0, |prefix| prefix.len() + 1);
    let entries = text.split('\0').filter_map(|entry| entry.get(3 + above..));
    entries.map(str::to_owned).collect()
}

/// Where the folder is in its checkout, if that is not its root: `examples/api`.
pub fn below_root(folder: &Path) -> Option<String> {
    let prefix = git(folder, &["rev-parse", "--show-prefix"])?;
    let prefix = prefix.trim().trim_end_matches('/');
    (!prefix.is_empty()).then(|| prefix.to_owned())
}

/// What git prints; `None` where there is no git, no checkout or no such thing.
pub fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let bytes = git_bytes(folder, arguments)?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn git_bytes(folder: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .ok()?;
    output.status.success().then_some(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A checkout with one commit, pushed to `main` of a repository in a folder.
    struct Checkout {
        folder: tempfile::TempDir,
        commit: Commit,
    }

    const ADDRESS: &str = "https://git.example.com/team/api.git";

    impl Checkout {
        fn new() -> Self {
            let folder = tempfile::TempDir::with_prefix("cutover-cli-").unwrap();
            let run = |arguments: &[&str]| git(folder.path(), arguments).unwrap();
            let bare = folder.path().join("there.git");
            run(&["init", "--quiet", "--initial-branch=main"]);
            run(&["init", "--quiet", "--bare", bare.to_str().unwrap()]);
            let me = [
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@localhost",
                "commit",
            ];
            run(&[&me[..], &["--quiet", "--allow-empty", "--message=x"]].concat());
            run(&["remote", "add", "origin", bare.to_str().unwrap()]);
            let commit = Commit::new(run(&["rev-parse", "HEAD"]).trim()).unwrap();
            Self { folder, commit }
        }

        fn git(&self, arguments: &[&str]) {
            git(self.folder.path(), arguments).unwrap();
        }

        fn pushed(&self) -> Vec<PushedBranch> {
            let url = RepositoryUrl::new(ADDRESS).unwrap();
            pushed(self.folder.path(), &self.commit, &url)
        }
    }

    #[test]
    fn a_push_leaves_its_branch_and_its_time() {
        let checkout = Checkout::new();
        assert_eq!(checkout.pushed(), []);
        checkout.git(&["push", "--quiet", "origin", "main:release", "main"]);
        // As it would be fetched.
        checkout.git(&["remote", "set-url", "origin", ADDRESS]);
        let pushed = checkout.pushed();
        let branches: Vec<&str> = pushed.iter().map(|one| one.branch.as_str()).collect();
        assert_eq!(branches, ["main", "release"]);
        let now = jiff::Timestamp::now().as_millisecond();
        let at = pushed[0].at.expect("pushed from here");
        assert!((now - 60_000..=now).contains(&at), "{at} {now}");
    }

    #[test]
    fn what_is_tracked_is_what_a_push_brings_and_the_rest_is_a_change() {
        let checkout = Checkout::new();
        let folder = checkout.folder.path().join("below");
        std::fs::create_dir(&folder).unwrap();
        for name in ["kept", "changed", "new"] {
            std::fs::write(folder.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("kept", folder.join("link")).unwrap();
        checkout.git(&["add", "below/kept", "below/changed", "below/link"]);
        let id = ["-c", "user.name=t", "-c", "user.email=t@localhost"];
        checkout.git(&[&id[..], &["commit", "--quiet", "--message=y"]].concat());
        std::fs::write(folder.join("changed"), "otherwise").unwrap();
        let tracked = tracked(&folder).unwrap();
        let expected = [
            ("changed", Source::File(9)),
            ("kept", Source::File(4)),
            ("link", Source::Link("kept".into())),
        ];
        assert_eq!(
            tracked,
            expected.map(|(path, source)| (path.into(), source))
        );
        assert_eq!(changes(&folder), ["changed", "new"]);
        assert_eq!(below_root(&folder), Some("below".into()));
        assert_eq!(below_root(checkout.folder.path()), None);
    }

    #[test]
    fn a_commit_is_what_git_here_knows_or_a_whole_one() {
        let checkout = Checkout::new();
        let folder = checkout.folder.path();
        for text in ["HEAD", "main", &checkout.commit.as_str()[..7]] {
            assert_eq!(commit_of(folder, text), Ok(checkout.commit.clone()));
        }
        let elsewhere = "a".repeat(40);
        assert_eq!(commit_of(folder, &elsewhere).unwrap().as_str(), elsewhere);
        let refused = commit_of(folder, "--upload-pack=x").unwrap_err();
        assert!(
            refused.to_string().contains("knows no such commit"),
            "{refused}"
        );
        let nowhere = tempfile::TempDir::with_prefix("cutover-cli-").unwrap();
        assert!(commit_of(nowhere.path(), "HEAD").is_err());
    }
}
