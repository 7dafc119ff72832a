//! The local cloud's network: a DNS server that answers from Route 53, and a gateway.
//!
//! ```ignore
//! let addresses = AddressBook::default();            // shared; the instance host fills it
//! addresses.set(public_ip, private_ip, loopback, port_tag); addresses.remove(&loopback);
//! let dns = Dns::start(sdk_config, addresses.clone()).await?;          // dns.address(): SocketAddr (UDP and TCP)
//! let gateway = Gateway::start(preferred_port, dns.address(), addresses.clone(), domain).await?; // gateway.address()
//! ```
