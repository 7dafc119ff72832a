//! `aws` for scripts and tests: the CLI itself, loaded once for this local cloud.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, ChildStdin, Command};

use crate::boot::quoted;
use crate::error::{LocalError, Result};
use crate::ministack::{SYSTEM_PATH, log_file, tail};
use crate::processes::ROOT_MARK;
use crate::root::Root;

const SERVER: &str = include_str!("../aws/server.py");
const CLIENT: &str = include_str!("../aws/client.py");
/// It listens before it loads anything, and loads at the first call; a busy machine gets longer.
const READY_LIMIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// The process that loads the CLI once. Dropping its standard input ends it; `aws` then runs by itself.
pub struct AwsServer {
    _child: Child,
    _leash: ChildStdin,
}

impl AwsServer {
    /// Puts `aws` into its folder and starts what answers it. The first call waits until the CLI is loaded.
    ///
    /// # Errors
    /// When it does not listen: with the end of its log.
    pub async fn start(root: &Root) -> Result<Self> {
        install(root)?;
        let folder = root.aws();
        let log = log_file(&root.log("aws"))?;
        let errors = log
            .try_clone()
            .map_err(LocalError::io("could not open the log of aws"))?;
        let mut child = Command::new(root.venv().join("bin/python"))
            .args(["-I", "-B", "server.py", "socket"])
            .current_dir(&folder)
            .env_clear()
            .env("PATH", SYSTEM_PATH)
            .env("HOME", root.in_local("home"))
            .env("LANG", "C.UTF-8")
            .env(ROOT_MARK, root.path())
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(LocalError::io("could not start the AWS CLI's process"))?;
        let leash = child.stdin.take();
        let leash = leash.ok_or_else(|| LocalError::Refused("aws has no standard input".into()))?;
        listens(root).await?;
        Ok(Self {
            _child: child,
            _leash: leash,
        })
    }
}

async fn listens(root: &Root) -> Result<()> {
    let (socket, ends) = (root.aws().join("socket"), Instant::now() + READY_LIMIT);
    while !socket.exists() {
        if Instant::now() >= ends {
            return Err(LocalError::Refused(format!(
                "the AWS CLI's process did not start. The end of its log:\n{}",
                tail(&root.log("aws"))
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

fn install(root: &Root) -> Result<()> {
    let folder = root.aws();
    let failed = || format!("could not fill {}", folder.display());
    let python = quoted(&root.venv().join("bin/python"));
    let client = quoted(&folder.join("client.py"));
    let cli = quoted(&root.venv().join("bin/aws"));
    let aws = format!("#!/bin/sh\nexec {python} -IS {client} {cli} \"$@\"\n");
    let files = [("server.py", SERVER), ("client.py", CLIENT), ("aws", &aws)];
    for (name, text) in files {
        fs::write(folder.join(name), text).map_err(LocalError::io(failed()))?;
    }
    fs::set_permissions(folder.join("aws"), fs::Permissions::from_mode(0o755))
        .map_err(LocalError::io(failed()))
}
