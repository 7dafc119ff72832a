use super::OUTPUTS;
use super::input::REPORTS;
use super::outcome::{self, Made, Said};
use crate::{Checkout, LONGEST_LOG, Ran, Task, disk, jobs};
use pipeline::errors::{ErrorName, Fault, chain};
use pipeline::manifest::Machine;
use pipeline::names::excerpt;
use pipeline::wire::{CollectRequest, Collected, ContainerJob};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{Fetched, Store};
use workspace::scratch::Scratch;
use workspace::{Limits, blocking, bundle, command};

/// An archive has headers and padding beside what is in it.
const AROUND_FILES: u64 = 1 << 30;

/// Takes what a container left, and does with it what the stage does after a command.
///
/// # Errors
/// Those of the stage, and what keeps what was left from being read.
pub async fn collect(store: &Store, request: CollectRequest) -> Result<Collected, Fault> {
    let temporary = std::env::temp_dir();
    let folder = Scratch::new_in(&temporary, "collect-");
    let folder = folder.map_err(|e| disk("making a folder in", &temporary, &e))?;
    let left = Left {
        store,
        prefix: format!("{OUTPUTS}/{}/", request.name),
        folder: folder.path().to_owned(),
    };
    let checkout = Checkout {
        folder,
        time: request.time,
    };
    match request.step {
        ContainerJob::UnitTests(step) => {
            let (ran, _) = left
                .ran(jobs::unit_tests_task(&step), &request.failed)
                .await?;
            let reply = jobs::tested(store, step, ran).await?;
            Ok(Collected::UnitTests(reply))
        }
        ContainerJob::Build(step) => {
            let (mut ran, made) = left.ran(jobs::build_task(&step), &request.failed).await?;
            left.unpack(&mut ran, made, Limits::ARTIFACT).await?;
            let toolchain = toolchain(step.item.manifest.build.machine.as_ref());
            let made = jobs::Made {
                checkout: &checkout,
                caches: left.caches().await,
                toolchain,
            };
            let reply = jobs::built(store, step, ran, made).await?;
            Ok(Collected::Build(reply))
        }
        ContainerJob::Suite(suite) => {
            let (mut ran, made) = left.ran(jobs::suite_task(&suite), &request.failed).await?;
            left.unpack(&mut ran, made, Limits::ARTIFACT).await?;
            let reports = checkout.tree().join(REPORTS);
            if ran.outcome.is_err() {
                // It is not there since it was not taken, and not since the suite removed it.
                std::fs::create_dir_all(&reports).map_err(|e| disk("making", &reports, &e))?;
            }
            let reply = jobs::ended(store, suite, &ran, reports).await?;
            Ok(Collected::Suite(reply))
        }
    }
}

/// What built it: the image, without an account's name.
fn toolchain(machine: Option<&Machine>) -> String {
    const LONGEST: usize = 48;
    let image = machine.and_then(|machine| machine.image.as_ref());
    let name = image.map_or("the pipeline's image", |image| image.as_str());
    let name = name
        .split_once(".amazonaws.com/")
        .map_or(name, |(_, name)| name);
    let name: String = name.chars().take(LONGEST).collect();
    format!("codebuild {name}")
}

/// What a container left, and a folder for it.
struct Left<'a> {
    store: &'a Store,
    prefix: String,
    folder: PathBuf,
}

