//! A clean checkout of a source bundle, and a user's command in it whose log is kept.
//!
//! Used by the stages that run users' commands. Their role reads the bundle and writes builds,
//! reports and logs; the command itself gets none of its credentials.
#![warn(missing_docs)]

mod cache;
pub mod container;
mod following;
pub mod jobs;
mod vendor;

use following::Following;
use pipeline::errors::{ErrorName, Fault, chain};
use pipeline::manifest::{CachedFolder, CommandLine, Limit};
use pipeline::names::excerpt;
use pipeline::shell::needs_shell;
use pipeline::wire::{Bundle, Vendored};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Store;
use workspace::blocking;
use workspace::command::{self, CommandError, Ending, Outcome};
use workspace::sandbox::{Sandbox, Unclean};
use workspace::scratch::Scratch;
use workspace::{Limits, bundle, hash};

/// Runs users' commands.
#[derive(Debug)]
pub struct Runner {
    /// Where bundles come from and logs go.
    pub store: Store,
    sandbox: Arc<Sandbox>,
    path: String,
    proxy: Vec<(String, String)>,
    version: String,
}

/// A clean checkout; removed when it is dropped, whatever a command has made of it.
#[derive(Debug)]
pub struct Checkout {
    folder: Scratch,
    /// The commit's time, seconds since 1970.
    pub time: u64,
}

impl Checkout {
    /// Where the files are.
    pub fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    /// A new empty folder beside the files. A command cannot have put something in its place, since its
    /// name is only known now.
    pub fn beside(&self, name: &str) -> Result<PathBuf, Fault> {
        let folder = self.folder.path();
        let made = tempfile::Builder::new().prefix(name).tempdir_in(folder);
        let made = made.map_err(|e| disk("making a folder in", folder, &e))?;
        Ok(made.keep())
    }
}

/// A user's command to run.
#[derive(Debug)]
pub struct Task<'a> {
    /// As the manifest has it.
    pub line: &'a CommandLine,
    /// Beyond the clean environment.
    pub environment: BTreeMap<String, String>,
    /// For how long at the most.
    pub limit: Limit,
    /// Where its output is kept.
    pub log_key: String,
    /// What it finds in `$VENDOR`.
    pub vendor: &'a [Vendored],
    /// Folders of the checkout that are kept.
    pub cache: &'a [CachedFolder],
}

/// A command that ended.
#[derive(Debug)]
pub struct Ran {
    /// How, and what it said last.
    pub outcome: Result<Outcome, String>,
    /// Where all of its output is.
    pub log: String,
    /// What ran.
    pub line: String,
}

