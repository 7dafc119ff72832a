//! Private repositories: who asks must say a password that is in the local Secrets Manager.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::cloud::Signed;
use crate::error::{LocalError, Result};
use crate::ministack::random_hex;
use crate::root::Root;
use crate::state::State;

/// Git hosts that take tokens do not care for the name beside it.
const USERNAME: &str = "cutover";

/// What a private repository's visitors must say in `Authorization`; `None` where anybody may come.
pub fn wanted(root: &Root, name: &str) -> io::Result<Option<String>> {
    match fs::read_to_string(file(root, name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Closes a repository with a new password, puts that into a secret, and answers the secret's name.
/// The secret first: a repository that nobody can open would be of no use.
pub fn close(root: &Root, name: &str) -> Result<String> {
    let state = State::read(root)
        .filter(|state| state.supervisor.is_alive())
        .ok_or_else(|| {
            LocalError::Refused(
                "the password of a private repository is kept in the local cloud, which is down; \
                 start it first"
                    .into(),
            )
        })?;
    let secret = format!("cutover/{}/{name}", state.project);
    let password = random_hex(20)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LocalError::io("could not start a runtime"))?;
    runtime.block_on(keep(&state, &secret, &password))?;
    let encoded = STANDARD.encode(format!("{USERNAME}:{password}"));
    write(&file(root, name), &format!("Basic {encoded}")).map_err(LocalError::io(format!(
        "could not close the repository {name}"
    )))?;
    Ok(secret)
}

async fn keep(state: &State, secret: &str, password: &str) -> Result<()> {
    let signed = Signed::new(&state.endpoint, &state.credentials);
    let text = json!({"username": USERNAME, "password": password}).to_string();
    // Secrets Manager tells a repeated request by this token, which the SDK would make.
    let token = random_hex(16)?;
    let call = async |action: &str, of: &str| {
        let body = json!({of: secret, "SecretString": &text, "ClientRequestToken": &token});
        let target = format!("secretsmanager.{action}");
        signed
            .json("secretsmanager", &target, body.to_string())
            .await
    };
    match call("CreateSecret", "Name").await {
        Err(error) if error.chain().contains("ResourceExistsException") => {
            call("PutSecretValue", "SecretId").await.map(drop)
        }
        made => made.map(drop),
    }
}

fn file(root: &Root, name: &str) -> PathBuf {
    root.repositories()
        .join(format!("{name}.git/authorization"))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?
        .write_all(text.as_bytes())?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_closed_repository_has_a_file_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::find(Some(folder.path())).unwrap();
        root.prepare().unwrap();
        repository::create(&root, "api").unwrap();
        assert_eq!(wanted(&root, "api").unwrap(), None);
        for password in ["Basic x", "Basic y"] {
            write(&file(&root, "api"), password).unwrap();
            assert_eq!(wanted(&root, "api").unwrap().as_deref(), Some(password));
        }
        let mode = fs::metadata(file(&root, "api"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn without_the_cloud_nothing_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::find(Some(folder.path())).unwrap();
        root.prepare().unwrap();
        repository::create(&root, "api").unwrap();
        let refused = close(&root, "api").unwrap_err();
        assert!(
            refused.chain().contains("start it first"),
            "{}",
            refused.chain()
        );
        assert_eq!(wanted(&root, "api").unwrap(), None);
    }
}
