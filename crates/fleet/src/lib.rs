//! EC2: launch template versions and the instances of a release.
#![warn(missing_docs)]

mod target;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Filter, LaunchTemplateSpecification, RequestLaunchTemplateData, ResourceType, Tag,
    TagSpecification,
};
use pipeline::wire::Instance;
use stage::{CallError, call_error};
use std::collections::BTreeMap;

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

    /// The instance, once it has an address.
    pub fn instance(&self) -> Option<Instance> {
        self.public_address.clone().map(|address| Instance {
            id: self.id.clone(),
            address,
        })
    }
}

/// A launch template version to make.
#[derive(Debug, Clone)]
pub struct NewVersion<'a> {
    /// Shown in the console.
    pub description: &'a str,
    /// As EC2 wants it.
    pub user_data_base64: &'a str,
    /// The version whose image and type it has (`None`: the template's default).
    pub repeats: Option<&'a str>,
    /// The same token never makes two.
    pub token: &'a str,
}

/// What to launch.
#[derive(Debug, Clone)]
pub struct Launch<'a> {
    /// The target's launch template.
    pub template_id: &'a str,
    /// The version made for this candidate.
    pub version: &'a str,
    /// One of the target's.
    pub subnet_id: &'a str,
    /// How many in this subnet.
    pub count: i32,
    /// The same token never launches twice (64 ASCII characters at most):
    /// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>.
    pub token: String,
    /// On instances and volumes.
    pub tags: &'a BTreeMap<String, String>,
}

/// The most that DescribeInstances takes:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>.
const VALUES_OF_A_FILTER: usize = 200;

/// EC2.
#[derive(Debug, Clone)]
pub struct Fleet {
    client: Client,
}

impl Fleet {
    /// A client on this configuration.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// Makes the launch template version of a candidate: the target's default version, or the one
    /// that is to be repeated, with this user data. It pins image, type and user data, so a
    /// deployment can be repeated exactly.
    pub async fn create_template_version(
        &self,
        template_id: &str,
        new: &NewVersion<'_>,
    ) -> Result<String, CallError> {
        let source = match new.repeats {
            Some(version) => version.to_owned(),
            None => self.default_version(template_id).await?,
        };
        let reply = self
            .client
            .create_launch_template_version()
            .launch_template_id(template_id)
            .source_version(source)
            .version_description(new.description)
            .client_token(new.token)
            .launch_template_data(
                RequestLaunchTemplateData::builder()
                    .user_data(new.user_data_base64)
                    .build(),
            )
            .send()
            .await
            .map_err(|e| call_error("ec2:CreateLaunchTemplateVersion", e))?;
        let version = reply
            .launch_template_version
            .and_then(|version| version.version_number);
        version
            .map(|number| number.to_string())
            .ok_or_else(|| incomplete("ec2:CreateLaunchTemplateVersion", "no version number"))
    }

    async fn default_version(&self, template_id: &str) -> Result<String, CallError> {
        let reply = self
            .client
            .describe_launch_templates()
            .launch_template_ids(template_id)
            .send()
            .await
            .map_err(|e| call_error("ec2:DescribeLaunchTemplates", e))?;
        let number = reply
            .launch_templates()
            .first()
            .and_then(|template| template.default_version_number);
        number
            .map(|number| number.to_string())
            .ok_or_else(|| incomplete("ec2:DescribeLaunchTemplates", "no default version"))
    }

    /// Launches instances; the same token again answers the same instances.
    pub async fn launch(&self, launch: &Launch<'_>) -> Result<Vec<Seen>, CallError> {
        let tags: Vec<Tag> = launch
            .tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect();
        let tagged = |kind: ResourceType| {
            TagSpecification::builder()
                .resource_type(kind)
                .set_tags(Some(tags.clone()))
                .build()
        };
        let reply = self
            .client
            .run_instances()
            .launch_template(
                LaunchTemplateSpecification::builder()
                    .launch_template_id(launch.template_id)
                    .version(launch.version)
                    .build(),
            )
            .subnet_id(launch.subnet_id)
            .min_count(launch.count)
            .max_count(launch.count)
            .client_token(&launch.token)
            .tag_specifications(tagged(ResourceType::Instance))
            .tag_specifications(tagged(ResourceType::Volume))
            .send()
            .await
            .map_err(|e| call_error("ec2:RunInstances", e))?;
        Ok(reply.instances().iter().map(seen).collect())
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

    /// Those of these instances that EC2 lists; a filter, since an unknown id would fail the call.
    pub async fn by_id(&self, ids: &[String]) -> Result<Vec<Seen>, CallError> {
        let mut all = Vec::new();
        for ids in ids.chunks(VALUES_OF_A_FILTER) {
            let filter = Filter::builder()
                .name("instance-id")
                .set_values(Some(ids.to_vec()))
                .build();
            let call = self.client.describe_instances().filters(filter);
            all.extend(self.describe(call).await?);
        }
        Ok(all)
    }

    async fn describe(
        &self,
        call: aws_sdk_ec2::operation::describe_instances::builders::DescribeInstancesFluentBuilder,
    ) -> Result<Vec<Seen>, CallError> {
        let mut pages = call.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| call_error("ec2:DescribeInstances", e))?;
            all.extend(
                page.reservations()
                    .iter()
                    .flat_map(|r| r.instances())
                    .map(seen),
            );
        }
        Ok(all)
    }

    /// Ends instances; ending one twice is no error.
    pub async fn terminate(&self, ids: &[String]) -> Result<(), CallError> {
        // One call takes at most 1,000 ids.
        for ids in ids.chunks(1000) {
            let sent = self
                .client
                .terminate_instances()
                .set_instance_ids(Some(ids.to_vec()))
                .send()
                .await;
            match sent.map_err(|e| call_error("ec2:TerminateInstances", e)) {
                Err(error) if !error.is("InvalidInstanceID.NotFound") => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
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
        kind: stage::CallKind::Unavailable,
        code: "incomplete answer".into(),
        message: what.to_owned(),
    }
}
