//! The instances of a whole target.

use crate::{Fleet, Seen, VALUES_OF_A_CALL, seen, tag};
use aws::{CallError, call_error};
use aws_sdk_ec2::types::{EventCode, Filter, InstanceStatusEvent, LaunchTemplateSpecification};
use pipeline::keep::{Health, Machine};
use pipeline::names::{Component, Project, Target};
use pipeline::sweep::Launched;
use std::collections::BTreeSet;

/// States of instances that are there, or whose disks are.
const NOT_ENDED: [&str; 4] = ["pending", "running", "stopping", "stopped"];

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

    /// Its instances that have not ended, with what their tags say of them: also what is stopped.
    pub async fn launched_on(
        &self,
        project: &Project,
        target: &Target,
    ) -> Result<Vec<Launched>, CallError> {
        let filters = [
            ("tag:cutover:project", vec![project.to_string()]),
            ("tag:cutover:target", vec![target.to_string()]),
            ("instance-state-name", NOT_ENDED.map(str::to_owned).into()),
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

    /// All of its instances, those that have ended too as long as EC2 shows them, with what EC2 has announced for
    /// them. Nobody has asked their services yet.
    ///
    /// Those of `named` that EC2 does not list by their tags are asked for by their ids: somebody may have edited the
    /// tags, or the list lacks them for a moment
    /// (<https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>).
    pub async fn machines_of(
        &self,
        project: &Project,
        target: &Target,
        named: &BTreeSet<String>,
    ) -> Result<Vec<Machine>, CallError> {
        let filters = [
            ("tag:cutover:project", project.as_str()),
            ("tag:cutover:target", target.as_str()),
        ];
        let filters =
            filters.map(|(name, value)| Filter::builder().name(name).values(value).build());
        let call = self.client.describe_instances();
        let call = call.set_filters(Some(filters.into()));
        let retiring = self.retiring().await?;
        let of = |one: &_| Some(machine(one, &retiring));
        let mut all: Vec<Machine> = self.listed(call, of).await?;
        let is_missing = |id: &&String| !all.iter().any(|one| one.id == **id);
        let missing: Vec<String> = named.iter().filter(is_missing).cloned().collect();
        for ids in missing.chunks(VALUES_OF_A_CALL) {
            let of = |one: &_| Some(by_its_id(one, project, &retiring));
            all.extend(self.listed(self.with_ids(ids), of).await?);
        }
        Ok(all)
    }

    /// Instances that EC2 is going to end or stop
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instances-status-check_sched.html>). What
    /// is over stays listed for a week and says so in its description.
    async fn retiring(&self) -> Result<BTreeSet<String>, CallError> {
        let codes = Filter::builder()
            .name("event.code")
            .values("instance-retirement")
            .values("instance-stop");
        let call = self.client.describe_instance_status();
        let mut pages = call.filters(codes.build()).into_paginator().send();
        let mut found = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| call_error("ec2:DescribeInstanceStatus", e))?;
            let coming = page.instance_statuses().iter().filter(|one| {
                let mut events = one.events().iter();
                events.any(is_coming)
            });
            found.extend(coming.filter_map(|one| one.instance_id.clone()));
        }
        Ok(found)
    }

    /// Whose an instance is, by its tags, if it is one of this project.
    pub async fn owner_of(&self, project: &Project, id: &str) -> Result<Option<Owner>, CallError> {
        let filters = [
            ("instance-id", id),
            ("tag:cutover:project", project.as_str()),
        ];
        let filters =
            filters.map(|(name, value)| Filter::builder().name(name).values(value).build());
        let call = self.client.describe_instances();
        let call = call.set_filters(Some(filters.into())).send();
        let found = call
            .await
            .map_err(|e| call_error("ec2:DescribeInstances", e))?;
        let mut listed = found.reservations().iter().flat_map(|one| one.instances());
        Ok(listed.next().and_then(owner))
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

/// Whose an instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// On which target.
    pub target: Target,
    /// Whose.
    pub component: Component,
    /// The hostname that it was launched for.
    pub name: String,
}

fn owner(instance: &aws_sdk_ec2::types::Instance) -> Option<Owner> {
    Some(Owner {
        target: Target::new(tag(instance, "cutover:target")?).ok()?,
        component: Component::new(tag(instance, "cutover:component")?).ok()?,
        name: tag(instance, "Name")?.clone(),
    })
}

fn is_coming(event: &InstanceStatusEvent) -> bool {
    let ends = [EventCode::InstanceRetirement, EventCode::InstanceStop];
    let is_over = |text: &str| text.starts_with("[Completed]") || text.starts_with("[Canceled]");
    let is_over = event.description().is_some_and(is_over);
    event.code().is_some_and(|code| ends.contains(code)) && !is_over
}

