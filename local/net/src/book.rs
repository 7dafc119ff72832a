use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddrV4},
    sync::{Arc, PoisonError, RwLock},
};

use tokio::{
    net::{TcpSocket, TcpStream},
    sync::broadcast,
};

use crate::Line;

/// Which instances there are, by the public addresses that EC2 gave them.
///
/// A private address is known inside of an instance only, as on AWS to who is not in its network:
/// two networks may have the same ones. Clones share one book.
#[derive(Clone)]
pub struct AddressBook(Arc<Shared>);

struct Shared {
    instances: RwLock<HashMap<Ipv4Addr, Instance>>,
    removed: broadcast::Sender<Arc<str>>,
}

/// A running instance, as the network sees it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// EC2's.
    pub id: Arc<str>,
    /// The private address that EC2 gave it, which its services listen on.
    pub address: Ipv4Addr,
    /// The port in its `cutover:port` tag.
    pub port: Option<u16>,
    /// How its services are reached.
    pub door: Door,
}

/// The only way to an instance's services.
#[derive(Clone, Debug)]
pub enum Door {
    /// By sockets of its own namespace.
    Line(Line),
    /// It has no namespace: the services of a test are beside it.
    #[cfg(test)]
    Open,
}

impl Instance {
    /// Connects to a port of its own address.
    pub(crate) async fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let socket = match &self.door {
            Door::Line(line) => line.socket().await?,
            #[cfg(test)]
            Door::Open => TcpSocket::new_v4()?,
        };
        let address = SocketAddrV4::new(self.address, port);
        TcpSocket::connect(socket, address.into()).await
    }
}

impl Default for AddressBook {
    fn default() -> Self {
        // Few instances end at once, and a reader that misses some drops everything it keeps.
        let (removed, _) = broadcast::channel(64);
        Self(Arc::new(Shared {
            instances: RwLock::default(),
            removed,
        }))
    }
}

impl AddressBook {
    /// Enters an instance at its public address, or replaces what is known of it.
    pub fn set(&self, public: Ipv4Addr, instance: Instance) {
        self.write(|instances| {
            instances.retain(|_, known| known.id != instance.id);
            instances.insert(public, instance);
        });
    }

    /// Strikes the instance with this id out, and ends the idle connections to it.
    pub fn remove(&self, id: &str) {
        self.write(|instances| instances.retain(|_, known| *known.id != *id));
        // An error only means that no gateway is listening.
        let _ = self.0.removed.send(id.into());
    }

    /// The instance with this public address.
    pub fn find(&self, public: Ipv4Addr) -> Option<Instance> {
        let instances = &self.0.instances;
        let instances = instances.read().unwrap_or_else(PoisonError::into_inner);
        instances.get(&public).cloned()
    }

    /// The ids of instances that are removed from now on.
    pub(crate) fn removals(&self) -> broadcast::Receiver<Arc<str>> {
        self.0.removed.subscribe()
    }

    fn write(&self, change: impl FnOnce(&mut HashMap<Ipv4Addr, Instance>)) {
        // They are consistent after each statement, so a poisoned lock is only a word.
        let instances = self.0.instances.write();
        change(&mut instances.unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: Ipv4Addr = Ipv4Addr::new(54, 1, 2, 3);
    const OTHER: Ipv4Addr = Ipv4Addr::new(54, 3, 2, 1);
    const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);

    fn instance(id: &str) -> Instance {
        Instance {
            id: id.into(),
            address: PRIVATE,
            port: Some(8080),
            door: Door::Open,
        }
    }

    fn found(book: &AddressBook, address: Ipv4Addr) -> Option<Arc<str>> {
        book.find(address).map(|instance| instance.id)
    }

    #[test]
    fn an_instance_is_found_by_its_public_address_until_it_is_removed() {
        let book = AddressBook::default();
        book.set(PUBLIC, instance("i-1"));
        assert_eq!(found(&book, PUBLIC).as_deref(), Some("i-1"));
        assert_eq!(found(&book, PRIVATE), None, "others may have it too");
        book.remove("i-1");
        assert_eq!(found(&book, PUBLIC), None);
    }

    #[test]
    fn two_instances_may_have_one_private_address() {
        let book = AddressBook::default();
        book.set(PUBLIC, instance("i-1"));
        book.set(OTHER, instance("i-2"));
        assert_eq!(found(&book, PUBLIC).as_deref(), Some("i-1"));
        assert_eq!(found(&book, OTHER).as_deref(), Some("i-2"));
    }

    #[test]
    fn setting_an_instance_again_forgets_its_former_address() {
        let book = AddressBook::default();
        book.set(PUBLIC, instance("i-1"));
        book.set(OTHER, instance("i-1"));
        assert_eq!(found(&book, PUBLIC), None);
    }
}
