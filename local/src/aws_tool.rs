//! `aws`, for instances: the copies that boot scripts make between S3 and a file or a pipe, with
//! the instance's own role and the CLI's exit codes and words. Everything else is the CLI's.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use http::StatusCode;

use crate::cloud::reason;

/// Larger ones are copied in parts, which is left to the CLI.
const LARGEST: u64 = 64 << 20;

#[derive(Debug, PartialEq, Eq)]
struct Object {
    bucket: String,
    key: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Copy {
    ToFile(Object, PathBuf),
    ToOutput(Object),
    FromInput(Object),
}

/// What became of a copy.
enum Copied {
    Whole,
    /// Nothing was copied yet; this much of the standard input was read.
    TooLarge(Vec<u8>),
}

/// Runs as `aws` with these words; `cli` is the real one.
pub fn run(cli: &Path, words: &[OsString]) -> ExitCode {
    let Some(copy) = Copy::asked(words) else {
        return hand_over(cli, words);
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let copied = match runtime {
        Ok(runtime) => runtime.block_on(copy.make()),
        Err(error) => Err(error.to_string()),
    };
    match copied {
        Ok(Copied::Whole) => ExitCode::SUCCESS,
        Ok(Copied::TooLarge(read)) if read.is_empty() => hand_over(cli, words),
        Ok(Copied::TooLarge(read)) => pipe_over(cli, words, &read).unwrap_or_else(failed),
        Err(error) => {
            eprintln!("{}{error}", copy.failed());
            ExitCode::FAILURE
        }
    }
}

fn failed(error: io::Error) -> ExitCode {
    eprintln!("aws: {error}");
    ExitCode::FAILURE
}

fn hand_over(cli: &Path, words: &[OsString]) -> ExitCode {
    failed(Command::new(cli).args(words).exec())
}

fn pipe_over(cli: &Path, words: &[OsString], read: &[u8]) -> io::Result<ExitCode> {
    let mut command = Command::new(cli);
    let mut child = command.args(words).stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // If it ends early, its exit code tells why.
        let _ = input.write_all(read);
        let _ = io::copy(&mut io::stdin().lock(), &mut input);
    }
    let code = child.wait()?.code();
    Ok(code
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

impl Copy {
    /// The copy that these words ask for, if it is one of those made here.
    fn asked(words: &[OsString]) -> Option<Self> {
        let words: Option<Vec<&str>> = words.iter().map(|word| word.to_str()).collect();
        let words = words?;
        let (quiet, words): (Vec<&str>, Vec<&str>) = words
            .into_iter()
            .partition(|word| *word == "--only-show-errors");
        match words[..] {
            ["s3", "cp", "-", to] => Some(Self::FromInput(Object::at(to)?)),
            ["s3", "cp", from, "-"] => Some(Self::ToOutput(Object::at(from)?)),
            // Without that option the CLI tells its progress.
            ["s3", "cp", from, to] if !quiet.is_empty() => {
                let is_file = !to.starts_with('-')
                    && !to.starts_with("s3://")
                    && !to.ends_with('/')
                    && !Path::new(to).is_dir();
                is_file.then_some(Self::ToFile(Object::at(from)?, to.into()))
            }
            _ => None,
        }
    }

    /// How the CLI begins to say that it failed.
    fn failed(&self) -> String {
        match self {
            Self::ToFile(..) => "fatal error: ".into(),
            Self::ToOutput(from) => format!("download failed: {from} to - "),
            Self::FromInput(to) => format!("upload failed: - to {to} "),
        }
    }

    async fn make(&self) -> Result<Copied, String> {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
        let client = Client::new(&config.load().await);
        let output = io::stdout();
        match self {
            Self::ToFile(from, to) => match from.head(&client, &from.missing()).await? {
                size if size > LARGEST => Ok(Copied::TooLarge(Vec::new())),
                _ => from.get_into(&client, to).await,
            },
            Self::ToOutput(from) => match from.head(&client, "Not Found").await? {
                size if size > LARGEST => Ok(Copied::TooLarge(Vec::new())),
                _ => from.get(&client, &mut output.lock()).await,
            },
            Self::FromInput(to) => to.put(&client).await,
        }
    }
}

impl Object {
    fn at(url: &str) -> Option<Self> {
        let (bucket, key) = url.strip_prefix("s3://")?.split_once('/')?;
        let is_plain = !bucket.contains(':') && !key.is_empty() && !key.ends_with('/');
        is_plain.then(|| Self {
            bucket: bucket.into(),
            key: key.into(),
        })
    }

    /// What the CLI says of a key that is not there, if it was to become a file.
    fn missing(&self) -> String {
        format!("Key \"{}\" does not exist", self.key)
    }

    async fn head(&self, client: &Client, missing: &str) -> Result<u64, String> {
        let request = client.head_object().bucket(&self.bucket).key(&self.key);
        let head = request.send().await.map_err(|error| {
            // Its answer has no body: the CLI has the status only, and so has this.
            let status = error.raw_response().map(|answer| answer.status().as_u16());
            match status.and_then(|status| StatusCode::from_u16(status).ok()) {
                Some(StatusCode::NOT_FOUND) => said("HeadObject", "404", missing),
                Some(status) => {
                    let phrase = status.canonical_reason().unwrap_or_default();
                    said("HeadObject", status.as_str(), phrase)
                }
                None => reason(&error),
            }
        })?;
        Ok(head
            .content_length()
            .and_then(|size| size.try_into().ok())
            .unwrap_or_default())
    }

    async fn get_into(&self, client: &Client, to: &Path) -> Result<Copied, String> {
        let text = |error: io::Error| error.to_string();
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).map_err(text)?;
        }
        // As with the CLI, the name is there when the whole file is.
        let beside = PathBuf::from(format!("{}.{:08x}", to.display(), std::process::id()));
        let mut file = std::fs::File::create(&beside).map_err(text)?;
        let copied = self.get(client, &mut file).await;
        let placed = copied.and_then(|copied| {
            std::fs::rename(&beside, to).map_err(text)?;
            Ok(copied)
        });
        if placed.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        placed
    }

    async fn get(&self, client: &Client, to: &mut impl Write) -> Result<Copied, String> {
        let request = client.get_object().bucket(&self.bucket).key(&self.key);
        let answer = request.send().await;
        let mut body = answer.map_err(|error| denied("GetObject", &error))?.body;
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| error.to_string())?;
            to.write_all(&bytes).map_err(|error| error.to_string())?;
        }
        to.flush().map_err(|error| error.to_string())?;
        Ok(Copied::Whole)
    }

    async fn put(&self, client: &Client) -> Result<Copied, String> {
        let mut read = Vec::new();
        let mut input = io::stdin().lock().take(LARGEST + 1);
        input
            .read_to_end(&mut read)
            .map_err(|error| error.to_string())?;
        if read.len() as u64 > LARGEST {
            return Ok(Copied::TooLarge(read));
        }
        let request = client.put_object().bucket(&self.bucket).key(&self.key);
        let answer = request.body(ByteStream::from(read)).send().await;
        answer
            .map(|_| Copied::Whole)
            .map_err(|error| denied("PutObject", &error))
    }
}

