//! Looks at what users meet right before a cutover and, while the previous instances still run, at what went
//! live: at its instances, and from outside.

mod times;

use futures::StreamExt;
use health::{Examiner, Outsider};
use pipeline::bake::{
    Bake, BeforeReply, BeforeRequest, Moment, Sight, WatchOutcome, WatchReply, WatchRequest,
    has_moved_on,
};
use pipeline::connections::{MAX_BYTES, Replaced, drain_of, has_connections, key};
use pipeline::errors::Fault;
use pipeline::health::{Condition, Tolerates};
use pipeline::names::{Component, Domain, Fqdn, Target};
use pipeline::outside::{Before, Front, Outside};
use pipeline::rows::{AliasRow, CandidateRow, Key};
use pipeline::wire::{Instance, Release};
use registry::Registry;
use serde::{Deserialize, Serialize};
use stage::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use store::Store;
use times::{CONNECTIONS, INSIDE, LOOKS_BEFORE, OUTSIDE, PAUSE, TABLE, in_time, within};

/// Components that are asked from outside at the same time. More would not leave enough of the 1,024 open files that
/// a function may have.
const COMPONENTS_AT_ONCE: usize = 64;
/// Instances that the examiner asks at the same time.
const INSTANCES_AT_ONCE: usize = 128;
/// What is read of S3 at the same time.
const AT_ONCE: usize = 16;

struct Watch {
    registry: Registry,
    examiner: Examiner,
    store: Store,
    outsider: Outsider,
}

/// What the table says of what went live.
#[derive(Debug, Default)]
struct Standing {
    rows: BTreeMap<Fqdn, CandidateRow>,
    /// What a later release has by now.
    moved_on: BTreeSet<Component>,
}

/// What is asked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Request {
    /// Look before cutover.
    Before(BeforeRequest),
    /// Watch release.
    Watch(WatchRequest),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reply {
    Before(BeforeReply),
    Watch(WatchReply),
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let watch = Watch {
        registry: Registry::new(&config, &settings.table),
        examiner: Examiner::new(&config, &settings.bucket)?,
        store: Store::new(&config, &settings.bucket),
        outsider: Outsider::new(Settings::optional("CUTOVER_DNS_SERVER")?)?,
    };
    stage::run(async |request: Request| match request {
        Request::Before(request) => watch.before(request).await.map(Reply::Before),
        Request::Watch(request) => watch.watch(&request).await.map(Reply::Watch),
    })
    .await
}

/// How the instances of each hostname are; why, where that could not be seen.
type Inside = BTreeMap<Fqdn, Result<Condition, String>>;

fn not_seen(rows: &[&CandidateRow], fault: &Fault) -> Inside {
    let one = |row: &&CandidateRow| (row.hostname.clone(), Err(fault.to_string()));
    rows.iter().map(one).collect()
}

/// So many together that all their instances are asked at the same time: else the most that a release may have, all of
/// which hang, would take longer than there is.
fn groups<'a>(rows: &[&'a CandidateRow]) -> Vec<Vec<&'a CandidateRow>> {
    let mut groups: Vec<Vec<&CandidateRow>> = Vec::new();
    let mut instances = 0;
    for row in rows {
        instances += row.instances.len();
        match groups.last_mut() {
            Some(group) if instances <= INSTANCES_AT_ONCE => group.push(row),
            _ => {
                instances = row.instances.len();
                groups.push(vec![row]);
            }
        }
    }
    groups
}

/// How long ago users were led away from what may be kept for so long.
fn since_replaced(drain: Duration, until: &str) -> Duration {
    let ahead = aws::seconds(until).zip(aws::seconds(&aws::now()));
    let left = ahead.map_or(0, |(until, now)| until - now);
    drain.saturating_sub(Duration::from_secs(u64::try_from(left).unwrap_or_default()))
}

