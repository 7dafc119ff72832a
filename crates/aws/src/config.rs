//! The configuration of the functions' clients.

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use std::time::Duration;

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
