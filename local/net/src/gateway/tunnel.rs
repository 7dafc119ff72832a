//! CONNECT: bytes both ways.

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::{io::copy_bidirectional, net::TcpStream};
use tokio_util::sync::CancellationToken;

use super::body::Outgoing;

/// Answers a CONNECT whose service is connected to; the bytes flow once the answer is sent.
pub(super) fn open(
    request: Request<Incoming>,
    mut service: TcpStream,
    stop: CancellationToken,
) -> Response<Outgoing> {
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        match hyper::upgrade::on(request).await {
            Ok(client) => {
                // Either side may leave as it likes; there is nobody to tell.
                let _ = copy_bidirectional(&mut TokioIo::new(client), &mut service).await;
            }
            Err(error) => tracing::debug!(%error, "a tunnel was not opened"),
        }
    }));
    Response::new(Outgoing::text(String::new()))
}
