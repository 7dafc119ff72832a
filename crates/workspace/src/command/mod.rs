//! Runs one command of a component's manifest: without a shell, in a clean environment, with a
//! time limit, and leaving nothing behind.

mod adopter;
mod log;
mod look;
mod processes;
mod program;
mod protection;

use crate::scratch::Scratch;
use log::Log;
pub use log::{KEPT as TAIL_READ, tail};
pub use look::Stray;
use processes::Leader;
pub use program::words;
pub use protection::protect;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// Between "please stop" (SIGTERM) and "stop" (SIGKILL).
const GRACE: Duration = Duration::from_secs(5);
/// For what is written but not yet read when the last process has gone.
const REST_OF_OUTPUT: Duration = Duration::from_secs(5);

/// A command to run.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// As the manifest has it. Split into words as a shell would (quotes, backslashes, `#`
    /// comments), and nothing else of a shell: no variables, no `&&`, no `*`. Who wants a shell
    /// writes `sh -c '…'`.
    pub line: &'a str,
    /// The folder to run it in.
    pub cwd: &'a Path,
    /// Given to it besides the clean environment, and above it.
    pub env: &'a [(String, String)],
    /// After this the command is told to stop, and killed 5 seconds later.
    pub timeout: Duration,
    /// What is to be said of it at the beginning of its log.
    pub note: Option<&'a str>,
    /// Where its output goes: a file of ours, best without a name.
    pub log: &'a File,
    /// Where its HOME and TMPDIR are made.
    pub scratch: &'a Path,
    /// Its PATH, and where the program is looked for.
    pub path: &'a str,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// From start to end, without the cleaning up.
    pub duration: Duration,
    /// CPU time of it and of all that it waited for, in user mode.
    pub user_time: Duration,
    /// The same in the kernel.
    pub system_time: Duration,
    /// The last lines of its output (at most 30 lines and 4 KiB), without escape sequences.
    pub tail: String,
    /// How many bytes it wrote, also beyond what the log holds (the first and the last 10 MiB).
    pub output_bytes: u64,
    /// What it may have failed of, where that can be seen from outside.
    pub hint: Option<String>,
}

impl Outcome {
    /// Whether it ended by itself with code 0.
    pub fn succeeded(&self) -> bool {
        self.ending.is_success()
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself.
    Exited {
        /// 0 is success.
        code: i32,
    },
    /// By a signal that was not ours.
    Signalled {
        /// Its number, e.g. 11 for SIGSEGV.
        signal: i32,
    },
    /// It did not end in time and was stopped.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
}

impl Ending {
    /// By itself, with code 0.
    pub fn is_success(self) -> bool {
        self == Self::Exited { code: 0 }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { code } => write!(f, "exited with code {code}"),
            Self::Signalled { signal } => {
                let name = nix::sys::signal::Signal::try_from(*signal);
                let name =
                    name.map_or_else(|_| format!("signal {signal}"), |known| known.to_string());
                write!(f, "was killed by {name}")
            }
            Self::TimedOut { limit } => {
                write!(
                    f,
                    "was stopped after its time limit of {} s",
                    limit.as_secs_f64()
                )
            }
        }
    }
}

