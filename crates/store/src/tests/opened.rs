//! Uploads from open files.

use super::*;
use std::fs::{self, File};
use std::sync::Arc;

/// What is sent of a file that is open, where its name leads elsewhere by then.
async fn sent(content: &[u8], most: u64) -> replay::Asked {
    let folder = tempfile::tempdir().unwrap();
    let (log, other) = (folder.path().join("log"), folder.path().join("other"));
    fs::write(&log, content).unwrap();
    let file = Arc::new(File::open(&log).unwrap());
    fs::write(&other, "of another").unwrap();
    fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink(&other, &log).unwrap();
    let replay = Replay::new([ok("")]);
    let uploaded = store(&replay).upload_open(&file, most, "logs/a.log").await;
    uploaded.unwrap();
    replay.requests().remove(0)
}

#[tokio::test]
async fn what_is_uploaded_of_an_open_file_is_its_own_content() {
    let asked = sent(b"its own", 1000).await;
    assert!(asked.line.starts_with("PUT /logs/a.log"), "{}", asked.line);
    assert_eq!(asked.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(asked.headers["x-amz-decoded-content-length"], "7");
    assert!(asked.body.contains("its own") && !asked.body.contains("another"));
    let empty = sent(b"", 1000).await;
    assert_eq!(empty.headers["x-amz-decoded-content-length"], "0");
}

#[tokio::test]
async fn no_more_is_uploaded_of_an_open_file_than_is_allowed() {
    let content = [b"x".repeat(100_000), b"y".repeat(10)].concat();
    let asked = sent(&content, 100_000).await;
    assert_eq!(asked.headers["x-amz-decoded-content-length"], "100000");
    assert_eq!(
        asked.body.matches('x').count() as u64,
        100_000 + in_trailer(&asked.body)
    );
    assert!(!asked.body.contains("yy"));
}

/// `x-amz-...` behind the last piece.
fn in_trailer(body: &str) -> u64 {
    body.matches("x-amz-").count() as u64
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_read_is_an_error() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(1 << 20).unwrap();
    let file = Arc::new(file);
    let body = crate::open::body(file.clone(), 1 << 20);
    assert!(body.try_clone().is_some(), "it can be sent again");
    file.set_len(10).unwrap();
    let read = aws_sdk_s3::primitives::ByteStream::new(body).collect();
    assert!(read.await.is_err());
}
