//! Sending a request to one of a host's instances.
//!
//! A client sees every failure, with two exceptions that any HTTP client makes, and only for
//! requests that may be repeated: an address that refuses the connection gives way to the
//! next one of the same answer, and a pooled connection that turns out to be dead is replaced
//! once. Other requests always get a connection of their own, so neither can concern them.

use std::{io, net::Ipv4Addr};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, Uri, Version,
    header::HOST,
    request::Parts,
    uri::{Authority, PathAndQuery},
};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use super::{
    Shared,
    body::{Outgoing, Payload, Progress, is_idempotent},
    headers::strip_hop_by_hop,
    pool::{Lease, Service},
    refusal::Refusal,
};
use crate::Instance;

/// One address of a host, and where that leads to.
#[derive(Clone)]
pub(super) struct Upstream {
    address: Ipv4Addr,
    service: Result<Service, Missing>,
}

#[derive(Clone, Copy)]
enum Missing {
    Instance,
    Tag,
}

impl Upstream {
    /// The service of an instance: the port is the one in its tag.
    pub(super) fn by_tag(address: Ipv4Addr, instance: Option<Instance>) -> Self {
        let port = instance.as_ref().map(|found| found.port);
        match port {
            Some(Some(port)) => Self::at_port(address, instance, port),
            Some(None) => Self::missing(address, Missing::Tag),
            None => Self::missing(address, Missing::Instance),
        }
    }

    pub(super) fn at_port(address: Ipv4Addr, instance: Option<Instance>, port: u16) -> Self {
        let Some(instance) = instance else {
            return Self::missing(address, Missing::Instance);
        };
        let service = Ok(Service {
            public: address,
            instance,
            port,
        });
        Self { address, service }
    }

    fn missing(address: Ipv4Addr, what: Missing) -> Self {
        let service = Err(what);
        Self { address, service }
    }

    fn service(&self, host: &str) -> Result<&Service, Refusal> {
        self.service.as_ref().map_err(|missing| match missing {
            Missing::Instance => Refusal::no_instance(host, self.address),
            Missing::Tag => Refusal::no_tag(host, self.address),
        })
    }
}

impl Shared {
    pub(super) async fn send(
        &self,
        host: &str,
        upstreams: &[Upstream],
        request: Request<Incoming>,
    ) -> Result<Response<Outgoing>, Refusal> {
        let (mut parts, payload) = Payload::take(request).await?;
        prepare(&mut parts);
        match payload {
            Payload::Whole(bytes) if is_idempotent(&parts.method) => {
                self.send_repeatable(host, upstreams, &parts, &bytes).await
            }
            payload => {
                let first = &upstreams[..upstreams.len().min(1)];
                let lease = self.connection(host, first).await?;
                self.exchange(host, lease, Request::from_parts(parts, payload))
                    .await
            }
        }
    }

    async fn send_repeatable(
        &self,
        host: &str,
        upstreams: &[Upstream],
        parts: &Parts,
        bytes: &Bytes,
    ) -> Result<Response<Outgoing>, Refusal> {
        let request = || Request::from_parts(parts.clone(), Payload::Whole(bytes.clone()));
        if let [
            Upstream {
                service: Ok(service),
                ..
            },
            ..,
        ] = upstreams
            && let Some(lease) = self.pool.take(service)
        {
            match self.try_exchange(lease, request()).await {
                Ok(response) => return Ok(response),
                Err(Broken::Slow) => return Err(Refusal::slow(host, service, self.patience)),
                Err(Broken::Ended(error)) => {
                    tracing::debug!(%service, %error, "a pooled connection was dead");
                }
            }
        }
        let lease = self.connection(host, upstreams).await?;
        self.exchange(host, lease, request()).await
    }

