use super::*;
use crate::wire::Artifact;
use expect_test::{Expect, expect};

fn component(name: &str) -> Component {
    Component::new(name).unwrap()
}

fn commit(digit: char) -> Commit {
    Commit::new(digit.to_string().repeat(40)).unwrap()
}

fn row(kind: Kind) -> ArtifactRow {
    ArtifactRow {
        component: component("gdal"),
        commit: commit('a'),
        kind,
        artifact: Artifact {
            bundle: Bundle {
                key: "artifacts/of/another.tar.zst".into(),
                sha256: "5".repeat(64),
                bytes: 7,
            },
            source_sha256: String::new(),
            built_by: "dev-r1".into(),
            built_at: String::new(),
            toolchain: String::new(),
        },
    }
}

fn check(by: Kind, row: Option<Kind>, added: Option<Kind>, beside: Option<char>, expected: Expect) {
    let known = Known {
        row: row.map(self::row),
        added,
        beside: beside.map(commit),
    };
    let found = pinned(
        (&component("msb"), by),
        &component("gdal"),
        &commit('a'),
        &known,
    );
    expected.assert_eq(&match found {
        Ok(vendored) => serde_json::to_string(&vendored).unwrap(),
        Err(problem) => problem,
    });
}

const SERVICE: Kind = Kind::Service;
const LIBRARY: Kind = Kind::Library;

#[test]
fn a_released_commit_is_its_artifact_under_the_key_that_follows_from_the_pin() {
    let artifact = || {
        expect![[
            r#"{"library":"gdal","commit":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","artifact":{"key":"artifacts/gdal/gdal-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.tar.zst","sha256":"5555555555555555555555555555555555555555555555555555555555555555","bytes":7}}"#
        ]]
    };
    check(SERVICE, Some(LIBRARY), Some(LIBRARY), None, artifact());
    // It stays what it was, also for a roll-back, when the library is forgotten or beside it.
    check(SERVICE, Some(LIBRARY), None, None, artifact());
    check(LIBRARY, Some(LIBRARY), Some(LIBRARY), Some('a'), artifact());
}

#[test]
fn what_was_never_released_is_refused_with_what_to_release_first() {
    check(
        SERVICE,
        None,
        Some(LIBRARY),
        None,
        expect![
            "[vendor] gdal: aaaaaaaaaaaa of it was never released; release it first: `cutover release gdal --version aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`"
        ],
    );
    check(
        SERVICE,
        None,
        None,
        None,
        expect![
            "[vendor] gdal: this project has no library of that name; `cutover component add gdal --kind library --repository URL`, then `cutover release gdal --version aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`"
        ],
    );
}

#[test]
fn a_service_is_not_pinned_though_its_artifact_is_there() {
    check(
        SERVICE,
        Some(SERVICE),
        Some(SERVICE),
        None,
        expect![
            "[vendor] gdal: gdal is a service, and only a library can be pinned; a service is talked to: name it in [component] peers"
        ],
    );
    // Built while it was a service, and never tested as a library.
    check(
        SERVICE,
        Some(SERVICE),
        Some(LIBRARY),
        None,
        expect![
            "[vendor] gdal: aaaaaaaaaaaa of it was never released; release it first: `cutover release gdal --version aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`"
        ],
    );
}

#[test]
fn a_service_waits_for_the_library_of_its_release_and_a_library_does_not() {
    check(
        SERVICE,
        None,
        Some(LIBRARY),
        Some('a'),
        expect![[r#"{"library":"gdal","commit":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#]],
    );
    check(
        LIBRARY,
        None,
        Some(LIBRARY),
        Some('a'),
        expect![
            "[vendor] gdal: aaaaaaaaaaaa of it is in the same release, and msb is a library too; release it first: `cutover release gdal --version aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`"
        ],
    );
    check(
        SERVICE,
        None,
        Some(LIBRARY),
        Some('b'),
        expect![
            "[vendor] gdal: aaaaaaaaaaaa of it was never released, and this release brings bbbbbbbbbbbb; pin that, or release the other first: `cutover release gdal --version aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`"
        ],
    );
}

#[test]
fn all_pins_together_have_a_limit() {
    let pin = |bytes| Vendored {
        library: component("gdal"),
        commit: commit('a'),
        artifact: Some(Bundle {
            key: String::new(),
            sha256: String::new(),
            bytes,
        }),
    };
    assert_eq!(too_large(&[pin(MAX_BYTES / 2), pin(MAX_BYTES / 2)]), None);
    let said = too_large(&[pin(MAX_BYTES), pin(1)]).unwrap();
    assert!(
        said.contains("have 1073741825 bytes, at most 1073741824"),
        "{said}"
    );
}
