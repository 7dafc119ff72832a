//! The post-receive hook: one event per updated reference, of CodeCommit's shape, on the bus.

use std::io::Read;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Signed;
use crate::error::{LocalError, Result};
use crate::root::Root;
use crate::state::State;

/// AWS refuses sources that begin with `aws.`, so pushes have their own.
const SOURCE: &str = "cutover.git";
const DETAIL_TYPE: &str = "Repository State Change";
/// PutEvents takes ten entries at once.
const PER_CALL: usize = 10;
const TRIES: u64 = 3;

/// Reads git's lines from standard input. Never fails the push, which has happened by now, but
/// says so to the person who pushed.
pub fn run(root: &Root, repository: &str) -> ExitCode {
    let mut lines = String::new();
    let told = std::io::stdin()
        .read_to_string(&mut lines)
        .map_err(LocalError::io("could not read what was pushed"))
        .and_then(|_| tell(root, repository, &lines));
    match told {
        Ok(count) => eprintln!("cutover: {count} event(s) of this push are on the bus"),
        Err(error) => eprintln!(
            "cutover: the push is stored, but no release was started: {}",
            error.chain()
        ),
    }
    ExitCode::SUCCESS
}

fn tell(root: &Root, repository: &str, lines: &str) -> Result<usize> {
    let state = State::read(root)
        .filter(|state| state.supervisor.is_alive())
        .ok_or_else(|| {
            LocalError::Refused("the local cloud is down; start it and push again".into())
        })?;
    let address = format!("{}/{repository}.git", state.git);
    let details: Vec<Value> = lines
        .lines()
        .filter_map(|line| detail(repository, &address, line))
        .collect();
    let signed = Signed::new(&state.endpoint, &state.credentials);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LocalError::io("could not start the hook"))?;
    runtime.block_on(async {
        for some in details.chunks(PER_CALL) {
            put(&signed, some).await?;
        }
        Ok(details.len())
    })
}

/// The detail of the event for one line `old new reference`.
fn detail(repository: &str, address: &str, line: &str) -> Option<Value> {
    let mut fields = line.split(' ');
    let (old, new, reference) = (fields.next()?, fields.next()?, fields.next()?);
    let (kind, name) = if let Some(branch) = reference.strip_prefix("refs/heads/") {
        ("branch", branch)
    } else {
        ("tag", reference.strip_prefix("refs/tags/")?)
    };
    let absent = |commit: &str| commit.bytes().all(|byte| byte == b'0');
    let event = match (absent(old), absent(new)) {
        (_, true) => "referenceDeleted",
        (true, false) => "referenceCreated",
        (false, false) => "referenceUpdated",
    };
    let mut detail = json!({
        "event": event, "repositoryName": repository, "referenceType": kind, "referenceName": name,
        "referenceFullName": reference, "repositoryUrl": address,
    });
    for (field, commit) in [("commitId", new), ("oldCommitId", old)] {
        if !absent(commit) {
            detail[field] = commit.into();
        }
    }
    Some(detail)
}

async fn put(signed: &Signed, details: &[Value]) -> Result<()> {
    let entry = |detail: &Value| json!({"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": detail.to_string()});
    let body = json!({"Entries": details.iter().map(entry).collect::<Vec<Value>>()}).to_string();
    let mut last = None;
    for attempt in 1..=TRIES {
        match signed
            .json("events", "AWSEvents.PutEvents", body.clone())
            .await
            .and_then(|answer| accepted(&answer))
        {
            Ok(()) => return Ok(()),
            Err(error) => last = Some(error),
        }
        if attempt < TRIES {
            tokio::time::sleep(Duration::from_millis(200 * attempt)).await;
        }
    }
    Err(last.unwrap_or_else(|| LocalError::Refused("no event was sent".into())))
}

/// PutEvents succeeds as a call even when it refuses entries.
fn accepted(answer: &str) -> Result<()> {
    let answer: Value = serde_json::from_str(answer)
        .map_err(|error| LocalError::cloud("PutEvents answered", error))?;
    match answer["FailedEntryCount"].as_u64() {
        Some(0) => Ok(()),
        _ => Err(LocalError::cloud(
            "PutEvents refused an event",
            &answer["Entries"],
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "7c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6a7b8c9d";
    const NEW: &str = "3f2a9c1b04de5a6b7c8d9e0f1a2b3c4d5e6f7a8b";
    const NONE: &str = "0000000000000000000000000000000000000000";

    fn told(line: &str) -> Option<Value> {
        detail("api", "http://localhost:1/api.git", line)
    }

    #[test]
    fn an_updated_branch_is_told_as_codecommit_tells_it() {
        let wanted = json!({
            "event": "referenceUpdated", "repositoryName": "api", "referenceType": "branch",
            "referenceName": "feature/x", "referenceFullName": "refs/heads/feature/x",
            "commitId": NEW, "oldCommitId": OLD, "repositoryUrl": "http://localhost:1/api.git",
        });
        assert_eq!(
            told(&format!("{OLD} {NEW} refs/heads/feature/x")),
            Some(wanted)
        );
    }

    #[test]
    fn a_new_reference_has_no_old_commit_and_a_deleted_one_no_new() {
        let created = told(&format!("{NONE} {NEW} refs/tags/v1")).unwrap();
        assert_eq!(
            (&created["event"], &created["referenceType"]),
            (&json!("referenceCreated"), &json!("tag"))
        );
        assert!(created.get("oldCommitId").is_none());
        let deleted = told(&format!("{OLD} {NONE} refs/heads/x")).unwrap();
        assert_eq!(deleted["event"], "referenceDeleted");
        assert!(deleted.get("commitId").is_none());
    }

    #[test]
    fn other_references_are_not_told() {
        assert_eq!(told(&format!("{OLD} {NEW} refs/notes/commits")), None);
    }

    #[test]
    fn a_refused_entry_is_an_error() {
        assert!(accepted(r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"x"}]}"#).is_err());
        assert!(accepted(r#"{"FailedEntryCount":0,"Entries":[{}]}"#).is_ok());
    }
}
