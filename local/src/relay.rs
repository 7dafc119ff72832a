//! Brings connections that were made inside an instance's network to an address outside of it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Accepting fails when the process has no file descriptor left; some are given back soon.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(50);

/// Relays what a listener accepts; never returns. Dropping this ends its connections.
pub async fn serve(listener: TcpListener, to: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connections.spawn(carry(stream, to)),
            Err(error) => {
                tracing::warn!(%error, "a connection out of an instance cannot be accepted");
                tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(mut inside: TcpStream, to: SocketAddr) {
    // Whoever asked sees its connection close, as with any server that is not there.
    let Ok(mut outside) = TcpStream::connect(to).await else {
        return;
    };
    for stream in [&inside, &outside] {
        // Without it, small requests wait for acknowledgements; it fails on a dead socket only.
        let _ = stream.set_nodelay(true);
    }
    // Either side may leave as it likes; there is nobody to tell.
    let _ = copy_bidirectional(&mut inside, &mut outside).await;
}
