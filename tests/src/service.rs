//! The small component that tests release: one template, with a knob for everything that can fail.

use std::path::{Path, PathBuf};

/// What an instance of it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Serves.
    Well,
    /// ListeningComponent, and answers its health path with 503.
    Unhealthy,
    /// Ends with an error.
    Crashing,
    /// Prints 300 lines and ends with an error.
    CrashingLoudly,
    /// Serves well, and ends after four seconds.
    EndingSoon,
}

/// One suite of its manifest.
#[derive(Debug, Clone)]
pub struct Suite {
    pub name: &'static str,
    pub command: String,
    pub slow: bool,
}

/// One version of the component.
#[derive(Debug, Clone)]
pub struct Service {
    /// Makes the commit different from others.
    pub version: String,
    pub unit_tests: String,
    pub build: String,
    pub start: Start,
    /// It serves once there is this file.
    pub held_by: Option<PathBuf>,
    /// It answers its health path with 503 once there is this file, and all else as before. If the file has text,
    /// that names the instances which are sick, each with what it does: `i-1 500`, or `i-1 hangs`.
    pub sick_by: Option<PathBuf>,
    /// It answers whoever asks by its alias's name with 503 once there is this file, and all else as before.
    pub shut_by: Option<PathBuf>,
    pub suites: Vec<Suite>,
    /// Whom it talks to.
    pub peers: Vec<String>,
    /// What it pins: library and commit.
    pub vendor: Vec<(String, String)>,
    /// Whether it is a library, and nothing of it runs.
    pub is_library: bool,
    /// Appended to the manifest's `[run]`.
    pub more_of_run: String,
    /// Appended to the manifest's `[build]`.
    pub more_of_build: String,
    /// Appended to the manifest.
    pub more_manifest: String,
    /// Whether there is a manifest at all.
    pub has_manifest: bool,
    /// Further files: name and content.
    pub files: Vec<(&'static str, String)>,
}

/// The suite that every version has: the candidate must be this very commit.
/// Over a socket: hundreds of them run, and Python's own client takes longer to load than they to ask.
const SMOKE: &str = r#"import json, os, socket, sys
url = os.environ["TARGET_URL"] + "/version"
# The local cloud's names are its proxy's to resolve.
host, port = os.environ.get("http_proxy", url).split("/")[2].split(":")
with socket.create_connection((host, int(port)), timeout=30) as line:
    line.sendall(f"GET {url} HTTP/1.0\r\nHost: {url.split('/')[2]}\r\n\r\n".encode())
    head, body = b"".join(iter(lambda: line.recv(65536), b"")).split(b"\r\n\r\n", 1)
if head.split()[1] != b"200":
    sys.exit(head.decode())
found = json.loads(body)["commit"]
print("the candidate is", found)
sys.exit(found != os.environ["COMMIT"])
"#;

/// Without Python's own server, for the same reason: all that it loads and does for each request would be a tenth of
/// what the stories take.
const SERVER: &str = r#"import json, os, socketserver, sys, threading, time

START, HELD_BY, SICK_BY, SHUT_BY = "@START@", "@HELD_BY@", "@SICK_BY@", "@SHUT_BY@"
IDENTITY = {name: os.environ.get(name.upper(), "") for name in ("component", "commit", "release", "target")}
IDENTITY["version"] = open("VERSION").read().strip()
VENDOR = os.environ.get("VENDOR")
IDENTITY["vendor"] = {name: open(f"{VENDOR}/{name}/words").read().strip() for name in sorted(os.listdir(VENDOR))} if VENDOR else {}


def peers(what):
    """What each peer says of itself, by its component's name."""
    import urllib.request

    said = {}
    for variable, url in os.environ.items():
        if variable.startswith("T_") and variable.endswith("_URL"):
            with urllib.request.urlopen(url + "/version", timeout=10) as answer:
                said[variable[:-4].lower().replace("_", "-")] = json.load(answer)[what]
    return said


def answer(path):
    if path == "/peers":
        return IDENTITY | peers("commit")
    if path == "/peer-versions":
        return peers("version")
    return IDENTITY | {"names": sorted(os.environ)}


def sickness():
    """What this instance does at the moment, if it is sick."""
    if START == "Unhealthy":
        return "503"
    if not SICK_BY or not os.path.exists(SICK_BY):
        return ""
    named = dict(line.split() for line in open(SICK_BY))
    return named.get(os.environ.get("CUTOVER_INSTANCE_ID"), "") if named else "503"


class Handler(socketserver.StreamRequestHandler):
    """Requests without a body, one after the other on a connection (RFC 9112)."""
    disable_nagle_algorithm = True

    def handle(self):
        try:
            while self.one():
                pass
        except ConnectionError:
            pass  # the client has gone

