//! Uploads that take their time.

use crate::{Store, upload_limit};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use replay::Replay;
use std::collections::HashMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// An S3 that answers each request after this time.
async fn slow(pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 1 << 16];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    tokio::time::sleep(pause).await;
                    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("http://{address}")
}

/// As a function's, but with a read timeout that a test can wait for.
fn config(endpoint: String) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().read_timeout(Duration::from_millis(200));
    let client = aws_smithy_http_client::Builder::new().build_http();
    Replay::default()
        .config()
        .into_builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.build())
        .http_client(client)
        .endpoint_url(endpoint)
        .build()
}

#[tokio::test]
async fn an_upload_may_take_longer_than_an_answer_to_anything_else() {
    let config = config(slow(Duration::from_millis(600)).await);
    let store = Store::new(&config, "bucket");
    let small = store.put_text("small", "text").await;
    assert!(small.is_err(), "an answer is waited for 200 ms: {small:?}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let large = store.upload(file.path(), "large", HashMap::new()).await;
    assert!(large.is_ok(), "{large:?}");
}

#[test]
fn the_largest_artifact_has_minutes_and_fewer_than_the_function_that_puts_it() {
    assert_eq!(upload_limit(0), Duration::from_secs(30));
    assert_eq!(upload_limit(2 << 30), Duration::from_secs(30 + 512));
}
