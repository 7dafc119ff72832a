//! Keeps running what should run. An event or the schedule calls it to look; what there is to do is an execution's.

mod act;

use drive::{Announcer, Drive};
use executions::Executions;
use fleet::Fleet;
use health::Prober;
use pipeline::drivers::{Keep, Keeping};
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::keep::{KeepReply, KeepRequest, Kept, Whom, Why};
use pipeline::names::{Target, Ticket};
use pipeline::rows::{AliasRow, EnvironmentRow, Key};
use pipeline::target::{self, TargetRow};
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
    states: aws_sdk_sfn::Client,
    machine: String,
}

/// A target that is open, with what releases know of it.
type Open = (Target, EnvironmentRow);

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
        states: aws_sdk_sfn::Client::new(&config),
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
        let mut targets = Vec::new();
        for open in self.targets(&whom.why).await? {
            targets.push(self.target(open, mode).await?);
        }
        let mut reply = KeepReply::of(targets);
        if mode == Keeping::Look {
            self.start(&mut reply).await?;
        }
        Ok(reply)
    }

    async fn targets(&self, why: &Why) -> Result<Vec<Open>, Fault> {
        let open = |(name, row): (Target, TargetRow)| {
            let environment = target::open(&name, Some(row)).ok()?;
            Some((name, environment))
        };
        match why {
            Why::Changed(id) => match self.target_of(id).await? {
                Some(name) => Ok(self
                    .row_of(&name)
                    .await?
                    .and_then(open)
                    .into_iter()
                    .collect()),
                None => Ok(Vec::new()),
            },
            Why::Asked(Some(name)) => {
                let row = self.row_of(name).await?.map(|(_, row)| row);
                let environment = target::open(name, row);
                let environment =
                    environment.map_err(|why| Fault::new(why.name(), why.to_string()))?;
                Ok(vec![(name.clone(), environment)])
            }
            Why::Schedule | Why::Asked(None) => {
                let all = self.drive.registry.targets().await?;
                Ok(all.into_iter().filter_map(open).collect())
            }
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

    async fn row_of(&self, name: &Target) -> Result<Option<(Target, TargetRow)>, Fault> {
        let row = self.drive.registry.get(&Key::environment(name)).await?;
        Ok(row.map(|row| (name.clone(), row)))
    }

    /// One target's failure is no reason to leave the others; what may pass is tried again.
    async fn target(&self, (target, environment): Open, mode: Keeping) -> Result<Kept, Fault> {
        let release = self.release(&target, environment);
        let keep = Keep::new(release.clone(), mode);
        let kept = self
            .drive
            .run_with(keep, async |ask| self.answer(&release, ask).await);
        let kept = kept.await;
        // Also of a run that failed: it may have told what it began.
        let unannounced = match mode {
            Keeping::Act => self.announcer.announce(&target).await,
            Keeping::Look | Keeping::Status => 0,
        };
        let mut kept = match kept {
            Ok(kept) => kept,
            Err(fault) if fault.name() == ErrorName::Unavailable => return Err(fault),
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

    /// One execution for each target where there is something to do. Its name has the keeper's turn: who looks at
    /// the same moment starts the same one; and the minute, by which one that was cut off is followed by another.
    async fn start(&self, reply: &mut KeepReply) -> Result<(), Fault> {
        let minute = aws::seconds(&aws::now()).unwrap_or_default() / 60;
        for kept in reply.targets.iter().filter(|kept| kept.waits) {
            let name = format!("{}-{}-{minute}", kept.target, kept.turn);
            let sent = self
                .states
                .start_execution()
                .state_machine_arn(&self.machine)
                .name(&name)
                .input(json!({"target": kept.target}).to_string())
                .send()
                .await;
            match sent.map_err(|e| aws::call_error("states:StartExecution", e)) {
                Ok(_) => reply.started.push(name),
                Err(error) if error.is("ExecutionAlreadyExists") => {
                    tracing::info!(name, "was started in this minute already");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// What every release of the target knows.
    fn release(&self, target: &Target, environment: EnvironmentRow) -> Release {
        Release {
            project: self.settings.project.clone(),
            target: target.clone(),
            ticket: Ticket(0),
            execution: "keep".into(),
            drain_seconds: environment.settings.drain_seconds(),
            settings: environment.settings.of_a_release(),
            domain: environment.domain,
            zone_id: environment.zone_id,
            launch_template_id: environment.launch_template_id,
            launch_template_version: environment.launch_template_version,
            subnet_ids: environment.subnet_ids,
            skip_slow_scans: false,
            size: 1,
            tag: false,
            rollback: false,
            proven: false,
        }
    }
}
