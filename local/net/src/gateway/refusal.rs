//! What the gateway itself answers: a status, and a sentence that says what is wrong.

use std::{fmt::Display, net::Ipv4Addr, time::Duration};

use http::{
    HeaderValue, Response, StatusCode, Uri,
    header::{CONTENT_TYPE, SERVER},
};

use super::{body::Outgoing, route::Host};

#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    sentence: String,
}

impl Refusal {
    fn new(status: StatusCode, sentence: String) -> Self {
        Self { status, sentence }
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn into_response(self) -> Response<Outgoing> {
        let mut response = Response::new(Outgoing::text(self.sentence + "\n"));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, text);
        // Tells the gateway's own answers from a service's.
        headers.insert(SERVER, HeaderValue::from_static("cutover-gateway"));
        response
    }

    pub(super) fn no_such_host(host: &str, domain: &str, port: u16) -> Self {
        let sentence = format!(
            "The local cloud has no host \"{host}\". Hosts are <component>.<target>.{domain} \
             for what is live and <component>-<first 12 of the commit>.<target>.{domain} for \
             one commit, for example http://api.stage.{domain}:{port}/."
        );
        Self::new(StatusCode::NOT_FOUND, sentence)
    }

    pub(super) fn foreign(host: &Host, domain: &str) -> Self {
        let sentence = format!(
            "This proxy reaches the instances of the local cloud only: {host} is neither the \
             address of a running instance nor a name in a hosted zone (such as \
             stage.{domain}). Call other hosts without the proxy."
        );
        Self::new(StatusCode::FORBIDDEN, sentence)
    }

    pub(super) fn not_http(uri: &Uri) -> Self {
        let scheme = uri.scheme_str().unwrap_or_default();
        let sentence = format!("This proxy carries http only, not {scheme}; for TLS use CONNECT.");
        Self::new(StatusCode::FORBIDDEN, sentence)
    }

    pub(super) fn no_port() -> Self {
        let sentence = "CONNECT needs a host and a port, as in CONNECT host:443.".into();
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    pub(super) fn unread_body(reason: &dyn Display) -> Self {
        let sentence = format!("The request's body could not be read: {reason}.");
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    pub(super) fn absent(host: &str) -> Self {
        let sentence = format!("Route 53 has no address record for {host} at present.");
        Self::new(StatusCode::BAD_GATEWAY, sentence)
    }

    pub(super) fn unresolved(host: &str, why: &str) -> Self {
        let sentence = format!("{host} cannot be resolved at present: {why}.");
        Self::new(StatusCode::BAD_GATEWAY, sentence)
    }

    pub(super) fn no_instance(host: &str, address: Ipv4Addr) -> Self {
        let sentence = format!("{host} points to {address}, which no running instance has.");
        Self::new(StatusCode::BAD_GATEWAY, sentence)
    }

    pub(super) fn no_tag(host: &str, address: Ipv4Addr) -> Self {
        let sentence = format!(
            "The instance {address} of {host} has no port in its tag cutover:port, so its \
             service's port is not known."
        );
        Self::new(StatusCode::BAD_GATEWAY, sentence)
    }

    pub(super) fn unconnected(host: &str, at: &dyn Display, reason: &dyn Display) -> Self {
        let sentence = format!("The service of {host} at {at} cannot be connected to: {reason}.");
        Self::new(StatusCode::BAD_GATEWAY, sentence)
    }

    pub(super) fn broken(host: &str, at: &dyn Display, reason: &dyn Display) -> Self {
        let sentence = format!(
            "The service of {host} at {at} ended the connection without an answer: {reason}."
        );
        Self::new(StatusCode::BAD_GATEWAY, sentence)
    }

    pub(super) fn slow(host: &str, at: &dyn Display, waited: Duration) -> Self {
        let sentence = format!(
            "The service of {host} at {at} did not answer within {} seconds.",
            waited.as_secs_f32()
        );
        Self::new(StatusCode::GATEWAY_TIMEOUT, sentence)
    }
}
