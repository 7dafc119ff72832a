//! The one process that starts every part, and ends all of them when it ends or one of them does.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use cutover_net::{AddressBook, Changes, Dns, Gateway};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::aws_server::AwsServer;
use crate::boot::{self, Surroundings};
use crate::cloud::{self, Signed};
use crate::error::{LocalError, Result};
use crate::host::Host;
use crate::lock::{self, Asked, Holder, Lock};
use crate::ministack::{self, MiniStack};
use crate::roles::Roles;
use crate::root::Root;
use crate::state::{self, ACCOUNT, InstanceLine, PROJECT, REGION, State};
use crate::{command_path, commands, git, network, ports, processes, repository};

/// `status` when there is nothing to show.
pub const EXIT_DOWN: u8 = 3;
/// Where they are free when a root's local cloud is started for the first time.
const GATEWAY_PORT: u16 = 8800;
const GIT_PORT: u16 = 8801;
/// How often adopted processes are looked at. Nobody waits for them.
const ADOPTED_LOOK: Duration = Duration::from_secs(2);

/// Runs the local cloud until a signal, or until a part of it fails.
pub fn run(root: &Root) -> Result<ExitCode> {
    close_inherited();
    raise_open_files();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "info,aws=warn".into()),
        )
        .with_ansi(std::io::stdout().is_terminal())
        .init();
    network::check()?;
    let mut lock = take_lock(root)?;
    // A function that is killed leaves its user's command behind: it comes here, not to init.
    set_child_subreaper(true)
        .map_err(|error| LocalError::io("could not adopt processes")(error.into()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(LocalError::io("could not start the runtime"))?;
    let outcome = runtime.block_on(supervise(root));
    runtime.shutdown_timeout(Duration::from_secs(1));
    state::forget(root);
    commands::sweep(root)?;
    lock.clear()?;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// What the shell that ran `up` had open is not for a process that outlives it: a lock would never
/// be freed, a pipe never end.
fn close_inherited() {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let numbers = open.flatten();
    let numbers = numbers.filter_map(|file| file.file_name().to_str()?.parse().ok());
    // All are known before one is closed: reading the folder has one open itself.
    let numbers: Vec<i32> = numbers.filter(|number| *number > 2).collect();
    for number in numbers {
        // The folder's own is closed already.
        let _ = nix::unistd::close(number);
    }
}

/// An instance needs a dozen file descriptors here, and the usual soft limit is 1,024.
fn raise_open_files() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Without it there is room for fewer instances.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

fn take_lock(root: &Root) -> Result<Lock> {
    let holder = Holder::this_process()?;
    match lock::ask(root)? {
        Asked::Theirs(_) => Err(LocalError::Refused("the local cloud is up already".into())),
        Asked::Ours { mut lock, left_by } => {
            lock.sign(holder)?;
            let swept = commands::sweep(root)?;
            if let Some(left_by) = left_by {
                tracing::warn!(
                    "process {} ended without cleaning up; {swept} processes it left were ended",
                    left_by.pid
                );
            }
            state::forget(root);
            root.prepare()?;
            repository::refresh_hooks(root)?;
            boot::install_programs(root)?;
            boot::install_commands(root)?;
            Ok(lock)
        }
    }
}

async fn supervise(root: &Root) -> Result<()> {
    let mut asked = Endings::listen()?;
    let credentials = ministack::new_credentials()?;
    let command_path = command_path::of(root);
    let mut emulator = tokio::select! {
        started = MiniStack::start(root, &credentials, &command_path) => started?,
        () = asked.wait() => return Ok(()),
    };
    let parts = Parts::start(root, &emulator.endpoint, &credentials).await;
    let outcome = match &parts {
        Ok(parts) => {
            let state = parts.state(&emulator.endpoint, credentials, command_path)?;
            state.write_env(root)?;
            state.write(root)?;
            tracing::info!("ready: {}", state.endpoint);
            tokio::select! {
                () = asked.wait() => Ok(()),
                () = keep_state(root, state, parts.host.lines()) => Ok(()),
                () = reap_adopted() => Ok(()),
                status = emulator.ended() => Err(LocalError::Refused(format!(
                    "MiniStack ended ({status}); everything else is ended too. The end of its log:\n{}",
                    ministack::tail(&root.log("ministack"))
                ))),
            }
        }
        Err(_) => Ok(()),
    };
    let ended = match parts {
        Ok(parts) => parts.end().await,
        Err(error) => Err(error),
    };
    emulator.stop().await;
    outcome.and(ended)
}

/// Everything but the emulator.
struct Parts {
    host: Host,
    hosting: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
    dns: Dns,
    gateway: Gateway,
    git: std::net::SocketAddr,
    notes: Vec<String>,
    _aws: AwsServer,
}

impl Parts {
    async fn start(root: &Root, endpoint: &str, credentials: &state::Credentials) -> Result<Self> {
        let sdk = cloud::sdk_config(endpoint, credentials);
        let book = AddressBook::default();
        let changes = Changes::of(root.changes());
        let net = |what: &str| {
            let what = format!("could not start the {what}");
            move |error| LocalError::cloud(what, error)
        };
        let dns = Dns::start(&sdk, changes.clone())
            .await
            .map_err(net("DNS server"))?;
        let domain = format!("{PROJECT}.localhost");
        let gateway_port = ports::take(root, "gateway", GATEWAY_PORT)?;
        let git_port = ports::take(root, "git server", GIT_PORT)?;
        let notes = [gateway_port.note, git_port.note];
        let notes = notes.into_iter().flatten().collect();
        let gateway = Gateway::start(gateway_port.listener, dns.address(), book.clone(), domain)
            .map_err(net("gateway"))?;
        let git = git::start(root, git_port.listener)?;
        let surroundings = Surroundings {
            root: root.clone(),
            endpoint: ministack::address(endpoint)?,
            gateway: gateway.entrance(),
        };
        let roles = Roles::new(Signed::new(endpoint, credentials));
        let ec2 = aws_sdk_ec2::Client::new(&sdk);
        let host = Host::new(ec2, changes, roles, surroundings, book);
        let stop = CancellationToken::new();
        let hosting = tokio::spawn(host.clone().run(stop.clone()));
        Ok(Self {
            host,
            hosting,
            stop,
            dns,
            gateway,
            git,
            notes,
            _aws: AwsServer::start(root).await?,
        })
    }

    fn state(
        &self,
        endpoint: &str,
        credentials: state::Credentials,
        command_path: String,
    ) -> Result<State> {
        Ok(State {
            supervisor: Holder::this_process()?,
            endpoint: endpoint.into(),
            gateway: format!("http://{}", self.gateway.address()),
            dns: self.dns.address().to_string(),
            git: format!("http://{}", self.git),
            region: REGION.into(),
            account: ACCOUNT.into(),
            project: PROJECT.into(),
            command_path,
            credentials,
            notes: self.notes.clone(),
            instances: Vec::new(),
        })
    }

    /// Instances first, while DNS and the gateway still serve them.
    async fn end(self) -> Result<()> {
        self.stop.cancel();
        self.hosting
            .await
            .map_err(|error| LocalError::Refused(format!("the instance host failed: {error}")))
    }
}

/// Writes the list of instances whenever it changes. Never returns.
async fn keep_state(root: &Root, mut state: State, mut lines: watch::Receiver<Vec<InstanceLine>>) {
    loop {
        state.instances = lines.borrow_and_update().clone();
        if let Err(error) = state.write(root) {
            tracing::warn!("{}", error.chain());
        }
        if lines.changed().await.is_err() {
            // The host lives as long as the parts: there is nothing more to write.
            return std::future::pending().await;
        }
    }
}

/// Takes the exit status of adopted processes. Own children are dead for a moment only, until
/// whoever started them has taken theirs: what is found dead twice is adopted. Never returns.
async fn reap_adopted() {
    let this = std::process::id() as i32;
    let mut seen: HashSet<i32> = HashSet::new();
    loop {
        tokio::time::sleep(ADOPTED_LOOK).await;
        let dead: HashSet<i32> = processes::all()
            .into_iter()
            .filter(|process| process.zombie && process.parent == this)
            .map(|process| process.pid)
            .collect();
        for pid in dead.intersection(&seen) {
            let _ = waitpid(Pid::from_raw(*pid), Some(WaitPidFlag::WNOHANG));
        }
        seen = dead;
    }
}

/// The signals that a person, `down` or a terminal sends.
struct Endings {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Endings {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(LocalError::io("could not listen for signals"));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
