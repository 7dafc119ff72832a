//! Publishes what Build left as the commit's artifact: once, immutably. Runs no user's code and
//! is the only writer of `artifacts/` and of the rows of artifacts.

mod cache;
mod library;

use pipeline::errors::{ErrorName, Fault};
use pipeline::evidence::Subject;
use pipeline::manifest::Kind;
use pipeline::rows::{ArtifactRow, Key};
use pipeline::suites::suites_of_library;
use pipeline::wire::{
    Artifact, BuildReply, Bundle, KeepCaches, KeptCache, Planned, Prepared, PushRequest, Pushed,
    RecordLibraries, Release, ReleasedLibrary, UnitTestsReply, artifact_key,
};
use registry::Registry;
use serde::{Deserialize, Serialize};
use stage::Settings;
use store::{Original, Store, Written, artifact_metadata};
use workspace::hash;

struct Publisher {
    store: Store,
    registry: Registry,
}

/// What the function is asked in its two states.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Request {
    /// Keep caches.
    Keep(Box<KeepCaches>),
    /// Record libraries.
    Record(Box<RecordLibraries>),
    /// Push artifacts.
    Push(Box<PushRequest>),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Reply {
    Kept(Vec<KeptCache>),
    Recorded(Vec<ReleasedLibrary>),
    Pushed(Box<Pushed>),
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let settings = Settings::from_env()?;
    let publisher = Publisher {
        store: Store::new(&config, &settings.bucket),
        registry: Registry::new(&config, &settings.table),
    };
    stage::run(async |request: Request| publisher.answer(request).await).await
}

impl Publisher {
    async fn answer(&self, request: Request) -> Result<Reply, Fault> {
        Ok(match request {
            Request::Keep(caches) => Reply::Kept(self.keep(*caches).await?),
            Request::Record(libraries) => Reply::Recorded(self.record(*libraries).await?),
            Request::Push(request) => {
                let item = self.publish(*request).await?;
                let suites = match item.manifest.is_library() {
                    true => suites_of_library(&item),
                    false => Vec::new(),
                };
                Reply::Pushed(Box::new(Pushed { item, suites }))
            }
        })
    }

    async fn publish(&self, request: PushRequest) -> Result<Prepared, Fault> {
        let PushRequest { release, mut item } = request;
        let (component, commit) = (&item.planned.component, &item.planned.commit);
        let built = self.evidence(&release, &item).await?;
        let output = Bundle {
            key: release.build_key(component),
            ..built.output
        };
        let artifact = Artifact {
            bundle: Bundle {
                key: artifact_key(component, commit),
                ..output.clone()
            },
            source_sha256: item.source.sha256.clone(),
            built_by: release.label(),
            built_at: aws::now(),
            toolchain: built.toolchain,
        };
        let artifact = self.once(&output, built.etag.as_deref(), artifact).await?;
        let manifest = ArtifactRow {
            component: component.clone(),
            commit: commit.clone(),
            kind: item.manifest.component.kind,
            artifact: artifact.clone(),
        };
        let beside = artifact.bundle.key.replace(".tar.zst", ".json");
        let text = serde_json::to_string_pretty(&manifest)
            .map_err(|e| Fault::new(ErrorName::WorkspaceFailed, e.to_string()))?;
        self.store.put_text(&beside, text).await?;
        // A library's is written when its suites have passed.
        if manifest.kind == Kind::Service {
            self.registry
                .put(&Key::artifact(component, commit), &manifest)
                .await?;
        }
        item.artifact = Some(artifact);
        Ok(item)
    }

    /// What Build saw, where its own role says so, and Unit tests says that they passed. What the two
    /// answered in the state machine may be their commands' words.
    async fn evidence(&self, release: &Release, item: &Prepared) -> Result<BuildReply, Fault> {
        let Planned {
            component, commit, ..
        } = &item.planned;
        let source = &item.source.sha256;
        let tests = Subject::unit_tests(release, component, commit, source);
        let _: UnitTestsReply = self.store.evidence(tests).await?;
        let build = Subject::build(release, component, commit, source);
        Ok(self.store.evidence(build).await?)
    }

    /// Two releases may build the same commit at once; the first one's artifact is the artifact.
    async fn once(
        &self,
        from: &Bundle,
        etag: Option<&str>,
        artifact: Artifact,
    ) -> Result<Artifact, Fault> {
        let original = Original {
            key: &from.key,
            etag,
            bytes: from.bytes,
        };
        let (to, metadata) = (&artifact.bundle.key, artifact_metadata(&artifact));
        let copied = self.store.copy_once(original, to, metadata).await?;
        match copied.written {
            Written::New => is_what_was_built(&artifact.bundle, copied.sha256, "as the build said")
                .map(|()| artifact),
            Written::Exists => self.first(to, copied.sha256).await,
        }
    }

    /// Another release's, or what an earlier try has copied whose answer was lost.
    async fn first(&self, key: &str, found: Option<String>) -> Result<Artifact, Fault> {
        let first = self.store.artifact(key).await?;
        tracing::info!(key, "it is there already");
        let first = first.ok_or_else(|| {
            let text = format!("{key} exists without its manifest; remove it and release again");
            Fault::new(ErrorName::Corrupt, text)
        })?;
        match found {
            Some(_) => {
                is_what_was_built(&first.bundle, found, "as its metadata say").map(|()| first)
            }
            // Of before artifacts were copied. Whoever unpacks it holds it to the SHA-256.
            None => Ok(first),
        }
    }
}

/// S3 computes the SHA-256 of what it has copied. Only what a build sent can be copied, so another one is a fault of
/// the store, and no instance takes it.
fn is_what_was_built(artifact: &Bundle, found: Option<String>, whose: &str) -> Result<(), Fault> {
    let Bundle { key, sha256, .. } = artifact;
    let digits = found.as_deref().and_then(hash::from_base64);
    if digits.as_ref() == Some(sha256) {
        return Ok(());
    }
    let found = digits.unwrap_or_else(|| "that S3 does not tell".to_owned());
    let text =
        format!("{key} has the SHA-256 {found}, not {sha256} {whose}; remove it and release again");
    Err(Fault::new(ErrorName::Corrupt, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn found(sum: Option<&str>) -> Result<(), String> {
        let artifact = Bundle {
            key: "artifacts/api.tar.zst".into(),
            sha256: SUM.into(),
            bytes: 3,
        };
        let found = is_what_was_built(&artifact, sum.map(str::to_owned), "as the build said");
        found.map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_copy_that_is_not_what_was_built_is_no_artifact() {
        assert_eq!(
            found(Some("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")),
            Ok(())
        );
        for other in [
            None,
            Some("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=-3"),
            Some(""),
        ] {
            let said = found(other).unwrap_err();
            assert!(
                said.contains(SUM) && said.contains("remove it and release again"),
                "{said}"
            );
        }
    }
}
