//! Tags are pushed to real repositories, and credentials open those that are not for everybody.

mod served;

use served::{Manner, OPEN, Repository, Server};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use workspace::git::{
    Bounds, Credentials, GitError, Origin, Pushed, Tag, Tagger, bundle, manifest, push_tag, refs,
};

const NAME: &str = "release/stage/42";
const MESSAGE: &str = "Release stage-r42 to stage\n\napi 3f2a\nui 9c1b";

/// A repository `api` that takes pushes, with one commit.
struct Api {
    server: Server,
    repository: Repository,
    commit: String,
    origin: Origin,
}

fn api(manner: Manner) -> Api {
    let server = Server::start(manner);
    let repository = server.repository("api");
    let commit = repository.write("cutover.toml", "x").commit("one");
    let credentials = (manner == Manner::Private).then(|| credentials("open-sesame"));
    if manner != Manner::Private {
        repository.git(&["config", "http.receivepack", "true"]);
    }
    let origin = Origin {
        url: server.url("api"),
        credentials,
    };
    Api {
        server,
        repository,
        commit,
        origin,
    }
}

fn credentials(password: &str) -> Credentials {
    Credentials::new("ann", password).unwrap()
}

impl Api {
    fn tag(&self) -> Tag {
        Tag {
            name: NAME.into(),
            commit: self.commit.clone(),
            message: MESSAGE.into(),
            tagger: Tagger {
                name: "cutover".into(),
                email: "cutover@myproj.com".into(),
                seconds: 1_700_000_000,
            },
        }
    }

    fn push(&self, tag: &Tag) -> Result<Pushed, GitError> {
        push_tag(&self.origin, tag, &Bounds::default())
    }

    fn tags(&self) -> String {
        self.repository
            .git(&["show-ref", "--tags", "--dereference"])
    }

