//! EC2: which instances run.

use super::Cloud;
use super::refusal::refusal;
use crate::error::Failure;
use aws_sdk_ec2::types::Filter;
use std::collections::BTreeMap;

/// Values of one filter:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>.
const AT_ONCE: usize = 200;

impl Cloud {
    /// Instance to state. By a filter: a single unknown id would otherwise refuse the whole call,
    /// and EC2 forgets an instance an hour after its end.
    pub async fn instance_states(
        &self,
        ids: &[String],
    ) -> Result<BTreeMap<String, String>, Failure> {
        let mut states = BTreeMap::new();
        for some in ids.chunks(AT_ONCE) {
            let filter = Filter::builder()
                .name("instance-id")
                .set_values(Some(some.to_vec()))
                .build();
            let mut pages = self
                .machines
                .describe_instances()
                .filters(filter)
                .into_paginator()
                .items()
                .send();
            while let Some(reservation) = pages.next().await {
                let reservation =
                    reservation.map_err(|e| refusal(self, "ec2:DescribeInstances", e))?;
                for one in reservation.instances.unwrap_or_default() {
                    let state = one.state.and_then(|state| state.name);
                    if let (Some(id), Some(state)) = (one.instance_id, state) {
                        states.insert(id, state.as_str().to_owned());
                    }
                }
            }
        }
        Ok(states)
    }
}
