//! The DNS server.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use aws_config::SdkConfig;
use hickory_proto::{
    op::{Edns, Metadata, OpCode, ResponseCode},
    rr::Name,
};
use hickory_server::{
    Server,
    net::runtime::Time,
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo},
    zone_handler::MessageResponseBuilder,
};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use crate::{
    Changes, NetError, Seen,
    records::{Reply, Zone, reply},
    source::{Source, Unreadable},
};

/// Route 53 is next door: what takes longer than this does not come any more.
const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a TCP client may keep its connection without asking.
const TCP_IDLE: Duration = Duration::from_secs(10);
/// Answers that one TCP connection may leave unread.
const TCP_BACKLOG: usize = 32;
/// Tries to find a port that is free for both UDP and TCP.
const PORT_TRIES: usize = 20;
/// The largest UDP answer: loopback carries it in one piece.
const LARGEST_UDP: u16 = 4096;
/// Questions that may wait for Route 53; more are held back at the socket.
const WAITING: usize = 1024;

/// A DNS server that answers from what Route 53 says at the time of the question.
pub struct Dns {
    address: SocketAddr,
    _server: Server<Handler>,
    _reader: JoinSet<()>,
}

impl Dns {
    /// Starts it on a free loopback port.
    ///
    /// # Errors
    /// When no port is free for both UDP and TCP.
    pub async fn start(config: &SdkConfig, changes: Changes) -> Result<Self, NetError> {
        let client = aws_sdk_route53::Client::new(config);
        Self::start_with(Source::Route53(client, changes)).await
    }

    pub(crate) async fn start_with(source: Source) -> Result<Self, NetError> {
        let (udp, tcp) = bind().await?;
        let address = udp.local_addr().map_err(no_port)?;
        let (zones, questions) = mpsc::channel(WAITING);
        let mut reader = JoinSet::new();
        reader.spawn(read_for(source, questions));
        let mut server = Server::new(Handler { zones });
        server.register_socket(udp);
        server.register_listener(tcp, TCP_IDLE, TCP_BACKLOG);
        Ok(Self {
            address,
            _server: server,
            _reader: reader,
        })
    }

    /// Where it listens, for UDP and for TCP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn bind() -> Result<(UdpSocket, TcpListener), NetError> {
    let mut last = None;
    for _ in 0..PORT_TRIES {
        match bind_both().await {
            Ok(both) => return Ok(both),
            Err(error) => last = Some(error),
        }
    }
    Err(no_port(last.expect("there was a try")))
}

async fn bind_both() -> io::Result<(UdpSocket, TcpListener)> {
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let udp = UdpSocket::bind(tcp.local_addr()?).await?;
    Ok((udp, tcp))
}

fn no_port(source: io::Error) -> NetError {
    NetError::Bind {
        part: "the DNS server",
        source,
    }
}

type Zones = Result<Arc<[Zone]>, Arc<Unreadable>>;

struct Question {
    name: Name,
    zones: oneshot::Sender<Zones>,
}

/// Reads the zones for all the questions that wait, then for those that came meanwhile: one
/// read is under way at a time. What an earlier one found is used again as long as there was no
/// change; otherwise none of them began before the question that it answers.
async fn read_for(source: Source, mut questions: mpsc::Receiver<Question>) {
    let mut known = Known::default();
    let mut waiting = Vec::new();
    while questions.recv_many(&mut waiting, WAITING).await > 0 {
        known.renew(source.changes());
        let mut names: Vec<Name> = waiting
            .iter()
            .map(|it: &Question| it.name.clone())
            .filter(|name| !known.zones.contains_key(name))
            .collect();
        names.sort();
        names.dedup();
        if !names.is_empty() {
            let zones = read(&source, &names).await;
            known
                .zones
                .extend(names.into_iter().map(|name| (name, zones.clone())));
        }
        for question in waiting.drain(..) {
            // The client may have gone; nobody needs its answer then.
            let _ = question.zones.send(known.zones[&question.name].clone());
        }
    }
}

/// The zones that names needed, and how far the changes were when they were read.
#[derive(Default)]
struct Known {
    seen: Option<Seen>,
    zones: HashMap<Name, Zones>,
}

impl Known {
    fn renew(&mut self, changes: Option<&Changes>) {
        let seen = self.seen.zip(changes);
        if seen.is_none_or(|(seen, changes)| changes.since(seen)) {
            self.zones.clear();
            self.seen = changes.map(Changes::now);
        }
        self.zones.retain(|_, zones| zones.is_ok());
    }
}

async fn read(source: &Source, names: &[Name]) -> Zones {
    let zones = tokio::time::timeout(UPSTREAM_TIMEOUT, source.zones(names))
        .await
        .unwrap_or_else(|_| Err(Unreadable::because("it does not answer")));
    zones.map(Arc::from).map_err(Arc::new)
}

struct Handler {
    zones: mpsc::Sender<Question>,
}

impl Handler {
    async fn reply(&self, request: &Request) -> Reply {
        let Ok(info) = request.request_info() else {
            return failure(ResponseCode::FormErr);
        };
        if request.metadata.op_code != OpCode::Query {
            return failure(ResponseCode::NotImp);
        }
        let (name, kind) = (info.query.original().name(), info.query.query_type());
        match self.read_zones(name).await {
            Ok(zones) => reply(&zones, name, kind),
            Err(error) => {
                tracing::warn!(%name, %error, "a name cannot be looked up");
                failure(ResponseCode::ServFail)
            }
        }
    }

    async fn read_zones(&self, name: &Name) -> Zones {
        let (sender, zones) = oneshot::channel();
        let question = Question {
            name: name.clone(),
            zones: sender,
        };
        let stopped = || Arc::new(Unreadable::because("the DNS server is stopping"));
        self.zones.send(question).await.map_err(|_| stopped())?;
        zones.await.map_err(|_| stopped())?
    }
}

fn failure(code: ResponseCode) -> Reply {
    Reply {
        code,
        answers: Vec::new(),
        soa: None,
    }
}

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut responder: R,
    ) -> ResponseInfo {
        let reply = self.reply(request).await;
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.authoritative = reply.code != ResponseCode::Refused;
        metadata.response_code = reply.code;
        let edns = request.edns.as_ref().map(|asked| {
            let mut edns = Edns::new();
            edns.set_max_payload(asked.max_payload().clamp(512, LARGEST_UDP));
            edns
        });
        let mut builder = MessageResponseBuilder::from_message_request(request);
        if let Some(edns) = &edns {
            builder.edns(edns);
        }
        let response = builder.build(metadata, &reply.answers, [], &reply.soa, []);
        match responder.send_response(response).await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(%error, "an answer could not be sent");
                unsent(metadata)
            }
        }
    }
}

fn unsent(metadata: Metadata) -> ResponseInfo {
    hickory_proto::op::Header {
        metadata,
        counts: hickory_proto::op::HeaderCounts::default(),
    }
    .into()
}