impl Watch {
    /// Whether users get through to what is live, before any of it moves.
    async fn before(&self, request: BeforeRequest) -> Result<BeforeReply, Fault> {
        let BeforeRequest { release, before } = request;
        let mut tries = 1;
        let (aliases, rows) = loop {
            match within(TABLE, "the table", self.were_live(&release, &before)).await {
                // Without it nothing that is seen from outside is held against the release.
                Err(fault) if tries < LOOKS_BEFORE => tracing::info!(%fault, "looks again"),
                found => break found?,
            }
            tries += 1;
            tokio::time::sleep(PAUSE).await;
        };
        let mut found: BTreeMap<Component, Before> = BTreeMap::new();
        for one in before.iter().filter(|one| !aliases.contains_key(*one)) {
            found.insert(one.clone(), Before::New);
        }
        for look in 0..LOOKS_BEFORE {
            let is_well = |one: &Component| found.get(one) == Some(&Before::Well);
            let left: Vec<&CandidateRow> = rows
                .values()
                .filter(|row| !is_well(&row.component))
                .collect();
            if left.is_empty() {
                break;
            }
            if look > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let seen = self.outside(&left, &release.domain).await;
            found.extend(seen.into_iter().map(|(one, seen)| (one, seen.into())));
        }
        Ok(BeforeReply { components: found })
    }

    /// What is live of these components, and its rows.
    async fn were_live(
        &self,
        release: &Release,
        components: &[Component],
    ) -> Result<(BTreeMap<Component, AliasRow>, BTreeMap<Fqdn, CandidateRow>), Fault> {
        let aliases = self.aliases(release, components.iter()).await?;
        let live = aliases.values().map(|row| &row.hostname);
        let rows = self.registry.candidates(&release.target, live).await?;
        Ok((aliases, rows))
    }

    /// What is not well is told whatever becomes of other reads: at the last look there is no other chance.
    async fn watch(&self, request: &WatchRequest) -> Result<WatchReply, Fault> {
        let reply = self.look(request).await;
        if reply.outcome == WatchOutcome::Unwell {
            return Ok(reply.without_connected());
        }
        let what = "what was live before";
        let connected = within(CONNECTIONS, what, self.connected(request)).await;
        if let Err(fault) = &connected {
            tracing::warn!(%fault, "connections could not be read");
        }
        reply.with_connected(request, connected)
    }

