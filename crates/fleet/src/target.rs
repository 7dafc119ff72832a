//! The instances of a whole target.

use crate::{Fleet, Seen, seen, tag};
use aws::{CallError, call_error};
use aws_sdk_ec2::types::{Filter, LaunchTemplateSpecification};
use pipeline::names::{Project, Target};
use pipeline::sweep::Launched;

impl Fleet {
    /// All instances with the project's and the target's tags, ended ones too as long as EC2 shows
    /// them: about an hour
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html>).
    pub async fn of_target(
        &self,
        project: &Project,
        target: &Target,
    ) -> Result<Vec<Seen>, CallError> {
        let filters = [
            ("tag:cutover:project", project.as_str()),
            ("tag:cutover:target", target.as_str()),
        ];
        let filters =
            filters.map(|(name, value)| Filter::builder().name(name).values(value).build());
        let call = self.client.describe_instances();
        self.describe(call.set_filters(Some(filters.into()))).await
    }

    /// Its instances that are there or coming, with what their tags say of them.
    pub async fn launched_on(
        &self,
        project: &Project,
        target: &Target,
    ) -> Result<Vec<Launched>, CallError> {
        let filters = [
            ("tag:cutover:project", vec![project.to_string()]),
            ("tag:cutover:target", vec![target.to_string()]),
            (
                "instance-state-name",
                vec!["pending".to_owned(), "running".to_owned()],
            ),
        ];
        let filters = filters.map(|(name, values)| {
            let filter = Filter::builder().name(name);
            filter.set_values(Some(values)).build()
        });
        let call = self.client.describe_instances();
        let mut pages = call
            .set_filters(Some(filters.into()))
            .into_paginator()
            .send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| call_error("ec2:DescribeInstances", e))?;
            let listed = page.reservations().iter().flat_map(|one| one.instances());
            all.extend(listed.map(launched));
        }
        Ok(all)
    }

    /// Asks EC2 whether an instance could be launched, without launching one: permissions, image,
    /// profile and subnet are looked at
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html>, `DryRun`).
    pub async fn could_launch(
        &self,
        template_id: &str,
        version: &str,
        subnet_id: &str,
    ) -> Result<(), CallError> {
        let template = LaunchTemplateSpecification::builder()
            .launch_template_id(template_id)
            .version(version)
            .build();
        let sent = self
            .client
            .run_instances()
            .launch_template(template)
            .subnet_id(subnet_id)
            .min_count(1)
            .max_count(1)
            .dry_run(true)
            .send()
            .await;
        match sent.map_err(|e| call_error("ec2:RunInstances", e)) {
            Err(error) if error.is("DryRunOperation") => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(crate::incomplete(
                "ec2:RunInstances",
                "a dry run was not answered as one",
            )),
        }
    }
}

fn launched(instance: &aws_sdk_ec2::types::Instance) -> Launched {
    let Seen {
        id, public_address, ..
    } = seen(instance);
    Launched {
        id,
        release: tag(instance, "cutover:release").cloned(),
        name: tag(instance, "Name").cloned(),
        address: public_address,
    }
}
