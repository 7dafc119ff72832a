//! What runs where: `.local/state.json` for programs, `.local/env` for shells. Both hold the
//! administrator's credentials of this run, so both can be read by their owner only.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{LocalError, Result};
use crate::lock::Holder;
use crate::root::{CHECKOUT, Root};

/// The project that the local cloud is set up for.
pub const PROJECT: &str = "myproj";
/// The emulator's own account and region; everything else follows them.
pub const ACCOUNT: &str = "000000000000";
pub const REGION: &str = "us-east-1";
/// What a client must reach directly. No `localhost`: clients take that for every name below it,
/// and the project's names are below it.
pub const NO_PROXY: &str = "127.0.0.1,169.254.169.254";

/// The administrator's credentials, made anew at each start.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Credentials({})", self.access_key_id)
    }
}

/// One instance as `status` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceLine {
    pub id: String,
    pub component: String,
    pub commit: String,
    pub release: String,
    pub target: String,
    /// The public one, by which the gateway knows it.
    pub address: String,
    pub port: Option<u16>,
    pub state: String,
}

/// Everything about a running local cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub supervisor: Holder,
    /// The endpoint of every AWS service.
    pub endpoint: String,
    pub gateway: String,
    /// Address and port of the DNS server, UDP and TCP.
    pub dns: String,
    /// Repositories are below this URL.
    pub git: String,
    pub region: String,
    pub account: String,
    pub project: String,
    pub command_path: String,
    pub credentials: Credentials,
    /// What a person should know of how it started.
    #[serde(default)]
    pub notes: Vec<String>,
    pub instances: Vec<InstanceLine>,
}

impl State {
    /// What was written last, if anything was.
    pub fn read(root: &Root) -> Option<Self> {
        serde_json::from_slice(&fs::read(root.state()).ok()?).ok()
    }

    pub fn write(&self, root: &Root) -> Result<()> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        write_private(&root.state(), &text)
    }

    pub fn write_env(&self, root: &Root) -> Result<()> {
        write_private(&root.env(), &self.env(root))
    }

    /// What `. .local/env` gives a shell, and with it any AWS client.
    pub fn env(&self, root: &Root) -> String {
        let bucket = format!("{}-cutover-{}-{}", self.project, self.account, self.region);
        let values = [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_REGION", self.region.clone()),
            ("AWS_DEFAULT_REGION", self.region.clone()),
            ("AWS_ACCESS_KEY_ID", self.credentials.access_key_id.clone()),
            (
                "AWS_SECRET_ACCESS_KEY",
                self.credentials.secret_access_key.clone(),
            ),
            ("CUTOVER_PROJECT", self.project.clone()),
            ("CUTOVER_DOMAIN", format!("{}.localhost", self.project)),
            ("CUTOVER_ACCOUNT", self.account.clone()),
            ("CUTOVER_TABLE", format!("{}-cutover", self.project)),
            ("CUTOVER_BUCKET", bucket),
            ("CUTOVER_GATEWAY", self.gateway.clone()),
            ("CUTOVER_NO_PROXY", NO_PROXY.into()),
            ("CUTOVER_DNS", self.dns.clone()),
            ("CUTOVER_GIT", self.git.clone()),
            ("COMMAND_PATH", self.command_path.clone()),
            // Not the mark of what belongs to the cloud: this shell does not end with it.
            (CHECKOUT, root.path().to_string_lossy().into()),
        ];
        let mut text = String::from(
            "# The local cloud of this checkout, for `. .local/env`. Valid until `down`.\n",
        );
        text.push_str("unset AWS_PROFILE AWS_SESSION_TOKEN\n");
        for (name, value) in values {
            text.push_str(&format!("export {name}={}\n", quoted(&value)));
        }
        text.push_str(&format!(
            "export PATH={}:{}:{}:\"$PATH\"\n",
            quoted(&root.aws().to_string_lossy()),
            quoted(&root.venv().join("bin").to_string_lossy()),
            quoted(&root.commands().to_string_lossy())
        ));
        text
    }
}

/// A word for sh that means exactly this text.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Replaces a file whole, so that a reader never sees half of it.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let beside = path.with_extension("new");
    let write = || {
        let _ = fs::remove_file(&beside);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&beside, path)
    };
    write().map_err(LocalError::io(format!(
        "could not write {}",
        path.display()
    )))
}

/// After `down` nothing tells of a cloud that is not there any more.
pub fn forget(root: &Root) {
    for path in [root.state(), root.env()] {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    fn state() -> State {
        State {
            supervisor: Holder { pid: 1, started: 2 },
            endpoint: "http://127.0.0.1:4566".into(),
            gateway: "http://127.0.0.1:8800".into(),
            dns: "127.0.0.1:8053".into(),
            git: "http://127.0.0.1:8800".into(),
            region: REGION.into(),
            account: ACCOUNT.into(),
            project: PROJECT.into(),
            command_path: "/usr/bin:/bin".into(),
            credentials: Credentials {
                access_key_id: "key".into(),
                secret_access_key: "it's $secret".into(),
            },
            notes: Vec::new(),
            instances: Vec::new(),
        }
    }

    #[test]
    fn a_shell_that_reads_the_env_file_has_the_very_values() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::find(Some(folder.path())).unwrap();
        fs::create_dir_all(root.local()).unwrap();
        state().write_env(&root).unwrap();
        let script = format!(
            ". '{}'; printf %s \"$AWS_SECRET_ACCESS_KEY|$CUTOVER_BUCKET\"",
            root.env().display()
        );
        let output = Command::new("/bin/sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text, "it's $secret|myproj-cutover-000000000000-us-east-1");
        assert_eq!(
            fs::metadata(root.env()).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn what_is_written_is_read_back_and_forgotten_after_down() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::find(Some(folder.path())).unwrap();
        fs::create_dir_all(root.local()).unwrap();
        state().write(&root).unwrap();
        assert_eq!(State::read(&root), Some(state()));
        forget(&root);
        assert_eq!(State::read(&root), None);
    }

    #[test]
    fn names_of_the_project_are_not_excluded_from_the_proxy() {
        assert!(!NO_PROXY.contains("localhost"));
    }
}