impl Runner {
    /// Asks for the function's variables `COMMAND_PATH`, `COMMAND_FOLDER` (the folder that is emptied before each
    /// command: on Lambda `/tmp`) and, where they are set, the standard proxy variables. Before any
    /// command runs, other processes of this user are kept from reading this one's environment.
    pub fn new(
        store: Store,
        variable: impl Fn(&str) -> Result<String, Fault>,
    ) -> Result<Self, Fault> {
        command::protect().map_err(|e| {
            Fault::new(
                ErrorName::Misconfigured,
                format!("the process cannot be protected: {e}"),
            )
        })?;
        let proxy = ["http_proxy", "no_proxy"]
            .into_iter()
            .filter_map(|name| variable(name).ok().map(|value| (name.to_owned(), value)))
            .collect();
        Ok(Self {
            store,
            sandbox: Arc::new(Sandbox::new(variable("COMMAND_FOLDER")?)),
            path: variable("COMMAND_PATH")?,
            proxy,
            version: variable("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default(),
        })
    }

    /// What builds here, as far as the function knows: where it runs.
    fn toolchain(&self) -> String {
        let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
        format!("{system} {processor} build function {}", self.version)
    }

    /// Whether this process is to end instead of serving again: what a command left cannot be cleaned up.
    pub fn is_spoiled(&self) -> bool {
        self.sandbox.is_spoiled()
    }

    /// Fetches, checks and unpacks a source bundle, in a sandbox in which nothing is left of earlier
    /// commands.
    pub async fn checkout(&self, source: &Bundle) -> Result<Checkout, Fault> {
        let sandbox = self.sandbox.clone();
        blocking(move || sandbox.clear()).await.map_err(unclean)?;
        let folder = Scratch::new_in(self.sandbox.folder(), "checkout-")
            .map_err(|e| disk("making a folder in", self.sandbox.folder(), &e))?;
        let archive = fetch_source(&self.store, source, folder.path()).await?;
        let tree = folder.path().join("tree");
        let key = source.key.clone();
        let time = blocking(move || {
            std::fs::create_dir(&tree).map_err(|e| disk("making", &tree, &e))?;
            let unpacked = bundle::unpack(&archive, &tree, Limits::SOURCE).map_err(|e| {
                Fault::new(ErrorName::SourceRefused, format!("{key}: {}", chain(&e)))
            })?;
            std::fs::remove_file(&archive).map_err(|e| disk("removing", &archive, &e))?;
            Ok::<_, Fault>(unpacked.time)
        })
        .await?;
        Ok(Checkout { folder, time })
    }

    /// Runs a command in the checkout and keeps its log, whatever became of it.
    pub async fn run(&self, checkout: &Checkout, mut task: Task<'_>) -> Result<Ran, Fault> {
        // Without a name, so that the command cannot put something else in its place.
        let log = tempfile::tempfile_in(self.sandbox.folder());
        let log = Arc::new(log.map_err(|e| disk("making a log in", self.sandbox.folder(), &e))?);
        let warning = needs_shell(task.line.as_str());
        if !task.vendor.is_empty() {
            let vendor = checkout.beside("vendor-")?;
            let variable = vendor.display().to_string();
            vendor::unpacked(&self.store, task.vendor, vendor).await?;
            task.environment.insert("VENDOR".to_owned(), variable);
        }
        let ends = self.ends(checkout, &task, log.clone(), warning.clone());
        let following = Following::new(&self.store, log.clone(), &task.log_key);
        let outcome = following.until(ends).await;
        let outcome = match outcome {
            Ok(outcome) => Ok(hinted(outcome, warning)),
            Err(error) => Err(self.users_mistake(error)?),
        };
        self.keep(&log, &task.log_key, outcome.as_ref().err())
            .await?;
        Ok(Ran {
            outcome,
            log: self.store.url(&task.log_key),
            line: task.line.as_str().to_owned(),
        })
    }

    /// What is wrong with the command, if that is what kept it from running or from ending; what is left
    /// is ours. Nothing that it has made can be trusted while its processes go on, and nothing else
    /// may run beside them.
    fn users_mistake(&self, error: CommandError) -> Result<String, Fault> {
        match error {
            CommandError::Words { .. } | CommandError::Program { .. } => Ok(error.to_string()),
            CommandError::StillRunning { .. } => {
                self.sandbox.spoil();
                Ok(error.to_string())
            }
            error => Err(Fault::new(ErrorName::WorkspaceFailed, chain(&error))),
        }
    }

    async fn ends(
        &self,
        checkout: &Checkout,
        task: &Task<'_>,
        log: Arc<File>,
        note: Option<String>,
    ) -> Result<Outcome, CommandError> {
        let (line, cwd) = (task.line.as_str().to_owned(), checkout.tree());
        let (path, scratch) = (self.path.clone(), self.sandbox.folder().to_owned());
        let timeout = task.limit.duration();
        let env = task.environment.clone().into_iter();
        let env: Vec<(String, String)> = env.chain(self.proxy.iter().cloned()).collect();
        let run = move || {
            command::run(&command::Command {
                line: &line,
                cwd: &cwd,
                env: &env,
                timeout,
                note: note.as_deref(),
                log: &log,
                scratch: &scratch,
                path: &path,
            })
        };
        blocking(run).await
    }

    /// The log, or why there is none.
    async fn keep(
        &self,
        log: &Arc<File>,
        key: &str,
        refused: Option<&String>,
    ) -> Result<(), Fault> {
        let size = log
            .metadata()
            .map_err(|e| disk("reading", Path::new("the log"), &e))?;
        match (size.len(), refused) {
            (0, Some(reason)) => self.store.put_text(key, reason.clone()).await?,
            _ => self.store.upload_open(log, LONGEST_LOG, key).await?,
        };
        Ok(())
    }
}

/// A log holds the first and the last 10 MiB of what a command prints, and some lines of ours.
const LONGEST_LOG: u64 = 24 << 20;

/// Fetches a source bundle into a folder.
async fn fetch_source(store: &Store, source: &Bundle, folder: &Path) -> Result<PathBuf, Fault> {
    let archive = folder.join("source.tar.zst");
    fetch(store, source, &archive).await?;
    Ok(archive)
}

/// Fetches a bundle, if it is the one that was announced.
async fn fetch(store: &Store, bundle: &Bundle, to: &Path) -> Result<(), Fault> {
    store.download(&bundle.key, to).await?;
    let (expected, key, read) = (&bundle.sha256, &bundle.key, to.to_owned());
    let found = blocking(move || hash::sha256_file(&read).map_err(|e| disk("reading", &read, &e)));
    match found.await? {
        found if found == *expected => Ok(()),
        found => Err(Fault::new(
            ErrorName::Corrupt,
            format!("{key} has SHA-256 {found}, not {expected}"),
        )),
    }
}

fn unclean(error: Unclean) -> Fault {
    Fault::new(
        ErrorName::SandboxUnclean,
        format!(
            "nothing ran: the sandbox of this function is not clean, and ends: {}",
            chain(&error)
        ),
    )
}

/// What may have been wrong with a command that failed.
fn hinted(outcome: Outcome, warning: Option<String>) -> Outcome {
    let failed = !outcome.ending.is_success();
    Outcome {
        hint: outcome.hint.or(warning).filter(|_| failed),
        ..outcome
    }
}

impl Ran {
    /// How long it ran, in seconds.
    pub fn seconds(&self) -> f64 {
        let seconds = self
            .outcome
            .as_ref()
            .map(|outcome| outcome.duration.as_secs_f64())
            .unwrap_or_default();
        (seconds * 1000.0).round() / 1000.0
    }

