//! Copies within the bucket, which S3 makes: no byte comes here.

use crate::{Store, StoreError, Written, upload_limit};
use aws::{CallKind, call_error};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, MetadataDirective};
use std::collections::HashMap;

/// What is copied.
#[derive(Debug, Clone, Copy)]
pub struct Original<'a> {
    /// Its key.
    pub key: &'a str,
    /// What S3 called its content when it was written; any other is not copied.
    pub etag: Option<&'a str>,
    /// Its size, by which a copy gets its time.
    pub bytes: u64,
}

/// What a copy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Whether it is there now, or somebody was first.
    pub written: Written,
    /// The SHA-256 of what is there as S3 computed it, in base 64; S3 knows it of what was copied.
    pub sha256: Option<String>,
}

impl Store {
    /// Copies an object to a key where there is none. At most 5 GB, as S3 copies in one call.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where the original is not there, or is not what it was.
    pub async fn copy_once(
        &self,
        from: Original<'_>,
        to: &str,
        metadata: HashMap<String, String>,
    ) -> Result<Copied, StoreError> {
        // S3 answers when it has copied all of it.
        let limit = upload_limit(from.bytes);
        let timeouts = TimeoutConfig::builder().read_timeout(limit).build();
        let asked = self.client.copy_object().bucket(&self.bucket).key(to);
        let asked = asked
            .copy_source(format!("{}/{}", self.bucket, from.key))
            .set_copy_source_if_match(from.etag.map(str::to_owned))
            .if_none_match("*")
            .metadata_directive(MetadataDirective::Replace)
            .set_metadata(Some(metadata))
            .content_type(crate::content_type(to))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .customize();
        let config = aws_sdk_s3::config::Builder::new().timeout_config(timeouts);
        let copied = asked.config_override(config).send().await;
        match copied.map_err(|e| call_error("s3:CopyObject", e)) {
            Ok(copied) => Ok(Copied {
                written: Written::New,
                sha256: copied
                    .copy_object_result
                    .and_then(|copy| copy.checksum_sha256),
            }),
            // 412 is said of both conditions.
            Err(error) if error.is("PreconditionFailed") => self.refused(from, to).await,
            Err(error) if error.is("NoSuchKey") => Err(self.missing(from.key)),
            // 409: somebody is at it at this moment, so try again.
            Err(mut error) if error.is("ConditionalRequestConflict") => {
                error.kind = CallKind::Unavailable;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn refused(&self, from: Original<'_>, to: &str) -> Result<Copied, StoreError> {
        let found = self.client.head_object().bucket(&self.bucket).key(to);
        match found.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(found) => Ok(Copied {
                written: Written::Exists,
                sha256: found.checksum_sha256,
            }),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => {
                Err(self.missing(from.key))
            }
            Err(error) => Err(call_error("s3:HeadObject", error).into()),
        }
    }

    fn missing(&self, key: &str) -> StoreError {
        StoreError::Missing {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
        }
    }
}
