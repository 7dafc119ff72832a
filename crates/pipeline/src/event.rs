//! A push becomes a release: which component, which target, which execution name.
//!
//! First it is asked whether anybody follows the branch; only then is the rest judged. A push that
//! concerns nobody never fails, whatever its branch is called.

use crate::names::{Commit, Component, RepositoryUrl, Target, excerpt};
use crate::rows::ComponentRow;
use crate::version::is_branch_name;
use serde_json::{Value, json};

/// A branch of a repository was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The last part of the repository's address.
    pub repository: String,
    /// What the event tells of the whole address: two repositories may have the same last part.
    address: Address,
    /// As git has it, without `refs/heads/`: any name that git takes.
    pub branch: String,
    /// Where the branch points now, as the event says it: judged only if somebody follows the branch.
    commit: String,
}

/// What an event tells of a repository's address, not judged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    /// Its last part only.
    Name,
    /// `detail.repositoryUrl`.
    Whole(String),
    /// CodeCommit's own, in this region.
    CodeCommit { region: String },
}

/// An event of EventBridge, as far as a push is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// `aws.codecommit` or `cutover.git`.
    pub source: &'a str,
    /// Where it happened.
    pub region: &'a str,
    /// What happened.
    pub detail: &'a Value,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushEvent {
    /// A branch moved.
    Pushed(Push),
    /// Nothing that could be released: a tag, a deleted branch, another reference.
    Ignored(String),
}

/// Why an event cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EventError(pub String);

/// Reads the `detail` of a "CodeCommit Repository State Change" event, or of our own source,
/// which has the same shape and may have `repositoryUrl` besides:
/// <https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html>.
pub fn parse_push(sent: Sent<'_>) -> Result<PushEvent, EventError> {
    let detail = sent.detail;
    let what = text(detail, "event")?;
    if text(detail, "referenceType")? != "branch" || is_elsewhere(detail) {
        return Ok(PushEvent::Ignored("not a branch".into()));
    }
    match what {
        "referenceCreated" | "referenceUpdated" => {}
        "referenceDeleted" => return Ok(PushEvent::Ignored("the branch was deleted".into())),
        other => {
            return Err(EventError(format!(
                "detail.event: `{}` is not an event of a repository",
                excerpt(other)
            )));
        }
    }
    let repository = text(detail, "repositoryName")?;
    if repository.is_empty() || repository.len() > 100 {
        return Err(EventError(format!(
            "detail.repositoryName: `{}` is not a repository's name",
            excerpt(repository)
        )));
    }
    Ok(PushEvent::Pushed(Push {
        repository: repository.into(),
        address: address(sent)?,
        branch: text(detail, "referenceName")?.into(),
        commit: optional_text(detail, "commitId")?
            .unwrap_or_default()
            .into(),
    }))
}

/// Whether the reference is not a branch, whatever its type is called (`refs/notes/...`, say).
fn is_elsewhere(detail: &Value) -> bool {
    let full = detail.get("referenceFullName").and_then(Value::as_str);
    full.is_some_and(|full| !full.starts_with("refs/heads/"))
}

/// Nobody but AWS can send an event of `aws.codecommit`, so that one is about CodeCommit's own.
fn address(sent: Sent<'_>) -> Result<Address, EventError> {
    if sent.source == "aws.codecommit" {
        let region = sent.region.to_owned();
        return Ok(Address::CodeCommit { region });
    }
    let told = optional_text(sent.detail, "repositoryUrl")?;
    Ok(told.map_or(Address::Name, |told| Address::Whole(told.to_owned())))
}

fn text<'a>(detail: &'a Value, key: &str) -> Result<&'a str, EventError> {
    optional_text(detail, key)?.ok_or_else(|| EventError(format!("detail.{key}: missing")))
}

fn optional_text<'a>(detail: &'a Value, key: &str) -> Result<Option<&'a str>, EventError> {
    match detail.get(key) {
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(EventError(format!("detail.{key}: must be a string"))),
        None => Ok(None),
    }
}

/// An execution to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// At most 80 characters; the same event gives the same name, and Step Functions starts a
    /// name only once in 90 days, so a re-delivered event cannot start a second release.
    pub name: String,
    /// The execution's input.
    pub input: Value,
}

/// What is to be done about a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushPlan {
    /// One release for each component that follows the branch of this repository.
    Start(Vec<Start>),
    /// Nobody follows it.
    Ignore(String),
}

