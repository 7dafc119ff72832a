//! A local cloud of a test's own, and the clients that tests use.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use serde_json::Value;

/// Long enough for a busy machine; nothing waits this long when things work.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A local cloud in a temporary folder; it is taken down when dropped.
pub struct Cloud {
    folder: tempfile::TempDir,
    env: HashMap<String, String>,
}

impl Cloud {
    /// A folder with nothing running.
    pub fn down() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            env: HashMap::new(),
        }
    }

    pub fn up() -> Self {
        let mut cloud = Self::down();
        cloud.start();
        cloud
    }

    /// One that other tests use too, for a test whose names are its own and that looks at nothing else.
    /// The last of them takes it down.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Cloud>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap();
        shared.upgrade().unwrap_or_else(|| {
            let cloud = Arc::new(Self::up());
            *shared = Arc::downgrade(&cloud);
            cloud
        })
    }

    pub fn start(&mut self) {
        let output = self.local(&["up"]);
        assert!(output.status.success(), "{output:?}");
        self.env = read_env(&self.path(".local/env"));
    }

    /// `cutover-local` with these arguments, for this cloud.
    pub fn local(&self, arguments: &[&str]) -> Output {
        self.local_command(arguments).output().unwrap()
    }

    pub fn venv(&self) -> PathBuf {
        std::env::var_os("CUTOVER_VENV").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/venv"),
            PathBuf::from,
        )
    }

    pub fn local_command(&self, arguments: &[&str]) -> Command {
        let venv = self.venv();
        assert!(
            venv.join("bin/aws").exists(),
            "run local/setup.sh first: {} has no aws",
            venv.display()
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover-local"));
        command
            .args(arguments)
            .arg("--root")
            .arg(self.folder.path())
            .env("CUTOVER_VENV", venv);
        command
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub fn env(&self, name: &str) -> &str {
        &self.env[name]
    }

    /// What whoever asks this cloud has in its environment.
    pub fn variables(&self) -> &HashMap<String, String> {
        &self.env
    }

    pub fn state(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(".local/state.json")).unwrap()).unwrap()
    }

    /// The aws cli as the administrator; its answer as JSON.
    pub fn aws(&self, arguments: &[&str]) -> Value {
        let answer = self.try_aws(arguments);
        answer.unwrap_or_else(|errors| panic!("aws {arguments:?}: {errors}"))
    }

    /// The same, or what it says on standard error.
    pub fn try_aws(&self, arguments: &[&str]) -> Result<Value, String> {
        let output = self.aws_as(&[], arguments);
        match output.status.success() {
            true => Ok(serde_json::from_slice(&output.stdout).unwrap_or_default()),
            false => Err(String::from_utf8(output.stderr).unwrap()),
        }
    }

    /// The aws cli with some variables changed.
    pub fn aws_as(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        Command::new(crate::cli::program(&self.venv()))
            .args(arguments)
            .env_clear()
            .envs(&self.env)
            .env("HOME", self.folder.path())
            .env("AWS_PAGER", "")
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    /// Processes that belong to this cloud, by the mark in their environment.
    pub fn processes(&self) -> Vec<String> {
        let mark = format!(
            "CUTOVER_LOCAL_ROOT={}",
            self.path("").display().to_string().trim_end_matches('/')
        );
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            if environ
                .split(|byte| *byte == 0)
                .any(|variable| variable == mark.as_bytes())
            {
                let line =
                    std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
                found.push(format!(
                    "{} {}",
                    entry.file_name().display(),
                    line.replace('\0', " ")
                ));
            }
        }
        found
    }

    /// The answer of the DNS server: response code, addresses, and the smallest TTL.
    pub fn resolve(&self, name: &str) -> (ResponseCode, Vec<String>, u32) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        let mut question = Message::query();
        question.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
        socket
            .send_to(&question.to_vec().unwrap(), self.env("CUTOVER_DNS"))
            .unwrap();
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        let answer = Message::from_vec(&buffer[..length]).unwrap();
        let addresses = answer
            .answers
            .iter()
            .filter(|record| record.record_type() == RecordType::A);
        let ttl = answer
            .answers
            .iter()
            .map(|record| record.ttl)
            .min()
            .unwrap_or_default();
        (
            answer.metadata.response_code,
            addresses.map(|record| record.data.to_string()).collect(),
            ttl,
        )
    }

    /// A GET through the gateway: `target` is a path, or a whole URL for its other mode.
    pub fn get(&self, host: &str, target: &str) -> (u16, String) {
        let gateway: SocketAddr = self
            .env("CUTOVER_GATEWAY")
            .trim_start_matches("http://")
            .parse()
            .unwrap();
        get(gateway, host, target)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let output = self.local(&["down"]);
        if !std::thread::panicking() {
            assert!(output.status.success(), "{output:?}");
            assert_eq!(self.processes(), Vec::<String>::new());
        } else if let Ok(log) = std::fs::read_to_string(self.path(".local/log/supervisor.log")) {
            eprintln!("{log}");
        }
    }
}

fn read_env(file: &Path) -> HashMap<String, String> {
    let text = std::fs::read_to_string(file).unwrap();
    let exports = text
        .lines()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    let mut env: HashMap<String, String> = exports
        .map(|(name, value)| (name.into(), value.trim_matches('\'').into()))
        .collect();
    let venv = env["PATH"]
        .split('\'')
        .next()
        .unwrap_or_default()
        .to_owned();
    env.insert(
        "PATH".into(),
        format!("{venv}:{}", std::env::var("PATH").unwrap()),
    );
    env
}

/// One request on a connection of its own.
pub fn get(address: SocketAddr, host: &str, target: &str) -> (u16, String) {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(2)) else {
        return (0, "refused".into());
    };
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_default();
    (
        status,
        text.split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned())
            .unwrap_or_default(),
    )
}

/// Asks until the answer is yes.
pub fn eventually(what: &str, mut asked: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !asked() {
        assert!(Instant::now() < deadline, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
