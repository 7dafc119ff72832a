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
use pipeline::names::Domain;
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
        let name = match Name::from_ascii(format!("{zone}.")) {
            Ok(name) => name,
            Err(error) => return Answer::Failed(error.to_string()),
        };
        let mut options = DnsRequestOptions::default();
        options.recursion_desired = true;
        let query = Query::query(name, RecordType::NS);
        let answered = self.servers.lookup(query, options).next().await;
        match answered {
            None => Answer::Failed("no answer".into()),
            Some(Err(error)) => failed(&error),
            Some(Ok(response)) => {
                let servers: Vec<String> = response
                    .answers
                    .iter()
                    .filter_map(|record| match &record.data {
                        RData::NS(server) => Some(server.0.to_ascii()),
                        _ => None,
                    })
                    .collect();
                match (servers.is_empty(), response.metadata.response_code) {
                    (false, _) => Answer::servers(servers),
                    (true, ResponseCode::NoError | ResponseCode::NXDomain) => Answer::Nothing,
                    (true, code) => Answer::Failed(code.to_string()),
                }
            }
        }
    }
}

/// What has no such records is an answer; what could not be asked is none.
fn failed(error: &NetError) -> Answer {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(found)) => match found.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => Answer::Nothing,
            code => Answer::Failed(code.to_string()),
        },
        other => Answer::Failed(other.to_string()),
    }
}

fn server(at: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(at.ip());
    for connection in &mut server.connections {
        connection.port = at.port();
    }
    server
}
