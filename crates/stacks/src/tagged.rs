//! Everything that AWS knows under a target's tags.

use aws::{CallError, call_error};
use aws_config::{Region, SdkConfig};
use aws_sdk_resourcegroupstagging::Client;
use aws_sdk_resourcegroupstagging::types::TagFilter;
use pipeline::names::{Project, Target};
use std::collections::BTreeSet;

/// Where a partition lists the resources of its global services, Route 53 among them.
fn global_region(of: &str) -> &'static str {
    match of {
        china if china.starts_with("cn-") => "cn-northwest-1",
        government if government.starts_with("us-gov-") => "us-gov-west-1",
        _ => "us-east-1",
    }
}

/// The Resource Groups Tagging API.
#[derive(Debug, Clone)]
pub struct Tagged {
    here: Client,
    global: Option<Client>,
}

impl Tagged {
    /// Clients on this configuration.
    pub fn new(config: &SdkConfig) -> Self {
        let here = config
            .region()
            .map(|region| region.as_ref())
            .unwrap_or_default();
        let global = global_region(here);
        let there = aws_sdk_resourcegroupstagging::config::Builder::from(config)
            .region(Region::new(global))
            .build();
        Self {
            here: Client::new(config),
            global: (here != global).then(|| Client::from_conf(there)),
        }
    }

    /// The ARNs of all that has the project's and the target's tags. Deleted resources may be
    /// listed for a while:
    /// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>.
    pub async fn of_target(
        &self,
        project: &Project,
        target: &Target,
    ) -> Result<BTreeSet<String>, CallError> {
        let mut found = BTreeSet::new();
        for client in [Some(&self.here), self.global.as_ref()]
            .into_iter()
            .flatten()
        {
            let mut pages = client
                .get_resources()
                .tag_filters(filter("cutover:project", project.as_str()))
                .tag_filters(filter("cutover:target", target.as_str()))
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|e| call_error("tag:GetResources", e))?;
                let arns = page.resource_tag_mapping_list().iter();
                found.extend(arns.filter_map(|one| one.resource_arn().map(str::to_owned)));
            }
        }
        Ok(found)
    }
}

fn filter(key: &str, value: &str) -> TagFilter {
    TagFilter::builder().key(key).values(value).build()
}
