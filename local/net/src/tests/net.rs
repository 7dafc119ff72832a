//! The whole network, with a Route 53 in memory.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{memory::Memory, service::Service};
use crate::{AddressBook, Dns, Door, Gateway, Instance, source::Source};

pub(super) struct Net {
    pub(super) memory: Memory,
    pub(super) book: AddressBook,
    pub(super) gateway: Gateway,
    _dns: Dns,
}

pub(super) async fn start() -> Net {
    let memory = Memory::default();
    let book = AddressBook::default();
    let source = Source::Memory(memory.clone());
    let dns = Dns::start_with(source).await.unwrap();
    let patience = Duration::from_millis(300);
    let domain = "myproj.localhost".to_owned();
    let gateway = Gateway::start_with(listener(), dns.address(), book.clone(), domain, patience);
    Net {
        gateway: gateway.unwrap(),
        memory,
        book,
        _dns: dns,
    }
}

/// On a free port, for a gateway.
pub(super) fn listener() -> std::net::TcpListener {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

/// The public address of the instance whose services listen on this one.
pub(super) fn public(loopback: Ipv4Addr) -> Ipv4Addr {
    let [_, _, c, d] = loopback.octets();
    Ipv4Addr::new(54, 1, c, d)
}

fn id(address: Ipv4Addr) -> String {
    format!("i-{address}")
}

impl Net {
    /// Makes an instance of a service, tagged with its port.
    pub(super) fn boot(&self, service: &Service) {
        self.boot_at(*service.address.ip(), Some(service.address.port()));
    }

    /// Makes an instance of an address on which nothing need listen.
    pub(super) fn boot_at(&self, address: Ipv4Addr, port: Option<u16>) {
        let instance = Instance {
            id: id(address).into(),
            address,
            port,
            door: Door::Open,
        };
        self.book.set(public(address), instance);
    }

    /// Ends the instance of a service.
    pub(super) fn end(&self, service: &Service) {
        self.book.remove(&id(*service.address.ip()));
    }

    /// Points `<host>.stage.myproj.localhost` to instances, for a second.
    pub(super) fn point(&self, host: &str, to: &[&Service]) {
        let addresses = to.iter().map(|it| public(*it.address.ip()).to_string());
        let addresses: Vec<String> = addresses.collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let name = format!("{host}.stage.myproj.localhost");
        self.memory.set(&name, "A", 1, &addresses);
    }

    /// Sends a request as written, and gives the status and everything after the head.
    pub(super) async fn say(&self, request: &str) -> (u16, String) {
        let (head, body) = self.exchange(request).await;
        (status(&head), body)
    }

    /// The head and the body of the answer to a request.
    pub(super) async fn exchange(&self, request: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.gateway.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is an end like any other.
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        (head.to_owned(), body.to_owned())
    }

    /// A request to a host of the stage by the reverse proxy.
    pub(super) async fn call(&self, method: &str, host: &str, body: &str) -> (u16, String) {
        let length = body.len();
        self.say(&format!(
            "{method} /path?q=1 HTTP/1.1\r\nhost: {host}.stage.myproj.localhost\r\n\
             connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    pub(super) async fn get(&self, host: &str) -> (u16, String) {
        self.call("GET", host, "").await
    }
}

pub(super) fn status(head: &str) -> u16 {
    let code = head.split(' ').nth(1).unwrap_or_default();
    code.parse()
        .unwrap_or_else(|_| panic!("no answer: {head:?}"))
}

/// Waits until something holds, for ten seconds at most.
pub(super) async fn eventually(holds: impl Fn() -> bool) {
    within(Duration::from_secs(10), holds).await;
}

pub(super) async fn within(limit: Duration, holds: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + limit;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "it never came true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
