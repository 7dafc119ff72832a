//! Waits until every instance answers, or says why none will.

use crate::Deployer;
use fleet::Seen;
use futures::future::try_join_all;
use pipeline::ends::{self, Counts, LastEnd};
use pipeline::errors::Fault;
use pipeline::health::Place;
use pipeline::manifest::RunSection;
use pipeline::names::Ticket;
use pipeline::pace::{boot_pause, pause};
use pipeline::rows::FoundHealthy;
use pipeline::wire::{DeployRequest, Instance};
use registry::Healthy;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Between two questions to EC2 and S3, which are charged or throttled.
const SLOW_PAUSE: Duration = Duration::from_secs(3);
/// Between the two looks that all instances must pass with no end between them, so that a service
/// which answers once and dies is not called healthy. A third look comes right before the cutover, at
/// least `[run] healthy_for` after the first.
const BETWEEN: Duration = Duration::from_millis(500);
/// A component that ended so often will not come up.
const CRASHES: u32 = 3;

/// The first of two looks.
struct First {
    when: Instant,
    found: FoundHealthy,
}

/// The last end that each instance has told of, if any.
type Ends = BTreeMap<String, LastEnd>;

impl Deployer {
    pub(crate) async fn healthy(
        &self,
        request: &DeployRequest,
        seen: Vec<Seen>,
        launched: Ticket,
    ) -> Result<Healthy, Fault> {
        let mut instances = self.addresses(request, seen, launched).await?;
        instances.sort();
        let before = self.ended_before(request, &instances, launched).await?;
        let run = request.item.manifest.service()?;
        let limit = run.start_timeout.duration();
        let begun = Instant::now();
        let deadline = begun + limit;
        // All components of the release ask EC2; each of them waits its share.
        let slow_pause = || pause(SLOW_PAUSE / 2, 1, request.release.size, aws::jitter());
        let mut next_look = Instant::now() + slow_pause();
        let mut first: Option<First> = None;
        loop {
            let problems = self.problems(run, &instances).await;
            if problems.is_empty() {
                let ends = numbers(&self.ends(request, &instances, launched).await?);
                match first.take().filter(|first| first.found.ends == ends) {
                    Some(First { when, found }) if when.elapsed() >= BETWEEN => {
                        return Ok(Healthy { instances, found });
                    }
                    Some(same) => first = Some(same),
                    None => first = Some(First::now(ends)),
                }
            } else {
                first = None;
            }
            if Instant::now() >= next_look {
                self.fail_early(request, &instances, &before).await?;
                next_look = Instant::now() + slow_pause();
            }
            if first.is_none() && Instant::now() >= deadline {
                let why = format!(
                    "not healthy within {} s ([run] start_timeout): {}",
                    limit.as_secs(),
                    some_of(&problems)
                );
                return Err(self.unhealthy(request, &instances, &why).await);
            }
            let pause = first.as_ref().map_or_else(
                || boot_pause(begun.elapsed()),
                |first| BETWEEN.saturating_sub(first.when.elapsed()),
            );
            tokio::time::sleep(pause).await;
        }
    }

    async fn problems(&self, run: &RunSection, instances: &[Instance]) -> Vec<String> {
        let places = instances.iter().map(|instance| place(run, instance));
        let places: Vec<Place> = places.collect();
        let answers = self.prober.ask_all(&places).await;
        let ill = instances
            .iter()
            .zip(answers)
            .filter(|(_, answer)| !answer.is_healthy());
        ill.map(|(instance, answer)| format!("{} {answer}", instance.id))
            .collect()
    }

    /// The release whose tags the instances have: an earlier one where they were taken over.
    pub(crate) async fn launched(&self, request: &DeployRequest) -> Result<Ticket, Fault> {
        Ok(self.own_row(request).await?.launched())
    }

    /// What the instances have told of ends. One that tells nothing that can be read is as one that
    /// has told nothing: the look before the cutover refuses it.
    async fn ends(
        &self,
        request: &DeployRequest,
        instances: &[Instance],
        launched: Ticket,
    ) -> Result<Ends, Fault> {
        let component = &request.item.planned.component;
        let look = async |instance: &Instance| {
            let key = ends::key(&request.release.target, launched, component, &instance.id);
            let text = self.store.get_text(&key, ends::MAX_BYTES).await?;
            let last = text.as_deref().and_then(LastEnd::parse);
            Ok::<_, Fault>(last.map(|last| (instance.id.clone(), last)))
        };
        let told = try_join_all(instances.iter().map(look)).await?;
        Ok(told.into_iter().flatten().collect())
    }

    /// What was taken over has been live, and may have ended at any time.
    async fn ended_before(
        &self,
        request: &DeployRequest,
        instances: &[Instance],
        launched: Ticket,
    ) -> Result<Counts, Fault> {
        if launched == request.release.ticket {
            return Ok(Counts::new());
        }
        Ok(numbers(&self.ends(request, instances, launched).await?))
    }

    /// An instance that is gone, or whose component keeps ending, will not become healthy.
    async fn fail_early(
        &self,
        request: &DeployRequest,
        instances: &[Instance],
        before: &Counts,
    ) -> Result<(), Fault> {
        let ids: Vec<String> = instances.iter().map(|one| one.id.clone()).collect();
        let now = self.fleet.by_id(&ids).await?;
        let ended = now.iter().find(|one| !one.is_up());
        if let Some(ended) = ended {
            let why = format!("instance {} is {}", ended.id, ended.state);
            return Err(self.unhealthy(request, instances, &why).await);
        }
        // The name may have been given up meanwhile: then nothing is to be waited for.
        let launched = self.launched(request).await?;
        // One after the other: the first of them ends it.
        for (id, last) in self.ends(request, instances, launched).await? {
            let times = last.number
                - before
                    .get(&id)
                    .copied()
                    .unwrap_or_default()
                    .min(last.number);
            if times >= CRASHES {
                let why = format!(
                    "the component ended {times} times on instance {id}, the last time {last}"
                );
                return Err(self.unhealthy(request, instances, &why).await);
            }
        }
        Ok(())
    }
}

impl First {
    fn now(ends: Counts) -> Self {
        Self {
            when: Instant::now(),
            found: FoundHealthy {
                at: aws::now_precisely(),
                ends,
            },
        }
    }
}

fn numbers(ends: &Ends) -> Counts {
    let number = |(id, last): (&String, &LastEnd)| (id.clone(), last.number);
    ends.iter().map(number).collect()
}

fn place(run: &RunSection, instance: &Instance) -> Place {
    Place {
        address: instance.address.clone(),
        port: run.port.number(),
        path: run.health.as_str().to_owned(),
    }
}

/// The first of them: a cause is read by a person.
fn some_of(problems: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = problems[..problems.len().min(SHOWN)].join(", ");
    match problems.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
