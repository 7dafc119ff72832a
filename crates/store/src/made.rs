//! Uploads of what is made meanwhile: nothing waits for the whole of it, and memory holds a few parts.

use crate::{Store, StoreError, content_type, upload_limit};
use aws::call_error;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use std::io::{self, Write};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinHandle, JoinSet};

/// The least that S3 takes for a part that is not the last: 5 MiB. An object has at most 10,000 parts, so this is for
/// 48 GiB. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub(crate) const PART: usize = 5 << 20;
/// Parts that are on their way at once. With one that is being filled and one that waits, 20 MiB.
const AT_ONCE: usize = 2;

/// Why something that is made meanwhile did not get there.
#[derive(Debug, thiserror::Error)]
pub enum NotMade<E> {
    /// It could not be made. Nothing of it is in the bucket.
    #[error(transparent)]
    Making(E),
    /// It could not be sent.
    #[error(transparent)]
    Sending(StoreError),
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent<T> {
    /// What its maker says of it.
    pub made: T,
    /// What S3 calls this content under this key. Whoever reads or copies it "if it matches" gets no other.
    pub etag: String,
}

/// Takes what is made.
#[derive(Debug)]
pub struct Parts {
    full: Sender<Bytes>,
    part: Vec<u8>,
}

impl Parts {
    fn send(&mut self) -> io::Result<()> {
        let part = std::mem::take(&mut self.part).into();
        let sent = self.full.blocking_send(part);
        // Why it ended is told where it ended.
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the upload has ended"))
    }
}

impl Write for Parts {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let taken = buffer.len().min(PART - self.part.len());
        if self.part.capacity() == 0 {
            self.part.reserve_exact(PART);
        }
        self.part.extend_from_slice(&buffer[..taken]);
        if self.part.len() == PART {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Store {
    /// Puts what `make` writes, while it writes it, whatever was there. It blocks, so it runs on a thread of its own.
    /// The object is there when `make` has succeeded, and not before; what was sent of one that failed expires.
    ///
    /// # Errors
    /// [`NotMade`]: of making, where both failed, unless that is because sending had.
    pub async fn upload_made<T, E, F>(&self, key: &str, make: F) -> Result<Sent<T>, NotMade<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(&mut Parts) -> Result<T, E> + Send + 'static,
    {
        let (full, parts) = channel(1);
        let making = tokio::task::spawn_blocking(move || {
            let part = Vec::new();
            let mut parts = Parts { full, part };
            let made = make(&mut parts)?;
            // Without it there would be no object, where all of it is empty.
            let rest = parts.send();
            Ok((made, rest.is_ok()))
        });
        self.take(key, parts, making).await
    }

    async fn take<T, E>(
        &self,
        key: &str,
        mut parts: Receiver<Bytes>,
        making: JoinHandle<Result<(T, bool), E>>,
    ) -> Result<Sent<T>, NotMade<E>> {
        let Some(first) = parts.recv().await else {
            return match ended(making).await {
                Ok(_) => Err(NotMade::Sending(
                    self.broken_off(key, "nothing was written"),
                )),
                Err(error) => Err(NotMade::Making(error)),
            };
        };
        if first.len() < PART {
            let (made, _) = ended(making).await.map_err(NotMade::Making)?;
            let etag = self.put_part(key, first).await.map_err(NotMade::Sending)?;
            return Ok(Sent { made, etag });
        }
        let sent = self.send_parts(key, first, &mut parts).await;
        // The maker is told that nobody takes any more.
        drop(parts);
        let made = ended(making).await;
        let (upload, parts) = sent.map_err(NotMade::Sending)?;
        let (made, whole) = made.map_err(NotMade::Making)?;
        if !whole {
            return Err(NotMade::Sending(
                self.broken_off(key, "its end was not taken"),
            ));
        }
        let etag = self.complete(key, upload, parts).await;
        let etag = etag.map_err(NotMade::Sending)?;
        Ok(Sent { made, etag })
    }

    async fn put_part(&self, key: &str, only: Bytes) -> Result<String, StoreError> {
        let asked = self.client.put_object().bucket(&self.bucket).key(key);
        let asked = asked.body(ByteStream::from(only));
        let sent = asked.content_type(content_type(key)).send().await;
        let sent = sent.map_err(|e| call_error("s3:PutObject", e))?;
        Ok(sent.e_tag.unwrap_or_default())
    }

    /// Until there are no more; the upload's number, and the parts in their order.
    async fn send_parts(
        &self,
        key: &str,
        first: Bytes,
        parts: &mut Receiver<Bytes>,
    ) -> Result<(String, Vec<CompletedPart>), StoreError> {
        let asked = self.client.create_multipart_upload().bucket(&self.bucket);
        let asked = asked.key(key).content_type(content_type(key));
        let asked = asked.checksum_algorithm(ChecksumAlgorithm::Crc32);
        let created = asked.send().await;
        let created = created.map_err(|e| call_error("s3:CreateMultipartUpload", e))?;
        let upload = created.upload_id.unwrap_or_default();
        let (mut next, mut number) = (Some(first), 0);
        let (mut sending, mut done) = (JoinSet::new(), Vec::new());
        while let Some(part) = next {
            number += 1;
            let (store, key, upload) = (self.clone(), key.to_owned(), upload.clone());
            sending.spawn(async move { store.send_part(&key, upload, number, part).await });
            if sending.len() == AT_ONCE {
                done.extend(sent(sending.join_next().await)?);
            }
            // An empty end is no part.
            next = parts.recv().await.filter(|part| !part.is_empty());
        }
        while let Some(one) = sending.join_next().await {
            done.extend(sent(Some(one))?);
        }
        done.sort_by_key(|part| part.part_number);
        Ok((upload, done))
    }

    async fn send_part(
        self,
        key: &str,
        upload: String,
        number: i32,
        part: Bytes,
    ) -> Result<CompletedPart, StoreError> {
        let timeouts = TimeoutConfig::builder()
            .read_timeout(upload_limit(part.len() as u64))
            .build();
        let asked = self.client.upload_part().bucket(&self.bucket).key(key);
        let asked = asked.upload_id(upload).part_number(number);
        // S3 holds what it gets to it: a part that changed on its way is refused.
        let asked = asked.checksum_algorithm(ChecksumAlgorithm::Crc32);
        let asked = asked.body(ByteStream::from(part)).customize();
        let config = aws_sdk_s3::config::Builder::new().timeout_config(timeouts);
        let sent = asked.config_override(config).send().await;
        let sent = sent.map_err(|e| call_error("s3:UploadPart", e))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32)
            .build())
    }

    async fn complete(
        &self,
        key: &str,
        upload: String,
        parts: Vec<CompletedPart>,
    ) -> Result<String, StoreError> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts));
        let asked = self.client.complete_multipart_upload();
        let asked = asked.bucket(&self.bucket).key(key).upload_id(upload);
        let asked = asked.multipart_upload(parts.build()).send().await;
        let done = asked.map_err(|e| call_error("s3:CompleteMultipartUpload", e))?;
        Ok(done.e_tag.unwrap_or_default())
    }

    fn broken_off(&self, key: &str, message: &str) -> StoreError {
        StoreError::BrokenOff {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
            message: message.to_owned(),
        }
    }
}

/// A panic of the maker goes on here.
async fn ended<T>(making: JoinHandle<T>) -> T {
    match making.await {
        Ok(made) => made,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

type Joined = Result<Result<CompletedPart, StoreError>, tokio::task::JoinError>;

fn sent(one: Option<Joined>) -> Result<Option<CompletedPart>, StoreError> {
    match one {
        None => Ok(None),
        Some(Ok(part)) => part.map(Some),
        Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
    }
}
