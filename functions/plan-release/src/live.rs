//! How what runs already is: what is live at the commit that is asked for, and what a roll-back would take over.

use crate::Planner;
use health::Examiner;
use pipeline::errors::Fault;
use pipeline::health::{Condition, Tolerates};
use pipeline::look::Look;
use pipeline::names::Fqdn;
use pipeline::plan::{Health, Observed, misled};
use pipeline::rows::CandidateRow;
use pipeline::wire::Release;
use std::collections::BTreeSet;

impl Planner {
    /// "Already live" is said only of what is up and healthy, and only that is taken over by a roll-back. The
    /// rest is launched again.
    pub(crate) async fn ask_instances(
        &self,
        release: &Release,
        look: &Look,
        all: &mut [Observed],
    ) -> Result<(), Fault> {
        let to_ask = all.iter().flat_map(|one| one.to_ask(release.proven));
        let to_ask: BTreeSet<Fqdn> = to_ask.cloned().collect();
        let rows = to_ask.iter().filter_map(|at| look.hosts.get(at));
        let rows: Vec<&CandidateRow> = rows.collect();
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
            tracing::info!(hostname = row.hostname.as_str(), ?health, "asked");
            all.iter_mut()
                .for_each(|one| one.found(&row.hostname, &health));
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
