//! A network namespace per instance: what a process binds or connects to in it is the instance's own.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddrV4},
};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getegid, geteuid},
};
use rtnetlink::{Handle, LinkUnspec, new_connection};
use tokio::net::TcpListener;

/// The metadata service, where AWS has it.
pub const METADATA: SocketAddrV4 = at(Ipv4Addr::new(169, 254, 169, 254));
/// AWS's services, for `AWS_ENDPOINT_URL`.
pub const ENDPOINT: SocketAddrV4 = at(Ipv4Addr::new(169, 254, 100, 1));
/// The gateway, for `http_proxy`.
pub const PROXY: SocketAddrV4 = at(Ipv4Addr::new(169, 254, 100, 2));
/// Linux gives the loopback interface the first number in every namespace.
const LOOPBACK: u32 = 1;

/// A service cannot have port 80 on AWS either (it is not root), so it never misses it here: one
/// that binds a port on every address would be refused where somebody listens on that port.
const fn at(address: Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(address, 80)
}

/// Why there is no network of an instance's own.
#[derive(Debug, thiserror::Error)]
pub enum NoNamespace {
    /// The machine does not allow namespaces.
    #[error("no user and network namespace could be made")]
    Unshare(#[source] io::Error),
    /// The user of the namespace could not be said.
    #[error("{0} could not be written")]
    Map(&'static str, #[source] io::Error),
    /// The namespace is there and may not be set up.
    #[error("the loopback interface could not be {0}")]
    Interface(&'static str, #[source] rtnetlink::Error),
    /// There is no netlink socket.
    #[error("no netlink socket could be opened")]
    Netlink(#[source] io::Error),
    /// An address of the instance's surroundings is taken.
    #[error("{0} could not be listened on")]
    Listen(SocketAddrV4, #[source] io::Error),
}

/// What the inside of a namespace hands out, so that the surroundings can be served from outside.
#[derive(Debug)]
pub struct Listeners {
    /// At [`METADATA`].
    pub metadata: TcpListener,
    /// At [`ENDPOINT`].
    pub endpoint: TcpListener,
    /// At [`PROXY`].
    pub proxy: TcpListener,
}

/// Puts this process and its children into namespaces of their own, without root. Nothing may
/// have started a thread yet: Linux refuses otherwise.
///
/// # Errors
/// When the machine does not allow it.
pub fn enter() -> Result<(), NoNamespace> {
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
        .map_err(|error| NoNamespace::Unshare(error.into()))?;
    // Who we are outside we are inside too. Groups may be mapped once they cannot be given up.
    let write =
        |file, text: String| fs::write(file, text).map_err(|error| NoNamespace::Map(file, error));
    write("/proc/self/setgroups", "deny".into())?;
    write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Gives a new namespace its addresses: `127.0.0.1` and `::1`, the instance's own, and those of
/// its surroundings.
///
/// # Errors
/// When the machine lets a namespace be made and not be used.
pub async fn furnish(own: Ipv4Addr) -> Result<Listeners, NoNamespace> {
    let (connection, handle, _) = new_connection().map_err(NoNamespace::Netlink)?;
    let connection = tokio::spawn(connection);
    let furnished = add_addresses(&handle, own).await;
    connection.abort();
    furnished?;
    Ok(Listeners {
        metadata: listen(METADATA).await?,
        endpoint: listen(ENDPOINT).await?,
        proxy: listen(PROXY).await?,
    })
}

async fn add_addresses(handle: &Handle, own: Ipv4Addr) -> Result<(), NoNamespace> {
    let up = LinkUnspec::new_with_index(LOOPBACK).up().build();
    let up = handle.link().set(up).execute().await;
    up.map_err(|error| NoNamespace::Interface("switched on", error))?;
    for address in [own, *METADATA.ip(), *ENDPOINT.ip(), *PROXY.ip()] {
        let add = handle.address();
        let added = add.add(LOOPBACK, IpAddr::V4(address), 32).execute().await;
        added.map_err(|error| NoNamespace::Interface("given an address", error))?;
    }
    Ok(())
}

async fn listen(address: SocketAddrV4) -> Result<TcpListener, NoNamespace> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| NoNamespace::Listen(address, error))
}
