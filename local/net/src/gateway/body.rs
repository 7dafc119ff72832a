//! Bodies on their way through the gateway.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use super::{pool::Lease, refusal::Refusal};

/// The largest body that is held, so that its request can be repeated.
const LARGEST_HELD: u64 = 64 * 1024;

/// A request's body on its way to a service.
pub(super) enum Payload {
    /// All of it is here: the request can be sent again.
    Whole(Bytes),
    /// It is passed on as it comes.
    Stream { body: Incoming, progress: Progress },
}

/// When something last happened to a body.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn made(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Payload {
    /// Takes a request's body, and holds it if the request may be repeated and it is small.
    pub(super) async fn take(
        request: Request<Incoming>,
    ) -> Result<(http::request::Parts, Self), Refusal> {
        let (parts, body) = request.into_parts();
        if body.is_end_stream() {
            return Ok((parts, Self::Whole(Bytes::new())));
        }
        let small = body
            .size_hint()
            .upper()
            .is_some_and(|it| it <= LARGEST_HELD);
        if is_idempotent(&parts.method) && small {
            let held = body.collect().await;
            let held = held.map_err(|error| Refusal::unread_body(&error))?;
            return Ok((parts, Self::Whole(held.to_bytes())));
        }
        let progress = Progress::new();
        Ok((parts, Self::Stream { body, progress }))
    }
}

/// RFC 9110, section 9.2.2.
pub(super) fn is_idempotent(method: &Method) -> bool {
    [
        Method::GET,
        Method::HEAD,
        Method::OPTIONS,
        Method::PUT,
        Method::DELETE,
    ]
    .contains(method)
}

impl Body for Payload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream { body, progress } => {
                let polled = Pin::new(body).poll_frame(context);
                progress.made();
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Stream { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream { body, .. } => body.size_hint(),
        }
    }
}

/// A response's body on its way to the client.
pub(super) enum Outgoing {
    Text(Bytes),
    /// A service's; its connection is given back when all of it has been read.
    Service {
        body: Incoming,
        lease: Option<Lease>,
    },
}

impl Outgoing {
    pub(super) fn text(text: String) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn service(body: Incoming, lease: Lease) -> Self {
        let lease = Some(lease);
        let mut outgoing = Self::Service { body, lease };
        outgoing.give_back_at_end();
        outgoing
    }

    /// The server does not poll a body of known length beyond its last byte, so the end is
    /// looked for after every frame.
    fn give_back_at_end(&mut self) {
        if let Self::Service { body, lease } = self
            && body.is_end_stream()
            && let Some(lease) = lease.take()
        {
            lease.give_back();
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let (body, lease) = match this {
            Self::Text(text) if text.is_empty() => return Poll::Ready(None),
            Self::Text(text) => return Poll::Ready(Some(Ok(Frame::data(std::mem::take(text))))),
            Self::Service { body, lease } => (body, lease),
        };
        let polled = Pin::new(body).poll_frame(context);
        match &polled {
            Poll::Ready(None) => {
                if let Some(lease) = lease.take() {
                    lease.give_back();
                }
            }
            Poll::Ready(Some(Ok(_))) => this.give_back_at_end(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Service { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(text) => SizeHint::with_exact(text.len() as u64),
            Self::Service { body, .. } => body.size_hint(),
        }
    }
}