impl std::fmt::Display for Object {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "s3://{}/{}", self.bucket, self.key)
    }
}

fn said(operation: &str, code: &str, message: &str) -> String {
    format!("An error occurred ({code}) when calling the {operation} operation: {message}")
}

fn denied<E, R>(operation: &str, error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error.code() {
        Some(code) => said(operation, code, error.message().unwrap_or_default()),
        None => reason(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Option<Copy> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        Copy::asked(&words)
    }

    fn object(bucket: &str, key: &str) -> Object {
        Object {
            bucket: bucket.into(),
            key: key.into(),
        }
    }

    #[test]
    fn the_copies_of_the_boot_script_are_made_here() {
        assert_eq!(
            asked("s3 cp --only-show-errors s3://b/a/c.tar.zst /x/none"),
            Some(Copy::ToFile(object("b", "a/c.tar.zst"), "/x/none".into()))
        );
        assert_eq!(
            asked("s3 cp --only-show-errors - s3://b/log"),
            Some(Copy::FromInput(object("b", "log")))
        );
        assert_eq!(
            asked("s3 cp s3://b/a -"),
            Some(Copy::ToOutput(object("b", "a")))
        );
    }

    #[test]
    fn everything_else_is_left_to_the_cli() {
        for line in [
            "s3 cp s3://b/a /x/none",
            "s3 cp --only-show-errors s3://b/a /tmp",
            "s3 cp --only-show-errors s3://b/a s3://b/c",
            "s3 cp --only-show-errors s3://b/a/ /x/none",
            "s3 cp --only-show-errors s3://arn:aws:s3/a /x/none",
            "s3 cp --only-show-errors --recursive s3://b/a /x/none",
            "s3 cp --only-show-errors /x/none s3://b/a",
            "s3 cp - -",
            "s3 ls",
            "sts get-caller-identity",
        ] {
            assert_eq!(asked(line), None, "{line}");
        }
    }
}
