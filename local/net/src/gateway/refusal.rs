//! What the gateway itself answers: a status, a sentence that says what is wrong, and the header
//! `Proxy-Status`, by which a program knows that it was not the service that answered.

use std::{fmt::Display, net::Ipv4Addr, time::Duration};

use http::{
    HeaderName, HeaderValue, Response, StatusCode, Uri,
    header::{CONTENT_TYPE, SERVER},
};

use super::{body::Outgoing, pool::Service, route::Host};

const NAME: &str = "cutover-gateway";
const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// One of the proxy error types of RFC 9209, section 2.3.
    error: &'static str,
    sentence: String,
}

impl Refusal {
    fn new(status: StatusCode, error: &'static str, sentence: String) -> Self {
        Self {
            status,
            error,
            sentence,
        }
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn into_response(self) -> Response<Outgoing> {
        let proxy_status = HeaderValue::from_str(&format!("{NAME}; error={}", self.error));
        let mut response = Response::new(Outgoing::text(self.sentence + "\n"));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, text);
        headers.insert(SERVER, HeaderValue::from_static(NAME));
        if let Ok(value) = proxy_status {
            headers.insert(PROXY_STATUS, value);
        }
        response
    }

    pub(super) fn no_such_host(host: &str, domain: &str, port: u16) -> Self {
        let sentence = format!(
            "The local cloud has no host \"{host}\". Hosts are <component>.<target>.{domain} \
             for what is live and <component>-<first 12 of the commit>.<target>.{domain} for \
             one commit, for example http://api.stage.{domain}:{port}/."
        );
        Self::new(StatusCode::NOT_FOUND, "destination_not_found", sentence)
    }

    pub(super) fn foreign(host: &Host, domain: &str) -> Self {
        let sentence = format!(
            "This proxy reaches the instances of the local cloud only: {host} is neither the \
             public address of a running instance nor a name in a hosted zone (such as \
             stage.{domain}). Call other hosts without the proxy."
        );
        Self::new(StatusCode::FORBIDDEN, "http_request_denied", sentence)
    }

    pub(super) fn not_http(uri: &Uri) -> Self {
        let scheme = uri.scheme_str().unwrap_or_default();
        let sentence = format!("This proxy carries http only, not {scheme}; for TLS use CONNECT.");
        Self::new(StatusCode::FORBIDDEN, "http_request_denied", sentence)
    }

    pub(super) fn no_port() -> Self {
        let sentence = "CONNECT needs a host and a port, as in CONNECT host:443.".into();
        Self::new(StatusCode::BAD_REQUEST, "http_request_error", sentence)
    }

    pub(super) fn unread_body(reason: &dyn Display) -> Self {
        let sentence = format!("The request's body could not be read: {reason}.");
        Self::new(StatusCode::BAD_REQUEST, "http_request_error", sentence)
    }

    pub(super) fn absent(host: &str) -> Self {
        let sentence = format!("Route 53 has no address record for {host} at present.");
        Self::new(StatusCode::BAD_GATEWAY, "dns_error", sentence)
    }

    pub(super) fn unresolved(host: &str, why: &str) -> Self {
        let sentence = format!("{host} cannot be resolved at present: {why}.");
        Self::new(StatusCode::BAD_GATEWAY, "dns_error", sentence)
    }

    pub(super) fn no_instance(host: &str, address: Ipv4Addr) -> Self {
        let sentence = format!("{host} points to {address}, which no running instance has.");
        Self::new(
            StatusCode::BAD_GATEWAY,
            "destination_ip_unroutable",
            sentence,
        )
    }

    pub(super) fn no_tag(host: &str, address: Ipv4Addr) -> Self {
        let sentence = format!(
            "The instance {address} of {host} has no port in its tag cutover:port, so its \
             service's port is not known."
        );
        Self::new(
            StatusCode::BAD_GATEWAY,
            "proxy_configuration_error",
            sentence,
        )
    }

    pub(super) fn nothing_listens(host: &str, service: &Service) -> Self {
        let sentence = format!(
            "The service of {host} at {service} cannot be connected to: nothing listens on the \
             instance's own address, {}:{}. What listens on 127.0.0.1 only is reached from within \
             the instance only.",
            service.instance.address, service.port
        );
        Self::new(StatusCode::BAD_GATEWAY, "connection_refused", sentence)
    }

    pub(super) fn unconnected(host: &str, service: &Service, reason: &dyn Display) -> Self {
        let sentence =
            format!("The service of {host} at {service} cannot be connected to: {reason}.");
        Self::new(StatusCode::BAD_GATEWAY, "destination_unavailable", sentence)
    }

    pub(super) fn unconnected_in_time(host: &str, service: &Service, waited: Duration) -> Self {
        let sentence = format!(
            "The service of {host} at {service} did not take the connection within {} seconds.",
            waited.as_secs_f32()
        );
        Self::new(StatusCode::GATEWAY_TIMEOUT, "connection_timeout", sentence)
    }

    pub(super) fn broken(host: &str, service: &Service, reason: &dyn Display) -> Self {
        let sentence = format!(
            "The service of {host} at {service} ended the connection without an answer: {reason}."
        );
        Self::new(StatusCode::BAD_GATEWAY, "connection_terminated", sentence)
    }

    pub(super) fn slow(host: &str, service: &Service, waited: Duration) -> Self {
        let sentence = format!(
            "The service of {host} at {service} did not answer within {} seconds.",
            waited.as_secs_f32()
        );
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "http_response_timeout",
            sentence,
        )
    }
}
