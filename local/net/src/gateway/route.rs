//! What a request asks of the gateway, as a pure function of its target and Host.

use std::{fmt, net::Ipv4Addr};

use http::{Method, Request, header::HOST, uri::Authority};

use super::refusal::Refusal;

/// Where a request wants to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// To a host of our domain, at its instance's port.
    Reverse(String),
    /// To a host and port, as with any HTTP proxy.
    Forward(Host, u16),
    /// A connection to a host and port.
    Tunnel(Host, u16),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    Name(String),
    Address(Ipv4Addr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl Host {
    fn of(authority: &Authority) -> Self {
        let host = authority.host();
        host.parse()
            .map_or_else(|_| Self::Name(plain(host)), Self::Address)
    }
}

pub(super) fn route<B>(
    request: &Request<B>,
    domain: &str,
    own_port: u16,
) -> Result<Route, Refusal> {
    let uri = request.uri();
    let Some(authority) = uri.authority() else {
        return reverse(request, domain, own_port);
    };
    let host = Host::of(authority);
    if request.method() == Method::CONNECT {
        let port = authority.port_u16().ok_or_else(Refusal::no_port)?;
        return Ok(Route::Tunnel(host, port));
    }
    if uri.scheme_str() != Some("http") {
        return Err(Refusal::not_http(uri));
    }
    Ok(Route::Forward(host, authority.port_u16().unwrap_or(80)))
}

fn reverse<B>(request: &Request<B>, domain: &str, own_port: u16) -> Result<Route, Refusal> {
    let header = request.headers().get(HOST);
    let header = header.and_then(|value| value.to_str().ok()).unwrap_or("");
    let host = header
        .parse::<Authority>()
        .map(|authority| plain(authority.host()))
        .unwrap_or_default();
    let beneath = host.strip_suffix(domain);
    match beneath.and_then(|rest| rest.strip_suffix('.')) {
        Some(label) if !label.is_empty() => Ok(Route::Reverse(host)),
        _ => Err(Refusal::no_such_host(header, domain, own_port)),
    }
}

fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(method: Method, target: &str, host: &str) -> Result<Route, u16> {
        let request = Request::builder().method(method).uri(target);
        let request = request.header(HOST, host).body(()).unwrap();
        route(&request, "myproj.localhost", 8800).map_err(|refusal| refusal.status().as_u16())
    }

    fn name(name: &str) -> Host {
        Host::Name(name.into())
    }

    #[test]
    fn a_host_of_the_domain_is_reversed_whatever_its_port_and_case() {
        for host in [
            "api.stage.myproj.localhost",
            "api.stage.myproj.localhost:8800",
            "API.Stage.MyProj.localhost.:80",
        ] {
            let expected = Route::Reverse("api.stage.myproj.localhost".into());
            assert_eq!(routed(Method::GET, "/a?b=c", host), Ok(expected));
        }
    }

    #[test]
    fn any_other_host_is_not_found() {
        for host in [
            "",
            "127.0.0.1:8800",
            "localhost",
            "myproj.localhost",
            ".myproj.localhost",
            "xmyproj.localhost",
            "api.myproj.localhost.example",
            "not a host",
        ] {
            assert_eq!(routed(Method::GET, "/", host), Err(404), "{host}");
        }
    }

    #[test]
    fn an_absolute_target_is_forwarded_to_its_port() {
        let target = "http://msa-r42.stage.myproj.localhost:8082/x";
        assert_eq!(
            routed(Method::GET, target, "other"),
            Ok(Route::Forward(name("msa-r42.stage.myproj.localhost"), 8082))
        );
        assert_eq!(
            routed(Method::POST, "http://54.1.2.3/", ""),
            Ok(Route::Forward(Host::Address([54, 1, 2, 3].into()), 80))
        );
    }

    #[test]
    fn a_target_that_is_not_plain_http_is_refused() {
        assert_eq!(routed(Method::GET, "https://a.example/", ""), Err(403));
        assert_eq!(routed(Method::GET, "ftp://a.example/", ""), Err(403));
    }

    #[test]
    fn connect_opens_a_tunnel_and_needs_a_port() {
        assert_eq!(
            routed(Method::CONNECT, "ui.dev.myproj.localhost:443", ""),
            Ok(Route::Tunnel(name("ui.dev.myproj.localhost"), 443))
        );
        assert_eq!(
            routed(Method::CONNECT, "ui.dev.myproj.localhost", ""),
            Err(400)
        );
    }
}
