//! The gateway's caching DNS client.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, rdata::A},
};
use tokio::time::Instant;

use crate::client::ask;

/// How long it is remembered that a name is in none of our zones: one may be made.
const FOREIGN: Duration = Duration::from_secs(1);
/// Names kept before those whose time is over are swept out.
const SWEEP_ABOVE: usize = 1024;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    Found(Arc<[Ipv4Addr]>),
    /// Its zone has no address for it.
    Absent,
    /// It is in none of our zones.
    Foreign,
    /// The DNS server could not say; the text is why.
    Failed(Arc<str>),
}

/// Remembers answers exactly as long as their TTL allows, counted from the question, and asks
/// once for all who want the same name at the same time.
#[derive(Clone)]
pub(crate) struct Names {
    server: SocketAddr,
    cache: Arc<Mutex<HashMap<Name, Slot>>>,
}

struct Slot {
    /// Whose turn it is among several addresses; it outlives the answers.
    turn: Arc<AtomicUsize>,
    state: State,
}

enum State {
    Asking(Shared<BoxFuture<'static, Lookup>>),
    Known { lookup: Lookup, until: Instant },
}

impl Names {
    pub(crate) fn new(server: SocketAddr) -> Self {
        Self {
            server,
            cache: Arc::default(),
        }
    }

    /// Looks a name up; also gives the place in the addresses at which this caller begins.
    pub(crate) async fn look_up(&self, name: &Name) -> (Lookup, usize) {
        let (lookup, turn) = match self.begin(name) {
            (Begun::Known(lookup), turn) => (lookup, turn),
            (Begun::Asking(answer), turn) => (answer.await, turn),
        };
        (lookup, turn.fetch_add(1, Ordering::Relaxed))
    }

    fn begin(&self, name: &Name) -> (Begun, Arc<AtomicUsize>) {
        let mut cache = self.lock();
        let now = Instant::now();
        let turn = match cache.get(name) {
            Some(slot) => match &slot.state {
                State::Known { lookup, until } if now < *until => {
                    return (Begun::Known(lookup.clone()), slot.turn.clone());
                }
                State::Asking(answer) => return (Begun::Asking(answer.clone()), slot.turn.clone()),
                State::Known { .. } => slot.turn.clone(),
            },
            None => Arc::default(),
        };
        if cache.len() >= SWEEP_ABOVE {
            cache.retain(|_, slot| slot.is_needed(now));
        }
        let answer = self.ask(name.clone());
        let state = State::Asking(answer.clone());
        let slot = Slot {
            turn: turn.clone(),
            state,
        };
        cache.insert(name.clone(), slot);
        (Begun::Asking(answer), turn)
    }

    /// Asks in a task of its own: a question whose askers all leave is answered nevertheless,
    /// or the next one to want the name would get an answer from the past.
    fn ask(&self, name: Name) -> Shared<BoxFuture<'static, Lookup>> {
        let names = self.clone();
        let task = tokio::spawn(async move {
            let asked = Instant::now();
            let (lookup, ttl) = match ask(names.server, &name).await {
                Ok(message) => read(&message),
                Err(error) => failed(format!("the DNS server does not answer: {error}")),
            };
            if let Some(slot) = names.lock().get_mut(&name) {
                slot.state = State::Known {
                    lookup: lookup.clone(),
                    until: asked + ttl,
                };
            }
            lookup
        });
        let stopped = |_| failed("the lookup was stopped".into()).0;
        task.map(move |answer| answer.unwrap_or_else(stopped))
            .boxed()
            .shared()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Slot>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Begun {
    Known(Lookup),
    Asking(Shared<BoxFuture<'static, Lookup>>),
}

impl Slot {
    fn is_needed(&self, now: Instant) -> bool {
        match &self.state {
            State::Asking(_) => true,
            State::Known { until, .. } => now < *until,
        }
    }
}

/// What a message says, and for how long.
fn read(message: &Message) -> (Lookup, Duration) {
    match message.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        ResponseCode::Refused => return (Lookup::Foreign, FOREIGN),
        code => return failed(format!("the DNS server says: {code}")),
    }
    let addresses: Arc<[Ipv4Addr]> = message
        .answers
        .iter()
        .filter_map(|record| match record.data {
            RData::A(A(address)) => Some(address),
            _ => None,
        })
        .collect();
    let chain = message.answers.iter().map(|record| record.ttl).min();
    let seconds = |ttl: u32| Duration::from_secs(ttl.into());
    if addresses.is_empty() {
        let soa = message.authorities.iter().map(|record| record.ttl).min();
        let ttl = chain.into_iter().chain(soa).min().unwrap_or(0);
        // As long as the zone says, as every resolver does (RFC 2308).
        return (Lookup::Absent, seconds(ttl));
    }
    (Lookup::Found(addresses), seconds(chain.unwrap_or(0)))
}

/// A failure is told to all who waited for it, and not remembered.
fn failed(why: String) -> (Lookup, Duration) {
    (Lookup::Failed(why.into()), Duration::ZERO)
}
