//! One GET to a peer, through `http_proxy` where that is set.

use std::env;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// For connecting, and again for the whole answer: a health check waits no longer than that.
const PATIENCE: Duration = Duration::from_secs(2);
const ANSWER_LIMIT: u64 = 64 * 1024;

/// The body of a 200.
pub fn get(url: &str) -> Result<String, String> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let proxy = variable("http_proxy");
    let direct = variable("no_proxy").unwrap_or_default();
    let plan = plan(url, proxy.as_deref(), &direct)?;
    let mut stream = connect(&plan.connect_to)?;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nConnection: close\r\n\r\n",
        plan.target, plan.host
    );
    stream
        .write_all(request.as_bytes())
        .map_err(|error| format!("cannot ask {}: {error}", plan.connect_to))?;
    body_of(&read_all(stream)?)
}

#[derive(Debug, PartialEq, Eq)]
struct Plan {
    connect_to: String,
    target: String,
    host: String,
}

fn plan(url: &str, proxy: Option<&str>, no_proxy: &str) -> Result<Plan, String> {
    let (host, path) = split(url)?;
    Ok(match proxy {
        Some(proxy) if !is_direct(&host, no_proxy) => {
            let (proxy, _) = split(proxy)?;
            Plan {
                connect_to: with_port(&proxy),
                target: format!("http://{host}{path}"),
                host,
            }
        }
        _ => Plan {
            connect_to: with_port(&host),
            target: path,
            host,
        },
    })
}

/// Host (with its port, if it has one) and path of a URL.
fn split(url: &str) -> Result<(String, String), String> {
    let wrong = || format!("`{url}` is not a URL such as http://msa.test:8082");
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let fits = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'@' && byte != b'#')
    };
    if host.is_empty() || !fits(host) || !fits(path) {
        return Err(wrong());
    }
    Ok((host.to_owned(), if path.is_empty() { "/" } else { path }.to_owned()))
}

fn with_port(host: &str) -> String {
    if host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
    {
        host.to_owned()
    } else {
        format!("{host}:80")
    }
}

/// An entry means that very host, with a dot in front also those below it: `localhost` must not
/// catch `api.stage.myproj.localhost`, whose name only the proxy knows.
fn is_direct(host: &str, no_proxy: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    no_proxy
        .split(',')
        .map(str::trim)
        .any(|entry| entry == "*" || entry == name || entry == host || entry.starts_with('.') && name.ends_with(entry))
}

fn connect(address: &str) -> Result<TcpStream, String> {
    let mut failure = format!("{address} has no address");
    for candidate in address
        .to_socket_addrs()
        .map_err(|error| format!("cannot resolve {address}: {error}"))?
    {
        match TcpStream::connect_timeout(&candidate, PATIENCE) {
            Ok(stream) => {
                let limited = stream
                    .set_read_timeout(Some(PATIENCE))
                    .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
                return limited.map(|()| stream).map_err(|error| error.to_string());
            }
            Err(error) => failure = format!("cannot connect to {address}: {error}"),
        }
    }
    Err(failure)
}

fn read_all(stream: TcpStream) -> Result<Vec<u8>, String> {
    let deadline = Instant::now() + PATIENCE;
    let mut limited = stream.take(ANSWER_LIMIT + 1);
    let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match limited.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&chunk[..count]),
            Err(error) => return Err(format!("no whole answer: {error}")),
        }
        if Instant::now() > deadline {
            return Err("no whole answer in time".into());
        }
    }
    if answer.len() as u64 > ANSWER_LIMIT {
        Err("the answer is longer than 64 KiB".into())
    } else {
        Ok(answer)
    }
}

fn body_of(answer: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(answer).map_err(|_| "the answer is not text")?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("the answer has no end of head")?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap_or("nothing");
    if status != "200" {
        return Err(format!("answered {status}"));
    }
    let header = |wanted: &str| {
        let named = |line: &str| {
            line.split_once(':')
                .filter(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.trim().to_owned())
        };
        head.split("\r\n").skip(1).find_map(named)
    };
    if header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return unchunk(body).ok_or_else(|| "the answer's chunks are broken".into());
    }
    match header("content-length").map(|length| length.parse::<usize>()) {
        Some(Ok(length)) => body
            .get(..length)
            .map(str::to_owned)
            .ok_or_else(|| "the answer is cut short".into()),
        Some(Err(_)) => Err("the answer's Content-Length is not a number".into()),
        None => Ok(body.to_owned()),
    }
}

fn unchunk(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.push_str(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix("\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, proxy: Option<&str>, no_proxy: &str, expected: &str) {
        let found = plan(url, proxy, no_proxy).map_or_else(
            |error| error,
            |plan| format!("{} GET {} for {}", plan.connect_to, plan.target, plan.host),
        );
        assert_eq!(found, expected);
    }

    const PROXY: Option<&str> = Some("http://127.0.0.1:3128");

    #[test]
    fn without_a_proxy_the_peer_itself_is_asked() {
        check(
            "http://msa.test:8082/version",
            None,
            "",
            "msa.test:8082 GET /version for msa.test:8082",
        );
        check("http://msa.test", None, "", "msa.test:80 GET / for msa.test");
    }

    #[test]
    fn a_proxy_gets_the_whole_url() {
        check(
            "http://msa.test:8082/version",
            PROXY,
            "",
            "127.0.0.1:3128 GET http://msa.test:8082/version for msa.test:8082",
        );
    }

    #[test]
    fn no_proxy_means_the_very_host_and_with_a_dot_those_below() {
        let through = "127.0.0.1:3128 GET http://msa.stage.localhost:1/ for msa.stage.localhost:1";
        check("http://msa.stage.localhost:1/", PROXY, "127.0.0.1,localhost", through);
        check(
            "http://msa.stage.localhost:1/",
            PROXY,
            ".localhost",
            "msa.stage.localhost:1 GET / for msa.stage.localhost:1",
        );
        check(
            "http://127.0.0.1:1/",
            PROXY,
            "localhost, 127.0.0.1",
            "127.0.0.1:1 GET / for 127.0.0.1:1",
        );
    }

    #[test]
    fn what_is_no_url_is_refused() {
        check(
            "https://msa.test",
            None,
            "",
            "`https://msa.test` is not a URL such as http://msa.test:8082",
        );
        check(
            "http://msa test/",
            None,
            "",
            "`http://msa test/` is not a URL such as http://msa.test:8082",
        );
        assert!(plan("http://msa.test/a\r\nX: y", None, "").is_err());
    }

    #[test]
    fn only_a_whole_200_is_an_answer() {
        let body = |answer: &str| body_of(answer.as_bytes());
        assert_eq!(
            body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay").as_deref(),
            Ok("ok")
        );
        assert_eq!(
            body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n").as_deref(),
            Ok("ok")
        );
        assert_eq!(body("HTTP/1.0 200 OK\r\n\r\nok").as_deref(), Ok("ok"));
        assert_eq!(
            body("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok").unwrap_err(),
            "the answer is cut short"
        );
        assert_eq!(body("HTTP/1.1 503 No\r\n\r\nok").unwrap_err(), "answered 503");
        assert!(body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\no").is_err());
    }
}
