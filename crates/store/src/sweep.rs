//! Emptying a bucket, or the part of one that belongs to a target.

use crate::{Store, StoreError};
use aws::{CallError, CallKind, call_error};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use std::time::Instant;

/// What became of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Versions and delete markers that are gone.
    pub objects: u64,
    /// Whether none is left.
    pub done: bool,
}

impl Store {
    /// Asks whether the bucket can be reached.
    pub async fn is_there(&self) -> Result<(), StoreError> {
        let call = self.client.list_objects_v2().bucket(&self.bucket);
        let sent = call.max_keys(1).send().await;
        sent.map_err(|e| call_error("s3:ListObjectsV2", e))?;
        Ok(())
    }

    /// Deletes all versions of the objects below a prefix that are wanted gone, until the time is
    /// over. A bucket that is gone has none.
    pub async fn sweep(
        &self,
        prefix: &str,
        until: Instant,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Swept, StoreError> {
        let mut objects = 0;
        let swept = |objects, done| Ok(Swept { objects, done });
        let mut next = (None, None);
        loop {
            let call = self.client.list_object_versions().bucket(&self.bucket);
            let sent = call
                .prefix(prefix)
                .set_key_marker(next.0.take())
                .set_version_id_marker(next.1.take())
                .send()
                .await;
            let page = match sent.map_err(|e| call_error("s3:ListObjectVersions", e)) {
                Err(error) if error.is("NoSuchBucket") => return swept(objects, true),
                other => other?,
            };
            let versions = page.versions().iter();
            let versions = versions.map(|one| (one.key(), one.version_id()));
            let markers = page.delete_markers().iter();
            let markers = markers.map(|one| (one.key(), one.version_id()));
            let found: Vec<ObjectIdentifier> = versions
                .chain(markers)
                .filter(|(key, _)| key.is_some_and(&wanted))
                .filter_map(|(key, version)| identifier(key, version))
                .collect();
            objects += found.len() as u64;
            self.delete(found).await?;
            if page.is_truncated != Some(true) {
                return swept(objects, true);
            }
            if Instant::now() > until {
                return swept(objects, false);
            }
            next = (page.next_key_marker, page.next_version_id_marker);
        }
    }

    /// A page has at most 1,000, which is what one call takes:
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>.
    async fn delete(&self, found: Vec<ObjectIdentifier>) -> Result<(), StoreError> {
        if found.is_empty() {
            return Ok(());
        }
        let delete = Delete::builder()
            .set_objects(Some(found))
            .quiet(true)
            .build();
        let reply = self
            .client
            .delete_objects()
            .bucket(&self.bucket)
            .delete(delete.expect("the objects are given"))
            .send()
            .await
            .map_err(|e| call_error("s3:DeleteObjects", e))?;
        match reply.errors().first() {
            None => Ok(()),
            Some(error) => Err(StoreError::Call(CallError {
                operation: "s3:DeleteObjects",
                kind: match error.code() {
                    Some("AccessDenied") => CallKind::Denied,
                    _ => CallKind::Unavailable,
                },
                code: error.code().unwrap_or_default().to_owned(),
                message: format!(
                    "{}: {}",
                    error.key().unwrap_or_default(),
                    error.message().unwrap_or_default()
                ),
            })),
        }
    }
}

fn identifier(key: Option<&str>, version: Option<&str>) -> Option<ObjectIdentifier> {
    ObjectIdentifier::builder()
        .key(key?)
        .set_version_id(version.map(str::to_owned))
        .build()
        .ok()
}
