//! On request, a live release leaves an annotated tag in each of its components' repositories.
//!
//! The release is live whatever becomes of its tags, so what fails for one repository is a part of
//! the answer. Only if nothing can be reached at the moment is it an error, which is tried again.

mod tag;

use pipeline::bounds::tag_reason;
use pipeline::errors::{ErrorName, Fault, Named};
use pipeline::names::release_tag;
use pipeline::reason::Reason;
use pipeline::rows::{ComponentRow, Key, ReleaseRow};
use pipeline::wire::{TagOutcome, TagReply, TagRequest, TagResult, Tagged};
use registry::Registry;
use secrets::Secrets;
use stage::Settings;
use std::time::Duration;
use tokio::task::JoinSet;
use workspace::blocking;
use workspace::git::{self, Bounds, Pushed, Tag};

/// Two small requests to one git host. With [`AT_ONCE`], 98 components (the most that a release
/// has) that all hang are done within the function's 290 s.
const DEADLINE: Duration = Duration::from_secs(20);
/// Often one git host serves all of a project.
const AT_ONCE: usize = 8;

#[derive(Clone)]
struct Tagging {
    registry: Registry,
    secrets: Secrets,
}

/// Why a tag is not there.
struct Failure {
    transient: bool,
    reason: String,
}

type Tried = (Tagged, Result<Pushed, Failure>);

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws::sdk_config().await;
    let tagging = Tagging {
        registry: Registry::new(&config, &Settings::from_env()?.table),
        secrets: Secrets::new(&config),
    };
    stage::run(async |request: TagRequest| tagging.tag(request).await).await
}

impl Tagging {
    async fn tag(&self, request: TagRequest) -> Result<TagReply, Fault> {
        let started = self.started(&request).await?;
        let mut tried = Vec::new();
        for some in request.components.chunks(AT_ONCE) {
            let mut tasks = JoinSet::new();
            for tagged in some.iter().cloned() {
                let tag = tag::of(&request, &tagged, started);
                tasks.spawn(self.clone().try_one(tagged, tag));
            }
            tried.extend(tasks.join_all().await);
        }
        tried.sort_by(|(one, _), (other, _)| one.component.cmp(&other.component));
        let name = release_tag(&request.release.target, request.release.ticket);
        answer(name, tried)
    }

    /// When the release started: unlike the time now it is the same whenever this is done again,
    /// and so the same tag is the same object.
    async fn started(&self, request: &TagRequest) -> Result<i64, Fault> {
        let release = &request.release;
        let row: Option<ReleaseRow> = self
            .registry
            .get(&Key::release(&release.target, release.ticket))
            .await?;
        let started = row.and_then(|row| aws::seconds(&row.started));
        started.ok_or_else(|| {
            let label = release.label();
            Fault::new(
                ErrorName::RowInvalid,
                format!("the table does not say when {label} started, so it got no tags"),
            )
        })
    }

    async fn try_one(self, tagged: Tagged, tag: Tag) -> Tried {
        let done = self.push(&tagged, tag).await;
        match &done {
            Ok(pushed) => tracing::info!(component = %tagged.component, ?pushed, "tagged"),
            Err(failure) => {
                tracing::warn!(component = %tagged.component, "{}", failure.reason);
            }
        }
        (tagged, done)
    }

    async fn push(&self, tagged: &Tagged, tag: Tag) -> Result<Pushed, Failure> {
        let key = Key::component(&tagged.component);
        let row: Option<ComponentRow> = self.registry.get(&key).await.map_err(failed)?;
        let row = row.ok_or_else(|| Failure {
            transient: false,
            reason: format!(
                "{} was removed, so its repository is not known any more",
                tagged.component
            ),
        })?;
        let secret = row.credentials.as_ref();
        let origin = self.secrets.origin(&row.repository, secret).await;
        let origin = origin.map_err(failed)?;
        let bounds = Bounds {
            deadline: DEADLINE,
            ..Bounds::default()
        };
        let name = tag.name.clone();
        match blocking(move || git::push_tag(&origin, &tag, &bounds)).await {
            Ok(Pushed::Different { at }) => Err(Failure {
                transient: false,
                reason: tag::taken(&name, &row, &at),
            }),
            Ok(pushed) => Ok(pushed),
            Err(error) => Err(Failure {
                transient: error.is_transient(),
                reason: secrets::explained(&error, row.credentials.as_ref()),
            }),
        }
    }
}

fn failed(error: impl Named) -> Failure {
    Failure {
        transient: error.name() == ErrorName::Unavailable,
        reason: error.to_string(),
    }
}

fn answer(tag: String, tried: Vec<Tried>) -> Result<TagReply, Fault> {
    let transient = |(_, done): &Tried| {
        matches!(
            done,
            Err(Failure {
                transient: true,
                ..
            })
        )
    };
    if !tried.is_empty() && tried.iter().all(transient) {
        let reasons: Vec<String> = tried
            .into_iter()
            .filter_map(|(tagged, done)| {
                Some(format!("{}: {}", tagged.component, done.err()?.reason))
            })
            .collect();
        return Err(Fault::new(ErrorName::Unavailable, reasons.join("; ")));
    }
    let repositories = tried.len();
    let tags = tried
        .into_iter()
        .map(|one| outcome(one, repositories))
        .collect();
    Ok(TagReply { tag, tags })
}

fn outcome((tagged, done): Tried, repositories: usize) -> TagOutcome {
    let (outcome, reason) = match done {
        Ok(Pushed::AlreadyThere) => (TagResult::AlreadyThere, Reason::default()),
        Ok(_) => (TagResult::Pushed, Reason::default()),
        Err(failure) => (TagResult::Failed, tag_reason(&failure.reason, repositories)),
    };
    TagOutcome {
        component: tagged.component,
        outcome,
        reason,
    }
}

#[cfg(test)]
mod tests;
