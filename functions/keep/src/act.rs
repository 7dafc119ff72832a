//! What only the keeper looks at and does.

use crate::Keeper;
use aws::CallKind;
use fleet::{Launch, Launched, Tagged, Tries, has_no_room, in_turn, no_subnets, token};
use futures::{StreamExt, stream};
use pipeline::drivers::{Answer, Ask, KeepAnswer, KeepAsk, LaunchOutcome};
use pipeline::errors::Fault;
use pipeline::health;
use pipeline::keep::{Health, Machine, Replacement, row_of};
use pipeline::rows::{CandidateRow, Key};
use pipeline::target;
use pipeline::wire::{Instance, Release};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Services that are asked at the same time: of a whole zone that hangs, all in one round.
const AT_ONCE: usize = 128;

/// What EC2 says where it passes by itself, and nothing was launched: too many calls
/// (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>), or no machine anywhere.
const NOT_LAUNCHED: [&str; 3] = [
    "RequestLimitExceeded",
    "InsufficientCapacity",
    "InsufficientAddressCapacity",
];

impl Keeper {
    pub async fn answer(&self, release: &Release, ask: Ask) -> Result<Answer, Fault> {
        let target = &release.target;
        let registry = &self.drive.registry;
        let ask = match ask {
            Ask::Executions(these) => {
                return Ok(Answer::Executions(self.executions.how(these).await?));
            }
            Ask::Keep(ask) => ask,
            other => return Err(drive::not_answered(&other)),
        };
        Ok(Answer::Keep(match ask {
            KeepAsk::Notes => {
                let notes = registry.get(&Key::keeper(target)).await?;
                KeepAnswer::Notes(Box::new(notes.unwrap_or_default()))
            }
            KeepAsk::Note(turn, notes) => {
                KeepAnswer::Noted(registry.note(target, turn, &notes).await?)
            }
            KeepAsk::AreInSync(all) => KeepAnswer::InSync(self.in_sync(all).await?),
            KeepAsk::Look(rows) => self.look(release, &rows).await?,
            KeepAsk::Launch(all) => KeepAnswer::Launched(self.launch(release, &all).await?),
            KeepAsk::Record(new) => {
                KeepAnswer::Noted(registry.record_instances(target, &new).await?)
            }
        }))
    }

    async fn in_sync(&self, changes: BTreeSet<String>) -> Result<BTreeSet<String>, Fault> {
        let ask = async |change: String| match self.drive.dns.is_in_sync(&change).await {
            Ok(is) => Ok(is.then_some(change)),
            Err(error) => Err(Fault::from(error)),
        };
        let found = futures::future::try_join_all(changes.into_iter().map(ask));
        Ok(found.await?.into_iter().flatten().collect())
    }

    async fn look(
        &self,
        release: &Release,
        rows: &[Arc<CandidateRow>],
    ) -> Result<KeepAnswer, Fault> {
        let (project, target) = (&release.project, &release.target);
        let named = rows.iter().flat_map(|row| &row.instances);
        let named = named.map(|one| one.id.clone()).collect();
        let seen = self.fleet.machines_of(project, target, &named).await?;
        let rows = rows.iter().map(AsRef::as_ref);
        let ask = async |one: Machine| {
            let health = match row_of(target, rows.clone(), &one) {
                Some(row) => self.health(row, &one).await,
                None => Health::Unknown,
            };
            Machine { health, ..one }
        };
        let machines = stream::iter(seen).map(ask).buffer_unordered(AT_ONCE);
        let mut machines: Vec<Machine> = machines.collect().await;
        machines.sort_by(|one, other| one.id.cmp(&other.id));
        let at = aws::seconds(&aws::now()).unwrap_or_default();
        Ok(KeepAnswer::Machines(machines, at))
    }

    async fn health(&self, row: &CandidateRow, one: &Machine) -> Health {
        let address = one.address.clone().filter(|_| one.state == "running");
        let instance = address.map(|address| Instance {
            id: one.id.clone(),
            address,
        });
        let place = instance.and_then(|instance| health::Place::of(row, &instance));
        let Some(place) = place else {
            return Health::Unknown;
        };
        match self.prober.ask(&place).await {
            answer if answer.is_healthy() => Health::Well,
            health::Answer::OnTheWay(_) => Health::Unknown,
            answer => Health::Ill(answer.to_string()),
        }
    }

