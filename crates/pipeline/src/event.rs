//! A push becomes a release: which component, which target, which execution name.

use crate::names::{Commit, Component, Target, excerpt};
use crate::rows::ComponentRow;
use crate::version::is_ref_name;
use serde_json::{Value, json};

/// A branch of a repository now points at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// As the event calls it: the last part of its address.
    pub repository: String,
    /// Without `refs/heads/`.
    pub branch: String,
    /// Where the branch points now.
    pub commit: Commit,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushEvent {
    /// A branch moved.
    Pushed(Push),
    /// Nothing that could be released: a tag, a deleted branch.
    Ignored(String),
}

/// Why an event cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EventError(pub String);

/// Reads the `detail` of a "CodeCommit Repository State Change" event, or of our own source,
/// which has the same shape:
/// <https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html>.
pub fn parse_push(detail: &Value) -> Result<PushEvent, EventError> {
    let what = text(detail, "event")?;
    if text(detail, "referenceType")? != "branch" {
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
    let branch = text(detail, "referenceName")?;
    if !is_ref_name(branch) {
        return Err(EventError(format!(
            "detail.referenceName: `{}` is not a branch name",
            excerpt(branch)
        )));
    }
    let commit = Commit::new(text(detail, "commitId")?)
        .map_err(|e| EventError(format!("detail.commitId: {e}")))?;
    let repository = text(detail, "repositoryName")?;
    if repository.is_empty() || repository.len() > 100 {
        return Err(EventError(format!(
            "detail.repositoryName: `{}` is not a repository's name",
            excerpt(repository)
        )));
    }
    Ok(PushEvent::Pushed(Push {
        repository: repository.into(),
        branch: branch.into(),
        commit,
    }))
}

fn text<'a>(detail: &'a Value, key: &str) -> Result<&'a str, EventError> {
    match detail.get(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(EventError(format!("detail.{key}: must be a text"))),
        None => Err(EventError(format!("detail.{key}: missing"))),
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

/// Which executions a push starts: one for each component of the repository whose branch it is.
pub fn plan_starts(push: &Push, event_id: &str, components: &[ComponentRow]) -> Vec<Start> {
    components
        .iter()
        .filter_map(|row| {
            row.branches
                .get(&push.branch)
                .map(|target| start(push, event_id, &row.component, target))
        })
        .collect()
}

fn start(push: &Push, event_id: &str, component: &Component, target: &Target) -> Start {
    let mark: String = event_id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(12)
        .collect();
    Start {
        name: format!("{component}-{}-{target}-{mark}", push.commit.short()),
        input: json!({
            "component": component,
            "version": push.commit,
            "target": target,
            "branch": push.branch,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::ReleaseInput;
    use crate::names::RepositoryUrl;
    use expect_test::{Expect, expect};

    fn detail() -> Value {
        json!({"event": "referenceUpdated", "repositoryName": "api", "referenceType": "branch", "referenceName": "main",
               "referenceFullName": "refs/heads/main", "commitId": "3f2a9c1b04de000000000000000000000000beef", "oldCommitId": "0".repeat(40)})
    }

    fn row(name: &str) -> ComponentRow {
        ComponentRow {
            credentials: None,
            component: Component::new(name).unwrap(),
            repository: RepositoryUrl::new("https://git.example.com/api.git").unwrap(),
            branches: [("main".to_owned(), Target::new("stage").unwrap())].into(),
        }
    }

    fn check(change: impl FnOnce(&mut Value), expected: Expect) {
        let mut detail = detail();
        change(&mut detail);
        expected.assert_eq(&match parse_push(&detail) {
            Ok(PushEvent::Pushed(push)) => format!(
                "{} {} {}",
                push.repository,
                push.branch,
                push.commit.short()
            ),
            Ok(PushEvent::Ignored(why)) => format!("ignored: {why}"),
            Err(error) => format!("refused: {error}"),
        });
    }

    #[test]
    fn an_event_is_read_ignored_or_refused() {
        check(|_| (), expect!["api main 3f2a9c1b04de"]);
        check(
            |d| d["event"] = "referenceDeleted".into(),
            expect!["ignored: the branch was deleted"],
        );
        check(
            |d| d["referenceType"] = "tag".into(),
            expect!["ignored: not a branch"],
        );
        check(
            |d| d["commitId"] = "HEAD".into(),
            expect![
                "refused: detail.commitId: `HEAD` is not a full commit SHA (40 hexadecimal digits, lower case)"
            ],
        );
        check(
            |d| d["referenceName"] = "--x".into(),
            expect!["refused: detail.referenceName: `--x` is not a branch name"],
        );
        check(
            |d| drop(d.as_object_mut().unwrap().remove("event")),
            expect!["refused: detail.event: missing"],
        );
    }

    #[test]
    fn the_same_event_names_the_same_execution_and_its_input_is_valid() {
        let PushEvent::Pushed(push) = parse_push(&detail()).unwrap() else {
            panic!("a push")
        };
        let starts = plan_starts(
            &push,
            "6f87d04b-9b1c-4e0a-a2a5-000000000000",
            &[row("api"), row("ui")],
        );
        assert_eq!(
            starts,
            plan_starts(
                &push,
                "6f87d04b-9b1c-4e0a-a2a5-000000000000",
                &[row("api"), row("ui")]
            )
        );
        assert_eq!(starts[0].name, "api-3f2a9c1b04de-stage-6f87d04b9b1c");
        for start in &starts {
            assert!(start.name.len() <= 80);
            ReleaseInput::parse(&start.input).unwrap();
        }
    }

    #[test]
    fn a_branch_that_no_target_follows_starts_nothing() {
        let PushEvent::Pushed(mut push) = parse_push(&detail()).unwrap() else {
            panic!("a push")
        };
        push.branch = "topic".into();
        assert!(plan_starts(&push, "x", &[row("api")]).is_empty());
    }
}
