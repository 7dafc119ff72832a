//! Takes away what ended executions have left, and records how they ended.

mod builds;

use ::builds::Builds;
use drive::{Announcer, Drive, versions};
use executions::Executions;
use pipeline::drivers::{Answer, Ask, Mode, Rows, Sweep};
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::input::ReleaseInput;
use pipeline::names::{Target, Ticket};
use pipeline::rows::{CandidateRow, EnvironmentRow, Key};
use pipeline::sweep::{Cause, Drained, SweepReply, SweepRequest, Swept, Whom};
use pipeline::target::{self, TargetRow};
use pipeline::wire::Release;
use stage::Settings;
use std::collections::BTreeSet;
use std::sync::Arc;

struct Sweeper {
    settings: Settings,
    drive: Drive,
    announcer: Announcer,
    executions: Executions,
    builds: Builds,
}

/// A target that is open, with what releases know of it.
type Open = (Target, EnvironmentRow);

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let sweeper = Sweeper {
        drive: Drive::new(&config, &settings.table, &settings.bucket)?,
        announcer: Announcer::new(&config, &settings.table, settings.project.clone()),
        executions: Executions::new(&config),
        builds: Builds::new(&config, projects()?),
        settings,
    };
    stage::run(async |request: SweepRequest| sweeper.sweep(request).await).await
}

/// Of CodeBuild, in which containers run.
fn projects() -> Result<Vec<String>, lambda_runtime::Error> {
    let own = Settings::variable("COMMANDS_PROJECT")?;
    let offline = Settings::optional("OFFLINE_PROJECT")?;
    Ok([own].into_iter().chain(offline).collect())
}

fn mode_of(whom: &Whom) -> Mode {
    match whom.dry_run {
        true => Mode::Tell,
        false => Mode::Act,
    }
}

impl Sweeper {
    async fn sweep(&self, request: SweepRequest) -> Result<SweepReply, Fault> {
        let refused = |why: String| Fault::new(ErrorName::InputInvalid, why);
        let whom = Whom::parse(&request.input).map_err(refused)?;
        let targets = self.targets(&whom.cause).await?;
        // Once for all: they have the same projects.
        let open = match targets.is_empty() {
            true => Ok(Vec::new()),
            false => self.builds.open().await,
        };
        let mut found = Vec::new();
        for (target, environment) in targets {
            let release = self.release(&target, environment);
            let drain = release.drain_seconds;
            let drained = request.drained.iter().filter(|one| one.target == target);
            let drained: BTreeSet<Ticket> = drained.map(|one| one.ticket).collect();
            let sweep = Sweep::new(release.clone(), drained, mode_of(&whom));
            let sweep = sweep.told_as(request.run.clone());
            let mut swept = self.target(release, sweep, &whom).await?;
            if whom.dry_run {
                self.tell_builds(&target, &open, &mut swept).await;
            } else {
                let run = request.run.as_ref();
                self.stop_builds(&target, &open, run, &mut swept).await;
                // Also what others could not announce.
                swept.unannounced = self.announcer.announce(&target).await;
            }
            found.push((swept, drain));
        }
        let drained: Vec<Drained> = request.drained;
        let mut reply = SweepReply::of(found, drained);
        if whom.dry_run {
            reply.again = None;
        }
        Ok(reply)
    }

    async fn targets(&self, cause: &Cause) -> Result<Vec<Open>, Fault> {
        let open = |(name, row): (Target, TargetRow)| {
            let environment = target::open(&name, Some(row)).ok()?;
            Some((name, environment))
        };
        match cause {
            Cause::Ended(arn) => {
                let input = self.executions.input_of_ended(arn).await?;
                match ReleaseInput::parse(&input) {
                    Ok(input) => Ok(self
                        .row_of(&input.target)
                        .await?
                        .and_then(open)
                        .into_iter()
                        .collect()),
                    Err(_) => Ok(Vec::new()), // it was refused for that, before it reserved anything
                }
            }
            Cause::Asked(Some(name)) => {
                let row = self.row_of(name).await?.map(|(_, row)| row);
                let environment = target::open(name, row);
                let environment =
                    environment.map_err(|why| Fault::new(why.name(), why.to_string()))?;
                Ok(vec![(name.clone(), environment)])
            }
            Cause::Schedule | Cause::Asked(None) => {
                let all = self.drive.registry.targets().await?;
                Ok(all.into_iter().filter_map(open).collect())
            }
        }
    }

    async fn row_of(&self, name: &Target) -> Result<Option<(Target, TargetRow)>, Fault> {
        let row = self.drive.registry.get(&Key::environment(name)).await?;
        Ok(row.map(|row| (name.clone(), row)))
    }

    /// One target's failure is no reason to leave the others; what may pass is tried again.
    async fn target(&self, release: Release, sweep: Sweep, whom: &Whom) -> Result<Swept, Fault> {
        let executions = async |ask| match ask {
            Ask::Executions(these) => Ok(Answer::Executions(self.executions.how(these).await?)),
            other => Err(drive::not_answered(&other)),
        };
        let mut swept = match self.drive.run_with(sweep, executions).await {
            Ok(swept) => swept,
            Err(fault) if fault.name() == ErrorName::Unavailable => return Err(fault),
            Err(fault) => {
                let mut swept = Swept::of(&release.target, &Default::default());
                swept.failed_at(&format!("{}: {fault}", release.target));
                swept
            }
        };
        tracing::info!(?swept, "swept");
        if whom.cause == Cause::Schedule {
            self.old_versions(&release, &mut swept).await?;
        }
        Ok(swept)
    }

    async fn old_versions(&self, release: &Release, swept: &mut Swept) -> Result<(), Fault> {
        let target = Key::target(&release.target);
        let rows: Vec<CandidateRow> = self.drive.registry.query(&target, "candidate#").await?;
        let by_name = |row: CandidateRow| (row.hostname.clone(), Arc::new(row));
        let rows: Rows = rows.into_iter().map(by_name).collect();
        let old = versions::clean_up(&self.drive, release, &rows).await;
        if let Some(why) = old.failure {
            swept.failed_at(&format!("old launch template versions stay: {why}"));
        }
        if old.deleted > 0 {
            swept.did(&format!(
                "{} old launch template versions went",
                old.deleted
            ));
        }
        Ok(())
    }

    /// What every release of the target knows.
    fn release(&self, target: &Target, environment: EnvironmentRow) -> Release {
        Release {
            project: self.settings.project.clone(),
            target: target.clone(),
            ticket: Ticket(0),
            execution: "sweep".into(),
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
