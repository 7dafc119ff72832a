//! Answers SDK clients from a list, in tests: what a service says, byte for byte, without a service.
//!
//! The SDK's own means ask for a feature of each SDK crate, and with it for a second build of it.
#![warn(missing_docs)]

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

/// What a service answers once.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// The same with a header: S3 says most of what it says in them.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

impl<T: Into<Vec<u8>>> From<(u16, T)> for Answer {
    /// A status and a body.
    fn from((status, body): (u16, T)) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }
}

/// What a service was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method, path and query, e.g. `GET /bucket?versions`.
    pub line: String,
    /// By name, in lower case.
    pub headers: BTreeMap<String, String>,
    /// As it was sent.
    pub body: String,
}

/// What a service answers, in this order; and what it was asked.
#[derive(Debug, Clone, Default)]
pub struct Replay(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Answer>,
    asked: Vec<Asked>,
}

impl Replay {
    /// A service with these answers.
    pub fn new<T: Into<Answer>>(answers: impl IntoIterator<Item = T>) -> Self {
        Self(Arc::new(Mutex::new(State {
            answers: answers.into_iter().map(Into::into).collect(),
            asked: Vec::new(),
        })))
    }

    /// A configuration whose clients are answered by it. They try once.
    pub fn config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        let keys = Credentials::new("key", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }

    /// The bodies of the requests so far.
    ///
    /// # Panics
    /// If a test panicked while it was asked.
    pub fn asked(&self) -> Vec<String> {
        self.requests().into_iter().map(|one| one.body).collect()
    }

    /// The requests so far.
    ///
    /// # Panics
    /// If a test panicked while it was asked.
    pub fn requests(&self) -> Vec<Asked> {
        self.0.lock().expect("no panic").asked.clone()
    }
}

impl HttpConnector for Replay {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        if let Some(body) = request.body().bytes().map(<[u8]>::to_vec) {
            return HttpConnectorFuture::ready(self.answer(&request, &body));
        }
        let (this, body) = (self.clone(), request.take_body());
        HttpConnectorFuture::new(async move {
            let body = ByteStream::new(body).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?;
            this.answer(&request, &body.to_vec())
        })
    }
}

impl Replay {
    fn answer(&self, request: &HttpRequest, body: &[u8]) -> Result<HttpResponse, ConnectorError> {
        let mut state = self.0.lock().expect("no panic");
        state.asked.push(asked(request, body));
        let answer = state.answers.pop_front().ok_or_else(|| {
            ConnectorError::other("asked more often than there are answers".into(), None)
        });
        response(answer?)
    }
}

fn asked(request: &HttpRequest, body: &[u8]) -> Asked {
    let uri = request.uri();
    // `https://route53.amazonaws.com/2013-04-01/...`: the host is the SDK's matter.
    let below = uri.splitn(4, '/').nth(3).unwrap_or_default();
    let headers = request.headers().iter();
    Asked {
        line: format!("{} /{below}", request.method()),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: String::from_utf8_lossy(body).into_owned(),
    }
}

fn response(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(answer.status);
    let status = status.map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    for (name, value) in answer.headers {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}
