//! Downloads of what somebody else wrote: no more than is expected.

use crate::{Store, StoreError, file_error};
use aws::call_error;
use std::path::Path;
use tokio::io::AsyncReadExt;

/// What became of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// The file is there.
    Whole,
    /// There is no such object.
    Missing,
    /// It has more bytes than are taken; the file is not all of it.
    TooLarge {
        /// How many it has at least.
        bytes: u64,
    },
}

impl Store {
    /// Streams an object of at most `most` bytes into a file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fetch(&self, key: &str, to: &Path, most: u64) -> Result<Fetched, StoreError> {
        let asked = self.client.get_object().bucket(&self.bucket).key(key);
        let reply = match asked
            .send()
            .await
            .map_err(|e| call_error("s3:GetObject", e))
        {
            Ok(reply) => reply,
            Err(error) if error.is("NoSuchKey") => return Ok(Fetched::Missing),
            Err(error) => return Err(error.into()),
        };
        let announced = reply
            .content_length
            .and_then(|bytes| u64::try_from(bytes).ok());
        if let Some(bytes) = announced.filter(|bytes| *bytes > most) {
            return Ok(Fetched::TooLarge { bytes });
        }
        let file = tokio::fs::File::create(to).await;
        let mut file = file.map_err(|source| file_error("creating", to, source))?;
        let mut body = reply.body.into_async_read().take(most + 1);
        let broken_off = |message: String| StoreError::BrokenOff {
            bucket: self.bucket.clone(),
            key: key.into(),
            message,
        };
        let copied = tokio::io::copy(&mut body, &mut file).await;
        let bytes = copied.map_err(|error| broken_off(error.to_string()))?;
        if bytes > most {
            return Ok(Fetched::TooLarge { bytes });
        }
        if announced.is_some_and(|announced| announced != bytes) {
            return Err(broken_off(format!("it ended after {bytes} bytes")));
        }
        // Tokio's files write in the background.
        let flushed = tokio::io::AsyncWriteExt::flush(&mut file).await;
        flushed.map_err(|source| file_error("writing", to, source))?;
        Ok(Fetched::Whole)
    }
}
