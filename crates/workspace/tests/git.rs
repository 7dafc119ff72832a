//! What is fetched is exactly the commit that was asked for, from real repositories.

#[path = "git/refused.rs"]
mod refused;
mod served;

use served::{Manner, Repository, Server};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use workspace::Limits;
use workspace::bundle::{read_file, unpack};
use workspace::git::{Bounds, Bundle, GitError, Named, Origin, bundle, manifest, refs};

const MANIFEST: &str = "[component]\nname = \"api\"\n";

/// A repository `api` with two commits, a tag on the first, a branch on a third.
struct Api {
    server: Server,
    repository: Repository,
    first: String,
    second: String,
    third: String,
}

fn api(manner: Manner) -> Api {
    let server = Server::start(manner);
    let repository = server.repository("api");
    repository.write("cutover.toml", MANIFEST);
    repository
        .write("src/main.sh", "echo one\n")
        .write("deep/er/data", "1");
    let script = repository.folder.join("src/main.sh");
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
    symlink("../src/main.sh", repository.folder.join("deep/link")).unwrap();
    let first = repository.commit("one");
    repository.git(&["tag", "--annotate", "v1.0.0", "--message", "the first"]);
    repository.git(&["tag", "light"]);
    let second = repository.write("src/main.sh", "echo two\n").commit("two");
    repository.git(&["switch", "--quiet", "--create", "fix/slow"]);
    let third = repository.write("more", "3").commit("three");
    repository.git(&["switch", "--quiet", "main"]);
    Api {
        server,
        repository,
        first,
        second,
        third,
    }
}

impl Api {
    fn url(&self) -> String {
        self.server.url("api")
    }

    fn bundle(&self, commit: &str, into: &TempDir) -> Result<(Bundle, PathBuf), GitError> {
        let dest = into.path().join(format!("{commit}.tar.zst"));
        let bundle = bundle(
            &Origin::public(self.url()),
            commit,
            &dest,
            &Bounds::default(),
        )?;
        Ok((bundle, dest))
    }

    /// Commits what the repository holds now, and says why it is not bundled.
    fn refusal(&self) -> GitError {
        let commit = self.repository.commit("to be refused");
        let folder = tempfile::tempdir().unwrap();
        let refusal = self.bundle(&commit, &folder).unwrap_err();
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "something is left"
        );
        refusal
    }
}

#[test]
fn head_branches_and_tags_resolve_to_their_commits() {
    let api = api(Manner::Modern);
    let refs = refs(&Origin::public(api.url()), &Bounds::default()).unwrap();
    let check = |version: &str, commit: &str, named: Named| {
        let found = refs.resolve(version).unwrap();
        assert_eq!(
            (found.commit.as_str(), found.named),
            (commit, named),
            "{version}"
        );
    };
    check("HEAD", &api.second, Named::Head);
    check("main", &api.second, Named::Branch("main".into()));
    check("fix/slow", &api.third, Named::Branch("fix/slow".into()));
    check("v1.0.0", &api.first, Named::Tag("v1.0.0".into()));
    check("light", &api.first, Named::Tag("light".into()));
    check(&api.third[..10], &api.third, Named::AdvertisedSha);
    assert_eq!(refs.head_branch.as_deref(), Some("main"));
    assert!(refs.resolve("nope").is_err());
}

#[test]
fn an_old_server_advertises_the_same() {
    let api = api(Manner::Old);
    let refs = refs(&Origin::public(api.url()), &Bounds::default()).unwrap();
    assert_eq!(refs.resolve("v1.0.0").unwrap().commit, api.first);
    assert_eq!(refs.resolve("HEAD").unwrap().commit, api.second);
    assert_eq!(refs.head_branch.as_deref(), Some("main"));
}

#[test]
fn an_empty_repository_has_no_head() {
    let server = Server::start(Manner::Modern);
    server.repository("api");
    let refs = refs(&Origin::public(server.url("api")), &Bounds::default()).unwrap();
    assert!(refs.resolve("HEAD").is_err());
    assert!(refs.branches.is_empty());
}

#[test]
fn the_same_commit_twice_gives_the_same_bytes() {
    let api = api(Manner::Modern);
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, path) = api.bundle(&api.first, &one).unwrap();
    let (again, other) = api.bundle(&api.first, &two).unwrap();
    assert_eq!(first, again);
    assert_eq!(fs::read(&path).unwrap(), fs::read(other).unwrap());
    assert_eq!(first.sha256, workspace::hash::sha256_file(&path).unwrap());
    assert_eq!(first.bytes, path.metadata().unwrap().len());
    let (other, _) = api.bundle(&api.second, &one).unwrap();
    assert_ne!(first.sha256, other.sha256);
}

#[test]
fn a_bundle_holds_the_tree_of_the_commit_and_nothing_else() {
    let api = api(Manner::Modern);
    let folder = tempfile::tempdir().unwrap();
    let (bundle, path) = api.bundle(&api.first, &folder).unwrap();
    assert_eq!(bundle.manifest.as_deref(), Some(MANIFEST));
    assert_eq!((bundle.files, bundle.time), (4, 1_700_000_000));
    let dest = folder.path().join("checkout");
    let unpacked = unpack(&path, &dest, Limits::SOURCE).unwrap();
    assert_eq!((unpacked.files, unpacked.time), (4, 1_700_000_000));
    assert_eq!(unpacked.bytes, bundle.unpacked_bytes);
    assert_eq!(
        fs::read_to_string(dest.join("src/main.sh")).unwrap(),
        "echo one\n"
    );
    assert_eq!(
        fs::read_to_string(dest.join("deep/link")).unwrap(),
        "echo one\n"
    );
    assert_eq!(mode(&dest.join("src/main.sh")), 0o755);
    assert_eq!(mode(&dest.join("deep/er/data")), 0o644);
    assert!(!dest.join(".git").exists());
    assert_eq!(
        read_file(&path, "cutover.toml", 1000).unwrap().as_deref(),
        Some(MANIFEST)
    );
    assert_eq!(read_file(&path, "cutover", 1000).unwrap(), None);
}