    /// Whether it ran into its limit.
    pub fn timed_out(&self) -> bool {
        matches!(
            &self.outcome,
            Ok(Outcome {
                ending: Ending::TimedOut { .. },
                ..
            })
        )
    }

    /// Why it did not succeed, with its last lines and where its log is; `None` if it did.
    pub fn failure(&self) -> Option<String> {
        let (what, tail) = match &self.outcome {
            Ok(outcome) if outcome.succeeded() => return None,
            Ok(outcome) => (
                format!(
                    "`{}` {} after {:.1} s",
                    excerpt(&self.line),
                    outcome.ending,
                    self.seconds()
                ),
                last_lines(&outcome.tail),
            ),
            Err(reason) => (reason.clone(), String::new()),
        };
        let tail = if tail.is_empty() {
            String::new()
        } else {
            format!(", saying: {tail}")
        };
        let hint = match &self.outcome {
            Ok(Outcome {
                hint: Some(hint), ..
            }) => format!(" ({hint})"),
            _ => String::new(),
        };
        Some(format!("{what}{tail}{hint}; log: {}", self.log))
    }
}

/// The last lines of an output, short enough for a sentence.
fn last_lines(tail: &str) -> String {
    const LINES: usize = 4;
    const CHARACTERS: usize = 400;
    let lines: Vec<&str> = tail
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let text = lines[lines.len().saturating_sub(LINES)..].join(" / ");
    let skip = text.chars().count().saturating_sub(CHARACTERS);
    text.chars().skip(skip).collect()
}

fn disk(doing: &str, path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(
        ErrorName::WorkspaceFailed,
        format!("{doing} {}: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests;
