//! Ends what was live before, after one more look at DNS and at what is live now, and the companions
//! of the tests.

mod versions;

use health::Examiner;
use pipeline::errors::Fault;
use pipeline::health::{Condition, Tolerates};
use pipeline::live::live;
use pipeline::names::Fqdn;
use pipeline::retire::{Leaving, ends_after, is_companion_of};
use pipeline::rows::{CandidateRow, CandidateState};
use pipeline::watch::{is_spared, to_be_spared, unwell};
use pipeline::wire::{Release, Stands, TerminateReply, TerminateRequest};
use stage::Settings;
use std::collections::BTreeMap;
use takedown::Takedown;

/// Rows of what was gone before gone candidates had rows of their own, that one release puts away: ten
/// transactions. A table with 10,000 of them is as it should be after 20 releases.
const PUT_AWAY: usize = 500;

struct Terminator {
    takedown: Takedown,
    examiner: Examiner,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let terminator = Terminator {
        takedown: Takedown::new(&config, &settings.table),
        examiner: Examiner::new(&config, &settings.bucket)?,
    };
    stage::run(async |request: TerminateRequest| terminator.terminate(request).await).await
}

impl Terminator {
    async fn terminate(&self, request: TerminateRequest) -> Result<TerminateReply, Fault> {
        let release = &request.release;
        let rows = self.takedown.rows(release).await?;
        let mut leaving: Vec<Leaving> = rows
            .iter()
            .filter_map(|row| {
                let own = ends_after(row, release.ticket, &request.components);
                own.or_else(|| is_companion_of(row, request.companions_of?))
            })
            .collect();
        let zone = self.takedown.dns.view(&release.zone_id).await?;
        let conditions = self.conditions(&request, &rows, &zone).await?;
        let spared = to_be_spared(&request.components, &release.domain, &zone, &conditions);
        let mut reply = TerminateReply::default();
        leaving.retain(|one| {
            let spared = is_spared(one, &rows, &spared);
            if spared {
                reply.spared.push(one.hostname.clone());
            }
            !spared
        });
        let own: Vec<Stands> = rows
            .iter()
            .filter_map(|row| stands(row, &request))
            .collect();
        reply.unwell = unwell(&own, &release.domain, &zone, &conditions);
        let taken = self.takedown.take(release, &leaving).await?;
        reply.old_versions = versions::clean_up(&self.takedown, release, &rows).await;
        self.put_away(release, &rows).await;
        let names = |of: CandidateState, from: &[Leaving]| -> Vec<Fqdn> {
            from.iter()
                .filter(|one| one.becomes == of)
                .map(|one| one.hostname.clone())
                .collect()
        };
        Ok(TerminateReply {
            retired: names(CandidateState::Retired, &taken.gone),
            companions: names(CandidateState::Discarded, &taken.gone),
            kept: taken.kept.into_iter().map(|one| one.hostname).collect(),
            instances: taken.instances,
            ..reply
        }
        .within_bounds())
    }

    /// The release is live whatever becomes of it: where this fails, the next one does it.
    async fn put_away(&self, release: &Release, rows: &[CandidateRow]) {
        let registry = &self.takedown.registry;
        match registry.put_away(&release.target, rows, PUT_AWAY).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "gone candidates have rows of their own now"),
            Err(error) => tracing::warn!(%error, "gone candidates stay among the others"),
        }
    }

    /// How that is which users of these components are sent to, whoever put it there.
    async fn conditions(
        &self,
        request: &TerminateRequest,
        rows: &[CandidateRow],
        zone: &pipeline::records::ZoneView,
    ) -> Result<BTreeMap<Fqdn, Condition>, Fault> {
        let release = &request.release;
        let live = live(zone, &release.domain);
        let is_live = |row: &&CandidateRow| {
            request.components.contains(&row.component)
                && live.get(&row.component) == Some(&row.hostname)
        };
        self.examiner
            .examine(
                &release.target,
                rows.iter().filter(is_live),
                Tolerates::OneEnd,
            )
            .await
    }
}

/// Where a component of the release itself stands.
fn stands(row: &CandidateRow, request: &TerminateRequest) -> Option<Stands> {
    let own = row.ticket == request.release.ticket && !row.companion && !row.state.is_leaving();
    let is_asked = request.components.contains(&row.component);
    (own && is_asked).then(|| Stands {
        component: row.component.clone(),
        hostname: row.hostname.clone(),
    })
}
