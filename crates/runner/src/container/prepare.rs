use super::input::{self, Leaves};
use super::{INPUTS, OUTPUTS};
use crate::{Task, cache, disk, fetch_source, jobs, vendor};
use pipeline::errors::{ErrorName, Fault};
use pipeline::manifest::{Compute, Image, Machine};
use pipeline::running;
use pipeline::wire::{
    Bundle, ContainerJob, HandOver, Prepared, StartBuild, StartBuildArtifacts,
    StartBuildCloudWatchLogs, StartBuildLogs, Step, SuiteRequest,
};
use std::path::{Path, PathBuf};
use store::Store;
use uuid::Uuid;
use workspace::blocking;
use workspace::scratch::Scratch;

/// What CodeBuild runs: everything else is in the script.
const BUILDSPEC: &str = "version: 0.2
phases:
  build:
    commands:
      - sh command.sh
artifacts:
  base-directory: result
  files:
    - '**/*'
";
/// For unpacking before and uploading after the command, which the script's own limit leaves out.
const AROUND_MINUTES: u64 = 10;
/// CodeBuild takes no less.
const LEAST_MINUTES: u64 = 5;
/// The container task of the state machine waits for this and the longest command.
const QUEUED_MINUTES: u64 = 30;

/// Makes what containers are handed.
#[derive(Debug)]
pub struct Preparer {
    /// Where bundles come from.
    pub store: Store,
    /// The bucket's name.
    pub bucket: String,
    /// CodeBuild's project.
    pub project: String,
    /// The one whose containers have no network, where the pipeline has it.
    pub offline: Option<String>,
}

/// Puts what the command needs where its container finds it, and says what CodeBuild is to be asked.
///
/// # Errors
/// `ObjectMissing`, `Corrupt`, and what keeps the archive from being made.
pub async fn prepare(preparer: &Preparer, job: &ContainerJob) -> Result<HandOver, Fault> {
    let (source, machine) = of(job);
    let project = preparer.project_of(job)?;
    let (task, leaves) = task(job);
    let script = input::script(&task, leaves)
        .map_err(|error| Fault::new(ErrorName::ManifestInvalid, error.to_string()))?;
    let name = Uuid::new_v4().simple().to_string();
    let temporary = std::env::temp_dir();
    let folder = Scratch::new_in(&temporary, "prepare-");
    let folder = folder.map_err(|e| disk("making a folder in", &temporary, &e))?;
    let archive = fetch_source(&preparer.store, source, folder.path()).await?;
    let archives = preparer.archives(job, &task, folder.path()).await?;
    let file = folder.path().join("input.zip");
    let to = file.clone();
    let time = blocking(move || {
        let written = input::write(&script, &archive, &archives, &to);
        written.map_err(|e| disk("writing", &to, &e))
    })
    .await?;
    let key = format!("{INPUTS}/{name}.zip");
    preparer
        .store
        .upload(&file, &key, Default::default())
        .await?;
    let minutes = task.limit.duration().as_secs().div_ceil(60) + AROUND_MINUTES;
    let image = machine.image.as_ref();
    let build = StartBuild {
        project_name: project.to_owned(),
        source_type_override: "S3".to_owned(),
        source_location_override: format!("{}/{key}", preparer.bucket),
        buildspec_override: BUILDSPEC.to_owned(),
        artifacts_override: artifacts(&preparer.bucket, &name),
        logs_config_override: logs(&preparer.project, &task.log_key),
        image_override: image.map(|image| image.as_str().to_owned()),
        environment_type_override: image.and_then(environment).map(str::to_owned),
        compute_type_override: machine
            .compute
            .map(Compute::of_codebuild)
            .map(str::to_owned),
        timeout_in_minutes_override: minutes.max(LEAST_MINUTES),
        queued_timeout_in_minutes_override: QUEUED_MINUTES,
        idempotency_token: name.clone(),
    };
    Ok(HandOver { name, time, build })
}

fn logs(project: &str, log_key: &str) -> StartBuildLogs {
    StartBuildLogs {
        cloud_watch_logs: StartBuildCloudWatchLogs {
            status: "ENABLED".to_owned(),
            group_name: format!("/aws/codebuild/{project}"),
            stream_name: running::name(log_key).to_owned(),
        },
    }
}

impl Preparer {
    /// What the container gets beside its checkout, by the names of the entries.
    async fn archives(
        &self,
        job: &ContainerJob,
        task: &Task<'_>,
        folder: &Path,
    ) -> Result<Vec<(String, PathBuf)>, Fault> {
        let libraries = vendor::fetched(&self.store, task.vendor, folder).await?;
        let named = |(name, archive)| (format!("vendor-{name}.tar"), archive);
        let mut archives: Vec<_> = libraries.into_iter().map(named).collect();
        if let ContainerJob::UnitTests(step) | ContainerJob::Build(step) = job {
            let cached = cache::fetched(&self.store, &step.item, folder).await;
            archives.extend(cached.map(|archive| ("cache.tar".to_owned(), archive)));
        }
        Ok(archives)
    }

    fn project_of(&self, job: &ContainerJob) -> Result<&str, Fault> {
        let network = match job {
            ContainerJob::UnitTests(Step { item, .. }) | ContainerJob::Build(Step { item, .. }) => {
                item.manifest.build.network
            }
            // It talks to what it tests.
            ContainerJob::Suite(_) => true,
        };
        match (network, &self.offline) {
            (true, _) => Ok(&self.project),
            (false, Some(offline)) => Ok(offline),
            (false, None) => Err(Fault::new(
                ErrorName::Misconfigured,
                "[build] network is false, and the pipeline has no containers without a network",
            )),
        }
    }
}

fn artifacts(bucket: &str, name: &str) -> StartBuildArtifacts {
    StartBuildArtifacts {
        kind: "S3".to_owned(),
        location: bucket.to_owned(),
        path: OUTPUTS.to_owned(),
        name: name.to_owned(),
        namespace_type: "NONE".to_owned(),
        packaging: "NONE".to_owned(),
        encryption_disabled: true,
    }
}

/// Its files, and where it runs.
fn of(job: &ContainerJob) -> (&Bundle, Machine) {
    let (source, machine) = match job {
        ContainerJob::UnitTests(Step { item, .. }) | ContainerJob::Build(Step { item, .. }) => {
            let Prepared {
                source, manifest, ..
            } = item;
            (source, &manifest.build.machine)
        }
        ContainerJob::Suite(SuiteRequest { item, .. }) => (&item.source, &item.machine),
    };
    (source, machine.clone().unwrap_or_default())
}

fn task(job: &ContainerJob) -> (Task<'_>, Leaves<'_>) {
    match job {
        ContainerJob::UnitTests(step) => (jobs::unit_tests_task(step), Leaves::Nothing),
        ContainerJob::Build(step) => {
            let output = step.item.manifest.build.output.as_str();
            (jobs::build_task(step), Leaves::Output(output))
        }
        ContainerJob::Suite(request) => (jobs::suite_task(request), Leaves::Reports),
    }
}

fn environment(image: &Image) -> Option<&'static str> {
    match image.is_arm()? {
        true => Some("ARM_CONTAINER"),
        false => Some("LINUX_CONTAINER"),
    }
}