    /// Launches, then looks: a target that is closed in that moment is cleared after it, or this one sees it and
    /// ends what it has launched.
    async fn launch(
        &self,
        release: &Release,
        all: &[Replacement],
    ) -> Result<Vec<LaunchOutcome>, Fault> {
        self.is_open(release).await?;
        let each = all.iter().map(|one| self.launch_somewhere(release, one));
        let launched = futures::future::join_all(each).await;
        let ids = launched.iter().flat_map(|(ids, _)| ids.clone());
        if let Err(closing) = self.is_open(release).await {
            self.fleet.terminate_fresh(&ids.collect::<Vec<_>>()).await?;
            return Err(closing);
        }
        Ok(launched.into_iter().map(|(_, outcome)| outcome).collect())
    }

    async fn is_open(&self, release: &Release) -> Result<(), Fault> {
        let target = &release.target;
        let row = self.drive.registry.get(&Key::environment(target)).await?;
        let open = target::open(target, row);
        open.map(drop)
            .map_err(|why| Fault::new(why.name(), why.to_string()))
    }

    /// In the subnet that it is chosen for, or in another where that one has no room. Each try begins with the next:
    /// what does not become well may be in a zone that is not well.
    async fn launch_somewhere(
        &self,
        release: &Release,
        one: &Replacement,
    ) -> (Vec<String>, LaunchOutcome) {
        let first = one.place + one.attempt as usize;
        let mut last = no_subnets(&release.target).to_string();
        // One after the other: the next is asked only where this one has no room.
        for subnet in in_turn(&release.subnet_ids, first) {
            match self.launch_in(release, one, subnet).await {
                Err(error) if has_no_room(&error) => last = error.to_string(),
                Ok(Launched::Up(seen)) => {
                    let ids: Vec<String> = seen.into_iter().map(|one| one.id).collect();
                    tracing::info!(?ids, replaces = one.replaces, "launched");
                    return (ids, LaunchOutcome::Up);
                }
                Ok(Launched::EndedAlready) => return (Vec::new(), LaunchOutcome::EndedAlready),
                Err(error) => return (Vec::new(), not_launched(&error)),
            }
        }
        (Vec::new(), LaunchOutcome::Refused(last))
    }

    async fn launch_in(
        &self,
        release: &Release,
        one: &Replacement,
        subnet_id: &str,
    ) -> Result<Launched, aws::CallError> {
        let launch = Launch {
            of: Tagged {
                release,
                label: &one.release,
                hostname: one.hostname.as_str(),
                component: &one.component,
                commit: &one.commit,
                port: one.port,
                version: &one.version,
                replaces: Some(&one.replaces),
            },
            subnet_id,
            count: 1,
            token: token(&one.token_of(subnet_id)),
            tries: Tries::ByCaller,
        };
        self.fleet.launch(&launch).await
    }
}

/// Where nothing came back, or EC2 has failed, it may have been launched.
fn not_launched(error: &aws::CallError) -> LaunchOutcome {
    let refused = NOT_LAUNCHED.iter().any(|code| error.is(code));
    match error.kind {
        CallKind::Unavailable if !refused => LaunchOutcome::Unclear(error.to_string()),
        _ => LaunchOutcome::Refused(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, kind: CallKind, is_refused: bool) {
        let error = aws::CallError {
            operation: "ec2:RunInstances",
            kind,
            code: code.into(),
            message: "m".into(),
        };
        let outcome = not_launched(&error);
        let refused = matches!(outcome, LaunchOutcome::Refused(_));
        assert_eq!(refused, is_refused, "{code}");
    }

    #[test]
    fn a_launch_of_which_nobody_knows_is_told_from_one_that_was_not_made() {
        check("no answer", CallKind::Unavailable, false);
        check("InternalError", CallKind::Unavailable, false);
        check("IdempotentParameterMismatch", CallKind::Unavailable, false);
        check("RequestLimitExceeded", CallKind::Unavailable, true);
        check("VcpuLimitExceeded", CallKind::Refused, true);
        check("UnauthorizedOperation", CallKind::Denied, true);
    }
}
