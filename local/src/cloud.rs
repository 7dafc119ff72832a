//! Clients of the emulated AWS, with the administrator's credentials and none of this shell's.

use std::time::SystemTime;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::error::{LocalError, Result};
use crate::state::{Credentials, REGION};

/// Every answer that is asked for here is small.
const ANSWER_LIMIT: usize = 1 << 20;
const TIME_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

fn keys(credentials: &Credentials) -> Keys {
    Keys::new(
        &credentials.access_key_id,
        &credentials.secret_access_key,
        None,
        None,
        "local cloud",
    )
}

/// What SDK clients need. Nothing of it comes from the environment: a profile of a real account
/// in the shell that ran `up` must not matter.
pub fn sdk_config(endpoint: &str, credentials: &Credentials) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(keys(credentials)))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_timeout(TIME_LIMIT)
                .build(),
        )
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// Calls the few actions whose SDK crate would cost more to build than it is worth.
#[derive(Clone)]
pub struct Signed {
    endpoint: String,
    credentials: Credentials,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Signed {
    pub fn new(endpoint: &str, credentials: &Credentials) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self {
            endpoint: endpoint.into(),
            credentials: credentials.clone(),
            http,
        }
    }

    /// An action of the query protocol (IAM, STS): the answer's XML.
    pub async fn query(
        &self,
        service: &str,
        version: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<String> {
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in fields {
            body.push_str(&format!("&{name}={}", percent_encoded(value)));
        }
        let headers = [(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        )];
        self.post(service, action, &headers, body).await
    }

    /// An action of the JSON protocol (EventBridge): the answer's JSON.
    pub async fn json(&self, service: &str, target: &str, body: String) -> Result<String> {
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target),
        ];
        self.post(service, target, &headers, body).await
    }

    async fn post(
        &self,
        service: &str,
        what: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<String> {
        let failed = |detail: String| LocalError::cloud(format!("{what} failed"), detail);
        let request = self.signed(service, headers, body).map_err(failed)?;
        let ask = async {
            let answer = self
                .http
                .request(request)
                .await
                .map_err(|error| error.to_string())?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_LIMIT)
                .collect()
                .await
                .map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
            if head.status.is_success() {
                Ok(text)
            } else {
                Err(format!("{}: {text}", head.status))
            }
        };
        let answered = tokio::time::timeout(TIME_LIMIT, ask).await;
        answered
            .unwrap_or_else(|_| Err(format!("no answer within {} s", TIME_LIMIT.as_secs())))
            .map_err(failed)
    }

    fn signed(
        &self,
        service: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> std::result::Result<Request<Full<Bytes>>, String> {
        let url = format!("{}/", self.endpoint);
        let identity = keys(&self.credentials).into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let signable = SignableRequest::new(
            "POST",
            &url,
            headers.iter().copied(),
            SignableBody::Bytes(body.as_bytes()),
        )
        .map_err(|error| error.to_string())?;
        let (instructions, _) = sign(signable, &parameters)
            .map_err(|error| error.to_string())?
            .into_parts();
        let mut request = Request::builder().method(Method::POST).uri(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| error.to_string())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// What AWS answered, in its own words where it did answer.
pub fn reason<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{message} ({code})"),
        (Some(code), None) => code.to_owned(),
        _ => chain(error),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// The text of the first element with this name.
pub fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_query_is_encoded_whole() {
        assert_eq!(
            percent_encoded("arn:aws:iam::0:role/a b&c=d"),
            "arn%3Aaws%3Aiam%3A%3A0%3Arole%2Fa%20b%26c%3Dd"
        );
    }

    #[test]
    fn an_element_is_found_inside_others() {
        let xml = "<A><B><RoleName>r</RoleName></B><RoleName>s</RoleName></A>";
        assert_eq!(
            (element(xml, "RoleName"), element(xml, "Nothing")),
            (Some("r"), None)
        );
    }
}
