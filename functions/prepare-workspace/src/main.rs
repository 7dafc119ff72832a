//! A clean checkout of exactly one commit becomes a source bundle, with its manifest read.

mod vendor;

use pipeline::bounds;
use pipeline::errors::{ErrorName, Fault, Named as _};
use pipeline::manifest::{self, Executors, Kind, Manifest, other_kind};
use pipeline::names::Component;
use pipeline::quota;
use pipeline::reason::Reason;
use pipeline::wire::{
    Artifact, Bundle, Cached, Planned, PrepareRequest, Prepared, Release, artifact_key, source_key,
};
use quotas::Quotas;
use registry::Registry;
use secrets::Secrets;
use stage::Settings;
use std::collections::HashMap;
use std::time::Duration;
use store::Store;
use workspace::git::{self, Bounds, GitError};
use workspace::{blocking, bundle, hash};

/// A manifest has a few hundred bytes; 64 KiB are not one.
const MANIFEST_LIMIT: u64 = 64 * 1024;
/// How long the quotas are waited for, which the release can do without: all of the stage has 290 s.
const LOOK_AT_QUOTAS: Duration = Duration::from_secs(20);
/// Bytes of why they could not be looked at: each component of a large release may say so, in a room that is
/// its own (`bounds`).
const WHY_NOT: usize = 200;

struct Preparing {
    store: Store,
    registry: Registry,
    secrets: Secrets,
    quotas: Quotas,
    executors: Executors,
    is_arm: bool,
    /// Whether there are containers without a network.
    offline: bool,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let preparing = Preparing {
        store: Store::new(&config, &settings.bucket),
        registry: Registry::new(&config, &settings.table),
        secrets: Secrets::new(&config),
        quotas: Quotas::new(&config),
        executors: Settings::required("EXECUTORS")?,
        is_arm: Settings::variable("ARCHITECTURE")? == "arm64",
        offline: Settings::required("OFFLINE_BUILDS")?,
    };
    stage::run(async |request: PrepareRequest| prepare(&preparing, request).await).await
}

async fn prepare(
    preparing: &Preparing,
    PrepareRequest {
        release,
        item: planned,
        libraries,
    }: PrepareRequest,
) -> Result<Prepared, Fault> {
    let store = &preparing.store;
    let key = source_key(&planned.component, &planned.commit);
    let folder = tempfile::TempDir::with_prefix("prepare-")
        .map_err(|e| Fault::new(ErrorName::WorkspaceFailed, e.to_string()))?;
    let file = folder.path().join("source.tar.zst");
    let (source, text) = match store.bundle(&key).await? {
        Some(source) => reuse(store, source, &file).await?,
        None => make(preparing, &planned, key, &file).await?,
    };
    let manifest = manifest_of(&planned, text, preparing)?;
    let vendor = preparing.pins(&planned, &manifest, &libraries).await?;
    let (artifact, cache) = preparing.built(&release, &planned, &manifest).await?;
    tracing::info!(
        sha256 = source.sha256,
        bytes = source.bytes,
        built = artifact.is_some(),
        "prepared"
    );
    // None of a library's suites is left out.
    let slow = !release.skip_slow_scans || manifest.is_library();
    let build = artifact.is_none();
    let runs = quota::Runs { build, slow };
    let prepared = Prepared {
        warnings: warnings(preparing, &planned, &manifest, runs).await?,
        planned,
        source,
        manifest,
        artifact,
        vendor,
        cache,
    };
    bounds::check_component(&release, &prepared).map_err(|e| {
        failed(
            &prepared.planned,
            ErrorName::ReleaseTooLarge,
            &e.to_string(),
        )
    })?;
    Ok(prepared)
}

impl Preparing {
    /// What was built of it before, or else what its build begins with.
    async fn built(
        &self,
        release: &Release,
        planned: &Planned,
        manifest: &Manifest,
    ) -> Result<(Option<Artifact>, Option<Cached>), Fault> {
        Ok(match self.artifact(planned, manifest).await? {
            Some(artifact) => (Some(artifact), None),
            None => (None, self.cache(release, planned, manifest).await?),
        })
    }

    /// What was built of it before. A library's counts from when it is recorded: until then its suites
    /// have not passed.
    async fn artifact(
        &self,
        planned: &Planned,
        manifest: &Manifest,
    ) -> Result<Option<Artifact>, Fault> {
        let (component, commit) = (&planned.component, &planned.commit);
        if manifest.is_library() && self.released(component, commit).await?.is_none() {
            return Ok(None);
        }
        let key = artifact_key(component, commit);
        Ok(self.store.artifact(&key).await?)
    }
}

/// What its manifest and the account's quota are to be warned of.
async fn warnings(
    preparing: &Preparing,
    planned: &Planned,
    manifest: &Manifest,
    runs: quota::Runs,
) -> Result<Vec<Reason>, Fault> {
    let mut warnings = manifest.warnings();
    warnings.extend(places(preparing, planned, manifest, runs).await?);
    for warning in &warnings {
        tracing::warn!(component = %planned.component, "{warning}");
    }
    Ok(warnings)
}

