//! The gateway: the way in to the instances, by name, for people and for commands.

mod body;
mod headers;
mod pool;
mod refusal;
mod route;
mod send;
mod tunnel;

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hickory_proto::rr::Name;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::broadcast::{Receiver, error::RecvError},
    task::JoinSet,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    AddressBook, NetError,
    names::{Lookup, Names},
    source::absolute,
};
use body::Outgoing;
pub(crate) use pool::LONGEST_IDLE;
use pool::Pool;
use refusal::Refusal;
use route::{Host, Route};
use send::Upstream;

/// How long a connection, or the beginning of a response, may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Accepting fails when the process has no file descriptor left; some are given back soon.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(50);

/// Brings HTTP requests to instances, as a reverse proxy and as a forward proxy.
pub struct Gateway {
    address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
    _tunnels: DropGuard,
}

impl Gateway {
    /// Starts it on a listener. It resolves names through the DNS server at `dns`, and takes
    /// requests for hosts under `domain`.
    ///
    /// # Errors
    /// When the listener is none that can be waited for.
    pub fn start(
        listener: std::net::TcpListener,
        dns: SocketAddr,
        addresses: AddressBook,
        domain: String,
    ) -> Result<Self, NetError> {
        Self::start_with(listener, dns, addresses, domain, PATIENCE)
    }

    pub(crate) fn start_with(
        listener: std::net::TcpListener,
        dns: SocketAddr,
        addresses: AddressBook,
        domain: String,
        patience: Duration,
    ) -> Result<Self, NetError> {
        let listener = TcpListener::from_std(listener).map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let stop = CancellationToken::new();
        let removals = addresses.removals();
        let shared = Arc::new(Shared {
            port: address.port(),
            domain: domain.trim_matches('.').to_ascii_lowercase(),
            names: Names::new(dns),
            addresses,
            pool: Pool::default(),
            patience,
            stop: stop.clone(),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(tidy(shared.clone(), removals));
        accepting.spawn(accept(listener, shared.clone()));
        Ok(Self {
            address,
            shared,
            _accepting: accepting,
            _tunnels: stop.drop_guard(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For who opens further entrances to it.
    pub fn entrance(&self) -> Entrance {
        Entrance(self.shared.clone())
    }
}

/// Lets the gateway be entered by listeners elsewhere, such as those inside instances.
#[derive(Clone)]
pub struct Entrance(Arc<Shared>);

impl Entrance {
    /// Serves a listener; never returns. Dropping this ends its connections.
    pub async fn serve(&self, listener: TcpListener) {
        accept(listener, self.0.clone()).await;
    }
}

fn no_port(source: io::Error) -> NetError {
    NetError::Bind {
        part: "the gateway",
        source,
    }
}

/// Ends the idle connections of removed instances, and those that idle for too long.
async fn tidy(shared: Arc<Shared>, mut removals: Receiver<Arc<str>>) {
    let mut pause = tokio::time::interval(LONGEST_IDLE);
    loop {
        tokio::select! {
            removed = removals.recv() => match removed {
                Ok(instance) => shared.pool.forget(&instance),
                Err(RecvError::Lagged(_)) => shared.pool.clear(),
                Err(RecvError::Closed) => return,
            },
            _ = pause.tick() => shared.pool.sweep(),
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropping the set ends the connections with the gateway.
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connections.spawn(serve(stream, shared.clone())),
            Err(error) => {
                tracing::warn!(%error, "the gateway cannot accept a connection");
                tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without it, small answers wait for acknowledgements; it fails on a dead socket only.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(shared.answer(request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a client's connection ended early");
    }
}

struct Shared {
    port: u16,
    domain: String,
    names: Names,
    addresses: AddressBook,
    pool: Pool,
    patience: Duration,
    stop: CancellationToken,
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<Outgoing> {
        let route = route::route(&request, &self.domain, self.port);
        let answered = match route {
            Ok(Route::Reverse(host)) => self.reverse(host, request).await,
            Ok(Route::Forward(host, port)) => self.forward(host, port, request).await,
            Ok(Route::Tunnel(host, port)) => self.tunnel(host, port, request).await,
            Err(refusal) => Err(refusal),
        };
        answered.unwrap_or_else(Refusal::into_response)
    }

    async fn reverse(
        &self,
        host: String,
        request: Request<Incoming>,
    ) -> Result<Response<Outgoing>, Refusal> {
        let addresses = self.look_up(&host).await.map_err(|absence| match absence {
            Absence::Absent => Refusal::no_such_host(&host, &self.domain, self.port),
            Absence::Foreign => Refusal::no_such_host(&host, &self.domain, self.port),
            Absence::Failed(why) => Refusal::unresolved(&host, &why),
        })?;
        let find = |address| Upstream::by_tag(address, self.addresses.find(address));
        let upstreams: Vec<_> = addresses.into_iter().map(find).collect();
        self.send(&host, &upstreams, request).await
    }

    async fn forward(
        &self,
        host: Host,
        port: u16,
        request: Request<Incoming>,
    ) -> Result<Response<Outgoing>, Refusal> {
        let upstreams = self.forwarded(&host, port).await?;
        self.send(&host.to_string(), &upstreams, request).await
    }

    async fn tunnel(
        &self,
        host: Host,
        port: u16,
        request: Request<Incoming>,
    ) -> Result<Response<Outgoing>, Refusal> {
        let upstreams = self.forwarded(&host, port).await?;
        let (_, stream) = self.connect_any(&host.to_string(), &upstreams).await?;
        Ok(tunnel::open(request, stream, self.stop.clone()))
    }

    async fn forwarded(&self, host: &Host, port: u16) -> Result<Vec<Upstream>, Refusal> {
        let find = |address| Upstream::at_port(address, self.addresses.find(address), port);
        match host {
            // The literal of no instance may be anything, so it is refused rather than missed.
            Host::Address(address) => match self.addresses.find(*address) {
                Some(_) => Ok(vec![find(*address)]),
                None => Err(Refusal::foreign(host, &self.domain)),
            },
            Host::Name(name) => {
                let addresses = self.look_up(name).await.map_err(|absence| match absence {
                    Absence::Absent => Refusal::absent(name),
                    Absence::Foreign => Refusal::foreign(host, &self.domain),
                    Absence::Failed(why) => Refusal::unresolved(name, &why),
                })?;
                Ok(addresses.into_iter().map(find).collect())
            }
        }
    }

    /// The addresses of a host, beginning with the one whose turn it is.
    async fn look_up(&self, host: &str) -> Result<Vec<Ipv4Addr>, Absence> {
        let name: Name = absolute(host).ok_or(Absence::Foreign)?;
        match self.names.look_up(&name).await {
            (Lookup::Found(addresses), turn) => {
                let mut addresses = addresses.to_vec();
                let first = turn % addresses.len();
                addresses.rotate_left(first);
                Ok(addresses)
            }
            (Lookup::Absent, _) => Err(Absence::Absent),
            (Lookup::Foreign, _) => Err(Absence::Foreign),
            (Lookup::Failed(why), _) => Err(Absence::Failed(why)),
        }
    }
}

/// Why a host has no address.
enum Absence {
    Absent,
    Foreign,
    Failed(Arc<str>),
}
