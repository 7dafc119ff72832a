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
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// What a service answers, in this order; and what it was asked.
#[derive(Debug, Clone, Default)]
pub struct Replay(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<(u16, String)>,
    asked: Vec<String>,
}

impl Replay {
    /// A service with these answers: status and body.
    pub fn new<T: Into<String>>(answers: impl IntoIterator<Item = (u16, T)>) -> Self {
        let answers = answers.into_iter();
        Self(Arc::new(Mutex::new(State {
            answers: answers
                .map(|(status, body)| (status, body.into()))
                .collect(),
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
        self.0.lock().expect("no panic").asked.clone()
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut state = self.0.lock().expect("no panic");
        let body = request.body().bytes().unwrap_or_default();
        state.asked.push(String::from_utf8_lossy(body).into_owned());
        let answer = state.answers.pop_front().ok_or_else(|| {
            ConnectorError::other("asked more often than there are answers".into(), None)
        });
        HttpConnectorFuture::ready(answer.and_then(|(status, body)| {
            let status = StatusCode::try_from(status);
            let status = status.map_err(|error| ConnectorError::other(error.into(), None))?;
            Ok(HttpResponse::new(status, SdkBody::from(body)))
        }))
    }
}
