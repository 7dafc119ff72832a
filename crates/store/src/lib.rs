//! S3: source bundles, artifacts, reports and logs. Files stream; memory does not grow with them.
#![warn(missing_docs)]

mod evidence;
mod fetch;
mod made;
mod open;
mod publish;
mod sweep;

use aws::{CallError, call_error};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use pipeline::errors::{ErrorName, Fault, Named};
use pipeline::wire::{Artifact, Bundle};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

pub use fetch::Fetched;
pub use made::{NotMade, Parts, Sent};
pub use publish::{Copied, Original};
pub use sweep::Swept;

/// Why an object could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// S3 did not take the call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is no such object.
    #[error("s3://{bucket}/{key} does not exist")]
    Missing {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// The local file could not be read or written.
    #[error("{what}")]
    File {
        /// What was tried.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A stage's answer is not believed.
    #[error("{0}")]
    Evidence(pipeline::evidence::Refused),
    /// The stream broke off.
    #[error("s3://{bucket}/{key} broke off: {message}")]
    BrokenOff {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// Why.
        message: String,
    },
}

impl Named for StoreError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Call(call) => call.name(),
            Self::Missing { .. } => ErrorName::ObjectMissing,
            Self::File { .. } => ErrorName::WorkspaceFailed,
            Self::Evidence(_) => ErrorName::EvidenceRefused,
            Self::BrokenOff { .. } => ErrorName::Unavailable,
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let text = match &error {
            StoreError::File { what, source } => format!("{what}: {source}"),
            other => other.to_string(),
        };
        Fault::new(error.name(), text)
    }
}

/// What became of a write that must not replace anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is there now.
    New,
    /// Somebody was first; what is there stays.
    Exists,
}

/// The bucket.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    bucket: String,
}

impl Store {
    /// The bucket on this configuration.
    pub fn new(config: &aws_config::SdkConfig, bucket: &str) -> Self {
        Self {
            client: Client::new(config),
            bucket: bucket.to_owned(),
        }
    }

    /// `s3://bucket/key`
    pub fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// Streams an object into a file.
    pub async fn download(&self, key: &str, to: &Path) -> Result<(), StoreError> {
        let reply = match self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
        {
            Ok(reply) => reply,
            Err(error) => {
                let error = call_error("s3:GetObject", error);
                return Err(if error.is("NoSuchKey") {
                    StoreError::Missing {
                        bucket: self.bucket.clone(),
                        key: key.into(),
                    }
                } else {
                    error.into()
                });
            }
        };
        let mut file = tokio::fs::File::create(to)
            .await
            .map_err(|source| file_error("creating", to, source))?;
        let mut body = reply.body.into_async_read();
        tokio::io::copy(&mut body, &mut file)
            .await
            .map_err(|e| StoreError::BrokenOff {
                bucket: self.bucket.clone(),
                key: key.into(),
                message: e.to_string(),
            })?;
        tokio::io::AsyncWriteExt::flush(&mut file)
            .await
            .map_err(|source| file_error("writing", to, source))
    }

    /// Puts a file, whatever was there.
    pub async fn upload(
        &self,
        from: &Path,
        key: &str,
        metadata: HashMap<String, String>,
    ) -> Result<(), StoreError> {
        let size = tokio::fs::metadata(from).await;
        let size = size.map_err(|source| file_error("reading", from, source))?;
        let body = ByteStream::from_path(from)
            .await
            .map_err(|e| file_error("reading", from, std::io::Error::other(e)))?;
        let timeouts = TimeoutConfig::builder()
            .read_timeout(upload_limit(size.len()))
            .build();
        let call = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(body)
            .set_metadata(Some(metadata))
            .content_type(content_type(key));
        call.customize()
            .config_override(aws_sdk_s3::config::Builder::new().timeout_config(timeouts))
            .send()
            .await
            .map_err(|e| call_error("s3:PutObject", e))?;
        Ok(())
    }

    /// Puts a small text, whatever was there.
    pub async fn put_text(&self, key: &str, text: impl Into<String>) -> Result<(), StoreError> {
        self.put_bytes(key, text.into().into_bytes()).await
    }

