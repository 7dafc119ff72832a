//! Waits until every instance has an address.

use crate::Deployer;
use fleet::Seen;
use pipeline::errors::{ErrorName, Fault};
use pipeline::names::{Ticket, release_label};
use pipeline::pace::pause;
use pipeline::wire::{DeployRequest, Instance};
use std::time::{Duration, Instant};

/// EC2 boots in about 30 s and gives an address at once; an instance without one is stuck.
const ADDRESS_DEADLINE: Duration = Duration::from_secs(90);

/// Before EC2 is asked for the first time; it gives an address within a second or two.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

impl Deployer {
    /// Waits until every instance has an address.
    pub(crate) async fn addresses(
        &self,
        request: &DeployRequest,
        mut seen: Vec<Seen>,
        launched: Ticket,
    ) -> Result<Vec<Instance>, Fault> {
        let deadline = Instant::now() + ADDRESS_DEADLINE;
        let component = request.item.planned.component.as_str();
        let label = release_label(&request.release.target, launched);
        let mut looks = 0;
        loop {
            let instances: Vec<Instance> = seen.iter().filter_map(Seen::instance).collect();
            if instances.len() == seen.len() && !seen.is_empty() {
                return Ok(instances);
            }
            if Instant::now() >= deadline {
                return Err(Fault::new(
                    ErrorName::NotHealthy,
                    format!(
                        "instances of {component} got no public address within {} s; see the EC2 console for {label}",
                        ADDRESS_DEADLINE.as_secs()
                    ),
                ));
            }
            let size = request.release.size;
            tokio::time::sleep(pause(FIRST_PAUSE, looks, size, aws::jitter())).await;
            looks += 1;
            let ids: Vec<String> = seen.iter().map(|one| one.id.clone()).collect();
            let now = self.fleet.by_id(&ids).await?;
            // EC2 is eventually consistent: who is not listed yet is still to come.
            seen.iter_mut().for_each(|one| {
                if let Some(found) = now.iter().find(|found| found.id == one.id) {
                    *one = found.clone();
                }
            });
            if let Some(ended) = seen
                .iter()
                .find(|one| ids.contains(&one.id) && !one.is_up())
            {
                return Err(Fault::new(
                    ErrorName::NotHealthy,
                    format!(
                        "instance {} of {component} is {} before it was up",
                        ended.id, ended.state
                    ),
                ));
            }
        }
    }
}
