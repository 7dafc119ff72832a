//! The emulator of AWS: one child process, on a free port of this machine only.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};

use crate::error::{LocalError, Result};
use crate::processes::ROOT_MARK;
use crate::root::Root;
use crate::state::{ACCOUNT, Credentials, REGION};

/// One program of all files of `ministack/` but their tests: see build.rs.
const LAUNCHER: &str = include_str!(concat!(env!("OUT_DIR"), "/launch.py"));
const LAUNCHER_FILE: &str = "launch.py";
/// What the functions and the emulator find programs with; a user's command gets COMMAND_PATH.
pub const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// The emulator is ready within a second; a busy machine gets a minute.
const READY_LIMIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);
/// Another program may take the chosen port before the emulator does.
const PORT_TRIES: usize = 3;

/// The running emulator. Dropping its standard input ends it and all functions.
pub struct MiniStack {
    pub endpoint: String,
    child: Child,
    _leash: ChildStdin,
}

/// Whether what runs was started from the same files as this program would start it from.
pub fn is_of_this_build(root: &Root) -> bool {
    let text = fs::read_to_string(root.in_local(LAUNCHER_FILE));
    text.is_ok_and(|text| text == LAUNCHER)
}

impl MiniStack {
    /// Starts it and waits until it answers.
    pub async fn start(root: &Root, credentials: &Credentials, command_path: &str) -> Result<Self> {
        let python = interpreter(root)?;
        let launcher = root.in_local(LAUNCHER_FILE);
        fs::write(&launcher, LAUNCHER)
            .map_err(LocalError::io("could not write the emulator's launcher"))?;
        let mut last = None;
        for _ in 0..PORT_TRIES {
            let mut started =
                Self::spawn(root, &python, &launcher, credentials, command_path).await?;
            match started.ready().await {
                Ok(()) => return Ok(started),
                Err(error) => last = Some(error),
            }
        }
        let log = root.log("ministack");
        Err(LocalError::Refused(format!(
            "MiniStack did not start ({}). The end of {}:\n{}",
            last.unwrap_or_default(),
            log.display(),
            tail(&log)
        )))
    }

    async fn spawn(
        root: &Root,
        python: &Path,
        launcher: &Path,
        credentials: &Credentials,
        command_path: &str,
    ) -> Result<Self> {
        let port = free_port()?;
        let endpoint = format!("http://127.0.0.1:{port}");
        let log = log_file(&root.log("ministack"))?;
        let errors = log
            .try_clone()
            .map_err(LocalError::io("could not open the emulator's log"))?;
        let function = function_launcher()?;
        let mut child = Command::new(python)
            // Isolated: nothing beside the launcher can stand in for a package.
            .args(["-I", "-B", "-u"])
            .arg(launcher)
            .current_dir(root.in_local("home"))
            .env_clear()
            .envs(environment(root, port, &endpoint, command_path))
            .env("FUNCTION_LAUNCHER", function)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            // The launcher ends its whole group, functions included, when this process is gone.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(LocalError::io(format!(
                "could not start {}",
                python.display()
            )))?;
        let mut leash = child
            .stdin
            .take()
            .ok_or_else(|| LocalError::Refused("the emulator has no standard input".into()))?;
        let line = serde_json::to_string(credentials).unwrap_or_default() + "\n";
        leash
            .write_all(line.as_bytes())
            .await
            .map_err(LocalError::io("the emulator ended at once"))?;
        Ok(Self {
            endpoint,
            child,
            _leash: leash,
        })
    }

    async fn ready(&mut self) -> std::result::Result<(), String> {
        let deadline = Instant::now() + READY_LIMIT;
        let address = self.endpoint.trim_start_matches("http://").to_owned();
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("it ended with {status}"));
            }
            if answers(&address).await {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(format!(
            "it did not answer within {} s",
            READY_LIMIT.as_secs()
        ))
    }

    /// Returns when the emulator has ended, which it never should by itself.
    pub async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Ends it and the functions in its process group.
    pub async fn stop(mut self) {
        if let Some(pid) = self.child.id() {
            let group = nix::unistd::Pid::from_raw(pid as i32);
            let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        }
        let _ = self.child.wait().await;
    }
}

/// The address in an endpoint's URL.
pub fn address(endpoint: &str) -> Result<SocketAddr> {
    let address = endpoint.trim_start_matches("http://").parse();
    address.map_err(|_| LocalError::Refused(format!("{endpoint} has no address and port")))
}

