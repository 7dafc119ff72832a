//! Idle connections to services.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddrV4},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use super::body::Payload;

/// Servers end idle connections after 5 s at the earliest (Node does); we are first.
pub(crate) const LONGEST_IDLE: Duration = Duration::from_secs(4);
/// Idle connections kept for one service.
const MOST_IDLE: usize = 128;

type Sender = SendRequest<Payload>;

#[derive(Clone, Default)]
pub(super) struct Pool(Arc<Mutex<HashMap<SocketAddrV4, Vec<Idle>>>>);

struct Idle {
    sender: Sender,
    since: Instant,
}

impl Pool {
    /// The connection that was used last and can still be used.
    pub(super) fn take(&self, service: SocketAddrV4) -> Option<Lease> {
        let mut pool = self.lock();
        let idle = pool.get_mut(&service)?;
        while let Some(connection) = idle.pop() {
            if connection.is_usable() {
                return Some(self.lease(service, connection.sender));
            }
        }
        None
    }

    /// A connection that comes to the pool once its response has been read.
    pub(super) fn lease(&self, service: SocketAddrV4, sender: Sender) -> Lease {
        Lease {
            pool: self.clone(),
            service,
            sender,
        }
    }

    pub(super) fn forget(&self, loopback: Ipv4Addr) {
        self.lock().retain(|service, _| *service.ip() != loopback);
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    pub(super) fn sweep(&self) {
        self.lock().retain(|_, idle| {
            idle.retain(Idle::is_usable);
            !idle.is_empty()
        });
    }

    fn put(&self, service: SocketAddrV4, sender: Sender) {
        let mut pool = self.lock();
        let idle = pool.entry(service).or_default();
        if idle.len() < MOST_IDLE {
            let since = Instant::now();
            idle.push(Idle { sender, since });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddrV4, Vec<Idle>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn is_usable(&self) -> bool {
        self.sender.is_ready() && self.since.elapsed() < LONGEST_IDLE
    }
}

/// A connection in use. Dropping it closes the connection.
pub(super) struct Lease {
    pool: Pool,
    service: SocketAddrV4,
    pub(super) sender: Sender,
}

impl Lease {
    pub(super) fn service(&self) -> SocketAddrV4 {
        self.service
    }

    /// Puts the connection back as soon as it can take a request, if it ever can again.
    pub(super) fn give_back(mut self) {
        if self.sender.is_ready() {
            self.pool.put(self.service, self.sender);
            return;
        }
        tokio::spawn(async move {
            let ready = tokio::time::timeout(LONGEST_IDLE, self.sender.ready()).await;
            if let Ok(Ok(())) = ready {
                self.pool.put(self.service, self.sender);
            }
        });
    }
}
