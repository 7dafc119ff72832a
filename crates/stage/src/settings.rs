//! What a function is configured with, and its AWS clients.

use crate::Fault;
use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use pipeline::names::Project;
use std::time::Duration;

/// The environment variables that the template sets, read once per cold start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `CUTOVER_PROJECT`
    pub project: Project,
    /// `CUTOVER_TABLE`
    pub table: String,
    /// `CUTOVER_BUCKET`
    pub bucket: String,
}

impl Settings {
    /// Reads them; a missing one is the template's mistake and is named.
    pub fn from_env() -> Result<Self, Fault> {
        Ok(Self {
            project: Project::new(variable("CUTOVER_PROJECT")?)
                .map_err(|e| Fault::new("Misconfigured", format!("CUTOVER_PROJECT: {e}")))?,
            table: variable("CUTOVER_TABLE")?,
            bucket: variable("CUTOVER_BUCKET")?,
        })
    }

    /// Any other variable of a function.
    pub fn variable(name: &str) -> Result<String, Fault> {
        variable(name)
    }

    /// A variable that need not be set, read as what it should be.
    pub fn optional<T: std::str::FromStr>(name: &str) -> Result<Option<T>, Fault> {
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => value.parse().map(Some).map_err(|_| {
                Fault::new(
                    "Misconfigured",
                    format!(
                        "the environment variable {name} has a value that cannot be read: {value}"
                    ),
                )
            }),
            _ => Ok(None),
        }
    }
}

fn variable(name: &str) -> Result<String, Fault> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => Err(Fault::new(
            "Misconfigured",
            format!("the environment variable {name} is not set; infra/pipeline.yaml sets it"),
        )),
    }
}

/// The SDK's configuration: the role's credentials from the environment, where Lambda puts them,
/// and nothing else of the credentials chain, so that a cold start loads little.
pub async fn sdk_config() -> SdkConfig {
    let client = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    // Attempts are spaced by the SDK up to 20 s; five of them outlive a burst of throttling
    // without using up a stage's time limit.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(30))
        .operation_timeout(Duration::from_secs(600))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(client)
        .credentials_provider(
            aws_config::environment::EnvironmentVariableCredentialsProvider::new(),
        )
        .retry_config(RetryConfig::standard().with_max_attempts(5))
        .timeout_config(timeouts)
        .load()
        .await
}
