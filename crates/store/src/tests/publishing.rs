//! What is copied once, by S3.

use super::*;
use crate::{Copied, Original, Written};
use std::collections::HashMap;

const COPIED: &str = "<CopyObjectResult><ETag>\"new\"</ETag><ChecksumSHA256>c3Vt</ChecksumSHA256></CopyObjectResult>";

async fn copy(answers: Vec<Answer>) -> (Result<Copied, StoreError>, Replay) {
    let replay = Replay::new(answers);
    let from = Original {
        key: "builds/stage-r7/api.tar.zst",
        etag: Some("\"of the build\""),
        bytes: 7,
    };
    let metadata = HashMap::from([("sha256".to_owned(), "0123".to_owned())]);
    let copied = store(&replay)
        .copy_once(from, "artifacts/api.tar.zst", metadata)
        .await;
    (copied, replay)
}

#[tokio::test]
async fn only_what_the_build_sent_is_copied_and_only_to_where_nothing_is() {
    let (copied, replay) = copy(vec![ok(COPIED)]).await;
    let copied = copied.unwrap();
    assert_eq!(copied.written, Written::New);
    assert_eq!(copied.sha256.as_deref(), Some("c3Vt"));
    let asked = replay.requests().remove(0);
    for (name, value) in [
        ("x-amz-copy-source", "bucket/builds/stage-r7/api.tar.zst"),
        ("x-amz-copy-source-if-match", "\"of the build\""),
        ("if-none-match", "*"),
        ("x-amz-checksum-algorithm", "SHA256"),
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-meta-sha256", "0123"),
        ("content-type", "application/zstd"),
    ] {
        assert_eq!(
            asked.headers.get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_condition_that_fails_is_told_by_what_is_there() {
    let failed = || refusal(412, "PreconditionFailed");
    let there = ok("").header("x-amz-checksum-sha256", "c3Vt");
    let (copied, replay) = copy(vec![failed(), there]).await;
    let copied = copied.unwrap();
    assert_eq!(copied.written, Written::Exists);
    assert_eq!(copied.sha256.as_deref(), Some("c3Vt"));
    let mode = replay.requests()[1]
        .headers
        .get("x-amz-checksum-mode")
        .cloned();
    assert_eq!(mode.as_deref(), Some("ENABLED"));
    let (copied, _) = copy(vec![failed(), (404, "").into()]).await;
    let error = copied.unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert!(
        error.to_string().contains("builds/stage-r7/api.tar.zst"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_gone_is_missing_and_what_is_busy_is_tried_again() {
    let (copied, _) = copy(vec![refusal(404, "NoSuchKey")]).await;
    assert!(matches!(copied.unwrap_err(), StoreError::Missing { .. }));
    let (copied, _) = copy(vec![refusal(409, "ConditionalRequestConflict")]).await;
    assert_eq!(kind(copied), CallKind::Unavailable);
    let (copied, _) = copy(vec![refusal(403, "AccessDenied")]).await;
    assert_eq!(kind(copied), CallKind::Denied);
}