#[test]
fn a_commit_that_no_ref_points_to_is_bundled_too() {
    let api = api(Manner::Modern);
    api.repository.git(&["tag", "--delete", "v1.0.0", "light"]);
    let folder = tempfile::tempdir().unwrap();
    api.bundle(&api.first, &folder).unwrap();
}

#[test]
fn a_server_that_gives_only_what_refs_point_to_gives_the_same_bytes() {
    let (old, modern) = (api(Manner::Old), api(Manner::Modern));
    assert_eq!(old.first, modern.first);
    old.repository.git(&["tag", "--delete", "v1.0.0", "light"]);
    let folder = tempfile::tempdir().unwrap();
    let (from_old, _) = old.bundle(&old.first, &folder).unwrap();
    let (from_modern, _) = modern.bundle(&modern.first, &folder).unwrap();
    assert_eq!(from_old, from_modern);
}

#[test]
fn a_commit_that_is_not_in_the_repository_is_named() {
    for manner in [Manner::Modern, Manner::Old] {
        let api = api(manner);
        let folder = tempfile::tempdir().unwrap();
        let unknown = "1234567890".repeat(4);
        let error = api.bundle(&unknown, &folder).unwrap_err();
        let expected = format!("{} has no commit {unknown}", api.url());
        assert_eq!(error.to_string(), expected);
        assert!(!error.is_transient());
        let error = manifest(&Origin::public(api.url()), &unknown, &Bounds::default()).unwrap_err();
        assert!(matches!(error, GitError::NoSuchCommit { .. }), "{error:?}");
    }
}

#[test]
fn a_commit_of_another_repository_is_not_in_this_one() {
    let api = api(Manner::Modern);
    let other = api
        .server
        .repository("ui")
        .write("ui", "ui")
        .commit("another");
    let error = manifest(&Origin::public(api.url()), &other, &Bounds::default()).unwrap_err();
    assert!(matches!(error, GitError::NoSuchCommit { .. }), "{error:?}");
    let ui = api.server.url("ui");
    assert_eq!(
        manifest(&Origin::public(ui), &other, &Bounds::default()).unwrap(),
        None
    );
}

#[test]
fn the_sha_of_a_tag_or_tree_is_not_a_commit() {
    let api = api(Manner::Modern);
    for name in ["v1.0.0", "main^{tree}"] {
        let id = api.repository.git(&["rev-parse", name]);
        let error = manifest(&Origin::public(api.url()), &id, &Bounds::default()).unwrap_err();
        assert!(
            matches!(error, GitError::NotACommit { .. }),
            "{name}: {error:?}"
        );
    }
}

#[test]
fn the_manifest_is_read_without_a_bundle() {
    let api = api(Manner::Modern);
    let text = manifest(&Origin::public(api.url()), &api.third, &Bounds::default()).unwrap();
    assert_eq!(text.as_deref(), Some(MANIFEST));
}

#[test]
fn only_a_full_sha_is_bundled() {
    let api = api(Manner::Modern);
    let folder = tempfile::tempdir().unwrap();
    for version in [
        "HEAD",
        "main",
        &api.first[..12],
        &api.first.to_uppercase(),
        "",
    ] {
        let error = api.bundle(version, &folder).unwrap_err();
        assert!(matches!(error, GitError::NotASha { .. }), "{version}");
    }
}

#[test]
fn a_server_that_says_nothing_costs_no_more_than_the_deadline() {
    let server = Server::start(Manner::Silent);
    let bounds = Bounds {
        deadline: Duration::from_secs(1),
        ..Bounds::default()
    };
    let started = Instant::now();
    let error = refs(&Origin::public(server.url("api")), &bounds).unwrap_err();
    assert!(matches!(error, GitError::Deadline { .. }), "{error:?}");
    assert!(error.is_transient());
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_server_that_wants_credentials_gets_none() {
    let server = Server::start(Manner::Locked);
    let error = refs(&Origin::public(server.url("api")), &Bounds::default()).unwrap_err();
    assert!(
        matches!(error, GitError::NoSuchRepository { .. }),
        "{error:?}"
    );
}

#[test]
fn a_repository_that_does_not_exist_is_named() {
    let server = Server::start(Manner::Modern);
    let error = refs(&Origin::public(server.url("nope")), &Bounds::default()).unwrap_err();
    assert!(
        matches!(error, GitError::NoSuchRepository { .. }),
        "{error:?}"
    );
}

#[test]
fn a_server_that_is_down_may_be_asked_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api", free.local_addr().unwrap());
    drop(free);
    let error = refs(&Origin::public(url), &Bounds::default()).unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

#[test]
fn https_is_spoken() {
    // Nobody speaks TLS there: an orderly error shows that a TLS client is at work, without
    // which rustls panics.
    let server = Server::start(Manner::Modern);
    let url = server.url("api").replace("http://", "https://");
    let error = refs(&Origin::public(url), &Bounds::default()).unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}