fn machine(instance: &aws_sdk_ec2::types::Instance, retiring: &BTreeSet<String>) -> Machine {
    let Seen {
        id,
        state,
        public_address,
    } = seen(instance);
    let named = |key| tag(instance, key).cloned();
    Machine {
        release: named("cutover:release").unwrap_or_default(),
        name: named("Name").unwrap_or_default(),
        replaces: named("cutover:replaces"),
        started: instance.launch_time().map_or(0, |time| time.secs()),
        retires: retiring.contains(&id),
        health: Health::Unknown,
        address: public_address,
        id,
        state,
    }
}

/// Without the project's tag it is no release's, so that nobody ends it: somebody may have taken the tag away for that.
fn by_its_id(
    instance: &aws_sdk_ec2::types::Instance,
    project: &Project,
    retiring: &BTreeSet<String>,
) -> Machine {
    let mut machine = machine(instance, retiring);
    let of = tag(instance, "cutover:project");
    if of.is_none_or(|of| of != project.as_str()) {
        machine.release.clear();
    }
    machine
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::answer;
    use replay::Replay;

    /// An instance of release 7 of `api-1`, and its other tags.
    fn listed(all: &[(&str, &str)]) -> (u16, String) {
        let one = |(id, tags): &(&str, &str)| {
            format!(
                "<item><instanceId>{id}</instanceId><instanceState><name>running</name></instanceState><tagSet>\
                <item><key>cutover:release</key><value>stage-r7</value></item>{tags}</tagSet></item>"
            )
        };
        let all: String = all.iter().map(one).collect();
        let set = format!("<item><instancesSet>{all}</instancesSet></item>");
        answer(
            "DescribeInstances",
            &format!("<reservationSet>{set}</reservationSet>"),
        )
    }

    async fn machines(replay: &Replay, named: &[&str]) -> Vec<Machine> {
        let (project, target) = (
            Project::new("myproj").unwrap(),
            Target::new("stage").unwrap(),
        );
        let named = named.iter().map(|id| (*id).to_owned()).collect();
        let fleet = Fleet::new(&replay.config());
        fleet.machines_of(&project, &target, &named).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_listed_by_its_tags_is_not_asked_for_again() {
        let none = answer("DescribeInstanceStatus", "");
        let replay = Replay::new([none, listed(&[("i-1", ""), ("i-2", "")])]);
        let found = machines(&replay, &["i-1", "i-2"]).await;
        assert_eq!((found.len(), replay.asked().len()), (2, 2));
    }

    #[tokio::test]
    async fn what_a_row_names_and_tags_do_not_list_is_asked_for_by_its_id() {
        let retires = "<instanceStatusSet><item><instanceId>i-2</instanceId><eventsSet><item>\
            <code>instance-retirement</code></item></eventsSet></item></instanceStatusSet>";
        let ours = "<item><key>cutover:project</key><value>myproj</value></item>";
        let replay = Replay::new([
            answer("DescribeInstanceStatus", retires),
            listed(&[("i-1", ours)]),
            listed(&[("i-2", ours), ("i-3", "")]),
        ]);
        let found = machines(&replay, &["i-1", "i-2", "i-3", "i-4"]).await;
        let found = found
            .iter()
            .map(|one| (one.id.as_str(), one.release.as_str(), one.retires));
        let expected = [
            ("i-1", "stage-r7", false),
            ("i-2", "stage-r7", true),
            ("i-3", "", false),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
        let asked = &replay.asked()[2];
        assert!(asked.contains("Filter.1.Name=instance-id"), "{asked}");
        assert!(
            asked.contains("Value.1=i-2&Filter.1.Value.2=i-3&Filter.1.Value.3=i-4"),
            "{asked}"
        );
        assert!(!asked.contains("cutover"), "{asked}");
    }

    #[tokio::test]
    async fn what_is_stopped_is_found_and_can_be_ended() {
        let reply = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>\
            <instanceState><name>stopped</name></instanceState></item></instancesSet></item></reservationSet>\
            </DescribeInstancesResponse>";
        let replay = Replay::new([(200, reply.to_owned())]);
        let (project, target) = (
            Project::new("myproj").unwrap(),
            Target::new("stage").unwrap(),
        );
        let fleet = Fleet::new(&replay.config());
        let found = fleet.launched_on(&project, &target).await.unwrap();
        assert_eq!(found[0].id, "i-1");
        let asked = &replay.asked()[0];
        for state in NOT_ENDED {
            assert!(asked.contains(&format!("={state}")), "{state}: {asked}");
        }
        let seen = |state: &str| Seen {
            id: "i-1".into(),
            state: state.into(),
            public_address: None,
        };
        assert!(NOT_ENDED.iter().all(|state| seen(state).can_end()));
        assert!(!seen("shutting-down").can_end() && !seen("terminated").can_end());
    }
}
