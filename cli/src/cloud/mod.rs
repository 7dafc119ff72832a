//! The only module that talks to AWS or the local cloud.

mod executions;
mod history;
mod instances;
mod logs;
mod refusal;
mod table;

pub use executions::{Described, Execution, Which};
pub use logs::Log;
pub use table::Row;

use crate::error::Failure;
use aws_config::{AppName, BehaviorVersion, SdkConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use pipeline::names::Project;
use registry::Registry;
use std::time::Duration;

/// A project's resources, and the clients to use them.
#[derive(Debug, Clone)]
pub struct Cloud {
    project: Project,
    machine: Option<String>,
    has_endpoint: bool,
    steps: aws_sdk_sfn::Client,
    rows: Registry,
    objects: aws_sdk_s3::Client,
    functions: aws_sdk_cloudwatchlogs::Client,
    machines: aws_sdk_ec2::Client,
}

impl Cloud {
    /// From the standard configuration of AWS's tools: environment, profile, single sign-on.
    pub async fn connect(project: Project, machine: Option<String>) -> Result<Self, Failure> {
        let config = sdk_config().await;
        if config.region().is_none() {
            return Err(Failure::Cloud {
                what: "no region is configured".into(),
                next: "set AWS_REGION (for the local cloud: `. .local/env`)".into(),
            });
        }
        // With names in the host part, a bucket would need a DNS entry of its own.
        let has_endpoint = config.endpoint_url().is_some();
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(has_endpoint)
            .build();
        Ok(Self {
            rows: Registry::new(&config, &format!("{project}-cutover")),
            project,
            machine,
            has_endpoint,
            steps: aws_sdk_sfn::Client::new(&config),
            objects: aws_sdk_s3::Client::from_conf(s3),
            functions: aws_sdk_cloudwatchlogs::Client::new(&config),
            machines: aws_sdk_ec2::Client::new(&config),
        })
    }

    /// Whether calls cost nothing and are quick: then a release is looked at more often.
    pub fn is_local(&self) -> bool {
        self.has_endpoint
    }
}

async fn sdk_config() -> SdkConfig {
    let client = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    // A person is waiting: give up in time to tell him why.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(20))
        .operation_timeout(Duration::from_secs(60))
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(client)
        .timeout_config(timeouts);
    // The account's CloudTrail then shows which requests were the command's.
    if let Ok(name) = AppName::new("cutover") {
        loader = loader.app_name(name);
    }
    loader.load().await
}
