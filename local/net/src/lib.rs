//! The local cloud's network: a DNS server that answers from Route 53, and a gateway.
//!
//! ```ignore
//! let addresses = AddressBook::default();            // shared; the instance host fills it
//! addresses.set(public_ip, instance); addresses.remove(id);
//! let dns = Dns::start(&sdk_config, changes).await?; // dns.address(): SocketAddr (UDP and TCP)
//! let gateway = Gateway::start(listener, dns.address(), addresses.clone(), domain)?; // gateway.address()
//! let (line, stdin) = Line::new()?;                  // stdin: of a process that calls namespace::enter()
//! gateway.entrance().serve(line.listeners().await?.proxy).await
//! ```
//!
//! Both stop when they are dropped.

mod book;
mod changes;
mod client;
mod dns;
mod gateway;
mod line;
mod names;
pub mod namespace;
mod records;
mod source;
#[cfg(test)]
mod tests;

use std::io;

pub use book::{AddressBook, Door, Instance};
pub use changes::{Changes, Seen};
pub use dns::Dns;
pub use gateway::{Entrance, Gateway};
pub use line::{Inside, Line};

/// Why a part of the network could not start.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// No loopback port could be had.
    #[error("{part} found no free port on 127.0.0.1")]
    Bind {
        /// Which part wanted it.
        part: &'static str,
        /// What the system said about the last one tried.
        #[source]
        source: io::Error,
    },
}