/// Which executions a push starts. `components` are those of repositories with this last part.
///
/// # Errors
/// When somebody follows the branch, and it is not clear of which repository or commit it is.
pub fn plan_starts(
    push: &Push,
    event_id: &str,
    components: &[ComponentRow],
) -> Result<PushPlan, EventError> {
    let following: Vec<Following<'_>> = components
        .iter()
        .filter_map(|row| Some((row, row.branches.get(&push.branch)?)))
        .collect();
    if following.is_empty() {
        return Ok(PushPlan::Ignore(nobody_follows(push)));
    }
    let is_pushed = push.address.matcher(&push.repository)?;
    let (own, others): (Vec<_>, Vec<_>) = following
        .into_iter()
        .partition(|(row, _)| is_pushed(&row.repository));
    if own.is_empty() {
        return Ok(PushPlan::Ignore(another_repository(push, &others)));
    }
    not_ambiguous(push, &own)?;
    let commit = commit(push)?;
    if !is_branch_name(&push.branch) {
        return Err(EventError(format!(
            "detail.referenceName: `{}` is not a branch name",
            excerpt(&push.branch)
        )));
    }
    let starts = own
        .into_iter()
        .map(|(row, target)| start(push, &commit, event_id, (&row.component, target)));
    Ok(PushPlan::Start(starts.collect()))
}

/// A component that follows the pushed branch, and where it goes.
type Following<'a> = (&'a ComponentRow, &'a Target);

type IsPushed<'a> = Box<dyn Fn(&RepositoryUrl) -> bool + 'a>;

impl Address {
    /// Whether an address is the one that was pushed to. Where the event tells only its last part,
    /// that has to do.
    fn matcher<'a>(&'a self, repository: &'a str) -> Result<IsPushed<'a>, EventError> {
        Ok(match self {
            Self::Name => Box::new(|_| true),
            Self::CodeCommit { region } => {
                Box::new(move |address| address.is_codecommit(region, repository))
            }
            Self::Whole(told) => {
                let told = RepositoryUrl::new(told.as_str())
                    .map_err(|e| EventError(format!("detail.repositoryUrl: {e}")))?;
                Box::new(move |address| told.is_same(address))
            }
        })
    }
}

fn not_ambiguous(push: &Push, own: &[Following<'_>]) -> Result<(), EventError> {
    let [(first, _), more @ ..] = own else {
        return Ok(());
    };
    let differs = |(row, _): &&Following<'_>| !first.repository.is_same(&row.repository);
    let Some((other, _)) = more.iter().find(differs) else {
        return Ok(());
    };
    Err(EventError(format!(
        "detail.repositoryUrl: missing, and two repositories are called `{}`: {} of {} and {} of {}; say which one was pushed to",
        excerpt(&push.repository),
        first.repository,
        first.component,
        other.repository,
        other.component
    )))
}

fn nobody_follows(push: &Push) -> String {
    let (branch, repository) = (excerpt(&push.branch), excerpt(&push.repository));
    format!(
        "no component follows branch {branch} of repository {repository}; see `cutover component add`"
    )
}

fn another_repository(push: &Push, others: &[Following<'_>]) -> String {
    let told = match &push.address {
        Address::Whole(told) => excerpt(told),
        _ => format!("{} in CodeCommit", excerpt(&push.repository)),
    };
    let others: Vec<String> = others
        .iter()
        .map(|(row, _)| format!("{} is of {}", row.component, row.repository))
        .collect();
    format!(
        "no component follows branch {} of {told}; another repository has the same name: {}",
        excerpt(&push.branch),
        others.join(", ")
    )
}

fn commit(push: &Push) -> Result<Commit, EventError> {
    let told = &push.commit;
    if told.is_empty() {
        return Err(EventError("detail.commitId: missing".into()));
    }
    if told.len() == 64 && told.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(EventError(
            "detail.commitId: has 64 digits: a repository in git's SHA-256 format cannot be released, only one in SHA-1".into(),
        ));
    }
    Commit::new(told.as_str()).map_err(|e| EventError(format!("detail.commitId: {e}")))
}

fn start(
    push: &Push,
    commit: &Commit,
    event_id: &str,
    (component, target): (&Component, &Target),
) -> Start {
    let mark: String = event_id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(12)
        .collect();
    Start {
        name: format!("{component}-{}-{target}-{mark}", commit.short()),
        input: json!({
            "component": component,
            "version": commit,
            "target": target,
            "branch": push.branch,
        }),
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
