use super::*;
use crate::artifact_metadata;
use std::collections::HashMap;

#[tokio::test]
async fn what_may_be_replaced_is_put_without_a_condition() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let replay = Replay::new([ok("")]);
    store(&replay)
        .upload(file.path(), "logs/build.log", HashMap::new())
        .await
        .unwrap();
    let asked = replay.requests().remove(0);
    assert!(!asked.headers.contains_key("if-none-match"));
}

#[tokio::test]
async fn an_object_that_is_not_there_is_told_from_one_that_cannot_be_read() {
    let to = tempfile::NamedTempFile::new().unwrap();
    let get = async |answer| store(&Replay::new([answer])).download("k", to.path()).await;
    let missing = get(refusal(404, "NoSuchKey")).await.unwrap_err();
    assert_eq!(missing.to_string(), "s3://bucket/k does not exist");
    assert_eq!(
        kind(get(refusal(403, "AccessDenied")).await),
        CallKind::Denied
    );
    get(ok("bytes")).await.unwrap();
    assert_eq!(std::fs::read(to.path()).unwrap(), b"bytes");
}

#[tokio::test]
async fn a_text_is_read_as_far_as_it_is_small() {
    let get = async |answer| store(&Replay::new([answer])).get_text("k", 5).await;
    assert_eq!(
        get(ok("12345").header("content-length", "5"))
            .await
            .unwrap()
            .as_deref(),
        Some("12345")
    );
    let large = get(ok("123456").header("content-length", "6"))
        .await
        .unwrap();
    assert_eq!(large.as_deref(), Some("(6 bytes, see s3://bucket/k)"));
    assert_eq!(get(refusal(404, "NoSuchKey")).await.unwrap(), None);
    assert_eq!(
        kind(get(refusal(500, "InternalError")).await),
        CallKind::Unavailable
    );
}

/// The answers to HEAD have no body, so a refusal is known by its status alone.
#[tokio::test]
async fn whether_an_object_is_there_says_the_status() {
    let head = async |status| store(&Replay::new([(status, "")])).head("k").await;
    assert_eq!(head(404).await.unwrap(), None);
    assert_eq!(kind(head(403).await), CallKind::Denied);
    assert_eq!(kind(head(503).await), CallKind::Unavailable);
}

fn artifact() -> pipeline::wire::Artifact {
    pipeline::wire::Artifact {
        bundle: pipeline::wire::Bundle {
            key: "artifacts/api.tar.zst".into(),
            sha256: "a".into(),
            bytes: 7,
        },
        source_sha256: "s".into(),
        built_by: "stage-r7".into(),
        built_at: "2026-03-01T12:00:00Z".into(),
        toolchain: "t".into(),
    }
}

/// An object whose metadata lacks this.
fn without(missing: &str) -> Answer {
    let mut answer = ok("").header("content-length", "7");
    for (key, value) in artifact_metadata(&artifact()) {
        let name = match key.as_str() {
            "sha256" => "x-amz-meta-sha256",
            "source-sha256" => "x-amz-meta-source-sha256",
            "built-by" => "x-amz-meta-built-by",
            "built-at" => "x-amz-meta-built-at",
            _ => "x-amz-meta-toolchain",
        };
        if key != missing {
            answer = answer.header(name, &value);
        }
    }
    answer
}

#[tokio::test]
async fn an_artifact_is_read_as_it_was_written_or_not_at_all() {
    let key = artifact().bundle.key;
    let read = async |missing| {
        store(&Replay::new([without(missing)]))
            .artifact(&key)
            .await
            .unwrap()
    };
    assert_eq!(read("nothing").await, Some(artifact()));
    for missing in ["sha256", "source-sha256", "built-by", "built-at"] {
        assert_eq!(read(missing).await, None, "{missing}");
    }
}

#[tokio::test]
async fn a_bundle_without_its_sum_is_none() {
    let read = async |missing| {
        store(&Replay::new([without(missing)]))
            .bundle("k")
            .await
            .unwrap()
    };
    assert_eq!(
        read("nothing")
            .await
            .map(|bundle| (bundle.sha256, bundle.bytes)),
        Some(("a".into(), 7))
    );
    assert_eq!(read("sha256").await, None);
}
