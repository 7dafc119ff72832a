//! Asks as users do: the alias's name, and each address behind it, with the alias as `Host`.

use futures::StreamExt;
use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::handshake;
use hyper::rt::{Read, Write};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use pipeline::errors::{ErrorName, Fault};
use pipeline::health::Answer;
use pipeline::outside::{Front, Named, OutsideLook};
use resolver::Resolver;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// For one answer, with the connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Addresses of a name that are asked at the same time.
const AT_ONCE: usize = 20;

/// Asks aliases.
pub struct Outsider {
    resolver: Resolver,
    /// The standard proxy variables. A proxy is asked for a tunnel to the address: if it were given the
    /// request, it would choose among the name's addresses itself.
    proxies: Matcher,
}

/// Why there is no answer.
enum Failed {
    /// The address gave this instead.
    There(Answer),
    /// Nobody could ask it.
    Here(String),
}

type Asked<T> = Result<T, Failed>;

impl Outsider {
    /// With the resolver at this address, or the system's own.
    pub fn new(dns: Option<SocketAddr>) -> Result<Self, Fault> {
        let resolver = Resolver::new(dns)
            .map_err(|error| Fault::new(ErrorName::Misconfigured, error.to_string()))?;
        Ok(Self {
            resolver,
            proxies: Matcher::from_env(),
        })
    }

    /// One look, of 10 s at the most. The addresses that the instances have are asked whatever the name
    /// leads to: a resolver may still remember those of before.
    pub async fn look(&self, front: &Front) -> OutsideLook {
        let ask = async |at: &String| (at.clone(), self.ask(front, at).await);
        let asked = futures::stream::iter(&front.addresses)
            .map(ask)
            .buffer_unordered(AT_ONCE);
        let (named, answers) = tokio::join!(self.named(front), asked.collect());
        let look = OutsideLook { named, answers };
        tracing::info!(asked = front.asked(), ?look, "asked from outside");
        look
    }

    async fn named(&self, front: &Front) -> Named {
        let named = self.resolver.addresses(&front.alias);
        let late = |_| Named::Unknown("no answer in time".into());
        let named = tokio::time::timeout(2 * PATIENCE, named).await;
        named.unwrap_or_else(late)
    }

    async fn ask(&self, front: &Front, address: &str) -> Result<Answer, String> {
        match tokio::time::timeout(PATIENCE, self.status(front, address)).await {
            Ok(Ok(status)) => Ok(Answer::Status(status.as_u16())),
            Ok(Err(Failed::There(answer))) => Ok(answer),
            Ok(Err(Failed::Here(why))) => Err(why),
            Err(_) => Ok(Answer::TooSlow),
        }
    }

    async fn status(&self, front: &Front, address: &str) -> Asked<StatusCode> {
        let place = format!("{address}:{}", front.port);
        let uri: Uri = format!("http://{place}/").parse().map_err(here)?;
        match self.proxies.intercept(&uri) {
            None => {
                let stream = TcpStream::connect(&place).await.map_err(unconnected)?;
                get(TokioIo::new(stream), front).await
            }
            Some(proxy) => {
                let proxy = proxy.uri().authority().map(ToString::to_string);
                let proxy = proxy.ok_or_else(|| here("the proxy has no address"))?;
                let stream = TcpStream::connect(proxy).await.map_err(here)?;
                get(tunnel(stream, &place).await?, front).await
            }
        }
    }
}

/// One request, as a user's: with the alias as `Host`.
async fn get<T>(stream: T, front: &Front) -> Asked<StatusCode>
where
    T: Read + Write + Unpin + Send + 'static,
{
    let path: PathAndQuery = front.path.parse().map_err(here)?;
    let request = Request::builder()
        .uri(Uri::from(path))
        .header(header::HOST, format!("{}:{}", front.alias, front.port))
        .body(Empty::<Bytes>::new())
        .map_err(here)?;
    let (mut sender, connection) = handshake(stream).await.map_err(broken_off)?;
    let connection = tokio::spawn(connection);
    let answered = sender.send_request(request).await.map_err(broken_off);
    connection.abort();
    Ok(answered?.status())
}

async fn tunnel(
    stream: TcpStream,
    place: &str,
) -> Asked<impl Read + Write + Unpin + Send + 'static> {
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(place)
        .header(header::HOST, place)
        .body(Empty::<Bytes>::new())
        .map_err(here)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(here)?;
    tokio::spawn(connection.with_upgrades());
    let answer = sender.send_request(request).await.map_err(here)?;
    if !answer.status().is_success() {
        return Err(refused(&answer));
    }
    hyper::upgrade::on(answer).await.map_err(here)
}

