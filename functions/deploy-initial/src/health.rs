//! Waits until every instance answers, or says why none will.

use crate::Deployer;
use fleet::Seen;
use pipeline::errors;
use pipeline::names::release_label;
use pipeline::wire::{DeployRequest, Instance};
use stage::Fault;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Between two looks at an instance.
const PAUSE: Duration = Duration::from_millis(500);
/// Between two questions to EC2 and S3, which are charged or throttled.
const SLOW_PAUSE: Duration = Duration::from_secs(3);
/// EC2 boots in about 30 s and gives an address at once; an instance without one is stuck.
const ADDRESS_DEADLINE: Duration = Duration::from_secs(90);
/// For the log of an instance that does not become healthy; see `boot.sh` for when it is shipped.
const LOG_DEADLINE: Duration = Duration::from_secs(20);
/// In a row, so that a service which answers once and dies is not called healthy.
const ANSWERS: u32 = 2;
/// A component that ended so often will not come up.
const CRASHES: usize = 3;

/// Asks instances whether they are healthy, through the standard proxy variables if they are set.
#[derive(Debug)]
pub struct Prober {
    client: reqwest::Client,
}

impl Prober {
    pub fn new() -> Result<Self, Fault> {
        // The client is built for TLS without a provider of its own; a second call is no error.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none());
        let client = builder
            .build()
            .map_err(|e| Fault::new(errors::MISCONFIGURED, e.to_string()))?;
        Ok(Self { client })
    }

    /// `Ok` if it answered 200, else what it did instead.
    async fn ask(&self, url: &str) -> Result<(), String> {
        match self.client.get(url).send().await {
            Ok(answer) if answer.status() == 200 => Ok(()),
            Ok(answer) => Err(format!("answers {}", answer.status().as_u16())),
            Err(error) if error.is_timeout() => Err("does not answer within 5 s".into()),
            Err(_) => Err("does not accept connections".into()),
        }
    }
}

