//! Keeps running what should run. An event or the schedule calls it to look; what there is to do is an execution's.

mod act;

use drive::{Announcer, Drive, Listed};
use executions::{Executions, Started};
use fleet::Fleet;
use futures::{StreamExt, stream};
use health::Prober;
use pipeline::drivers::{Keep, Keeping};
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::keep::{KeepReply, KeepRequest, Kept, Whom, Why};
use pipeline::names::Target;
use pipeline::rows::{AliasRow, EnvironmentRow, Key};
use pipeline::wire::Release;
use serde_json::{Value, json};
use stage::Settings;

struct Keeper {
    settings: Settings,
    drive: Drive,
    announcer: Announcer,
    fleet: Fleet,
    prober: Prober,
    executions: Executions,
    machine: String,
}

/// Targets that are looked at side by side: Route 53 answers five requests a second of a whole account.
const AT_ONCE: usize = 4;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let keeper = Keeper {
        drive: Drive::new(&config, &settings.table, &settings.bucket)?,
        announcer: Announcer::new(&config, &settings.table, settings.project.clone()),
        fleet: Fleet::new(&config),
        prober: Prober::new()?,
        executions: Executions::new(&config),
        machine: Settings::variable("CUTOVER_KEEP_MACHINE")?,
        settings,
    };
    stage::run(async |input: Value| keeper.called(input).await).await
}

impl Keeper {
    /// By a rule with its event, or by the state Keep with the input of its execution.
    async fn called(&self, input: Value) -> Result<KeepReply, Fault> {
        let refused = |why: String| Fault::new(ErrorName::InputInvalid, why);
        let input = match input.get("source") {
            Some(_) => input,
            None => {
                let request: Result<KeepRequest, _> = serde_json::from_value(input);
                request.map_err(|why| refused(why.to_string()))?.input
            }
        };
        let whom = Whom::parse(&input).map_err(refused)?;
        let mode = match (&whom.why, whom.status) {
            (_, true) => Keeping::Status,
            (Why::Asked(_), false) => Keeping::Act,
            (Why::Changed(_) | Why::Schedule, false) => Keeping::Look,
        };
        let listed = self.targets(&whom.why).await?;
        let looks = stream::iter(listed).map(|one| self.target(one, mode));
        let kept: Vec<Result<Kept, Fault>> = looks.buffered(AT_ONCE).collect().await;
        let kept: Result<Vec<Kept>, Fault> = kept.into_iter().collect();
        let mut reply = KeepReply::of(kept?);
        if mode == Keeping::Look {
            self.start(&mut reply).await?;
        }
        Ok(reply)
    }

    async fn targets(&self, why: &Why) -> Result<Vec<Listed>, Fault> {
        match why {
            Why::Changed(id) => match self.target_of(id).await? {
                Some(name) => Ok(self
                    .drive
                    .target_if_open(&name)
                    .await?
                    .into_iter()
                    .collect()),
                None => Ok(Vec::new()),
            },
            Why::Asked(Some(name)) => Ok(vec![self.drive.target(name).await?]),
            Why::Schedule | Why::Asked(None) => self.drive.targets().await,
        }
    }

    /// The target of an instance that users are sent to. Most that end are another project's, or a release's that
    /// was replaced.
    async fn target_of(&self, id: &str) -> Result<Option<Target>, Fault> {
        let Some(owner) = self.fleet.owner_of(&self.settings.project, id).await? else {
            return Ok(None);
        };
        let key = Key::alias(&owner.target, &owner.component);
        let live: Option<AliasRow> = self.drive.registry.get(&key).await?;
        let is_live = live.is_some_and(|row| row.hostname.as_str() == owner.name);
        Ok(is_live.then_some(owner.target))
    }

    /// One target's failure is no reason to leave the others. An execution tries again what may pass; a look is not
    /// tried again, since the next one comes within a minute.
    async fn target(&self, (target, environment): Listed, mode: Keeping) -> Result<Kept, Fault> {
        let kept = match environment {
            Ok(environment) => self.kept(&target, environment, mode).await,
            Err(fault) => Err(fault),
        };
        // Also of a run that failed: it may have told what it began.
        let unannounced = match mode {
            Keeping::Act => self.announcer.announce(&target).await,
            Keeping::Look | Keeping::Status => 0,
        };
        let mut kept = match kept {
            Ok(kept) => kept,
            Err(fault) if fault.name() == ErrorName::Unavailable && mode != Keeping::Look => {
                return Err(fault);
            }
            Err(fault) => {
                let mut kept = Kept::of(target.clone());
                kept.failed_at(&format!("{target}: {fault}"));
                kept
            }
        };
        kept.unannounced = unannounced;
        tracing::info!(?kept, "kept");
        Ok(kept)
    }

    async fn kept(
        &self,
        target: &Target,
        environment: EnvironmentRow,
        mode: Keeping,
    ) -> Result<Kept, Fault> {
        let release = Release::on(
            self.settings.project.clone(),
            target.clone(),
            "keep",
            environment,
        );
        let keep = Keep::new(release.clone(), mode);
        let answer = async |ask| self.answer(&release, ask).await;
        self.drive.run_with(keep, answer).await
    }

    /// One execution for each target where there is something to do. One that cannot be started is no reason to
    /// leave the others.
    async fn start(&self, reply: &mut KeepReply) -> Result<(), Fault> {
        let minute = aws::seconds(&aws::now()).unwrap_or_default() / 60;
        let mut failed = None;
        // One after the other: few need it at the same time.
        for kept in &reply.targets {
            let Some(name) = execution_name(kept, minute) else {
                continue;
            };
            let input = json!({"target": kept.target});
            match self.executions.start(&self.machine, &name, &input).await {
                Ok(Started::Runs) => reply.started.push(name),
                Ok(Started::WasThere) => tracing::info!(name, "was started already"),
                Err(why) => failed = failed.or(Some(why)),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Of the execution that does what a look found. It has the keeper's turn: who looks at the same moment starts the same
/// one; and the minute, by which one that was cut off is followed by another. Where the look failed, an execution does
/// it again and shows why: one in ten minutes, since nobody may be there to mend it.
fn execution_name(kept: &Kept, minute: i64) -> Option<String> {
    let Kept { target, turn, .. } = kept;
    match (kept.waits, kept.failed.is_empty()) {
        (true, _) => Some(format!("{target}-{turn}-{minute}")),
        (false, false) => Some(format!("{target}-failed-{}", minute / 10)),
        (false, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_failed_is_shown_by_an_execution() {
        let mut kept = Kept::of(Target::new("stage").unwrap());
        assert_eq!(execution_name(&kept, 1234), None);
        kept.failed_at("stage: the row cannot be read");
        let shown = execution_name(&kept, 1234);
        assert_eq!(shown.as_deref(), Some("stage-failed-123"));
        (kept.waits, kept.turn) = (true, 7);
        let mended = execution_name(&kept, 1234);
        assert_eq!(mended.as_deref(), Some("stage-7-1234"));
    }
}