    /// Again until it is clear what is seen. A call that fails shows nothing, and is made again.
    async fn look(&self, request: &WatchRequest) -> WatchReply {
        let first = Instant::now();
        let mut bake = Bake::new(request);
        let mut standing = None;
        loop {
            let (now, began) = (aws::now(), first.elapsed());
            let seen = self.sight(request, &mut standing).await;
            let elapsed = first.elapsed();
            let at = Moment {
                now: &now,
                began,
                elapsed,
            };
            let seen = seen.map_err(|fault| fault.to_string());
            if let Some(reply) = bake.take(seen.clone(), at) {
                return reply;
            }
            tracing::info!(?seen, "looks again");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What cannot be seen of one side is told as that, with what is seen of the other.
    async fn sight(
        &self,
        request: &WatchRequest,
        standing: &mut Option<Standing>,
    ) -> Result<Sight, Fault> {
        let found = within(TABLE, "the table", self.standing(request)).await;
        match (found, &*standing) {
            (Ok(found), _) => *standing = Some(found),
            // Users meet the same whether the table answers or not. If a later release has moved an alias on
            // meanwhile, Roll back finds that.
            (Err(fault), Some(_)) => tracing::warn!(%fault, "looks by the rows of before"),
            (Err(fault), None) => return Err(fault),
        }
        let Standing { rows, moved_on } = standing.get_or_insert_default();
        let own: Vec<&CandidateRow> = rows
            .values()
            .filter(|row| !moved_on.contains(&row.component))
            .collect();
        let release = &request.release;
        let (inside, outside) = tokio::join!(
            self.inside(&release.target, &own),
            self.outside(&own, &release.domain)
        );
        Ok(Sight {
            inside,
            outside,
            moved_on: moved_on.clone(),
        })
    }

    async fn standing(&self, request: &WatchRequest) -> Result<Standing, Fault> {
        let (release, components) = (&request.release, &request.components);
        let hostnames = components.iter().map(|one| &one.hostname);
        let rows = self.registry.candidates(&release.target, hostnames).await?;
        let names = components.iter().map(|one| &one.component);
        let aliases = self.aliases(release, names).await?;
        let moved_on = components.iter().filter(|one| {
            let alias = aliases.get(&one.component);
            has_moved_on(one, release.ticket, rows.get(&one.hostname), alias)
        });
        let moved_on = moved_on.map(|one| one.component.clone()).collect();
        Ok(Standing { rows, moved_on })
    }

    async fn inside(&self, target: &Target, rows: &[&CandidateRow]) -> Inside {
        let groups = groups(rows);
        let seen = groups.iter().map(async |rows| {
            let own = rows.iter().copied();
            let examined = self.examiner.examine(target, own, Tolerates::OneEnd);
            match within(INSIDE, "EC2 or S3", examined).await {
                Ok(seen) => seen.into_iter().map(|(at, seen)| (at, Ok(seen))).collect(),
                Err(fault) => not_seen(rows, &fault),
            }
        });
        let seen: Vec<Inside> = futures::future::join_all(seen).await;
        seen.into_iter().flatten().collect()
    }

    /// Of which what was live before has connections still, where its manifest has a `drain`.
    async fn connected(&self, request: &WatchRequest) -> Result<BTreeSet<Component>, Fault> {
        let target = &request.release.target;
        let rows = self.registry.candidates(target, &request.replaced).await?;
        let kept: Vec<&CandidateRow> = rows
            .values()
            .filter(|row| drain_of(row).is_some())
            .collect();
        let names = kept.iter().map(|row| &row.component);
        let aliases = self.aliases(&request.release, names).await?;
        let usual = Duration::from_secs(request.release.drain_seconds.into());
        let drained_for = request.drained_for.map(Duration::from_secs);
        let look = async |row: &CandidateRow| {
            let since = match &row.kept_until {
                Some(until) => since_replaced(drain_of(row)?, until),
                // Of before that was noted.
                None => {
                    let live = aliases.get(&row.component);
                    let live = live.filter(|live| live.ticket == request.release.ticket);
                    live.and_then(|live| aws::since(&live.since))?
                }
            };
            let told = self.told(target, row).await;
            tracing::info!(
                at = row.hostname.as_str(),
                ?told,
                "connections as they are told"
            );
            let replaced = Replaced {
                since,
                drained_for: drained_for.unwrap_or_else(|| since.saturating_sub(usual)),
            };
            has_connections(row, replaced, &told).then(|| row.component.clone())
        };
        let looks = futures::stream::iter(kept).map(look);
        let found: Vec<Option<Component>> = looks.buffer_unordered(AT_ONCE).collect().await;
        Ok(found.into_iter().flatten().collect())
    }

    /// What cannot be read was not told.
    async fn told(&self, target: &Target, row: &CandidateRow) -> BTreeMap<String, Option<String>> {
        let read = async |one: &Instance| {
            let key = key(target, row.launched(), &row.component, &one.id);
            let told = self.store.get_text(&key, MAX_BYTES).await;
            (one.id.clone(), told.ok().flatten())
        };
        let all = futures::stream::iter(&row.instances).map(read);
        all.buffer_unordered(AT_ONCE).collect().await
    }

    async fn aliases<'a>(
        &self,
        release: &Release,
        names: impl Iterator<Item = &'a Component>,
    ) -> Result<BTreeMap<Component, AliasRow>, Fault> {
        let keys: Vec<Key> = names.map(|one| Key::alias(&release.target, one)).collect();
        let rows: Vec<AliasRow> = self.registry.get_many(&keys).await?;
        let named = rows.into_iter().map(|row| (row.component.clone(), row));
        Ok(named.collect())
    }

    async fn outside(
        &self,
        rows: &[&CandidateRow],
        domain: &Domain,
    ) -> BTreeMap<Component, Outside> {
        let fronts = rows.iter().filter_map(|row| {
            let front = Front::of(row, domain)?;
            Some((row.component.clone(), front))
        });
        let fronts: Vec<(Component, Front)> = fronts.collect();
        let look = async |(component, front): &(Component, Front)| {
            let look = self.outsider.look(front).await;
            (component.clone(), Outside::of(front, &look))
        };
        let looks = futures::stream::iter(&fronts).map(look);
        let mut seen = in_time(OUTSIDE, looks.buffer_unordered(COMPONENTS_AT_ONCE)).await;
        for (component, front) in &fronts {
            let late = || {
                let asked = front.asked();
                Outside::NotMade(format!("{asked} could not be asked in time"))
            };
            seen.entry(component.clone()).or_insert_with(late);
        }
        seen
    }
}

#[cfg(test)]
#[path = "main_tests.rs"]
mod tests;
