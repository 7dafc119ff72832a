//! Repositories that are not bundled as they are.

use super::*;

#[test]
fn submodules_are_refused() {
    let api = api(Manner::Modern);
    let ui = api
        .server
        .repository("ui")
        .write("ui", "ui")
        .commit("another");
    let gitlink = format!("160000,{ui},vendor/ui");
    api.repository
        .git(&["update-index", "--add", "--cacheinfo", &gitlink]);
    // Not through refusal(): `add --all` would take the gitlink back.
    api.repository
        .git(&["commit", "--quiet", "--message", "gitlink"]);
    let commit = api.repository.git(&["rev-parse", "HEAD"]);
    let error = api
        .bundle(&commit, &tempfile::tempdir().unwrap())
        .unwrap_err();
    let text = "submodules are not supported (vendor/ui): copy what they bring into the repository";
    assert_eq!(error.to_string(), text);
}

/// A vendored library that kept its `.gitmodules`, and one at the root that is stale.
#[test]
fn a_gitmodules_without_a_link_is_a_file_like_any_other() {
    let api = api(Manner::Modern);
    let text = "[submodule \"gone\"]\n\tpath = gone\n\turl = https://example.com/gone.git\n";
    api.repository.write("third_party/json/.gitmodules", text);
    api.repository.write(".gitmodules", text);
    let commit = api.repository.commit("vendored");
    let folder = tempfile::tempdir().unwrap();
    let (_, file) = api.bundle(&commit, &folder).unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    workspace::bundle::unpack(&file, &tree, workspace::Limits::SOURCE).unwrap();
    for path in [".gitmodules", "third_party/json/.gitmodules"] {
        assert_eq!(fs::read_to_string(tree.join(path)).unwrap(), text);
    }
}

#[test]
fn a_head_that_leads_nowhere_is_said_with_the_branches_that_there_are() {
    for (manner, to) in [(Manner::Modern, "branch master"), (Manner::Old, "a branch")] {
        let api = api(manner);
        api.repository
            .git(&["symbolic-ref", "HEAD", "refs/heads/master"]);
        let refs = refs(&Origin::public(api.url()), &Bounds::default()).unwrap();
        assert_eq!(
            refs.resolve("HEAD").unwrap_err().to_string(),
            format!(
                "HEAD leads to {to}, which the repository does not have; it has fix/slow, main: name one of them, or have HEAD lead to it"
            )
        );
    }
}

#[test]
fn a_repository_in_the_sha_256_format_is_named_as_such() {
    let server = Server::start(Manner::Modern);
    let repository = server.repository("api");
    fs::remove_dir_all(repository.folder.join(".git")).unwrap();
    repository.git(&[
        "init",
        "--quiet",
        "--initial-branch=main",
        "--object-format=sha256",
    ]);
    let commit = repository.write("a", "a").commit("one");
    assert_eq!(commit.len(), 64);
    let origin = Origin::public(server.url("api"));
    let expected = format!(
        "{} is in git's SHA-256 format, which cannot be read; only repositories in SHA-1 can be released",
        server.url("api")
    );
    let error = refs(&origin, &Bounds::default()).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert!(!error.is_transient());
    let folder = tempfile::tempdir().unwrap();
    let error = bundle(
        &origin,
        &"a".repeat(40),
        &folder.path().join("b"),
        &Bounds::default(),
    )
    .unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn links_that_leave_the_checkout_are_refused() {
    for target in ["/etc/passwd", "../../outside", "../../../deep/../.."] {
        let api = api(Manner::Modern);
        symlink(target, api.repository.folder.join("deep/out")).unwrap();
        let error = api.refusal();
        assert!(
            matches!(&error, GitError::Refused { path, .. } if path == "deep/out"),
            "{error:?}"
        );
    }
}

#[test]
fn a_tree_with_a_path_that_leaves_is_refused() {
    let api = api(Manner::Modern);
    let blob = api.repository.git(&["hash-object", "-w", "cutover.toml"]);
    for name in ["..", ".git", "."] {
        // git refuses to make such a tree, so it is written as an object by hand.
        let raw = api.repository.folder.join("tree.raw");
        let id: Vec<u8> = (0..40)
            .step_by(2)
            .map(|at| u8::from_str_radix(&blob[at..at + 2], 16).unwrap())
            .collect();
        fs::write(&raw, [format!("100644 {name}\0").as_bytes(), &id].concat()).unwrap();
        let tree = ["hash-object", "-w", "-t", "tree", "--literally", "tree.raw"];
        let tree = api.repository.git(&tree);
        let commit = api.repository.git(&["commit-tree", &tree, "-m", "bad"]);
        let error = api
            .bundle(&commit, &tempfile::tempdir().unwrap())
            .unwrap_err();
        assert!(
            matches!(
                error,
                GitError::Refused { .. } | GitError::Incomplete { .. }
            ),
            "{name}: {error:?}"
        );
    }
}

#[test]
fn a_repository_beyond_the_limits_is_refused() {
    let api = api(Manner::Modern);
    // Large only when it is unpacked: what comes over the network has a limit of its own.
    let commit = api
        .repository
        .write("zeros", vec![0; 1 << 20])
        .commit("large");
    let check = |limits: Limits, reason: &str| {
        let folder = tempfile::tempdir().unwrap();
        let bounds = Bounds {
            limits,
            ..Bounds::default()
        };
        let dest = folder.path().join("bundle");
        let error = bundle(&Origin::public(api.url()), &commit, &dest, &bounds).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the repository is too large: {reason}")
        );
        assert!(!dest.exists());
    };
    let source = Limits::SOURCE;
    check(
        Limits {
            entries: 3,
            ..source
        },
        "there are more than 3 files, folders and links",
    );
    check(
        Limits {
            bytes: 1 << 19,
            ..source
        },
        "all files together have more than 524288 bytes",
    );
    check(
        Limits {
            file_bytes: 1000,
            ..source
        },
        "one file has 1048576 bytes, the limit is 1000",
    );
    check(
        Limits { depth: 1, ..source },
        "folders are nested more than 1 levels deep",
    );
}