/// Why a command did not run, or could not be cleaned up after.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Nothing to run, or a quote that does not end.
    #[error("the command {line:?} cannot be split into words: {reason}")]
    Words {
        /// As the manifest has it.
        line: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no such program, or it is not one.
    #[error("{program} cannot be started: {reason}")]
    Program {
        /// The first word of the line.
        program: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refused.
    #[error("{program} cannot be started")]
    Start {
        /// The first word of the line.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The log, a folder for HOME or a pipe could not be made or written.
    #[error("could not set the command up or keep its log ({what})")]
    Prepare {
        /// What could not be made.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its processes do not go away. Nothing else should run here any more.
    #[error("{count} processes of the command are still running after being killed")]
    StillRunning {
        /// How many.
        count: usize,
    },
}

/// One at a time: what is left of a command is found as "every process below this one".
static TURN: Mutex<()> = Mutex::new(());

/// Whether the artifact in `folder` has the program that a command names by its path, so that it could
/// be started there. What is found by `PATH` or is not in the artifact is another machine's.
///
/// # Errors
/// [`CommandError::Words`] and [`CommandError::Program`].
pub fn check_artifact(line: &str, folder: &Path) -> Result<(), CommandError> {
    let words = program::words(line)?;
    let program = &words[0];
    match program.contains('/') && !program.starts_with('/') {
        true => program::find(program, folder, "", "artifact").map(drop),
        false => Ok(()),
    }
}

/// What is there while no command of this process runs, and is not ours; see [`Stray`].
pub fn strays() -> Vec<Stray> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    look::strays()
}

/// Runs the command to its end, and then ends whatever it has started: its process group, and
/// daemons that left it. Commands of one process take turns; nothing else in the process may
/// start processes meanwhile.
///
/// # Errors
/// [`CommandError`] when it did not run. A command that failed is an [`Outcome`].
pub fn run(command: &Command<'_>) -> Result<Outcome, CommandError> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let words = program::words(command.line)?;
    let program = program::find(&words[0], command.cwd, command.path, "checkout")?;
    let home = folder(command, "a folder for HOME")?;
    let temporary = folder(command, "a folder for TMPDIR")?;
    let log = Log::begin(command.log, command.line, command.note).map_err(prepare("the log"))?;
    let (reader, writer) = io::pipe().map_err(prepare("a pipe"))?;
    let errors = writer.try_clone().map_err(prepare("a pipe"))?;
    let mut child = std::process::Command::new(program);
    child
        .arg0(&words[0])
        .args(&words[1..])
        .current_dir(command.cwd)
        .env_clear()
        .envs(clean_environment(command.path, &home, &temporary))
        .envs(command.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(errors)
        .process_group(0);
    let leader = Leader::start(&mut child, &words[0])?;
    // It holds the pipe's writing end, and the output ends only when nobody does.
    drop(child);
    let mut outcome = supervise(command, leader, log, reader)?;
    outcome.hint = match outcome.succeeded() {
        true => None,
        false => program::carriage_returns(&words, command.cwd),
    };
    Ok(outcome)
}

fn supervise(
    command: &Command<'_>,
    leader: Leader,
    mut log: Log,
    reader: io::PipeReader,
) -> Result<Outcome, CommandError> {
    let started = Instant::now();
    let (finished, output) = mpsc::channel();
    std::thread::spawn(move || {
        log.drain(reader);
        finished.send(log).ok();
    });
    let in_time = leader.wait(command.timeout);
    let duration = started.elapsed();
    if !in_time {
        leader.terminate(GRACE);
    }
    let ended = leader.end()?;
    let limit = command.timeout;
    let ending = if in_time {
        ended.ending
    } else {
        Ending::TimedOut { limit }
    };
    // Every writer is dead now. Should the pipe stay open all the same (passed to a process
    // elsewhere over a socket), the output counts as what has been read by then.
    let written = match output.recv_timeout(REST_OF_OUTPUT) {
        Ok(log) => log.close(&ending, duration).map_err(prepare("the log"))?,
        Err(_) => log::Written::default(),
    };
    Ok(Outcome {
        ending,
        duration,
        user_time: ended.user_time,
        system_time: ended.system_time,
        tail: written.tail,
        output_bytes: written.bytes,
        hint: None,
    })
}

fn clean_environment(
    path: &str,
    home: &Scratch,
    temporary: &Scratch,
) -> [(&'static str, String); 6] {
    [
        ("PATH", path.to_owned()),
        ("HOME", home.path().display().to_string()),
        ("TMPDIR", temporary.path().display().to_string()),
        ("LANG", "C.UTF-8".to_owned()),
        ("TERM", "dumb".to_owned()),
        ("CI", "true".to_owned()),
    ]
}

fn prepare(what: &'static str) -> impl FnOnce(io::Error) -> CommandError {
    move |source| CommandError::Prepare { what, source }
}

/// A fresh folder that goes with the command.
fn folder(command: &Command<'_>, what: &'static str) -> Result<Scratch, CommandError> {
    Scratch::new_in(command.scratch, "command-").map_err(prepare(what))
}
