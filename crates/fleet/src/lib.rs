//! EC2: launch template versions and the instances of a release.
#![warn(missing_docs)]

mod launch;
mod subnets;
mod tagged;
mod target;
mod template;

use aws::{CallError, call_error};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::describe_instances::builders::DescribeInstancesFluentBuilder;
use aws_sdk_ec2::types::Filter;
use pipeline::wire::Instance;
use std::collections::BTreeSet;

pub use launch::{Launch, Launched, ONE_CALL, Tries};
pub use subnets::{first_subnet, has_no_room, in_turn, no_subnets};
pub use tagged::{Tagged, token};
pub use target::Owner;
pub use template::NewVersion;

/// An instance as EC2 sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `i-...`
    pub id: String,
    /// `pending`, `running`, `shutting-down`, `terminated`, ...
    pub state: String,
    /// Known once it has one.
    pub public_address: Option<String>,
}

impl Seen {
    /// Whether it is there or coming.
    pub fn is_up(&self) -> bool {
        matches!(self.state.as_str(), "pending" | "running")
    }

    /// Whether it can be ended: also what is stopped, whose disk stays and which anybody can start again.
    pub fn can_end(&self) -> bool {
        !matches!(self.state.as_str(), "shutting-down" | "terminated")
    }

    /// The instance, once it has an address.
    pub fn instance(&self) -> Option<Instance> {
        self.public_address.clone().map(|address| Instance {
            id: self.id.clone(),
            address,
        })
    }
}

/// Values of all filters of one call. EC2's page says 200 of each filter
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>), its refusal
/// (`FilterLimitExceeded`) 200 on a single call.
const VALUES_OF_A_CALL: usize = 200;

/// EC2.
#[derive(Debug, Clone)]
pub struct Fleet {
    client: Client,
    /// For launches that the caller tries again.
    once: Client,
}

impl Fleet {
    /// A client on this configuration.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self {
            client: Client::new(config),
            once: launch::calls_once(config),
        }
    }

    /// Instances that a release launched for a hostname, gone ones too as long as EC2 shows them.
    pub async fn of_release(&self, release: &str, hostname: &str) -> Result<Vec<Seen>, CallError> {
        let filters = [("tag:cutover:release", release), ("tag:Name", hostname)];
        let filters =
            filters.map(|(name, value)| Filter::builder().name(name).values(value).build());
        self.describe(
            self.client
                .describe_instances()
                .set_filters(Some(filters.into())),
        )
        .await
    }

    /// Instances that releases launched for hostnames: each by the release's label and the hostname.
    /// One call for 100 of them: each has two values.
    pub async fn of_releases(
        &self,
        wanted: &BTreeSet<(String, String)>,
    ) -> Result<Vec<Seen>, CallError> {
        let wanted: Vec<&(String, String)> = wanted.iter().collect();
        let mut all = Vec::new();
        for chunk in wanted.chunks(VALUES_OF_A_CALL / 2) {
            let labels: BTreeSet<&String> = chunk.iter().map(|(label, _)| label).collect();
            let names: BTreeSet<&String> = chunk.iter().map(|(_, name)| name).collect();
            let filter = |name: &str, values: BTreeSet<&String>| {
                let values = values.into_iter().cloned().collect();
                Filter::builder()
                    .name(name)
                    .set_values(Some(values))
                    .build()
            };
            let call = self.client.describe_instances();
            let call = call.filters(filter("tag:cutover:release", labels));
            let call = call.filters(filter("tag:Name", names));
            all.extend(
                self.described(call, |one| {
                    // Another hostname of one release may have another release's name.
                    let tags = (tag(one, "cutover:release"), tag(one, "Name"));
                    chunk
                        .iter()
                        .any(|(label, name)| tags == (Some(label), Some(name)))
                })
                .await?,
            );
        }
        Ok(all)
    }

    /// Those of these instances that EC2 lists; a filter, since an unknown id would fail the call.
    pub async fn by_id(&self, ids: &[String]) -> Result<Vec<Seen>, CallError> {
        let mut all = Vec::new();
        for ids in ids.chunks(VALUES_OF_A_CALL) {
            all.extend(self.describe(self.with_ids(ids)).await?);
        }
        Ok(all)
    }

    /// At most [`VALUES_OF_A_CALL`].
    fn with_ids(&self, ids: &[String]) -> DescribeInstancesFluentBuilder {
        let filter = Filter::builder()
            .name("instance-id")
            .set_values(Some(ids.to_vec()))
            .build();
        self.client.describe_instances().filters(filter)
    }

    async fn describe(&self, call: DescribeInstancesFluentBuilder) -> Result<Vec<Seen>, CallError> {
        self.described(call, |_| true).await
    }

    async fn described(
        &self,
        call: DescribeInstancesFluentBuilder,
        is_wanted: impl Fn(&aws_sdk_ec2::types::Instance) -> bool,
    ) -> Result<Vec<Seen>, CallError> {
        self.listed(call, |one| is_wanted(one).then(|| seen(one)))
            .await
    }

    async fn listed<T>(
        &self,
        call: DescribeInstancesFluentBuilder,
        of: impl Fn(&aws_sdk_ec2::types::Instance) -> Option<T>,
    ) -> Result<Vec<T>, CallError> {
        let mut pages = call.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| call_error("ec2:DescribeInstances", e))?;
            let listed = page.reservations().iter().flat_map(|r| r.instances());
            all.extend(listed.filter_map(&of));
        }
        Ok(all)
    }
}

fn tag<'a>(instance: &'a aws_sdk_ec2::types::Instance, key: &str) -> Option<&'a String> {
    let tags = instance.tags();
    tags.iter()
        .find(|tag| tag.key() == Some(key))?
        .value
        .as_ref()
}

fn seen(instance: &aws_sdk_ec2::types::Instance) -> Seen {
    Seen {
        id: instance.instance_id.clone().unwrap_or_default(),
        state: instance
            .state
            .as_ref()
            .and_then(|state| state.name.as_ref())
            .map(|name| name.as_str().to_owned())
            .unwrap_or_default(),
        public_address: instance
            .public_ip_address
            .clone()
            .filter(|address| !address.is_empty()),
    }
}

fn incomplete(operation: &'static str, what: &str) -> CallError {
    CallError {
        operation,
        kind: aws::CallKind::Unavailable,
        code: "incomplete answer".into(),
        message: what.to_owned(),
    }
}

#[cfg(test)]
mod ending_tests;
#[cfg(test)]
mod tests;