    def one(self):
        request = self.rfile.readline().split()
        if len(request) != 3:
            return False
        keep = request[2] == b"HTTP/1.1"
        host = b""
        while (header := self.rfile.readline().strip().lower()):
            keep = keep and header != b"connection: close"
            host = header[6:] if header.startswith(b"host: ") else host
        if request[1].startswith(b"/stream/"):
            return self.stream(int(request[1][8:]))
        status, body = self.answer(request[1].decode())
        if SHUT_BY and host.startswith(IDENTITY["component"].encode() + b".") and os.path.exists(SHUT_BY):
            status = b"503 Service Unavailable"
        self.wfile.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (
            status, len(body), b"" if keep else b"Connection: close\r\n", body))
        return keep

    def stream(self, seconds):
        """An event each second."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for number in range(seconds):
            self.wfile.write(b"data: %d\n\n" % number)
            time.sleep(1)
        return False

    def answer(self, path):
        if path.startswith("/say/"):
            print(path[5:], flush=True)
        does = sickness()
        if does == "hangs":
            time.sleep(60)
        healthy = not does or path != "/healthz"
        return b"200 OK" if healthy else f"{does} Sick".encode(), json.dumps(answer(path)).encode()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def process_request(self, request, address):
        try:
            super().process_request(request, address)
        except RuntimeError as error:  # a busy machine starts no thread: no reason to answer nobody
            print(error, flush=True)
            self.process_request_thread(request, address)


if START == "Crashing":
    sys.exit("boom: this version cannot start")
if START == "CrashingLoudly":
    print(*range(300), sep="\n", flush=True)
    sys.exit(9)
if START == "EndingSoon":
    threading.Timer(4, os._exit, [3]).start()
while HELD_BY and not os.path.exists(HELD_BY):
    time.sleep(0.05)
print("serving", IDENTITY["commit"], flush=True)
Server((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"#;

impl Service {
    /// A version that passes everything.
    pub fn good(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            unit_tests: "sh -c 'echo unit tests of $(cat VERSION)'".into(),
            build: "sh build.sh".into(),
            start: Start::Well,
            held_by: None,
            sick_by: None,
            shut_by: None,
            suites: vec![Suite {
                name: "smoke",
                command: "python3 smoke.py".into(),
                slow: false,
            }],
            peers: Vec::new(),
            vendor: Vec::new(),
            is_library: false,
            more_of_run: String::new(),
            more_of_build: String::new(),
            more_manifest: String::new(),
            has_manifest: true,
            files: vec![(
                "build.sh",
                "mkdir -p dist && cp server.py VERSION dist/ && echo built\n".into(),
            )],
        }
    }

    /// A library with one file, and a suite that wants to see that in `$VENDOR/<its name>`.
    pub fn library(name: &str, version: &str) -> Self {
        let mut library = Self::good(version);
        library.is_library = true;
        library.build = "sh -c 'mkdir -p dist && cp VERSION dist/words'".into();
        let suite = format!("sh -c 'test \"$(cat $VENDOR/{name}/words)\" = {version}'");
        library.suites.clear();
        library.add_suite("words", suite);
        library
    }

    /// The same with a library, which all of its commands want to see.
    pub fn pinning(mut self, library: &str, commit: &str) -> Self {
        let look = format!("test -s \"$VENDOR/{library}/words\"");
        self.unit_tests = format!("sh -c '{look}'");
        self.build = format!("sh -c '{look} && sh build.sh'");
        self.add_suite("vendored", format!("sh -c '{look}'"));
        self.vendor.push((library.into(), commit.into()));
        self
    }

    /// Has one more fast suite.
    pub fn add_suite(&mut self, name: &'static str, command: impl Into<String>) {
        self.suites.push(Suite {
            name,
            command: command.into(),
            slow: false,
        });
    }

    /// Writes it into a checkout.
    pub fn write(&self, folder: &Path, component: &str, port: u16) {
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text)
                .unwrap_or_else(|error| panic!("writing {name}: {error}"));
        };
        write("VERSION", &format!("{}\n", self.version));
        let path = |file: &Option<PathBuf>| {
            let path = file.as_deref().unwrap_or(Path::new(""));
            path.to_string_lossy().into_owned()
        };
        let server = SERVER
            .replace("@START@", &format!("{:?}", self.start))
            .replace("@HELD_BY@", &path(&self.held_by))
            .replace("@SICK_BY@", &path(&self.sick_by))
            .replace("@SHUT_BY@", &path(&self.shut_by));
        write("server.py", &server);
        write("smoke.py", SMOKE);
        for (name, text) in &self.files {
            write(name, text);
        }
        if self.has_manifest {
            write("cutover.toml", &self.manifest(component, port));
        } else {
            let _ = std::fs::remove_file(folder.join("cutover.toml"));
        }
    }

    fn manifest(&self, component: &str, port: u16) -> String {
        let mut text = format!(
            "[component]\nname = \"{component}\"\npeers = {:?}\n[build]\nunit_tests = {:?}\ncommand = {:?}\noutput = \"dist\"\n{}\n\
             [run]\ncommand = \"python3 server.py\"\nport = {port}\nstart_timeout = \"{}\"\nhealthy_for = \"{}\"\n{}",
            self.peers,
            self.unit_tests,
            self.build,
            self.more_of_build,
            match self.start {
                Start::Unhealthy | Start::Crashing => "8s",
                _ => "60s",
            },
            match self.start {
                // As it is where nobody asks for less.
                Start::EndingSoon => "5s",
                _ => "1s",
            },
            self.more_of_run,
        );
        if self.is_library {
            let run = text.find("[run]").expect("a section");
            text.truncate(run);
            text = text.replace("peers = []", "kind = \"library\"");
        }
        for (library, commit) in &self.vendor {
            text += &format!("[vendor.{library}]\ncommit = {commit:?}\n");
        }
        for suite in &self.suites {
            let limit = match suite.name {
                // The only one that needs its limit.
                "hanging" => "3s",
                // It waits for something that the test does meanwhile.
                "held" => "4m",
                _ => "60s",
            };
            text += &format!(
                "\n[[suite]]\nname = {:?}\ncommand = {:?}\nslow = {}\ntimeout = {limit:?}\n",
                suite.name, suite.command, suite.slow
            );
        }
        text + &self.more_manifest
    }
}
