//! Gives a release its own names for peers, before anything of it boots.

use dns::{ChangeError, Dns, MAX_PLANS, Refusals};
use pipeline::errors::{ErrorName, Fault};
use pipeline::names::{Component, alias, peer_name};
use pipeline::records::{Batch, Record, ZoneView};
use pipeline::rows::{AliasRow, ComponentRow, Key};
use pipeline::suites::url;
use pipeline::verdict::peer_not_live;
use pipeline::wire::{Listens, PeersReply, Release, Together};
use registry::Registry;
use stage::Settings;
use std::collections::{BTreeMap, BTreeSet};

struct Publisher {
    registry: Registry,
    dns: Dns,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let publisher = Publisher {
        registry: Registry::new(&config, &settings.table),
        dns: Dns::new(&config),
    };
    stage::run(async |request: Together<Listens>| publisher.publish(request).await).await
}

impl Publisher {
    async fn publish(
        &self,
        Together {
            release,
            components,
        }: Together<Listens>,
    ) -> Result<PeersReply, Fault> {
        let peers: BTreeSet<&Component> = components
            .iter()
            .filter(|one| !one.warm)
            .flat_map(|one| &one.peers)
            .collect();
        if peers.is_empty() {
            return Ok(PeersReply::default());
        }
        let mut urls = BTreeMap::new();
        for peer in &peers {
            let port = self.port(&release, &components, peer).await?;
            urls.insert(
                (*peer).clone(),
                url(&peer_name(peer, release.ticket, &release.domain), port),
            );
        }
        let mut refusals = Refusals::default();
        for _ in 0..MAX_PLANS {
            let zone = self.dns.view(&release.zone_id).await?;
            let batch = plan(&release, &components, &peers, &zone)?;
            if batch.is_empty() {
                return Ok(PeersReply {
                    change_id: None,
                    urls,
                });
            }
            match self
                .dns
                .change(
                    &release.zone_id,
                    &batch,
                    &format!("peer names of {}", release.label()),
                )
                .await
            {
                Ok(change_id) => {
                    return Ok(PeersReply {
                        change_id: Some(change_id),
                        urls,
                    });
                }
                Err(ChangeError::Moved(why)) => refusals.note(&batch, &why)?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Fault::new(
            ErrorName::Unavailable,
            "the zone kept changing while the peers' names were published",
        ))
    }

    /// Where a peer listens: its manifest in this release, else what is recorded of the live one.
    async fn port(
        &self,
        release: &Release,
        components: &[Listens],
        peer: &Component,
    ) -> Result<u16, Fault> {
        if let Some(own) = candidate(components, peer) {
            return Ok(own.port);
        }
        let live: Option<AliasRow> = self
            .registry
            .get(&Key::alias(&release.target, peer))
            .await?;
        if let Some(live) = live {
            return Ok(live.port);
        }
        let known: Option<ComponentRow> = self.registry.get(&Key::component(peer)).await?;
        Err(not_live(release, components, peer, known.is_some()))
    }
}

/// The one that the release brings; a companion of a live component is not what others talk to.
fn candidate<'a>(components: &'a [Listens], peer: &Component) -> Option<&'a Listens> {
    components
        .iter()
        .find(|one| one.component == *peer && !one.companion)
}

fn plan(
    release: &Release,
    components: &[Listens],
    peers: &BTreeSet<&Component>,
    zone: &ZoneView,
) -> Result<Batch, Fault> {
    let mut batch = Batch::default();
    for peer in peers {
        let own = candidate(components, peer);
        let live = alias(peer, &release.domain);
        let to = match own {
            Some(candidate) => candidate.hostname.clone(),
            None if zone.points_to(&live).is_some() => live,
            None => return Err(not_live(release, components, peer, true)),
        };
        let wanted = Record::cname(
            peer_name(peer, release.ticket, &release.domain),
            &to,
            release.alias_ttl,
        );
        zone.publish(&mut batch, wanted)
            .map_err(|why| Fault::new(ErrorName::CutoverRefused, why.to_string()))?;
    }
    Ok(batch)
}

fn not_live(release: &Release, components: &[Listens], peer: &Component, known: bool) -> Fault {
    let who: Vec<&Component> = components
        .iter()
        .filter(|one| one.peers.contains(peer))
        .map(|one| &one.component)
        .collect();
    let why = peer_not_live(&who, peer, &release.target, known);
    Fault::new(ErrorName::PeerNotLive, why)
}