impl Deployer {
    pub(crate) async fn healthy(
        &self,
        request: &DeployRequest,
        seen: Vec<Seen>,
    ) -> Result<Vec<Instance>, Fault> {
        let mut instances = self.addresses(request, seen).await?;
        instances.sort();
        let limit = request.item.manifest.run.start_timeout.duration();
        let deadline = Instant::now() + limit;
        let mut next_look = Instant::now() + SLOW_PAUSE;
        let mut answers: BTreeMap<&str, u32> = BTreeMap::new();
        loop {
            let mut problems = Vec::new();
            for instance in &instances {
                let count = answers.entry(&instance.id).or_default();
                match self.prober.ask(&self.url(request, instance)).await {
                    Ok(()) => *count += 1,
                    Err(problem) => {
                        *count = 0;
                        problems.push(format!("{} {problem}", instance.id));
                    }
                }
            }
            if instances.iter().all(|instance| {
                answers
                    .get(instance.id.as_str())
                    .is_some_and(|count| *count >= ANSWERS)
            }) {
                return Ok(instances);
            }
            if Instant::now() >= next_look {
                self.fail_early(request, &instances).await?;
                next_look = Instant::now() + SLOW_PAUSE;
            }
            if Instant::now() >= deadline {
                let why = format!(
                    "not healthy within {} s ([run] start_timeout): {}",
                    limit.as_secs(),
                    problems.join(", ")
                );
                return Err(self.unhealthy(request, &instances, &why).await);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The release whose tags the instances have: an earlier one where they were taken over.
    async fn launched(&self, request: &DeployRequest) -> Result<String, Fault> {
        let row = self.own_row(request).await?;
        Ok(release_label(&request.release.target, row.launched()))
    }

    fn url(&self, request: &DeployRequest, instance: &Instance) -> String {
        let run = &request.item.manifest.run;
        format!(
            "http://{}:{}{}",
            instance.address,
            run.port.number(),
            run.health.as_str()
        )
    }

    /// Waits until every instance has an address.
    async fn addresses(
        &self,
        request: &DeployRequest,
        mut seen: Vec<Seen>,
    ) -> Result<Vec<Instance>, Fault> {
        let deadline = Instant::now() + ADDRESS_DEADLINE;
        let component = request.item.planned.component.as_str();
        let label = self.launched(request).await?;
        let hostname = request.item.planned.hostname.as_str();
        loop {
            let instances: Vec<Instance> = seen.iter().filter_map(Seen::instance).collect();
            if instances.len() == seen.len() && !seen.is_empty() {
                return Ok(instances);
            }
            if Instant::now() >= deadline {
                return Err(Fault::new(
                    errors::NOT_HEALTHY,
                    format!(
                        "instances of {component} got no public address within {} s; see the EC2 console for {label}",
                        ADDRESS_DEADLINE.as_secs()
                    ),
                ));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            let ids: Vec<String> = seen.iter().map(|one| one.id.clone()).collect();
            let now = self.fleet.of_release(&label, hostname).await?;
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
                    errors::NOT_HEALTHY,
                    format!(
                        "instance {} of {component} is {} before it was up",
                        ended.id, ended.state
                    ),
                ));
            }
        }
    }

    /// An instance that is gone, or whose component keeps ending, will not become healthy.
    async fn fail_early(
        &self,
        request: &DeployRequest,
        instances: &[Instance],
    ) -> Result<(), Fault> {
        let label = self.launched(request).await?;
        let hostname = request.item.planned.hostname.as_str();
        let now = self.fleet.of_release(&label, hostname).await?;
        if let Some(ended) = now
            .iter()
            .find(|one| !one.is_up() && instances.iter().any(|instance| instance.id == one.id))
        {
            return Err(self
                .unhealthy(
                    request,
                    instances,
                    &format!("instance {} is {}", ended.id, ended.state),
                )
                .await);
        }
        for instance in instances {
            let text = self
                .store
                .get_text(&self.log_key(request, instance), 1 << 20)
                .await?
                .unwrap_or_default();
            let ended = text
                .lines()
                .filter(|line| line.starts_with("cutover: ") && line.contains(" ended with "))
                .count();
            if ended >= CRASHES {
                return Err(self
                    .unhealthy(
                        request,
                        instances,
                        &format!("the component ended {ended} times"),
                    )
                    .await);
            }
        }
        Ok(())
    }

    /// Why, with the last lines of an instance's own log and where it is.
    async fn unhealthy(&self, request: &DeployRequest, instances: &[Instance], why: &str) -> Fault {
        let log = match self.log_of_any(request, instances).await {
            Some((url, text)) => format!(", saying: {}; log: {url}", last_lines(&text)),
            None => match instances.first() {
                Some(instance) => {
                    let url = self.store.url(&self.log_key(request, instance));
                    format!("; the instance shipped no log to {url}")
                }
                None => String::new(),
            },
        };
        let planned = &request.item.planned;
        Fault::new(
            errors::NOT_HEALTHY,
            format!(
                "{} at {}: {why}{log}",
                planned.component,
                planned.commit.short()
            ),
        )
    }

    /// An instance ships its log a few seconds after its start, and the failure is better told
    /// with it than without.
    async fn log_of_any(
        &self,
        request: &DeployRequest,
        instances: &[Instance],
    ) -> Option<(String, String)> {
        let deadline = Instant::now() + LOG_DEADLINE;
        loop {
            for instance in instances {
                let key = self.log_key(request, instance);
                // It only explains; a failure to read it must not hide the failure itself.
                if let Ok(Some(text)) = self.store.get_text(&key, 1 << 20).await {
                    return Some((self.store.url(&key), text));
                }
            }
            if Instant::now() >= deadline {
                return None;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    fn log_key(&self, request: &DeployRequest, instance: &Instance) -> String {
        request.release.log_key(
            &request.item.planned.component,
            &format!("instance-{}", instance.id),
        )
    }
}

fn last_lines(text: &str) -> String {
    const LINES: usize = 4;
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(LINES)..].join(" / ")
}
