//! Containers that work on though their release has ended.

use crate::Sweeper;
use aws::CallError;
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::names::{Target, Ticket};
use pipeline::rows::{Key, ReleaseRow};
use pipeline::sweep::{BuildsPlan, MOST_EXECUTIONS, OpenBuild, Swept, builders, plan_builds};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Sweeper {
    /// They are stopped, or told where nothing is to be done. What cannot be done is told, and keeps nothing else.
    pub async fn stop_builds(
        &self,
        target: &Target,
        open: &Result<Vec<OpenBuild>, CallError>,
        is_dry: bool,
        swept: &mut Swept,
    ) {
        let plan = match open {
            Ok(open) => self.plan_builds(target, open).await,
            Err(error) => Err(error.clone().into()),
        };
        let plan = match plan {
            Ok(plan) => plan,
            Err(fault) => return failed(swept, "containers were not looked at", &fault),
        };
        swept.unaccounted.extend(plan.named);
        swept.left += plan.left;
        for (id, sentence) in plan.stops {
            swept.plan.push(sentence.clone());
            if is_dry {
                continue;
            }
            match self.builds.stop(&id).await {
                Ok(()) => swept.did(&sentence),
                Err(error) => failed(swept, &format!("the build {id} runs still"), &error.into()),
            }
        }
    }

    async fn plan_builds(&self, target: &Target, open: &[OpenBuild]) -> Result<BuildsPlan, Fault> {
        let tickets = builders(target, open).into_iter().take(MOST_EXECUTIONS);
        let keys: Vec<Key> = tickets.map(|one| Key::release(target, one)).collect();
        let rows: Vec<ReleaseRow> = self.drive.registry.get_many(&keys).await?;
        let rows = rows.into_iter().map(|row| (row.ticket, Arc::new(row)));
        let rows: BTreeMap<Ticket, Arc<ReleaseRow>> = rows.collect();
        let executions = self.executions.how(rows).await?;
        Ok(plan_builds(target, open, &executions))
    }
}

fn failed(swept: &mut Swept, what: &str, fault: &Fault) {
    swept.may_pass |= fault.name() == ErrorName::Unavailable;
    swept.failed_at(&format!("{what}: {fault}"));
}
