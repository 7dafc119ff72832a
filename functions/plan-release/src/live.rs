//! How what is live is, where it is live at the commit that is asked for already.

use crate::Planner;
use health::Examiner;
use pipeline::errors::Fault;
use pipeline::health::{Condition, Tolerates};
use pipeline::look::Look;
use pipeline::plan::{Health, Observed, misled};
use pipeline::rows::CandidateRow;
use pipeline::wire::Release;

impl Planner {
    /// "Already live" is said only of what is up and healthy. The rest is launched again.
    pub(crate) async fn ask_what_is_live(
        &self,
        release: &Release,
        look: &Look,
        all: &mut [Observed],
    ) -> Result<(), Fault> {
        let same = all.iter().filter_map(Observed::same_live);
        let rows: Vec<&CandidateRow> = same
            .filter_map(|live| look.hosts.get(&live.hostname))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let examiner = Examiner::new(&self.config, &self.settings.bucket)?;
        let found = examiner
            .examine(&release.target, rows.iter().copied(), Tolerates::AnyEnd)
            .await?;
        for row in rows {
            let health = match (misled(row, &look.zone), found.get(&row.hostname)) {
                (Some(why), _) => Health::Ill(why),
                (None, Some(condition)) => health_of(condition),
                (None, None) => Health::NotAsked,
            };
            tracing::info!(hostname = row.hostname.as_str(), ?health, "live already");
            let same = |one: &&mut Observed| {
                one.same_live()
                    .is_some_and(|live| live.hostname == row.hostname)
            };
            let live = all.iter_mut().find(same).and_then(|one| one.live.as_mut());
            live.into_iter()
                .for_each(|live| live.health = health.clone());
        }
        Ok(())
    }
}

fn health_of(condition: &Condition) -> Health {
    match condition.reason() {
        None => Health::Well,
        Some(why) => Health::Ill(why.to_owned()),
    }
}