    /// The same of any bytes.
    pub async fn put_bytes(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let body = ByteStream::from(bytes);
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(body)
            .content_type(content_type(key))
            .send()
            .await
            .map_err(|e| call_error("s3:PutObject", e))?;
        Ok(())
    }

    /// A small text, `None` where there is none.
    pub async fn get_text(&self, key: &str, limit: usize) -> Result<Option<String>, StoreError> {
        let reply = match self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
            .map_err(|e| call_error("s3:GetObject", e))
        {
            Ok(reply) => reply,
            Err(error) if error.is("NoSuchKey") => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if reply.content_length.unwrap_or_default() > limit as i64 {
            return Ok(Some(format!(
                "({} bytes, see {})",
                reply.content_length.unwrap_or_default(),
                self.url(key)
            )));
        }
        let bytes = reply
            .body
            .collect()
            .await
            .map_err(|e| StoreError::BrokenOff {
                bucket: self.bucket.clone(),
                key: key.into(),
                message: e.to_string(),
            })?;
        Ok(Some(
            String::from_utf8_lossy(&bytes.into_bytes()).into_owned(),
        ))
    }

    /// An object's size and metadata, `None` where there is none.
    pub async fn head(
        &self,
        key: &str,
    ) -> Result<Option<(u64, HashMap<String, String>)>, StoreError> {
        match self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
        {
            Ok(reply) => Ok(Some((
                reply.content_length.unwrap_or_default().max(0) as u64,
                reply.metadata.unwrap_or_default(),
            ))),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(None),
            Err(error) => Err(call_error("s3:HeadObject", error).into()),
        }
    }

    /// A bundle whose SHA-256 is in its metadata.
    pub async fn bundle(&self, key: &str) -> Result<Option<Bundle>, StoreError> {
        let found = self.head(key).await?;
        Ok(found.and_then(|(bytes, meta)| {
            meta.get("sha256").map(|sha256| Bundle {
                key: key.to_owned(),
                sha256: sha256.clone(),
                bytes,
            })
        }))
    }

    /// An artifact: its manifest is in its metadata, so that the two cannot come apart.
    pub async fn artifact(&self, key: &str) -> Result<Option<Artifact>, StoreError> {
        let found = self.head(key).await?;
        Ok(found.and_then(|(bytes, meta)| artifact_of(key, bytes, &meta)))
    }
}

/// The slowest upload that is waited for. A connection on which nothing moves is ended sooner, by the
/// SDK's protection against stalled streams.
const BYTES_PER_SECOND: u64 = 4 << 20;

/// How long an upload may take: S3 answers a PUT when it has all of it, so the time for an answer
/// holds the whole body (2 GiB at most).
fn upload_limit(bytes: u64) -> Duration {
    Duration::from_secs(30 + bytes / BYTES_PER_SECOND)
}

/// The metadata that an artifact is written with.
pub fn artifact_metadata(artifact: &Artifact) -> HashMap<String, String> {
    HashMap::from([
        ("sha256".to_owned(), artifact.bundle.sha256.clone()),
        ("source-sha256".to_owned(), artifact.source_sha256.clone()),
        ("built-by".to_owned(), artifact.built_by.clone()),
        ("built-at".to_owned(), artifact.built_at.clone()),
        ("toolchain".to_owned(), artifact.toolchain.clone()),
    ])
}

fn artifact_of(key: &str, bytes: u64, meta: &HashMap<String, String>) -> Option<Artifact> {
    let text = |name: &str| meta.get(name).cloned();
    Some(Artifact {
        bundle: Bundle {
            key: key.to_owned(),
            sha256: text("sha256")?,
            bytes,
        },
        source_sha256: text("source-sha256")?,
        built_by: text("built-by")?,
        built_at: text("built-at")?,
        toolchain: text("toolchain").unwrap_or_default(),
    })
}

fn content_type(key: &str) -> &'static str {
    match key.rsplit('.').next() {
        Some("zst") => "application/zstd",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("log" | "txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn file_error(doing: &str, path: &Path, source: std::io::Error) -> StoreError {
    StoreError::File {
        what: format!("{doing} {}", path.display()),
        source,
    }
}

#[cfg(test)]
mod tests;
