use super::*;
use crate::Swept;
use std::time::{Duration, Instant};

/// A page of versions and delete markers, and whether another one follows.
fn page(versions: &[&str], markers: &[&str], more: bool) -> Answer {
    let list = |keys: &[&str], kind: &str| -> String {
        keys.iter()
            .map(|key| format!("<{kind}><Key>{key}</Key><VersionId>v-{key}</VersionId></{kind}>"))
            .collect()
    };
    let next = "<NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>";
    ok(&format!(
        "<ListVersionsResult><IsTruncated>{more}</IsTruncated>{}{}{}</ListVersionsResult>",
        if more { next } else { "" },
        list(versions, "Version"),
        list(markers, "DeleteMarker")
    ))
}

fn deleted() -> Answer {
    ok("<DeleteResult/>")
}

async fn sweep(replay: &Replay, time: Duration) -> Result<Swept, StoreError> {
    let until = Instant::now() + time;
    store(replay)
        .sweep("logs/dev-", until, |key| !key.ends_with("kept"))
        .await
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn all_versions_and_delete_markers_of_all_pages_go() {
    let replay = Replay::new([
        page(&["a", "kept"], &["b"], true),
        deleted(),
        page(&["c"], &[], false),
        deleted(),
    ]);
    let swept = sweep(&replay, MINUTE).await.unwrap();
    assert_eq!(
        swept,
        Swept {
            objects: 3,
            done: true
        }
    );
    let asked = replay.requests();
    for part in ["key-marker=k", "version-id-marker=v", "prefix=logs%2Fdev-"] {
        assert!(asked[2].line.contains(part), "{}", asked[2].line);
    }
    for part in [
        "<Key>a</Key><VersionId>v-a</VersionId>",
        "<Key>b</Key><VersionId>v-b</VersionId>",
    ] {
        assert!(asked[1].body.contains(part), "{}", asked[1].body);
    }
    assert!(!asked[1].body.contains("kept"));
}

#[tokio::test]
async fn a_sweep_ends_with_its_time_and_says_that_more_is_left() {
    let replay = Replay::new([page(&["a"], &[], true), deleted()]);
    let swept = sweep(&replay, Duration::ZERO).await.unwrap();
    assert_eq!(
        swept,
        Swept {
            objects: 1,
            done: false
        }
    );
}

#[tokio::test]
async fn a_bucket_that_is_gone_has_no_objects() {
    let swept = sweep(&Replay::new([refusal(404, "NoSuchBucket")]), MINUTE).await;
    assert_eq!(
        swept.unwrap(),
        Swept {
            objects: 0,
            done: true
        }
    );
}

#[tokio::test]
async fn an_object_that_was_not_deleted_is_an_error_although_the_call_was_answered() {
    for (code, expected) in [
        ("AccessDenied", CallKind::Denied),
        ("InternalError", CallKind::Unavailable),
    ] {
        let failed = format!(
            "<DeleteResult><Error><Key>a</Key><Code>{code}</Code><Message>m</Message></Error></DeleteResult>"
        );
        let replay = Replay::new([page(&["a"], &[], false), ok(&failed)]);
        assert_eq!(kind(sweep(&replay, MINUTE).await), expected, "{code}");
    }
}

#[tokio::test]
async fn whether_a_bucket_can_be_reached_is_asked_of_s3() {
    let there = async |answer| store(&Replay::new([answer])).is_there().await;
    there(ok("<ListBucketResult/>")).await.unwrap();
    assert_eq!(
        kind(there(refusal(404, "NoSuchBucket")).await),
        CallKind::Refused
    );
    assert_eq!(
        kind(there(refusal(403, "AccessDenied")).await),
        CallKind::Denied
    );
}