    async fn exchange(
        &self,
        host: &str,
        lease: Lease,
        request: Request<Payload>,
    ) -> Result<Response<Outgoing>, Refusal> {
        let service = lease.service().clone();
        let sent = self.try_exchange(lease, request).await;
        sent.map_err(|broken| match broken {
            Broken::Slow => Refusal::slow(host, &service, self.patience),
            Broken::Ended(error) => Refusal::broken(host, &service, &error),
        })
    }

    async fn try_exchange(
        &self,
        mut lease: Lease,
        request: Request<Payload>,
    ) -> Result<Response<Outgoing>, Broken> {
        let progress = match request.body() {
            Payload::Whole(_) => None,
            Payload::Stream { progress, .. } => Some(progress.clone()),
        };
        let answer = lease.sender.send_request(request);
        let answer = tokio::select! {
            answer = answer => answer.map_err(Broken::Ended)?,
            () = self.out_of_patience(progress) => return Err(Broken::Slow),
        };
        let (mut parts, body) = answer.into_parts();
        strip_hop_by_hop(&mut parts.headers);
        parts.version = Version::HTTP_11;
        Ok(Response::from_parts(parts, Outgoing::service(body, lease)))
    }

    /// Ends when nothing has happened for too long. A body that is still on its way is
    /// something.
    async fn out_of_patience(&self, progress: Option<Progress>) {
        let started = tokio::time::Instant::now();
        let mut until = started + self.patience;
        loop {
            tokio::time::sleep_until(until).await;
            let last = progress.as_ref().map_or(started, Progress::last);
            if last + self.patience <= until {
                return;
            }
            until = last + self.patience;
        }
    }

    async fn connection(&self, host: &str, upstreams: &[Upstream]) -> Result<Lease, Refusal> {
        let (service, stream) = self.connect_any(host, upstreams).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Refusal::broken(host, &service, &error))?;
        let named = service.to_string();
        // It ends with its sender, which the pool or a response owns.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(service = named, %error, "a connection to a service broke");
            }
        });
        Ok(self.pool.lease(service, sender))
    }

    /// Connects to the first address that lets it; nothing has been sent before that.
    pub(super) async fn connect_any(
        &self,
        host: &str,
        upstreams: &[Upstream],
    ) -> Result<(Service, TcpStream), Refusal> {
        let mut refusal = Refusal::absent(host);
        for upstream in upstreams {
            match self.connect(host, upstream).await {
                Ok((service, stream)) => return Ok((service.clone(), stream)),
                Err(refused) => refusal = refused,
            }
        }
        Err(refusal)
    }

    async fn connect<'a>(
        &self,
        host: &str,
        upstream: &'a Upstream,
    ) -> Result<(&'a Service, TcpStream), Refusal> {
        let service = upstream.service(host)?;
        let stream = timeout(self.patience, service.instance.connect(service.port))
            .await
            .map_err(|_| Refusal::unconnected_in_time(host, service, self.patience))?
            .map_err(|error| match error.kind() {
                io::ErrorKind::ConnectionRefused => Refusal::nothing_listens(host, service),
                _ => Refusal::unconnected(host, service, &error),
            })?;
        // Without it, small requests wait for acknowledgements; it fails on a dead socket only.
        let _ = stream.set_nodelay(true);
        Ok((service, stream))
    }
}

enum Broken {
    Slow,
    Ended(hyper::Error),
}

/// Makes a client's request one to the service itself.
fn prepare(parts: &mut Parts) {
    strip_hop_by_hop(&mut parts.headers);
    if let Some(host) = parts.uri.authority().and_then(host_header) {
        // RFC 9112, section 3.2.2: the target of a proxied request stands above its Host.
        parts.headers.insert(HOST, host);
    }
    let path = parts.uri.path_and_query().cloned();
    parts.uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    parts.version = Version::HTTP_11;
}

fn host_header(authority: &Authority) -> Option<HeaderValue> {
    let without_user = authority.as_str().rsplit('@').next()?;
    HeaderValue::from_str(without_user).ok()
}