    /// Makes git run `script` before it takes a push.
    fn before_a_push(&self, script: &str) {
        let hook = self.repository.folder.join(".git/hooks/pre-receive");
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        fs::write(&hook, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(hook, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_pushed_tag_is_an_annotated_one_at_the_commit() {
    for manner in [Manner::Modern, Manner::Old] {
        let api = api(manner);
        assert_eq!(api.push(&api.tag()).unwrap(), Pushed::New);
        let stored = api.repository.git(&["cat-file", "tag", NAME]);
        let expected = format!(
            "object {}\ntype commit\ntag {NAME}\n\
             tagger cutover <cutover@myproj.com> 1700000000 +0000\n\n{MESSAGE}",
            api.commit
        );
        assert_eq!(stored, expected);
        api.repository.git(&["fsck", "--strict"]);
        let seen = refs(&api.origin, &Bounds::default()).unwrap();
        assert_eq!(seen.resolve(NAME).unwrap().commit, api.commit);
    }
}

#[test]
fn the_same_tag_again_is_already_there() {
    let api = api(Manner::Modern);
    assert_eq!(api.push(&api.tag()).unwrap(), Pushed::New);
    let before = api.tags();
    assert_eq!(api.push(&api.tag()).unwrap(), Pushed::AlreadyThere);
    assert_eq!(api.tags(), before);
}

#[test]
fn git_itself_makes_the_same_object_of_the_same_tag() {
    let api = api(Manner::Modern);
    let date = "GIT_COMMITTER_DATE=1700000000 +0000";
    let by = [
        "GIT_COMMITTER_NAME=cutover",
        "GIT_COMMITTER_EMAIL=cutover@myproj.com",
        date,
    ];
    let mut made = std::process::Command::new("git");
    made.current_dir(&api.repository.folder);
    for (name, value) in by.iter().map(|pair| pair.split_once('=').unwrap()) {
        made.env(name, value);
    }
    let tag = ["tag", "--annotate", NAME, "--message", MESSAGE];
    assert!(made.args(tag).status().unwrap().success());
    assert_eq!(api.push(&api.tag()).unwrap(), Pushed::AlreadyThere);
}

#[test]
fn another_tag_of_that_name_is_told_and_left_as_it_is() {
    let api = api(Manner::Modern);
    let other = api.repository.commit("two");
    for existing in [
        &["tag", NAME][..],
        &["tag", "--annotate", NAME, "--message", "mine"],
    ] {
        api.repository.git(existing);
        let before = api.tags();
        let expected = Pushed::Different { at: other.clone() };
        assert_eq!(api.push(&api.tag()).unwrap(), expected);
        assert_eq!(api.tags(), before);
        api.repository.git(&["tag", "--delete", NAME]);
    }
}

#[test]
fn a_server_that_refuses_gives_its_reason() {
    let why = "pre-receive hook declined";
    let with_what_it_says = format!("{why} (tags are made by Bob)");
    for (manner, reason) in [
        (Manner::Modern, with_what_it_says.as_str()),
        (Manner::Old, why),
    ] {
        let api = api(manner);
        api.before_a_push("echo 'tags are made by Bob' >&2; exit 1");
        let error = api.push(&api.tag()).unwrap_err();
        let expected = format!("{} refused the tag {NAME}: {reason}", api.origin.url);
        assert_eq!(error.to_string(), expected);
        assert!(!error.is_transient());
        let seen = refs(&api.origin, &Bounds::default()).unwrap();
        assert!(seen.tags.is_empty(), "{seen:?}");
    }
}

#[test]
fn who_comes_second_finds_the_tag_of_the_first() {
    let api = api(Manner::Modern);
    // The tag appears between our look and our push, which therefore fails.
    let (name, commit) = (NAME, &api.commit);
    let plain =
        format!("env -u GIT_QUARANTINE_PATH git update-ref refs/tags/{name} {commit}; exit 1");
    api.before_a_push(&plain);
    let expected = Pushed::Different {
        at: api.commit.clone(),
    };
    assert_eq!(api.push(&api.tag()).unwrap(), expected);
}

#[test]
fn a_commit_that_the_repository_does_not_have_gets_no_tag() {
    let api = api(Manner::Modern);
    let mut tag = api.tag();
    tag.commit = "1234567890".repeat(4);
    let error = api.push(&tag).unwrap_err();
    assert!(matches!(error, GitError::TagRefused { .. }), "{error:?}");
    assert!(
        refs(&api.origin, &Bounds::default())
            .unwrap()
            .tags
            .is_empty()
    );
}

#[test]
fn a_repository_that_only_gives_is_told_from_one_that_is_not_there() {
    let api = api(Manner::Modern);
    api.repository.git(&["config", "http.receivepack", "false"]);
    let error = api.push(&api.tag()).unwrap_err();
    let text = "does not accept a push: credentials that may write are needed";
    assert_eq!(error.to_string(), format!("{} {text}", api.origin.url));
    let nowhere = Origin::public(api.server.url("nope"));
    let error = push_tag(&nowhere, &api.tag(), &Bounds::default()).unwrap_err();
    assert!(
        matches!(error, GitError::NoSuchRepository { .. }),
        "{error:?}"
    );
}

/// The address of a server that answers so much, and ends each connection.
fn ending(answer: &'static [u8]) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut connection = connection;
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(answer);
        }
    });
    url
}

#[test]
fn a_server_that_says_nothing_or_is_down_may_be_asked_again() {
    let api = api(Manner::Modern);
    let bounds = Bounds {
        deadline: std::time::Duration::from_secs(1),
        ..Bounds::default()
    };
    let silent = Server::start(Manner::Silent);
    // A port that nobody is given: one that was free a moment ago may be another test's by now.
    let down = "http://127.0.0.1:1/api".to_owned();
    let [closing, cutting] = [
        &b""[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\nContent-Type: \
        application/x-git-receive-pack-advertisement\r\n\r\n001f# service=git-receive-pack\n",
    ];
    let urls = [silent.url("api"), down, ending(closing), ending(cutting)];
    for url in urls {
        let error = push_tag(&Origin::public(url), &api.tag(), &bounds).unwrap_err();
        assert!(error.is_transient(), "{error:?}");
    }
}

#[test]
fn credentials_open_a_private_repository_to_read_and_to_tag() {
    let api = api(Manner::Private);
    let bounds = Bounds::default();
    let folder = tempfile::tempdir().unwrap();
    let seen = refs(&api.origin, &bounds).unwrap();
    assert_eq!(seen.head.as_deref(), Some(api.commit.as_str()));
    bundle(&api.origin, &api.commit, &folder.path().join("x"), &bounds).unwrap();
    let text = manifest(&api.origin, &api.commit, &bounds).unwrap();
    assert_eq!(text.as_deref(), Some("x"));
    assert_eq!(api.push(&api.tag()).unwrap(), Pushed::New);
    assert!(api.server.authorizations().iter().all(|said| said == OPEN));
}

#[test]
fn wrong_credentials_are_told_from_missing_ones() {
    let api = api(Manner::Private);
    let wrong = Origin {
        credentials: Some(credentials("sesame")),
        ..api.origin.clone()
    };
    let none = Origin::public(api.origin.url.clone());
    let (tag, bounds) = (api.tag(), Bounds::default());
    let text = "refuses the credentials that were given for it";
    for error in [
        refs(&wrong, &bounds).unwrap_err(),
        push_tag(&wrong, &tag, &bounds).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), format!("{} {text}", api.origin.url));
        assert!(!error.is_transient());
    }
    let error = refs(&none, &bounds).unwrap_err();
    assert!(
        matches!(error, GitError::NoSuchRepository { .. }),
        "{error:?}"
    );
    let error = push_tag(&none, &tag, &bounds).unwrap_err();
    assert!(matches!(error, GitError::ReadOnly { .. }), "{error:?}");
}

#[test]
fn credentials_are_not_sent_to_where_a_repository_redirects() {
    let private = api(Manner::Private);
    let to = private.server.address;
    for manner in [Manner::Moved(to), Manner::LogsIn(to)] {
        let moved = Server::start(manner);
        let origin = Origin {
            url: moved.url("api"),
            ..private.origin.clone()
        };
        let bounds = Bounds::default();
        for error in [
            refs(&origin, &bounds).unwrap_err(),
            manifest(&origin, &private.commit, &bounds).unwrap_err(),
            push_tag(&origin, &private.tag(), &bounds).unwrap_err(),
        ] {
            assert!(matches!(error, GitError::Moved { .. }), "{error:?}");
            assert!(!error.is_transient());
        }
        assert!(moved.authorizations().iter().all(|said| said == OPEN));
    }
    assert_eq!(private.server.authorizations(), Vec::<String>::new());
}

#[test]
fn without_credentials_a_redirect_is_followed() {
    let open = api(Manner::Modern);
    let moved = Server::start(Manner::Moved(open.server.address));
    let origin = Origin::public(moved.url("api"));
    let seen = refs(&origin, &Bounds::default()).unwrap();
    assert_eq!(seen.head.as_deref(), Some(open.commit.as_str()));
}

#[test]
fn no_error_shows_credentials() {
    let api = api(Manner::Locked);
    let origin = Origin {
        url: api.server.url("api"),
        credentials: Some(credentials("open-sesame")),
    };
    let error = refs(&origin, &Bounds::default()).unwrap_err();
    let shown = format!("{error} {error:?} {origin:?}");
    assert!(
        !shown.contains("sesame") && !shown.contains("YW5u"),
        "{shown}"
    );
}
