//! Services on loopback addresses, with manners good and bad.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What a service does with a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Answers,
    /// The first request of a connection is answered; at the second it hangs up.
    HangsUpAtTheSecond,
    HangsUp,
    /// Reads, and says nothing.
    Silent,
    /// Answers as HTTP/1.0 does: what comes until it hangs up is the body.
    AnswersUntilTheEnd,
    /// Promises ten bytes and hangs up after five.
    BreaksOff,
}

pub(super) struct Service {
    pub(super) address: SocketAddrV4,
    connections: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// An address that no other service of these tests has.
pub(super) fn free_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    Ipv4Addr::new(127, 100, 0, NEXT.fetch_add(1, Ordering::SeqCst))
}

impl Service {
    pub(super) async fn start(name: &'static str, manner: Manner) -> Self {
        let listener = TcpListener::bind((free_address(), 0)).await.unwrap();
        let SocketAddr::V4(address) = listener.local_addr().unwrap() else {
            unreachable!("it was bound to an IPv4 address")
        };
        let connections = Arc::new(AtomicUsize::new(0));
        let ended = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let (accepted, closed) = (connections.clone(), ended.clone());
        let received = requests.clone();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let (closed, received) = (closed.clone(), received.clone());
                open.spawn(async move {
                    serve(stream, name, manner, received).await;
                    closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            connections,
            ended,
            requests,
            _tasks: tasks,
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Connections that are open.
    pub(super) fn open(&self) -> usize {
        self.connections() - self.ended.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, name: &str, manner: Manner, received: Arc<AtomicUsize>) {
    let mut stream = BufReader::new(stream);
    let mut nth = 0;
    while let Some(request) = read(&mut stream).await {
        received.fetch_add(1, Ordering::SeqCst);
        nth += 1;
        match manner {
            Manner::HangsUp => return,
            Manner::HangsUpAtTheSecond if nth > 1 => return,
            Manner::Silent => std::future::pending().await,
            Manner::BreaksOff => {
                let half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345";
                let _ = stream.write_all(half).await;
                return;
            }
            Manner::AnswersUntilTheEnd => {
                let all = format!("HTTP/1.0 200 OK\r\n\r\n{name}\n{request}");
                let _ = stream.write_all(all.as_bytes()).await;
                return;
            }
            Manner::Answers | Manner::HangsUpAtTheSecond => {}
        }
        let body = format!("{name}\n{request}");
        let head = format!(
            "HTTP/1.1 200 OK\r\nkeep-alive: timeout=9\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let silent_head = request.starts_with("HEAD ");
        let answer = if silent_head { head } else { head + &body };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A request, as it came.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut request = String::new();
    let mut length = 0;
    let mut chunked = false;
    loop {
        let before = request.len();
        if stream.read_line(&mut request).await.ok()? == 0 {
            return None;
        }
        let line = request[before..].trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        chunked |= line == "transfer-encoding: chunked";
        if line.is_empty() {
            break;
        }
    }
    if chunked {
        while !request.ends_with("\r\n0\r\n\r\n") {
            stream
                .read_line(&mut request)
                .await
                .ok()
                .filter(|it| *it > 0)?;
        }
        return Some(request);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(request + &String::from_utf8_lossy(&body))
}
