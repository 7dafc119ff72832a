use crate::AT_ONCE;
use futures::StreamExt;
use pipeline::errors::{ErrorName, Fault};
use pipeline::health::{Answer, Place};
use reqwest::header::HeaderMap;
use std::error::Error as StdError;
use std::io::ErrorKind;
use std::time::Duration;

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks services for their health, through the standard proxy variables if they are set.
#[derive(Debug, Clone)]
pub struct Prober {
    client: reqwest::Client,
}

impl Prober {
    /// A client that follows no redirect and keeps no connection: each look is a new one, as a new
    /// user's is.
    pub fn new() -> Result<Self, Fault> {
        // The client is built for TLS without a provider of its own; a second call is no error.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Fault::new(ErrorName::Misconfigured, e.to_string()))?;
        Ok(Self { client })
    }

    /// One look at all of them at the same time, so that it takes no longer than at one: the answers in their order.
    pub async fn ask_all(&self, places: &[Place]) -> Vec<Answer> {
        let asked = futures::stream::iter(places).map(|place| self.ask(place));
        asked.buffered(AT_ONCE).collect().await
    }

    /// One look.
    pub async fn ask(&self, place: &Place) -> Answer {
        match self.client.get(place.url()).send().await {
            Ok(answer) => {
                Answer::through_proxy(answer.status().as_u16(), proxy_status(answer.headers()))
            }
            Err(error) if error.is_timeout() => Answer::TooSlow,
            Err(error) => failed(&error),
        }
    }
}

fn proxy_status(headers: &HeaderMap) -> Option<&str> {
    headers.get("proxy-status")?.to_str().ok()
}

fn failed(error: &reqwest::Error) -> Answer {
    match io_error(error) {
        Some(ErrorKind::ConnectionRefused) => Answer::NothingListens,
        Some(ErrorKind::TimedOut) => Answer::TooSlow,
        _ if error.is_connect() => Answer::Unreachable,
        _ => Answer::BrokenOff,
    }
}

/// What the operating system said, behind what the client says.
fn io_error(error: &reqwest::Error) -> Option<ErrorKind> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        source = inner.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::Barrier;

    /// Serves these bytes to one connection and ends it.
    async fn served(bytes: &'static str) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
        });
        ask(port).await
    }

    fn place(port: u16) -> Place {
        Place {
            address: "127.0.0.1".into(),
            port,
            path: "/healthz".into(),
        }
    }

    async fn ask(port: u16) -> Answer {
        Prober::new().unwrap().ask(&place(port)).await
    }

    #[tokio::test]
    async fn all_are_asked_at_the_same_time() {
        let both = Arc::new(Barrier::new(2));
        let mut places = Vec::new();
        for status in [200, 404] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            places.push(place(listener.local_addr().unwrap().port()));
            let both = both.clone();
            tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                both.wait().await;
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
        let answers = Prober::new().unwrap().ask_all(&places).await;
        assert_eq!(answers, [Answer::Status(200), Answer::Status(404)]);
    }

    #[tokio::test]
    async fn a_status_is_the_services() {
        let redirect =
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(served(redirect).await, Answer::Status(302));
    }

    #[tokio::test]
    async fn a_proxys_answer_is_told_from_the_services() {
        let proxy = "HTTP/1.1 502 Bad Gateway\r\nproxy-status: gw; error=connection_refused\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(served(proxy).await, Answer::NothingListens);
    }

    #[tokio::test]
    async fn an_end_without_an_answer_is_told_as_such() {
        assert_eq!(served("").await, Answer::BrokenOff);
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_is_told_as_such() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert_eq!(ask(port).await, Answer::NothingListens);
    }
}
