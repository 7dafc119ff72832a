//! Takes away what ended executions have left, and records how they ended.

mod builds;

use crate::builds::Open;
use ::builds::Builds;
use drive::{Announcer, Drive, Listed, versions};
use executions::Executions;
use pipeline::drivers::{Answer, Ask, Mode, Rows, Sweep};
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::input::ReleaseInput;
use pipeline::names::{Target, Ticket};
use pipeline::rows::{CandidateRow, Key};
use pipeline::sweep::{Cause, Drained, SweepReply, SweepRequest, Swept, Whom};
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
        let (mut found, mut pass) = (Vec::new(), Vec::new());
        // One after the other: they share the five requests a second that Route 53 answers an account.
        for listed in targets {
            let target = listed.0.clone();
            match self.swept(listed, &request, &whom, &open).await {
                Ok(swept) => found.push(swept),
                Err(fault) => pass.push((target, fault)),
            }
        }
        // Tried again when the others are done; at another look, where a drain of theirs would be forgotten.
        let drains = found.iter().any(|(swept, _)| !swept.draining.is_empty());
        match pass.first() {
            Some((_, fault)) if !drains => return Err(fault.clone()),
            _ => found.extend(pass.iter().map(at_another_look)),
        }
        let drained: Vec<Drained> = request.drained;
        let mut reply = SweepReply::of(found, drained);
        if whom.dry_run {
            reply.again = None;
        }
        Ok(reply)
    }

    async fn targets(&self, cause: &Cause) -> Result<Vec<Listed>, Fault> {
        match cause {
            Cause::Ended(arn) => {
                let input = self.executions.input_of_ended(arn).await?;
                let Ok(input) = ReleaseInput::parse(&input) else {
                    return Ok(Vec::new()); // it was refused for that, before it reserved anything
                };
                let listed = self.drive.target_if_open(&input.target).await?;
                Ok(listed.into_iter().collect())
            }
            Cause::Asked(Some(name)) => Ok(vec![self.drive.target(name).await?]),
            Cause::Schedule | Cause::Asked(None) => self.drive.targets().await,
        }
    }

    /// One target, and how long its drain is. Its failure is no reason to leave the others: an error is only what may
    /// pass.
    async fn swept(
        &self,
        (target, environment): Listed,
        request: &SweepRequest,
        whom: &Whom,
        open: &Open,
    ) -> Result<(Swept, u32), Fault> {
        let failed = |fault: Fault| match fault.name() {
            ErrorName::Unavailable => Err(fault),
            _ => {
                let mut swept = Swept::of(&target, &Default::default());
                swept.failed_at(&format!("{target}: {fault}"));
                Ok(swept)
            }
        };
        let release = match environment {
            Ok(environment) => Release::on(
                self.settings.project.clone(),
                target.clone(),
                "sweep",
                environment,
            ),
            Err(fault) => return Ok((failed(fault)?, 0)),
        };
        let drain = release.drain_seconds;
        let drained = request.drained.iter().filter(|one| one.target == target);
        let drained: BTreeSet<Ticket> = drained.map(|one| one.ticket).collect();
        let sweep = Sweep::new(release.clone(), drained, mode_of(whom));
        let sweep = sweep.told_as(request.run.clone());
        let mut swept = self.driven(&release, sweep, whom).await.or_else(failed)?;
        if whom.dry_run {
            self.tell_builds(&target, open, &mut swept).await;
        } else {
            let run = request.run.as_ref();
            self.stop_builds(&target, open, run, &mut swept).await;
            // Also what others could not announce.
            swept.unannounced = self.announcer.announce(&target).await;
        }
        Ok((swept, drain))
    }

    async fn driven(&self, release: &Release, sweep: Sweep, whom: &Whom) -> Result<Swept, Fault> {
        let executions = async |ask| match ask {
            Ask::Executions(these) => Ok(Answer::Executions(self.executions.how(these).await?)),
            other => Err(drive::not_answered(&other)),
        };
        let mut swept = self.drive.run_with(sweep, executions).await?;
        tracing::info!(?swept, "swept");
        if whom.cause == Cause::Schedule {
            self.old_versions(release, &mut swept).await?;
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
}

/// What may pass of a target.
fn at_another_look((target, fault): &(Target, Fault)) -> (Swept, u32) {
    let mut swept = Swept::of(target, &Default::default());
    swept.may_pass = true;
    swept.failed_at(&format!("{target}: {fault}"));
    (swept, 0)
}