async fn answers(address: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(b"GET /_ministack/ready HTTP/1.0\r\nHost: ministack\r\n\r\n")
            .await?;
        let mut start = [0; 12];
        stream.read_exact(&mut start).await?;
        Ok::<_, std::io::Error>(start.ends_with(b"200"))
    };
    tokio::time::timeout(Duration::from_secs(2), ask)
        .await
        .is_ok_and(|asked| asked.unwrap_or(false))
}

fn interpreter(root: &Root) -> Result<PathBuf> {
    let python = root.venv().join("bin/python");
    if python.exists() {
        return Ok(python);
    }
    Err(LocalError::Refused(format!(
        "{} is not there; run local/setup.sh first",
        python.display()
    )))
}

/// The emulator's own environment; the launcher lets only some of it through to functions.
fn environment(
    root: &Root,
    port: u16,
    endpoint: &str,
    command_path: &str,
) -> Vec<(&'static str, String)> {
    let folder = |name: &str| root.in_local(name).to_string_lossy().into_owned();
    vec![
        ("PATH", SYSTEM_PATH.into()),
        ("HOME", folder("home")),
        ("TMPDIR", folder("tmp")),
        ("LANG", "C.UTF-8".into()),
        (ROOT_MARK, root.path().to_string_lossy().into_owned()),
        ("COMMAND_PATH", command_path.into()),
        ("AWS_ENDPOINT_URL", endpoint.into()),
        ("GATEWAY_PORT", port.to_string()),
        ("BIND_HOST", "127.0.0.1".into()),
        ("MINISTACK_HOST", "127.0.0.1".into()),
        ("MINISTACK_REGION", REGION.into()),
        ("MINISTACK_ACCOUNT_ID", ACCOUNT.into()),
        ("AUTH", "true".into()),
        // These would listen on every interface.
        ("IOT_MTLS_ENABLED", "0".into()),
        ("SFTP_ENABLED", "0".into()),
        ("STATE_DIR", folder("tmp/state")),
        ("S3_DATA_DIR", folder("tmp/s3")),
        ("CHANGES", root.changes().to_string_lossy().into_owned()),
        ("REQUESTS", folder("tmp/requests")),
        ("FAULTS", folder("faults")),
        ("LAMBDA_EXECUTOR", "local".into()),
        // AWS keeps an idle environment for minutes; here a cold start would only cost time.
        ("LAMBDA_WARM_TTL_SECONDS", "3600".into()),
        // Functions are waited for in threads, 40 at once in a Map.
        ("MINISTACK_WORKER_THREADS", "128".into()),
    ]
}

/// Built with this program, and beside it.
fn function_launcher() -> Result<PathBuf> {
    let own = std::env::current_exe()
        .map_err(LocalError::io("could not find this program's own file"))?;
    let launcher = own.with_file_name("cutover-function");
    match launcher.exists() {
        true => Ok(launcher),
        false => Err(LocalError::Refused(format!(
            "{} is not there; run cargo build --bins first",
            launcher.display()
        ))),
    }
}

fn free_port() -> Result<u16> {
    let free = || TcpListener::bind("127.0.0.1:0")?.local_addr();
    free()
        .map(|address| address.port())
        .map_err(LocalError::io("no port of 127.0.0.1 is free"))
}

/// A part's log, begun anew: what an earlier run wrote would only mislead.
pub fn log_file(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(path)
        .map_err(LocalError::io(format!("could not open {}", path.display())))
}

/// The last lines of a log, for a message.
pub fn tail(path: &Path) -> String {
    let mut text = String::new();
    let read = File::open(path).and_then(|mut file| file.read_to_string(&mut text));
    if read.is_err() || text.is_empty() {
        return "(empty)".into();
    }
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

/// New credentials for the administrator. The emulator accepts any text as a key.
pub fn new_credentials() -> Result<Credentials> {
    Ok(Credentials {
        access_key_id: format!("LOCAL{}", random_hex(8)?.to_uppercase()),
        secret_access_key: random_hex(20)?,
    })
}

/// So many random bytes, in hex.
pub fn random_hex(bytes: usize) -> Result<String> {
    let mut buffer = vec![0; bytes];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut buffer))
        .map_err(LocalError::io("could not read /dev/urandom"))?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::find(Some(folder.path())).unwrap();
        (folder, root)
    }

    #[test]
    fn the_emulator_is_told_no_credentials_by_its_environment() {
        let (_folder, root) = root();
        let names: Vec<&str> = environment(&root, 1, "", "")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert!(
            !names
                .iter()
                .any(|name| name.contains("KEY") || name.contains("TOKEN")),
            "{names:?}"
        );
    }

    #[test]
    fn each_start_has_its_own_credentials() {
        assert_ne!(new_credentials().unwrap(), new_credentials().unwrap());
    }
}
