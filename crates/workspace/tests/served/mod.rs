//! Real repositories, made by git and served by `git http-backend` on a loopback port.
#![allow(dead_code)] // each test binary uses its part

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// How the server behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As today's git: protocol version 2.
    Modern,
    /// As a git from before version 2, which gives only what a ref points to, and tells a push's
    /// outcome without side bands.
    Old,
    /// Takes connections and never says a word.
    Silent,
    /// Wants credentials.
    Locked,
    /// Serves whoever says [`OPEN`], and lets them push.
    Private,
    /// Sends everybody to the same path elsewhere.
    Moved(SocketAddr),
    /// Sends everybody to a page elsewhere.
    LogsIn(SocketAddr),
}

/// `ann:open-sesame`, as RFC 7617 has it.
pub const OPEN: &str = "Basic YW5uOm9wZW4tc2VzYW1l";

/// A folder of repositories and its server. The thread lives as long as the test process.
pub struct Server {
    folder: TempDir,
    pub address: SocketAddr,
    authorizations: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(manner: Manner) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let root: Arc<Path> = folder.path().into();
        let authorizations = Arc::new(Mutex::new(Vec::new()));
        let heard = authorizations.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, root, heard) = (stream.unwrap(), root.clone(), heard.clone());
                std::thread::spawn(move || answer(stream, &root, manner, &heard));
            }
        });
        Self {
            folder,
            address,
            authorizations,
        }
    }

    /// What each request so far said in `Authorization`; empty where it said nothing.
    pub fn authorizations(&self) -> Vec<String> {
        self.authorizations.lock().unwrap().clone()
    }

    pub fn repository(&self, name: &str) -> Repository {
        let folder = self.folder.path().join(name);
        let repository = Repository { folder };
        let created = ["init", "--quiet", "--initial-branch", "main"];
        std::fs::create_dir(&repository.folder).unwrap();
        repository.git(&created);
        repository
    }

    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }
}

pub struct Repository {
    pub folder: PathBuf,
}

impl Repository {
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Commits everything there is; the SHA.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let output = git(&self.folder)
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// git with nothing of this machine's configuration in it.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap());
    for (name, value) in [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "Ann"),
        ("GIT_AUTHOR_EMAIL", "ann@example.com"),
        ("GIT_AUTHOR_DATE", "1700000000 +0000"),
        ("GIT_COMMITTER_NAME", "Ann"),
        ("GIT_COMMITTER_EMAIL", "ann@example.com"),
        ("GIT_COMMITTER_DATE", "1700000000 +0000"),
    ] {
        command.env(name, value);
    }
    command
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

fn answer(mut stream: TcpStream, root: &Path, manner: Manner, heard: &Mutex<Vec<String>>) {
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let Some(request) = read(&mut BufReader::new(&stream)) else {
        return;
    };
    let authorization = request.header("authorization").to_owned();
    heard.lock().unwrap().push(authorization.clone());
    match manner {
        Manner::Silent => {
            // Until the client hangs up.
            std::io::copy(&mut stream, &mut std::io::sink()).ok();
        }
        Manner::Private if authorization != OPEN => unauthorized(&mut stream),
        Manner::Locked => unauthorized(&mut stream),
        Manner::Moved(to) => {
            let Request { path, query, .. } = request;
            redirect(&mut stream, &format!("http://{to}{path}?{query}"));
        }
        Manner::LogsIn(to) => redirect(&mut stream, &format!("http://{to}/login")),
        Manner::Modern | Manner::Old | Manner::Private => {
            let mut reply = http_backend(&request, root, manner);
            if manner == Manner::Old && request.query.ends_with("git-receive-pack") {
                reply = without_side_bands(reply);
            }
            stream.write_all(&reply).ok();
        }
    }
}

fn redirect(stream: &mut TcpStream, to: &str) {
    let end = "Content-Length: 0\r\nConnection: close\r\n\r\n";
    write!(stream, "HTTP/1.1 301 Moved\r\nLocation: {to}\r\n{end}").ok();
}

fn unauthorized(stream: &mut TcpStream) {
    let head = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\n";
    let end = "Content-Length: 0\r\nConnection: close\r\n\r\n";
    write!(stream, "{head}{end}").ok();
}

fn read(stream: &mut impl BufRead) -> Option<Request> {
    let first = line(stream)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut headers = Vec::new();
    loop {
        let header = line(stream)?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: Vec::new(),
    };
    if request.header("transfer-encoding") == "chunked" {
        loop {
            let size = usize::from_str_radix(&line(stream)?, 16).ok()?;
            let from = request.body.len();
            request.body.resize(from + size, 0);
            stream.read_exact(&mut request.body[from..]).ok()?;
            line(stream)?;
            if size == 0 {
                break;
            }
        }
    } else {
        let size = request.header("content-length").parse().unwrap_or(0);
        request.body.resize(size, 0);
        stream.read_exact(&mut request.body).ok()?;
    }
    Some(request)
}

fn line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    Some(line.trim_end().to_owned())
}

/// RFC 3875, as far as git uses it.
fn http_backend(request: &Request, root: &Path, manner: Manner) -> Vec<u8> {
    let mut backend = git(root);
    backend.arg("http-backend");
    for (name, value) in [
        ("GIT_PROJECT_ROOT", root.to_str().unwrap()),
        ("GIT_HTTP_EXPORT_ALL", "1"),
        ("REQUEST_METHOD", &request.method),
        ("PATH_INFO", &request.path),
        ("QUERY_STRING", &request.query),
        ("CONTENT_TYPE", request.header("content-type")),
        ("HTTP_CONTENT_ENCODING", request.header("content-encoding")),
        ("CONTENT_LENGTH", &request.body.len().to_string()),
    ] {
        backend.env(name, value);
    }
    if manner != Manner::Old {
        backend.env("GIT_PROTOCOL", request.header("git-protocol"));
    }
    if manner == Manner::Private {
        // git takes pushes from whoever has a name.
        backend.env("REMOTE_USER", "ann");
    }
    let mut child = backend
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = request.body.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&body).ok());
    let output = child.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    let status = status_of(&output);
    let mut reply = format!("HTTP/1.1 {status} x\r\nConnection: close\r\n").into_bytes();
    reply.extend(output);
    reply
}

/// The capability gets another name of the same length, since lines tell theirs.
fn without_side_bands(mut reply: Vec<u8>) -> Vec<u8> {
    let (from, to) = (b"side-band-64k", b"nothing-at-all");
    let found = reply.windows(from.len()).position(|part| part == from);
    let at = found.expect("git has side bands");
    reply[at..at + from.len()].copy_from_slice(&to[..from.len()]);
    reply
}

/// It may stand behind other headers.
fn status_of(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let headers = text.lines().take_while(|line| !line.trim().is_empty());
    let status = headers
        .filter_map(|line| line.strip_prefix("Status: "))
        .next();
    status.map_or("200", |status| &status[..3]).to_owned()
}
