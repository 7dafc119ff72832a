//! What is made while it is sent.

use super::*;
use crate::made::PART;
use crate::{NotMade, Parts, Sent};
use std::io::{self, Write};

const CREATED: &str =
    "<InitiateMultipartUploadResult><UploadId>u-1</UploadId></InitiateMultipartUploadResult>";
const COMPLETED: &str =
    "<CompleteMultipartUploadResult><ETag>\"whole-3\"</ETag></CompleteMultipartUploadResult>";

fn tagged(etag: &str) -> Answer {
    ok("").header("etag", etag)
}

/// Writes so many bytes, in pieces that fit no part, and then ends so.
async fn put<T: Send + 'static>(
    replay: &Replay,
    bytes: usize,
    end: io::Result<T>,
) -> Result<Sent<T>, NotMade<io::Error>> {
    let make = move |to: &mut Parts| {
        let piece = vec![b'x'; 300_000];
        let mut left = bytes;
        while left > 0 {
            let some = left.min(piece.len());
            to.write_all(&piece[..some])?;
            left -= some;
        }
        end
    };
    store(replay).upload_made("builds/api.tar.zst", make).await
}

/// What was asked, with the size of what was sent.
fn lines(replay: &Replay) -> Vec<String> {
    let short = |asked: replay::Asked| {
        let (path, query) = asked.line.split_once('?').unwrap_or((&asked.line, ""));
        let named: Vec<_> = query
            .split('&')
            .filter(|one| !one.starts_with("x-id="))
            .collect();
        format!("{path} {} {}", named.join("&"), asked.body.len())
    };
    replay.requests().into_iter().map(short).collect()
}

#[tokio::test]
async fn what_is_smaller_than_a_part_is_one_object_at_once() {
    let replay = Replay::new([tagged("\"small\"")]);
    let sent = put(&replay, 700_000, Ok(7)).await.unwrap();
    let expected = Sent {
        made: 7,
        etag: "\"small\"".to_owned(),
    };
    assert_eq!(sent, expected);
    assert_eq!(lines(&replay), ["PUT /builds/api.tar.zst  700000"]);
}

#[tokio::test]
async fn what_is_larger_goes_in_parts_and_is_there_when_all_of_them_are() {
    let part = || tagged("\"part\"").header("x-amz-checksum-crc32", "AAAAAA==");
    let replay = Replay::new([ok(CREATED), part(), part(), part(), ok(COMPLETED)]);
    let sent = put(&replay, 2 * PART + 5, Ok(())).await.unwrap();
    assert_eq!(sent.etag, "\"whole-3\"");
    let mut lines = lines(&replay);
    lines[1..4].sort();
    let path = "/builds/api.tar.zst";
    let of = |number, size| format!("PUT {path} partNumber={number}&uploadId=u-1 {size}");
    assert_eq!(lines[1..4], [of(1, PART), of(2, PART), of(3, 5)]);
    let completed = replay.requests().pop().unwrap();
    let numbers: Vec<_> = completed.body.matches("<PartNumber>").collect();
    assert_eq!(numbers.len(), 3, "{}", completed.body);
    let places = ["1", "2", "3"].map(|n| completed.body.find(&format!("<PartNumber>{n}<")));
    assert!(places.is_sorted(), "{}", completed.body);
    assert!(completed.body.contains("<ChecksumCRC32>AAAAAA==<"));
}

#[tokio::test]
async fn an_end_without_bytes_is_no_part() {
    let part = || tagged("\"part\"");
    let replay = Replay::new([ok(CREATED), part(), part(), ok(COMPLETED)]);
    put(&replay, 2 * PART, Ok(())).await.unwrap();
    assert_eq!(lines(&replay).len(), 4);
}

#[tokio::test]
async fn what_could_not_be_made_is_nowhere() {
    let broken = || Err::<(), _>(io::Error::other("the file changed while it was read"));
    let replay = Replay::new([ok(CREATED), tagged("\"part\"")]);
    let failed = put(&replay, PART + 5, broken()).await.unwrap_err();
    assert!(matches!(failed, NotMade::Making(_)), "{failed}");
    assert!(
        lines(&replay).len() <= 3
            && !lines(&replay)
                .iter()
                .any(|line| line.starts_with("POST") && line.contains("uploadId"))
    );
    let replay = Replay::new([ok("")]);
    let failed = put(&replay, 5, broken()).await.unwrap_err();
    assert!(matches!(failed, NotMade::Making(_)), "{failed}");
    assert_eq!(lines(&replay), [""; 0]);
}

#[tokio::test]
async fn who_makes_it_is_told_when_nobody_takes_it_any_more() {
    let replay = Replay::new([ok(CREATED), refusal(403, "AccessDenied")]);
    let failed = put(&replay, 40 * PART, Ok(())).await;
    match failed.unwrap_err() {
        NotMade::Sending(StoreError::Call(error)) => assert_eq!(error.kind, CallKind::Denied),
        other => panic!("{other}"),
    }
}
