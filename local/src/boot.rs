//! Prepares an instance's folder and environment, and starts its first process.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, ChildStdin, Command};

use crate::error::{LocalError, Result};
use crate::imds;
use crate::machine::USER_DATA;
use crate::ministack::log_file;
use crate::processes::{INSTANCE_MARK, ROOT_MARK};
use crate::root::Root;
use crate::state::{NO_PROXY, REGION};

/// What every instance of this local cloud is given.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub root: Root,
    pub endpoint: String,
    pub gateway: String,
}

/// A running first process. Dropping the leash ends the instance.
pub struct Machine {
    pub child: Child,
    leash: Option<ChildStdin>,
}

impl Machine {
    pub fn start(
        surroundings: &Surroundings,
        id: &str,
        address: Ipv4Addr,
        user_data: &[u8],
    ) -> Result<Self> {
        let folder = surroundings.root.instance(id);
        let failed = || format!("could not prepare {}", folder.display());
        fs::create_dir_all(folder.join("tmp")).map_err(LocalError::io(failed()))?;
        fs::write(folder.join(USER_DATA), user_data).map_err(LocalError::io(failed()))?;
        let console = log_file(&folder.join("console.log"))?;
        let errors = console.try_clone().map_err(LocalError::io(failed()))?;
        // This very program, also where its file was replaced by a newer build meanwhile.
        let mut child = Command::new("/proc/self/exe")
            .arg0("cutover-local")
            .arg("machine")
            .arg(&folder)
            .current_dir(&folder)
            .env_clear()
            .envs(environment(surroundings, id, address))
            .stdin(Stdio::piped())
            .stdout(console)
            .stderr(errors)
            .spawn()
            .map_err(LocalError::io(format!("could not start instance {id}")))?;
        let leash = child.stdin.take();
        Ok(Self { child, leash })
    }

    /// Asks the instance to end; returns once its first process has ended.
    pub async fn end(mut self) {
        drop(self.leash.take());
        let _ = self.child.wait().await;
    }
}

/// No credentials: an instance has those of its role, from its metadata service.
fn environment(
    surroundings: &Surroundings,
    id: &str,
    address: Ipv4Addr,
) -> Vec<(&'static str, String)> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let folder = surroundings.root.instance(id);
    let no_proxy = format!("{NO_PROXY},{address}");
    vec![
        (
            "PATH",
            format!(
                "{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                text(&surroundings.root.machine_bin())
            ),
        ),
        ("HOME", text(&folder)),
        ("TMPDIR", text(&folder.join("tmp"))),
        ("LANG", "C.UTF-8".into()),
        ("AWS_ENDPOINT_URL", surroundings.endpoint.clone()),
        ("AWS_REGION", REGION.into()),
        ("AWS_DEFAULT_REGION", REGION.into()),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds::endpoint(address)),
        ("AWS_EC2_METADATA_V1_DISABLED", "true".into()),
        ("HOST", address.to_string()),
        ("http_proxy", surroundings.gateway.clone()),
        ("no_proxy", no_proxy),
        (INSTANCE_MARK, id.into()),
        (ROOT_MARK, text(surroundings.root.path())),
    ]
}

/// Puts the programs of an AL2023 machine where instances find them.
pub fn install_programs(root: &Root) -> Result<()> {
    let bin = root.machine_bin();
    let failed = || format!("could not fill {}", bin.display());
    let this = std::env::current_exe()
        .map_err(LocalError::io("could not find this program's own file"))?;
    let tool = |name: &str| quoted(&root.venv().join("bin").join(name));
    // An instance copies at least twice to or from S3, and the CLI takes a second of Python for it.
    let aws = format!("{} aws {} --", quoted(&this), tool("aws"));
    for (program, command) in [("aws", aws), ("python3", tool("python3"))] {
        let path = bin.join(program);
        fs::write(&path, format!("#!/bin/sh\nexec {command} \"$@\"\n"))
            .map_err(LocalError::io(failed()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .map_err(LocalError::io(failed()))?;
    }
    let zstd = bin.join("zstd");
    let _ = fs::remove_file(&zstd);
    std::os::unix::fs::symlink(this, zstd).map_err(LocalError::io(failed()))
}

/// A word for sh that means exactly this path.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_no_credentials_in_its_environment_and_reaches_peers_through_the_gateway() {
        let surroundings = Surroundings {
            root: Root::find(Some(Path::new("/"))).unwrap(),
            endpoint: "http://127.0.0.1:4566".into(),
            gateway: "http://127.0.0.1:8800".into(),
        };
        let environment = environment(&surroundings, "i-1", Ipv4Addr::new(127, 100, 0, 1));
        let value = |wanted: &str| {
            environment
                .iter()
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| value.as_str())
                .unwrap_or_default()
        };
        assert!(
            !environment
                .iter()
                .any(|(name, _)| name.contains("KEY") || name.contains("TOKEN"))
        );
        assert_eq!(value("http_proxy"), "http://127.0.0.1:8800");
        assert_eq!(value("no_proxy"), "127.0.0.1,169.254.169.254,127.100.0.1");
        assert_eq!(
            value("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
            "http://127.100.0.1:1338"
        );
    }
}