/// A proxy says of the address what kept it from connecting.
fn refused(answer: &http::Response<Incoming>) -> Failed {
    let said = answer.headers().get("proxy-status");
    let said = said.and_then(|said| said.to_str().ok());
    match Answer::through_proxy(answer.status().as_u16(), said) {
        Answer::Status(status) => here(format!("a proxy refuses with {status}")),
        Answer::OnTheWay(what) => here(what),
        answer => Failed::There(answer),
    }
}

/// What says something about the address, and what says something about this machine.
fn unconnected(error: std::io::Error) -> Failed {
    match error.kind() {
        ErrorKind::ConnectionRefused => Failed::There(Answer::NothingListens),
        ErrorKind::TimedOut => Failed::There(Answer::TooSlow),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
            Failed::There(Answer::BrokenOff)
        }
        ErrorKind::HostUnreachable => Failed::There(Answer::Unreachable),
        _ => here(error),
    }
}

fn broken_off(_: hyper::Error) -> Failed {
    Failed::There(Answer::BrokenOff)
}

fn here(why: impl ToString) -> Failed {
    Failed::Here(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::names::Fqdn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn front(port: u16) -> Front {
        Front {
            alias: Fqdn::new("api.stage.myproj.com").unwrap(),
            port,
            path: "/healthz".into(),
            addresses: ["127.0.0.1".to_owned()].into(),
        }
    }

    fn outsider(proxy: Option<SocketAddr>) -> Outsider {
        // Nobody answers there, and nobody is asked.
        let dns = SocketAddr::from(([127, 0, 0, 1], 9));
        let proxy = proxy.map_or_else(String::new, |at| format!("http://{at}"));
        Outsider {
            resolver: Resolver::new(Some(dns)).unwrap(),
            proxies: Matcher::builder().http(proxy).build(),
        }
    }

    /// Serves one connection with these answers, one to each request; what it was asked.
    async fn serve(answers: Vec<&'static str>) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            for answer in answers {
                let mut request = [0; 1024];
                let read = stream.read(&mut request).await.unwrap();
                asked.push(String::from_utf8_lossy(&request[..read]).to_lowercase());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            asked
        });
        (port, served)
    }

    const BAD: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

    #[tokio::test]
    async fn the_service_is_asked_by_the_name_that_users_know() {
        let (port, served) = serve(vec![BAD]).await;
        let answer = outsider(None).ask(&front(port), "127.0.0.1").await;
        assert_eq!(answer, Ok(Answer::Status(400)));
        let asked = served.await.unwrap().remove(0);
        let host = format!("host: api.stage.myproj.com:{port}\r\n");
        assert!(asked.starts_with("get /healthz http/1.1\r\n"), "{asked}");
        assert!(asked.contains(&host), "{asked}");
    }

    #[tokio::test]
    async fn through_a_proxy_it_is_asked_at_the_same_address_and_by_the_same_name() {
        let (port, served) = serve(vec!["HTTP/1.1 200 OK\r\n\r\n", BAD]).await;
        let proxy = outsider(Some(([127, 0, 0, 1], port).into()));
        let answer = proxy.ask(&front(8080), "54.1.2.3").await;
        assert_eq!(answer, Ok(Answer::Status(400)));
        let asked = served.await.unwrap();
        assert!(asked[0].starts_with("connect 54.1.2.3:8080 "), "{asked:?}");
        assert!(
            asked[1].contains("host: api.stage.myproj.com:8080"),
            "{asked:?}"
        );
    }

    #[tokio::test]
    async fn a_proxy_that_cannot_connect_says_so_of_the_address() {
        let refused = "HTTP/1.1 502 Bad Gateway\r\nproxy-status: gw; error=connection_refused\r\ncontent-length: 0\r\n\r\n";
        let (port, _served) = serve(vec![refused]).await;
        let proxy = outsider(Some(([127, 0, 0, 1], port).into()));
        let answer = proxy.ask(&front(8080), "54.1.2.3").await;
        assert_eq!(answer, Ok(Answer::NothingListens));
    }

    #[tokio::test]
    async fn a_proxy_that_is_not_there_says_nothing_of_the_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        drop(listener);
        let answer = outsider(Some(at)).ask(&front(8080), "54.1.2.3").await;
        assert!(answer.is_err(), "{answer:?}");
        let answer = outsider(None).ask(&front(at.port()), "127.0.0.1").await;
        assert_eq!(answer, Ok(Answer::NothingListens));
    }
}
