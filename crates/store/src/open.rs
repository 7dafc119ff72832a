//! Uploads from an open file: whatever becomes of its name meanwhile, and no more than is allowed.

use crate::{Store, StoreError, content_type, upload_limit};
use aws::call_error;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Bytes that are read at once; as much as the SDK's own files.
const PIECE: usize = 64 << 10;

impl Store {
    /// Puts the first `most` bytes of an open file, whatever was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn upload_open(
        &self,
        file: &Arc<File>,
        most: u64,
        key: &str,
    ) -> Result<(), StoreError> {
        let found = file.metadata().map_err(|source| StoreError::File {
            what: format!("reading what becomes {key}"),
            source,
        })?;
        let size = found.len().min(most);
        let body = body(file.clone(), size);
        let timeouts = TimeoutConfig::builder()
            .read_timeout(upload_limit(size))
            .build();
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(ByteStream::new(body))
            .content_type(content_type(key))
            .customize()
            .config_override(aws_sdk_s3::config::Builder::new().timeout_config(timeouts))
            .send()
            .await
            .map_err(|e| call_error("s3:PutObject", e))?;
        Ok(())
    }
}

/// A body that can be sent again: each try reads from the beginning, by position.
pub(crate) fn body(file: Arc<File>, size: u64) -> SdkBody {
    SdkBody::retryable(move || {
        let file = file.clone();
        SdkBody::from_body_1_x(Pieces { file, at: 0, size })
    })
}

/// A file's first bytes, piece by piece.
struct Pieces {
    file: Arc<File>,
    at: u64,
    size: u64,
}

impl Pieces {
    fn next(&mut self) -> io::Result<Bytes> {
        let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX);
        let mut piece = vec![0; left.min(PIECE)];
        let read = self.file.read_at(&mut piece, self.at)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        self.at += read as u64;
        Ok(piece.into())
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let ended = self.at == self.size;
        Poll::Ready((!ended).then(|| self.next().map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.at == self.size
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.size - self.at)
    }
}
