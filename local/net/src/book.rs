use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::broadcast;

/// Where the instances of the local cloud really listen.
///
/// EC2 gives an instance a public and a private address; here both stand for one loopback
/// address. Clones share one book.
#[derive(Clone)]
pub struct AddressBook(Arc<Shared>);

struct Shared {
    entries: RwLock<Entries>,
    removed: broadcast::Sender<Ipv4Addr>,
}

#[derive(Default)]
struct Entries {
    instances: HashMap<Ipv4Addr, Instance>,
    loopbacks: HashMap<Ipv4Addr, Ipv4Addr>,
}

/// A running instance, as the network sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The address it listens on.
    pub loopback: Ipv4Addr,
    /// The port in its `cutover:port` tag.
    pub port: Option<u16>,
}

impl Default for AddressBook {
    fn default() -> Self {
        // Few instances end at once, and a reader that misses some drops everything it keeps.
        let (removed, _) = broadcast::channel(64);
        Self(Arc::new(Shared {
            entries: RwLock::default(),
            removed,
        }))
    }
}

impl AddressBook {
    /// Enters an instance, or replaces what is known of the one at this loopback address.
    /// A missing public or private address, or port tag, is `None`.
    pub fn set(
        &self,
        public: impl Into<Option<Ipv4Addr>>,
        private: impl Into<Option<Ipv4Addr>>,
        loopback: Ipv4Addr,
        port: impl Into<Option<u16>>,
    ) {
        let port = port.into();
        self.write(|entries| {
            entries.forget(&loopback);
            for address in public.into().into_iter().chain(private.into()) {
                entries.loopbacks.insert(address, loopback);
            }
            entries
                .instances
                .insert(loopback, Instance { loopback, port });
        });
    }

    /// Strikes the instance at this loopback address out, and ends the idle connections to it.
    pub fn remove(&self, loopback: &Ipv4Addr) {
        self.write(|entries| entries.forget(loopback));
        // An error only means that no gateway is listening.
        let _ = self.0.removed.send(*loopback);
    }

    /// The instance with this address, be it its public, its private or its loopback one.
    pub fn find(&self, address: Ipv4Addr) -> Option<Instance> {
        let entries = self
            .0
            .entries
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let loopback = entries.loopbacks.get(&address).unwrap_or(&address);
        entries.instances.get(loopback).copied()
    }

    /// The loopback addresses of instances that are removed from now on.
    pub(crate) fn removals(&self) -> broadcast::Receiver<Ipv4Addr> {
        self.0.removed.subscribe()
    }

    fn write(&self, change: impl FnOnce(&mut Entries)) {
        // The entries are consistent after each statement, so a poisoned lock is only a word.
        change(
            &mut self
                .0
                .entries
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }
}

impl Entries {
    fn forget(&mut self, loopback: &Ipv4Addr) {
        self.instances.remove(loopback);
        self.loopbacks.retain(|_, known| known != loopback);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: Ipv4Addr = Ipv4Addr::new(54, 1, 2, 3);
    const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);
    const LOOPBACK: Ipv4Addr = Ipv4Addr::new(127, 100, 0, 1);

    #[test]
    fn an_instance_is_found_by_each_of_its_addresses_until_it_is_removed() {
        let book = AddressBook::default();
        book.set(PUBLIC, PRIVATE, LOOPBACK, 8080);
        let instance = Instance {
            loopback: LOOPBACK,
            port: Some(8080),
        };
        for address in [PUBLIC, PRIVATE, LOOPBACK] {
            assert_eq!(book.find(address), Some(instance));
        }
        book.remove(&LOOPBACK);
        for address in [PUBLIC, PRIVATE, LOOPBACK] {
            assert_eq!(book.find(address), None);
        }
    }

    #[test]
    fn setting_an_instance_again_forgets_its_former_addresses() {
        let book = AddressBook::default();
        book.set(PUBLIC, PRIVATE, LOOPBACK, 8080);
        book.set(None, PRIVATE, LOOPBACK, None);
        assert_eq!(book.find(PUBLIC), None);
        assert_eq!(book.find(PRIVATE).and_then(|found| found.port), None);
    }

    #[test]
    fn an_address_of_no_instance_is_not_found() {
        let book = AddressBook::default();
        assert_eq!(book.find(Ipv4Addr::LOCALHOST), None);
    }
}