impl Left<'_> {
    /// How the command ended, by its own word; its log is kept.
    async fn ran(&self, task: Task<'_>, failed: &str) -> Result<(Ran, Made), Fault> {
        let said = self.said().await?;
        if let (None, Some(refused)) = (said, never_began(failed)) {
            return Err(refused);
        }
        // What was ended from outside may have written beforehand that it passed.
        let said = said.filter(|_| failed.is_empty());
        let log = self.folder.join("printed");
        let printed = self.fetch("log", &log, LONGEST_LOG).await?;
        let outcome = match (said, printed) {
            (Some(said), Fetched::Whole) => Ok(said),
            _ => Err(nothing_said(failed)),
        };
        let made = outcome.as_ref().map_or(Made::Nothing, |said| said.made);
        let (line, limit) = (task.line.as_str().to_owned(), task.limit.duration());
        let noted = line.clone();
        let outcome = blocking(move || note(&log, &noted, limit, outcome)).await;
        let (outcome, log) = outcome.map_err(|e| disk("writing", Path::new("the log"), &e))?;
        let key = &task.log_key;
        self.store
            .upload_open(&Arc::new(log), LONGEST_LOG, key)
            .await?;
        let ran = Ran {
            outcome,
            log: self.store.url(key),
            line,
        };
        Ok((ran, made))
    }

    async fn said(&self) -> Result<Option<Said>, Fault> {
        let file = self.folder.join("outcome");
        let found = self
            .fetch("outcome", &file, outcome::MOST_BYTES as u64)
            .await?;
        if found != Fetched::Whole {
            return Ok(None);
        }
        let text = std::fs::read(&file).map_err(|e| disk("reading", &file, &e))?;
        Ok(String::from_utf8(text)
            .ok()
            .and_then(|text| outcome::read(&text)))
    }

    /// Unpacks what it made as if it had been made here. What cannot be unpacked is the command's fault.
    async fn unpack(&self, ran: &mut Ran, made: Made, limits: Limits) -> Result<(), Fault> {
        let (archive, tree) = (self.folder.join("output.tar"), self.folder.join("tree"));
        std::fs::create_dir(&tree).map_err(|e| disk("making", &tree, &e))?;
        if made == Made::Nothing {
            return Ok(());
        }
        let most = limits.bytes + AROUND_FILES;
        let refused = match self.fetch("output.tar", &archive, most).await? {
            Fetched::Whole if made == Made::Packed => {
                let unpacked = blocking(move || bundle::unpack_tar(&archive, &tree, limits)).await;
                unpacked.err().map(|error| chain(&error))
            }
            Fetched::TooLarge { bytes } => Some(format!("it has {bytes} bytes")),
            _ => Some("it could not be packed in its container".to_owned()),
        };
        if let Some(reason) = refused {
            let line = excerpt(&ran.line);
            ran.outcome = Err(format!("what `{line}` left cannot be taken: {reason}"));
        }
        Ok(())
    }

    /// The folders that a build leaves for later ones, as far as they can be taken.
    async fn caches(&self) -> PathBuf {
        let (archive, to) = (self.folder.join("cache.tar"), self.folder.join("caches"));
        let most = Limits::ARTIFACT.bytes + AROUND_FILES;
        let files = to.clone();
        if let Ok(Fetched::Whole) = self.fetch("cache.tar", &archive, most).await {
            let unpack = move || bundle::unpack_tar(&archive, &files, Limits::ARTIFACT);
            if let Err(error) = blocking(unpack).await {
                tracing::warn!(%error, "what it leaves for later builds cannot be taken");
                return self.folder.join("nothing");
            }
        }
        to
    }

    async fn fetch(&self, name: &str, to: &Path, most: u64) -> Result<Fetched, Fault> {
        let key = format!("{}{name}", self.prefix);
        self.store.fetch(&key, to, most).await.map_err(Fault::from)
    }
}

/// How CodeBuild says that a build ended which did not succeed.
const ENDINGS: [&str; 4] = ["TIMED_OUT", "STOPPED", "FAULT", "FAILED"];

fn ending(failed: &str) -> Option<&'static str> {
    let told = |status: &&str| failed.contains(&format!("\"{status}\""));
    ENDINGS.into_iter().find(told)
}

/// A build that CodeBuild did not take, or that Step Functions did not see the end of.
fn never_began(failed: &str) -> Option<Fault> {
    let refused = !failed.is_empty() && ending(failed).is_none();
    let text = || format!("no container ran the command to its end: {failed}");
    refused.then(|| Fault::new(ErrorName::CallRefused, text()))
}

fn nothing_said(failed: &str) -> String {
    let how = match ending(failed) {
        // Its queue and its build have a limit each, and CodeBuild says the same of both.
        Some("TIMED_OUT") => " (CodeBuild says TIMED_OUT: there was no place for it for half an hour, or it kept its script from ending)".to_owned(),
        Some(status) => format!(" (CodeBuild says {status})"),
        None => String::new(),
    };
    format!("its container ended without saying how its command did{how}, so it did not pass")
}

type Noted = (Result<command::Outcome, String>, File);

/// The log as it is kept: what ran, what it printed, how it ended.
fn note(
    printed: &Path,
    line: &str,
    limit: Duration,
    outcome: Result<Said, String>,
) -> std::io::Result<Noted> {
    let mut log = tempfile::tempfile()?;
    writeln!(log, "$ {line}")?;
    let said = match outcome {
        Ok(said) => said,
        Err(reason) => {
            writeln!(log, "[cutover: {reason}]")?;
            return Ok((Err(reason), log));
        }
    };
    let mut from = File::open(printed)?;
    let bytes = std::io::copy(&mut from, &mut log)?;
    let mut last = Vec::new();
    from.seek(SeekFrom::Start(
        bytes.saturating_sub(command::TAIL_READ as u64),
    ))?;
    from.read_to_end(&mut last)?;
    let outcome = said.outcome(limit, command::tail(&last), bytes);
    let gap = if last.last().is_none_or(|&byte| byte == b'\n') {
        ""
    } else {
        "\n"
    };
    let seconds = outcome.duration.as_secs_f64();
    writeln!(log, "{gap}[cutover: {}, {seconds:.1} s]", outcome.ending)?;
    Ok((Ok(outcome), log))
}
