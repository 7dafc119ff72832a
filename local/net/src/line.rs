//! The line between an instance's first process, inside its namespace, and us outside.
//!
//! A socket belongs to the namespace in which it was made, whoever holds it. So the inside makes
//! sockets and passes them out: listeners, on which the surroundings are served from here, and
//! unconnected ones, with which an instance's services are reached from here.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{Mutex, oneshot},
};
use tokio_seqpacket::{
    UnixSeqpacket,
    ancillary::{AncillaryMessageWriter, OwnedAncillaryMessage},
};

use crate::namespace::Listeners;

/// Sockets that the inside makes at a time. The gateway keeps connections, so few are needed.
const BATCH: usize = 4;
/// For the control messages of a batch: a header of 16 bytes and 4 for each descriptor.
const CONTROL: usize = 16 + 4 * BATCH + 16;

/// What is said on the line: one byte each.
const READY: u8 = b'r';
const SOCKETS: u8 = b's';
const END: u8 = b'e';

/// Our end. Clones share it; the instance ends when the last of them is dropped, at the latest.
#[derive(Clone, Debug)]
pub struct Line(Arc<Outside>);

#[derive(Debug)]
struct Outside {
    socket: UnixSeqpacket,
    stock: Mutex<Stock>,
}

#[derive(Debug, Default)]
struct Stock {
    ready: bool,
    /// Whether a batch is on its way. Whoever asked for it may have given up waiting.
    asked: bool,
    sockets: Vec<OwnedFd>,
}

impl Line {
    /// A new line; the other end becomes the standard input of an instance's first process.
    ///
    /// # Errors
    /// When this process has no file descriptor left.
    pub fn new() -> io::Result<(Self, OwnedFd)> {
        let (socket, other) = UnixSeqpacket::pair()?;
        let outside = Outside {
            socket,
            stock: Mutex::default(),
        };
        Ok((Self(Arc::new(outside)), other.into()))
    }

    /// Waits until the inside is furnished, and takes its listeners. To be called once.
    ///
    /// # Errors
    /// When the first process has ended, or said something else.
    pub async fn listeners(&self) -> io::Result<Listeners> {
        let (said, descriptors) = self.0.receive().await?;
        let [metadata, endpoint, proxy] = <[OwnedFd; 3]>::try_from(descriptors)
            .map_err(|_| io::Error::other("the instance passed no listeners"))?;
        if said != READY {
            return Err(io::Error::other("the instance said something else"));
        }
        self.0.stock.lock().await.ready = true;
        Ok(Listeners {
            metadata: listener(metadata)?,
            endpoint: listener(endpoint)?,
            proxy: listener(proxy)?,
        })
    }

    /// A socket of the instance's, not yet connected.
    ///
    /// # Errors
    /// When the instance is not furnished yet, or gone.
    pub async fn socket(&self) -> io::Result<TcpSocket> {
        let mut stock = self.0.stock.lock().await;
        if !stock.ready {
            return Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the instance is still booting",
            ));
        }
        if stock.sockets.is_empty() {
            if !stock.asked {
                self.0.socket.send(&[SOCKETS]).await?;
                stock.asked = true;
            }
            let (_, sockets) = self.0.receive().await?;
            *stock = Stock {
                sockets,
                asked: false,
                ..*stock
            };
        }
        let socket = stock.sockets.pop();
        let socket = socket.ok_or_else(|| io::Error::other("the instance passed no socket"))?;
        Ok(TcpSocket::from_std_stream(socket.into()))
    }

    /// Asks the instance to end. Until it has, its services can still be reached.
    pub async fn end(&self) {
        // If nobody hears it, it has ended.
        let _ = self.0.socket.send(&[END]).await;
    }
}

impl Outside {
    async fn receive(&self) -> io::Result<(u8, Vec<OwnedFd>)> {
        let mut said = [0];
        let mut control = [0; CONTROL];
        let received = self.socket.recv_with_ancillary(&mut said, &mut control);
        let (info, messages) = received.await?;
        if info.bytes_read() == 0 {
            let gone = "the first process of the instance has ended";
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, gone));
        }
        let descriptors = messages
            .into_messages()
            .filter_map(|message| match message {
                OwnedAncillaryMessage::FileDescriptors(descriptors) => Some(descriptors),
                _ => None,
            });
        Ok((said[0], descriptors.flatten().collect()))
    }
}

fn listener(descriptor: OwnedFd) -> io::Result<TcpListener> {
    TcpListener::from_std(descriptor.into())
}

/// The end of the line inside the namespace.
#[derive(Debug)]
pub struct Inside(UnixSeqpacket);

impl Inside {
    /// The line that is this process's standard input.
    ///
    /// # Errors
    /// When it is something else.
    pub fn of_stdin() -> io::Result<Self> {
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self(stdin.try_into()?))
    }

    /// Passes the listeners out; they are closed here.
    ///
    /// # Errors
    /// When the outside is gone.
    pub async fn ready(&self, listeners: Listeners) -> io::Result<()> {
        let listeners = [
            listeners.metadata.as_fd(),
            listeners.endpoint.as_fd(),
            listeners.proxy.as_fd(),
        ];
        self.pass(READY, &listeners).await
    }

    /// Makes sockets when asked to, until the outside is gone. Tells once when the instance is to
    /// end, be it that it was asked to or that the outside is gone.
    pub async fn serve(self, end: oneshot::Sender<()>) {
        let mut end = Some(end);
        let mut said = [0];
        while let Ok(1) = self.0.recv(&mut said).await.map(|info| info.bytes_read()) {
            match said[0] {
                SOCKETS => {
                    if let Err(error) = self.pass_sockets().await {
                        println!("machine: no socket could be made: {error}");
                    }
                }
                _ => end = end.take().and_then(tell),
            }
        }
        end.take().and_then(tell);
    }

    /// Passes none rather than nothing: the outside waits for an answer.
    async fn pass_sockets(&self) -> io::Result<()> {
        let made: io::Result<Vec<TcpSocket>> = (0..BATCH).map(|_| TcpSocket::new_v4()).collect();
        let (sockets, made) = match made {
            Ok(sockets) => (sockets, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        let descriptors: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
        self.pass(SOCKETS, &descriptors).await.and(made)
    }

    async fn pass(&self, what: u8, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut control = [0; CONTROL];
        let mut message = AncillaryMessageWriter::new(&mut control);
        if !descriptors.is_empty() {
            let added = message.add_fds(descriptors.iter());
            added.map_err(|_| io::Error::other("too many descriptors for one message"))?;
        }
        self.0.send_with_ancillary(&[what], &mut message).await?;
        Ok(())
    }
}

fn tell(end: oneshot::Sender<()>) -> Option<oneshot::Sender<()>> {
    // Whoever does not listen any more is ending already.
    let _ = end.send(());
    None
}
