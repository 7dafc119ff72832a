//! One question to the DNS server.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use hickory_proto::{
    op::{Edns, Message, Query},
    rr::{Name, RecordType},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

/// Longer than the server waits for Route 53, so that it is the server that says what failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(7);
/// Loopback loses a datagram only when a buffer is full.
const TRIES: usize = 2;
const LARGEST_UDP: u16 = 4096;

/// Tells answers to earlier questions apart. The sockets are connected, and nobody on loopback
/// needs to be kept from guessing.
static NEXT_ID: AtomicU16 = AtomicU16::new(1);

/// Asks for the addresses of a name.
pub(crate) async fn ask(server: SocketAddr, name: &Name) -> io::Result<Message> {
    let mut question = Message::query();
    question.metadata.id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name.clone(), RecordType::A));
    let mut edns = Edns::new();
    edns.set_max_payload(LARGEST_UDP);
    question.set_edns(edns);
    let answer = over_udp(server, &question).await?;
    if answer.metadata.truncation {
        return timeout(ANSWER_TIMEOUT, over_tcp(server, &question)).await?;
    }
    Ok(answer)
}

async fn over_udp(server: SocketAddr, question: &Message) -> io::Result<Message> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect(server).await?;
    let bytes = question.to_vec().map_err(io::Error::other)?;
    for _ in 0..TRIES {
        socket.send(&bytes).await?;
        if let Ok(answer) = timeout(ANSWER_TIMEOUT, receive(&socket, question)).await {
            return answer;
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

async fn receive(socket: &UdpSocket, question: &Message) -> io::Result<Message> {
    let mut buffer = vec![0; usize::from(LARGEST_UDP)];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let answer = Message::from_vec(&buffer[..length]).map_err(io::Error::other)?;
        if answer.metadata.id == question.metadata.id {
            return Ok(answer);
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &Message) -> io::Result<Message> {
    let bytes = question.to_vec().map_err(io::Error::other)?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect(server).await?;
    stream.write_u16(length).await?;
    stream.write_all(&bytes).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Message::from_vec(&answer).map_err(io::Error::other)
}
