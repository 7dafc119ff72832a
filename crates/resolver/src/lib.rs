//! DNS as everybody else sees it: asks a resolver, never the zone's owner.
#![warn(missing_docs)]

use futures::StreamExt;
use hickory_resolver::NameServerPool;
use hickory_resolver::PoolContext;
use hickory_resolver::TlsConfig;
use hickory_resolver::config::{NameServerConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, DnsHandle, NetError};
use hickory_resolver::proto::op::{DnsRequestOptions, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use pipeline::delegation::Answer;
use pipeline::names::{Domain, Fqdn};
use pipeline::outside::Named;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A resolver that has to ask others needs a moment; two tries fit into a stage's time.
const TIMEOUT: Duration = Duration::from_secs(5);
const TRIES: usize = 2;

/// A resolver.
pub struct Resolver {
    servers: NameServerPool<TokioRuntimeProvider>,
}

/// Why there is no resolver to ask.
#[derive(Debug, thiserror::Error)]
#[error("/etc/resolv.conf names no resolver: {0}")]
pub struct NoResolver(String);

impl Resolver {
    /// The one at this address, or the system's own.
    ///
    /// # Errors
    /// Where the system names none.
    pub fn new(at: Option<SocketAddr>) -> Result<Self, NoResolver> {
        let servers = match at {
            Some(at) => vec![server(at)],
            None => {
                let (config, _) = read_system_conf().map_err(|e| NoResolver(e.to_string()))?;
                config.name_servers
            }
        };
        let mut options = ResolverOpts::default();
        options.timeout = TIMEOUT;
        options.attempts = TRIES;
        let tls = TlsConfig::new().map_err(|e| NoResolver(e.to_string()))?;
        let context = Arc::new(PoolContext::new(options, tls));
        // Not its `Resolver`, which answers names below `localhost` by itself: the local cloud's are.
        let servers =
            NameServerPool::from_config(servers, context, TokioRuntimeProvider::default());
        Ok(Self { servers })
    }

    /// The name servers of a zone.
    pub async fn name_servers(&self, zone: &Domain) -> Answer {
        let found = self.records(zone.as_str(), RecordType::NS, |data| match data {
            RData::NS(server) => Some(server.0.to_ascii()),
            _ => None,
        });
        match found.await {
            Ok(servers) if servers.is_empty() => Answer::Nothing,
            Ok(servers) => Answer::servers(servers),
            Err(why) => Answer::Failed(why),
        }
    }

    /// The addresses (IPv4) of a name, whatever it is an alias of. A resolver may answer what it was told
    /// before, as long as the TTLs allow.
    pub async fn addresses(&self, name: &Fqdn) -> Named {
        let found = self.records(name.as_str(), RecordType::A, |data| match data {
            RData::A(address) => Some(address.0.to_string()),
            _ => None,
        });
        match found.await {
            Ok(addresses) if addresses.is_empty() => Named::Nowhere,
            Ok(addresses) => Named::To(addresses.into_iter().collect()),
            Err(why) => Named::Unknown(why),
        }
    }

    /// What has no such records is an answer; what could not be asked is none.
    async fn records(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<String>,
    ) -> Result<Vec<String>, String> {
        let name = Name::from_ascii(format!("{name}.")).map_err(|error| error.to_string())?;
        let mut options = DnsRequestOptions::default();
        options.recursion_desired = true;
        let query = Query::query(name, kind);
        let answered = self.servers.lookup(query, options).next().await;
        let response = match answered.ok_or("no answer")? {
            Ok(response) => response,
            Err(error) => return failed(&error),
        };
        let answers = response.answers.iter();
        let found: Vec<String> = answers.filter_map(|one| read(&one.data)).collect();
        match (found.is_empty(), response.metadata.response_code) {
            (false, _) | (true, ResponseCode::NoError | ResponseCode::NXDomain) => Ok(found),
            (true, code) => Err(code.to_string()),
        }
    }
}

fn failed(error: &NetError) -> Result<Vec<String>, String> {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(found)) => match found.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => Ok(Vec::new()),
            code => Err(code.to_string()),
        },
        other => Err(other.to_string()),
    }
}

fn server(at: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(at.ip());
    for connection in &mut server.connections {
        connection.port = at.port();
    }
    server
}