/// Whether its containers have a place; warnings, where they have one only, or where that cannot be told: only
/// a quota that was read refuses a release. Asked before anything of it runs, and only where one is needed.
async fn places(
    preparing: &Preparing,
    planned: &Planned,
    manifest: &Manifest,
    runs: quota::Runs,
) -> Result<Vec<Reason>, Fault> {
    let needed = quota::needed(manifest, runs, preparing.is_arm);
    if needed.is_empty() {
        return Ok(Vec::new());
    }
    let quotas = match preparing.look_at_quotas().await {
        Ok(quotas) => quotas,
        // Whoever may run nothing is told so when a container is asked for, too.
        Err(why) => return Ok(vec![not_looked_at(&planned.component, &why)]),
    };
    let refused = |e: quota::NoPlace| failed(planned, ErrorName::QuotaTooLow, &e.to_string());
    let warnings = quota::check(&needed, &quotas).map_err(refused)?;
    let of = |text: String| Reason::new(&format!("{}: {text}", planned.component));
    Ok(warnings.into_iter().map(of).collect())
}

impl Preparing {
    async fn look_at_quotas(&self) -> Result<Vec<quota::Quota>, String> {
        match tokio::time::timeout(LOOK_AT_QUOTAS, self.quotas.of_codebuild()).await {
            Ok(looked) => looked.map_err(|e| e.to_string()),
            Err(_) => Err(format!("no answer in {} s", LOOK_AT_QUOTAS.as_secs())),
        }
    }
}

fn not_looked_at(component: &Component, why: &str) -> Reason {
    tracing::warn!(%component, why, "the quotas could not be looked at");
    let text = format!("{component}: its quota could not be looked at: {why}");
    Reason::within(&text, WHY_NOT)
}

fn manifest_of(
    planned: &Planned,
    text: Option<String>,
    preparing: &Preparing,
) -> Result<Manifest, Fault> {
    let (component, commit) = (&planned.component, planned.commit.short());
    let file = manifest::FILE;
    let invalid = |text: String| Fault::new(ErrorName::ManifestInvalid, text);
    let text =
        text.ok_or_else(|| invalid(format!("{component} has no {file} at its root in {commit}")))?;
    Manifest::parse(&text, component)
        .and_then(|manifest| manifest.settled(&preparing.executors))
        .and_then(|manifest| manifest.kept_from_network(preparing.offline))
        .map_err(|e| e.to_string())
        .and_then(|manifest| as_planned(planned, manifest))
        .map_err(|e| invalid(format!("{file} of {component} in {commit}: {e}")))
}

/// Plan release knew only what the component was added as.
fn as_planned(planned: &Planned, manifest: Manifest) -> Result<Manifest, String> {
    let added = match planned.hostname {
        Some(_) => Kind::Service,
        None => Kind::Library,
    };
    match other_kind(&manifest, added) {
        Some(problem) => Err(problem),
        None => Ok(manifest),
    }
}

/// Another release bundled this commit before.
async fn reuse(
    store: &Store,
    source: Bundle,
    file: &std::path::Path,
) -> Result<(Bundle, Option<String>), Fault> {
    store.download(&source.key, file).await?;
    let (file, expected) = (file.to_owned(), source.clone());
    let text = blocking(move || {
        let found = hash::sha256_file(&file)
            .map_err(|e| Fault::new(ErrorName::WorkspaceFailed, e.to_string()))?;
        if found != expected.sha256 {
            return Err(Fault::new(
                ErrorName::Corrupt,
                format!(
                    "{} has SHA-256 {found}, not {}",
                    expected.key, expected.sha256
                ),
            ));
        }
        bundle::read_file(&file, manifest::FILE, MANIFEST_LIMIT)
            .map_err(|e| Fault::new(ErrorName::Corrupt, format!("{}: {e}", expected.key)))
    })
    .await?;
    Ok((source, text))
}

async fn make(
    preparing: &Preparing,
    planned: &Planned,
    key: String,
    file: &std::path::Path,
) -> Result<(Bundle, Option<String>), Fault> {
    let secret = planned.credentials.as_ref();
    let origin = preparing.secrets.origin(&planned.repository, secret).await;
    let origin = origin.map_err(|e| failed(planned, e.name(), &e.to_string()))?;
    let (commit, to) = (planned.commit.to_string(), file.to_owned());
    let made = blocking(move || git::bundle(&origin, &commit, &to, &Bounds::default()))
        .await
        .map_err(|e| refused(planned, &e))?;
    let metadata = HashMap::from([
        ("sha256".to_owned(), made.sha256.clone()),
        ("commit".to_owned(), planned.commit.to_string()),
    ]);
    // The same commit gives the same bytes, so it does not matter who is first.
    preparing.store.upload(file, &key, metadata).await?;
    Ok((
        Bundle {
            key,
            sha256: made.sha256,
            bytes: made.bytes,
        },
        made.manifest,
    ))
}

fn refused(planned: &Planned, error: &GitError) -> Fault {
    let name = match error {
        error if error.is_transient() => ErrorName::Unavailable,
        GitError::Submodules { .. } | GitError::Refused { .. } | GitError::TooLarge { .. } => {
            ErrorName::SourceRefused
        }
        GitError::NoSuchCommit { .. } | GitError::NotACommit { .. } => ErrorName::UnknownVersion,
        GitError::Write { .. } | GitError::Scratch { .. } => ErrorName::WorkspaceFailed,
        _ => ErrorName::RepositoryUnreadable,
    };
    let secret = planned.credentials.as_ref();
    failed(planned, name, &secrets::explained(error, secret))
}

fn failed(planned: &Planned, name: ErrorName, why: &str) -> Fault {
    let (component, commit) = (&planned.component, planned.commit.short());
    Fault::new(name, format!("{component} at {commit}: {why}"))
}

#[cfg(test)]
mod tests;
