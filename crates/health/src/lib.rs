//! Looks at instances: EC2's state of each and what its service answers.
#![warn(missing_docs)]

mod outside;
mod prober;

pub use outside::Outsider;
pub use prober::Prober;

use fleet::Fleet;
use futures::StreamExt;
use pipeline::ends;
use pipeline::errors::Fault;
use pipeline::health::{Condition, InstanceHealth, Place, Since, Tolerates};
use pipeline::names::{Fqdn, Target};
use pipeline::rows::CandidateRow;
use pipeline::wire::Instance;
use std::collections::BTreeMap;
use std::time::Duration;
use store::Store;

/// How often an instance is asked before it is called unwell: one lost packet is no failure.
const LOOKS: usize = 3;
/// Between two looks at one that was not well.
const PAUSE: Duration = Duration::from_secs(1);
/// Services that are asked at the same time.
const AT_ONCE: usize = 128;

/// Looks at the instances of whole hostnames.
#[derive(Debug, Clone)]
pub struct Examiner {
    fleet: Fleet,
    prober: Prober,
    store: Store,
}

impl Examiner {
    /// Clients on this configuration. The function needs `ec2:DescribeInstances`, where instances
    /// are behind a proxy its variables, and to get and list `logs/` unless any end is tolerated.
    pub fn new(config: &aws_config::SdkConfig, bucket: &str) -> Result<Self, Fault> {
        Ok(Self {
            fleet: Fleet::new(config),
            prober: Prober::new()?,
            store: Store::new(config, bucket),
        })
    }

    /// How the recorded instances of these hostnames are: each runs, answers 200 on its health path
    /// and has not ended more often than that. One that does not answer is asked three times in all, a
    /// second apart; so this takes at most 20 s, and well below one where all are well. A call that
    /// fails is an error, not an answer.
    pub async fn examine<'a>(
        &self,
        target: &Target,
        rows: impl IntoIterator<Item = &'a CandidateRow>,
        tolerates: Tolerates,
    ) -> Result<BTreeMap<Fqdn, Condition>, Fault> {
        let ask = Ask { target, tolerates };
        let rows: Vec<&CandidateRow> = rows.into_iter().collect();
        let mut found: BTreeMap<Fqdn, Condition> = BTreeMap::new();
        for look in 0..LOOKS {
            let again: Vec<&CandidateRow> = rows
                .iter()
                .copied()
                .filter(|row| !found.get(&row.hostname).is_some_and(Condition::is_well))
                .collect();
            if again.is_empty() {
                break;
            }
            if look > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            found.extend(self.look(ask, &again).await?);
        }
        tracing::info!(?found, "looked at instances");
        Ok(found)
    }

    async fn look(
        &self,
        ask: Ask<'_>,
        rows: &[&CandidateRow],
    ) -> Result<BTreeMap<Fqdn, Condition>, Fault> {
        let ids = rows.iter().flat_map(|row| &row.instances);
        let ids: Vec<String> = ids.map(|one| one.id.clone()).collect();
        let states: BTreeMap<String, String> = self
            .fleet
            .by_id(&ids)
            .await?
            .into_iter()
            .map(|seen| (seen.id, seen.state))
            .collect();
        let instances = rows
            .iter()
            .flat_map(|row| row.instances.iter().map(move |one| (*row, one)));
        let sights: Vec<Result<(Fqdn, InstanceHealth), Fault>> = futures::stream::iter(instances)
            .map(|(row, instance)| self.sight(ask, row, instance, states.get(&instance.id)))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let sights: Vec<(Fqdn, InstanceHealth)> = sights.into_iter().collect::<Result<_, _>>()?;
        let of = |row: &&CandidateRow| {
            let own = sights.iter().filter(|(at, _)| *at == row.hostname);
            let own: Vec<InstanceHealth> = own.map(|(_, sight)| sight.clone()).collect();
            (
                row.hostname.clone(),
                Condition::of(&row.hostname, &own, ask.tolerates),
            )
        };
        Ok(rows.iter().map(of).collect())
    }

    async fn sight(
        &self,
        ask: Ask<'_>,
        row: &CandidateRow,
        instance: &Instance,
        state: Option<&String>,
    ) -> Result<(Fqdn, InstanceHealth), Fault> {
        let place = Place::of(row, instance);
        let answer = match place.filter(|_| state.is_some_and(|state| state == "running")) {
            Some(place) => Some(self.prober.ask(&place).await),
            None => None,
        };
        // After the answer: an end is told before the component is there again, so a component that
        // answered has told all ends before that.
        let since = match ask.tolerates {
            any if any.any_end() => Since::NoEnd,
            _ => self.since(ask.target, row, instance).await?,
        };
        let sight = InstanceHealth {
            id: instance.id.clone(),
            state: state.cloned(),
            answer,
            since,
        };
        Ok((row.hostname.clone(), sight))
    }

    async fn since(
        &self,
        target: &Target,
        row: &CandidateRow,
        instance: &Instance,
    ) -> Result<Since, Fault> {
        let key = ends::key(target, row.launched(), &row.component, &instance.id);
        let told = self.store.get_text(&key, ends::MAX_BYTES).await?;
        let before = row.found_healthy.as_ref();
        let before = before.and_then(|found| found.ends.get(&instance.id));
        Ok(Since::of(
            told.as_deref(),
            before.copied().unwrap_or_default(),
        ))
    }
}

#[derive(Clone, Copy)]
struct Ask<'a> {
    target: &'a Target,
    tolerates: Tolerates,
}
