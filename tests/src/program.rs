//! Programs that tests run: git, the CLI, the aws cli.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Nothing that tests run takes longer, even on a busy machine, but what says so.
pub const LIMIT: Duration = Duration::from_secs(240);

/// What a program said.
#[derive(Debug)]
pub struct Said {
    /// Its exit code, -1 after a signal.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Said {
    /// Its output without line breaks: where they are depends on how wide a screen is and on what comes before.
    pub fn words(&self) -> String {
        let words: Vec<&str> = self.out.split_whitespace().collect();
        words.join(" ")
    }

    /// Its output; panics unless it succeeded.
    pub fn good(self, what: &str) -> String {
        assert_eq!(self.code, 0, "{what}: {}{}", self.out, self.err);
        self.out
    }
}

/// Runs a program with this environment on top of a plain one, and no way around the local cloud.
pub async fn program(
    name: &Path,
    arguments: &[&str],
    folder: &Path,
    environment: &[(String, String)],
) -> Said {
    program_within(LIMIT, name, arguments, folder, environment).await
}

/// The same for one that takes its time.
pub async fn program_within(
    limit: Duration,
    name: &Path,
    arguments: &[&str],
    folder: &Path,
    environment: &[(String, String)],
) -> Said {
    let mut command = Command::new(name);
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    for proxy in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ] {
        command.env_remove(proxy);
    }
    for own in [
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_CONFIG_FILE",
        "GIT_DIR",
        "GIT_WORK_TREE",
    ] {
        command.env_remove(own);
    }
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let ran = tokio::time::timeout(limit, command.output()).await;
    let output = ran.unwrap_or_else(|_| {
        panic!(
            "{} {arguments:?} did not end within {limit:?}",
            name.display()
        )
    });
    let output = output.unwrap_or_else(|error| panic!("{} cannot be run: {error}", name.display()));
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
