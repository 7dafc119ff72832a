//! Idle connections to services.

use std::{
    collections::HashMap,
    fmt,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use super::body::Payload;
use crate::Instance;

/// Servers end idle connections after 5 s at the earliest (Node does); we are first.
pub(crate) const LONGEST_IDLE: Duration = Duration::from_secs(4);
/// Idle connections kept for one service.
const MOST_IDLE: usize = 128;

type Sender = SendRequest<Payload>;

/// A port of an instance.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// The instance's address, as the gateway's clients know it.
    pub(super) public: Ipv4Addr,
    pub(super) instance: Instance,
    pub(super) port: u16,
}

/// Addresses are given again to later instances, an id never is.
type Key = (Arc<str>, u16);

impl Service {
    fn key(&self) -> Key {
        (self.instance.id.clone(), self.port)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({})", self.public, self.port, self.instance.id)
    }
}

#[derive(Clone, Default)]
pub(super) struct Pool(Arc<Mutex<HashMap<Key, Vec<Idle>>>>);

struct Idle {
    sender: Sender,
    since: Instant,
}

impl Pool {
    /// The connection that was used last and can still be used.
    pub(super) fn take(&self, service: &Service) -> Option<Lease> {
        let mut pool = self.lock();
        let idle = pool.get_mut(&service.key())?;
        while let Some(connection) = idle.pop() {
            if connection.is_usable() {
                return Some(self.lease(service.clone(), connection.sender));
            }
        }
        None
    }

    /// A connection that comes to the pool once its response has been read.
    pub(super) fn lease(&self, service: Service, sender: Sender) -> Lease {
        Lease {
            pool: self.clone(),
            service,
            sender,
        }
    }

    pub(super) fn forget(&self, instance: &str) {
        self.lock().retain(|(id, _), _| **id != *instance);
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

    fn put(&self, service: &Service, sender: Sender) {
        let mut pool = self.lock();
        let idle = pool.entry(service.key()).or_default();
        if idle.len() < MOST_IDLE {
            let since = Instant::now();
            idle.push(Idle { sender, since });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Vec<Idle>>> {
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
    service: Service,
    pub(super) sender: Sender,
}

impl Lease {
    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    /// Puts the connection back as soon as it can take a request, if it ever can again.
    pub(super) fn give_back(mut self) {
        if self.sender.is_ready() {
            self.pool.put(&self.service, self.sender);
            return;
        }
        tokio::spawn(async move {
            let ready = tokio::time::timeout(LONGEST_IDLE, self.sender.ready()).await;
            if let Ok(Ok(())) = ready {
                self.pool.put(&self.service, self.sender);
            }
        });
    }
}
